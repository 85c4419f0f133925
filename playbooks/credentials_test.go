package playbooks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"interdict/detect"
	"interdict/respond/reach"
)

func within(a *Assessor, found []reach.Secret, err error) {
	a.Secrets = func(context.Context, detect.Host, reach.Of) ([]reach.Secret, error) { return found, err }
}

func TestCredentialsAreListedInTheOrderToRevokeThem(t *testing.T) {
	a, f := theft()
	f.Transfer.Files = append(f.Transfer.Files, detect.File{Path: "/srv/app/.env", Size: 300, Sensitive: "credentials", At: night})
	within(a, []reach.Secret{
		{Kind: reach.CloudKey, Path: "/var/www/.aws/credentials", Name: "AKIAIOSFODNN7EXAMPLE"},
		{Kind: reach.SSHKey, Path: "/var/www/.ssh/id_ed25519", Fingerprint: "SHA256:x"},
		{Kind: reach.SSHKey, Path: "/var/www/.ssh/old", Locked: true},
		{Kind: reach.Kubernetes, Path: "/var/run/secrets/kubernetes.io/serviceaccount/token", Name: "system:serviceaccount:shop:web", Expires: night.Add(50 * time.Minute)},
		{Kind: reach.EnvFile, Path: "/srv/app/.env", Name: "DB_PASSWORD"},
	}, nil)
	g := assess(t, a, f)
	var order []string
	for _, c := range g.Credentials.All {
		order = append(order, c.Path)
	}
	want := "/srv/app/.env /var/www/.ssh/id_ed25519 /var/www/.aws/credentials /var/run/secrets/kubernetes.io/serviceaccount/token /var/www/.ssh/old"
	if got := strings.Join(order, " "); got != want {
		t.Errorf("got %s", got)
	}
	got := answerOf(t, g, "credentials")
	for _, want := range []string{"/srv/app/.env read", "3 within reach of www-data", "not seen used on 237 other hosts (12 silent) since"} {
		if !strings.Contains(got.Why, want) {
			t.Errorf("%q lacks %q", got.Why, want)
		}
	}
	evidence := fmt.Sprint(got.Evidence)
	for _, want := range []string{"1. file with settings /srv/app/.env: DB_PASSWORD, read 03:12:33", "SHA256:x, read", "to log in", "ends 04:02:33, in 49 min", "needs its passphrase"} {
		if !strings.Contains(evidence, want) {
			t.Errorf("%q lacks %q", evidence, want)
		}
	}
	if got.State != BAD || len(g.Verdict.Against) != 8+0 && !strings.Contains(strings.Join(g.Verdict.Against, " "), "/srv/app/.env") {
		t.Errorf("%s %q", got.State, g.Verdict.Against)
	}
}

func TestAHostThatCannotBeLookedAtHasUnknownCredentials(t *testing.T) {
	a, f := theft()
	within(a, nil, errors.New("web-1 does not answer"))
	g := assess(t, a, f)
	got := answerOf(t, g, "credentials")
	if got.State != OPEN || !strings.Contains(got.Why, "could not be looked at") || g.Credentials.Unknown != "web-1 does not answer" {
		t.Errorf("%s %s, %+v", got.State, got.Why, g.Credentials)
	}
	if len(g.Credentials.All) != 1 || !g.Credentials.All[0].Login || g.Credentials.All[0].Kind != reach.SSHKey {
		t.Errorf("what the sensor saw is not there: %+v", g.Credentials.All)
	}
}

func TestAFarEndThatShowsUpElsewhereSpeaksAgainstIt(t *testing.T) {
	a, f := theft()
	within(a, nil, nil)
	a.History.(past)["credentials"] = rows(
		row{"used": farConnected, "host.name": "web-2", "times": 3, "earliest": night.Add(5 * time.Second)},
		row{"used": "the account ran commands on", "host.name": "db-3", "times": 1, "earliest": night.Add(7 * time.Second)})
	g := assess(t, a, f)
	if got := answerOf(t, g, "credentials"); got.State != BAD || !strings.Contains(got.Why, "the far end connected to web-2 since 03:12:38, 3 times") {
		t.Errorf("%s %s", got.State, got.Why)
	}
	if against := strings.Join(g.Verdict.Against, "\n"); !strings.Contains(against, "web-2") || strings.Contains(against, "db-3") {
		t.Error(against)
	}
}

func TestOnlyAPersonsAccountIsLookedForElsewhere(t *testing.T) {
	_, f := theft()
	if who := newSubject(f, night).person(); who != "none" {
		t.Errorf("www-data is on every host: %s", who)
	}
	_, f = copying()
	if who := newSubject(f, night).person(); who != "bob" {
		t.Error(who)
	}
}
