package playbooks

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestWhatWasPackedBeforeAndDeletedAfterIsToldOfTheTransfersOwnTreeOrFiles(t *testing.T) {
	a, f := theft()
	a.History.(past)["around"] = rows(
		ranAround("tar", "tar czf /tmp/.c/customers.tar.gz /srv/app/export", "e4110", -18*time.Second),
		ranAround("gpg", "gpg -c notes", "of somebody else", -17*time.Second),
		ranAround("split", "split -b 10M /tmp/.c/customers.tar.gz", "of somebody else", -16*time.Second),
		ranAround("rm", "rm -rf /tmp/cache", "e4110", 5*time.Second),
		ranAround("rm", "rm -f /tmp/.c/customers.tar.gz", "e4110", 6*time.Second),
		ranAround("tar", "tar xf /tmp/.c/customers.tar.gz", "e4110", 7*time.Second))
	g := assess(t, a, f)
	got := answerOf(t, g, "left")
	evidence := fmt.Sprint(got.Evidence)
	for _, want := range []string{"{packed 03:12:15 tar czf", "{packed 03:12:17 split", "{deleted 03:12:39 rm -f /tmp/.c/customers.tar.gz}"} {
		if !strings.Contains(evidence, want) {
			t.Errorf("%s lacks %q", evidence, want)
		}
	}
	for _, not := range []string{"gpg", "cache", "tar xf"} {
		if strings.Contains(evidence, not) {
			t.Errorf("%s has %q", evidence, not)
		}
	}
	if !strings.Contains(got.Why, "packed by split 03:12:17, deleted afterwards") || !strings.Contains(strings.Join(g.Verdict.Against, ";"), "deleted afterwards: /tmp/.c/customers.tar.gz by rm 03:12:39") {
		t.Errorf("%s; %q", got.Why, g.Verdict.Against)
	}
	if len(got.More) != 1 || !strings.Contains(got.More[0], `"shred"`) || strings.Contains(got.More[0], "?host_id") {
		t.Errorf("%q", got.More)
	}
}

func TestHowMuchLeftIsBoundedOnlyWhenAllWasCounted(t *testing.T) {
	for want, change := range map[string]func(s *subject){
		"sent ≥ 47.2 MB, ≤ 48.2 MB": func(*subject) {},
		"sent 48.2 MB":              func(s *subject) { s.transfer.Live = false },
		"sent ≥ 47.2 MB":            func(s *subject) { s.tool.ToolHow = "content" },
		"sent ≥ 48.2 MB": func(s *subject) {
			s.transfer.Live, s.transfer.Unseen = false, []string{"the login service was not seen"}
		},
	} {
		_, f := theft()
		s := newSubject(f, night)
		change(s)
		if got := (&evidence{subject: s}).sentText(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
