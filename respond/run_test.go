package respond_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"interdict/respond"
)

// host is a machine on paper.
type host struct{}

func (host) Name() string { return "web-1" }
func (host) Identity(context.Context) (respond.Identity, error) {
	return respond.Identity{HostID: "m", BootID: "b"}, nil
}

// switchAction holds one thing, and fails where a test wants it.
type switchAction struct {
	apply, verify, undo error
	seen                func(phase string)
}

func (*switchAction) Kind() string { return "test.switch" }
func (*switchAction) Plan(context.Context, respond.Host) (respond.Plan, error) {
	return respond.Plan{Version: 1, Kind: "test.switch", Host: "web-1", Identity: respond.Identity{HostID: "m", BootID: "b"}, Title: "switch it"}, nil
}

func (a *switchAction) Apply(context.Context, respond.Host, respond.Plan) (respond.Result, error) {
	if a.seen != nil {
		a.seen("apply")
	}
	r := respond.Result{Version: 1, Kind: "test.switch", Host: "web-1", Identity: respond.Identity{HostID: "m", BootID: "b"},
		Holds: []respond.Held{{Key: "switch", Kind: "held", Text: "the switch"}}}
	if a.apply != nil {
		r = respond.Result{}
	}
	return r, a.apply
}

func (a *switchAction) Verify(context.Context, respond.Host, respond.Result) (respond.Verdict, error) {
	return respond.Verdict{State: respond.Holds}, a.verify
}

func (a *switchAction) Undo(_ context.Context, _ respond.Host, r respond.Result) (respond.Result, error) {
	r.Holds, r.Releases = nil, []string{"switch"}
	return r, a.undo
}

func phases(t *testing.T, j *respond.Journal) string {
	t.Helper()
	entries, err := j.Entries(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, string(e.Phase))
	}
	return strings.Join(all, " ")
}

func plan(t *testing.T, a respond.Action) respond.Plan {
	t.Helper()
	p, err := a.Plan(t.Context(), host{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEachStepIsInTheJournalBeforeItIsTaken(t *testing.T) {
	j := open(t, t.TempDir()).journal(t)
	a := &switchAction{}
	a.seen = func(string) {
		if got := phases(t, j); got != "approved applying" {
			t.Errorf("when the host is touched the journal has %q", got)
		}
	}
	r, v, err := respond.Run(t.Context(), j, respond.Actor{User: "ana"}, a, host{}, plan(t, a))
	if err != nil || !v.OK() {
		t.Fatal(v, err)
	}
	if got := phases(t, j); got != "approved applying applied verified" {
		t.Error(got)
	}
	standing, err := j.Standing(t.Context())
	if err != nil || len(standing) != 1 || standing[0].Key != "switch" || standing[0].Actor.User != "ana" || standing[0].BootID != "b" {
		t.Fatal(standing, err)
	}
	if _, err := respond.Undo(t.Context(), j, respond.Actor{User: "bob"}, a, host{}, standing[0].Op, r); err != nil {
		t.Fatal(err)
	}
	if standing, err = j.Standing(t.Context()); err != nil || len(standing) != 0 {
		t.Error("still standing:", standing, err)
	}
	op, err := j.Operation(t.Context(), mustEntries(t, j)[0].Op)
	if err != nil || op.Phase != respond.Undone || op.Plan == nil || op.Plan.Title != "switch it" || op.Verdict == nil {
		t.Errorf("%+v, %v", op, err)
	}
}

func mustEntries(t *testing.T, j *respond.Journal) []respond.Entry {
	t.Helper()
	entries, err := j.Entries(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestARefusalAndAFailureAreJournaledAsSuch(t *testing.T) {
	for want, fail := range map[string]error{
		"approved applying refused": respond.Refuse("pid-1", "process 1 is the machine"),
		"approved applying failed":  errors.New("no such thing"),
	} {
		j := open(t, t.TempDir()).journal(t)
		a := &switchAction{apply: fail}
		_, v, err := respond.Run(t.Context(), j, respond.Actor{}, a, host{}, plan(t, a))
		if !errors.Is(err, fail) || v.OK() || phases(t, j) != want {
			t.Errorf("%v, %v, %q; want %q", err, v, phases(t, j), want)
		}
		if s, err := j.Standing(t.Context()); err != nil || len(s) != 0 {
			t.Error(s, err)
		}
	}
}

func TestALookThatFailsIsALoudUnknown(t *testing.T) {
	j := open(t, t.TempDir()).journal(t)
	a := &switchAction{verify: errors.New("host is silent")}
	_, v, err := respond.Run(t.Context(), j, respond.Actor{}, a, host{}, plan(t, a))
	if err != nil || v.State != respond.Unknown || !strings.Contains(v.Summary, "host is silent") {
		t.Error(v, err)
	}
}

func TestTheOutcomeIsJournaledAlsoWhenTheContextEndsMeanwhile(t *testing.T) {
	j := open(t, t.TempDir()).journal(t)
	ctx, cancel := context.WithCancel(t.Context())
	a := &switchAction{seen: func(string) { cancel() }}
	if _, _, err := respond.Run(ctx, j, respond.Actor{}, a, host{}, plan(t, a)); err != nil {
		t.Fatal(err)
	}
	if got := phases(t, j); got != "approved applying applied verified" {
		t.Error(got)
	}
}

func TestAPlanForAnotherHostOrKindIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	j := open(t, t.TempDir()).journal(t)
	a := &switchAction{}
	for _, change := range []func(*respond.Plan){
		func(p *respond.Plan) { p.Host = "web-2" },
		func(p *respond.Plan) { p.Kind = "process.kill" },
		func(p *respond.Plan) { p.Version = 99 },
	} {
		p := plan(t, a)
		change(&p)
		if _, _, err := respond.Run(t.Context(), j, respond.Actor{}, a, host{}, p); err == nil {
			t.Error("was carried out:", p)
		}
	}
	r := respond.Result{Version: 1, Kind: "test.switch", Host: "web-2"}
	if _, err := respond.Undo(t.Context(), j, respond.Actor{}, a, host{}, respond.NewOp(), r); !errors.Is(err, respond.ErrRefused) {
		t.Error("undone on another host:", err)
	}
	if got := phases(t, j); got != "" {
		t.Error(got)
	}
}

func TestAnOverrideNeedsANameAndWords(t *testing.T) {
	j := open(t, t.TempDir()).journal(t)
	if err := j.AppendUnjournaled(t.Context(), respond.Override{By: "ana"}, note(1)); !errors.Is(err, respond.ErrRefused) {
		t.Error(err)
	}
}
