package playbooks

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"interdict/detect"
	"interdict/respond"
)

const calendarHead = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n"

func event(lines ...string) string {
	return "BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VEVENT\r\n"
}

func openAt(t *testing.T, text string, at time.Time) ([]Window, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "changes.ics")
	if err := os.WriteFile(file, []byte(calendarHead+text+"END:VCALENDAR\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return (&Calendars{Paths: []string{file}}).At(t.Context(), at)
}

func TestAChangeCalendarGivesTheWindowThatIsOpen(t *testing.T) {
	for name, c := range map[string]struct {
		lines []string
		open  bool
	}{
		"once":                     {[]string{"DTSTART:20260304T030000Z", "DTEND:20260304T040000Z"}, true},
		"over":                     {[]string{"DTSTART:20260304T010000Z", "DURATION:PT2H12M"}, false},
		"in its own zone":          {[]string{"DTSTART;TZID=Europe/Berlin:20260304T040000", "DTEND;TZID=Europe/Berlin:20260304T050000"}, true},
		"every Wednesday":          {[]string{"DTSTART:20250101T030000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY"}, true},
		"every Tuesday":            {[]string{"DTSTART:20241231T030000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY"}, false},
		"weekly but for this week": {[]string{"DTSTART:20250101T030000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY", "EXDATE:20260225T030000Z,20260304T030000Z"}, false},
		"ended last year":          {[]string{"DTSTART:20250101T030000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;UNTIL=20251231T000000Z"}, false},
		"called off":               {[]string{"DTSTART:20260304T030000Z", "DTEND:20260304T040000Z", "STATUS:CANCELLED"}, false},
		"the whole day":            {[]string{"DTSTART;VALUE=DATE:20260304"}, true},
	} {
		got, err := openAt(t, event(append(c.lines, "SUMMARY:release 4.2", "LOCATION:web-1\\, @web", "ORGANIZER;CN=Ana:mailto:ana@example.org")...), night)
		if err != nil || len(got) == 1 != c.open {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if len(got) == 1 && (got[0].What != "release 4.2" || got[0].By != "Ana" || strings.Join(got[0].Hosts, " ") != "web-1 @web") {
			t.Errorf("%s: %+v", name, got[0])
		}
	}
}

func TestAnEventThatCannotBeReadIsSaidAndTheOthersCount(t *testing.T) {
	good := event("DTSTART:20260304T030000Z", "DTEND:20260304T040000Z", "SUMMARY:release")
	for name, bad := range map[string]string{
		"a zone that is none":   event("DTSTART;TZID=Nowhere/At:20260304T040000", "DURATION:PT1H", "SUMMARY:odd"),
		"ends before it begins": event("DTSTART:20260304T040000Z", "DTEND:20260304T030000Z", "SUMMARY:odd"),
		"every second":          event("DTSTART:20260304T040000Z", "DURATION:PT1H", "RRULE:FREQ=SECONDLY", "SUMMARY:odd"),
	} {
		got, err := openAt(t, bad+good, night)
		if len(got) != 1 || err == nil || !strings.Contains(err.Error(), `event "odd"`) || !strings.Contains(err.Error(), "changes.ics") {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if _, err := (&Calendars{Paths: []string{"/no/such.ics"}}).At(t.Context(), night); err == nil {
		t.Error("a calendar that is gone is no calendar without changes")
	}
	if _, err := openAt(t, "BEGIN:VEVENT\r\nrubbish\r\n", night); err == nil {
		t.Error("rubbish was read")
	}
}

func TestACalendarThatChangesIsReadAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "changes.ics")
	c := &Calendars{Paths: []string{file}}
	for i, text := range []string{"", event("DTSTART:20260304T030000Z", "DTEND:20260304T040000Z", "SUMMARY:release")} {
		if err := os.WriteFile(file, []byte(calendarHead+text+"END:VCALENDAR\r\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := c.At(t.Context(), night); err != nil || len(got) != i {
			t.Errorf("%d: %v, %v", i, got, err)
		}
	}
}

func TestAWindowExplainsTheHourAndAnAnnouncedTransferTheRest(t *testing.T) {
	release := Window{From: night.Add(-time.Hour), To: night.Add(time.Hour), What: "release 4.2", Hosts: []string{"web"}, Source: "configuration"}
	guide := func(a *Assessor, f *detect.Finding, w ...Window) *Guide {
		a.Look.(*machine).schedules = nil
		a.Windows = func(context.Context, time.Time) ([]Window, error) { return w, nil }
		a.Entry = func(detect.Host) (respond.HostEntry, bool) {
			return respond.HostEntry{Groups: []string{"web"}, Owner: "shop-team"}, true
		}
		return assess(t, a, f)
	}
	a, f := backup()
	f.Transfer.Tool.Cgroup = "/user.slice"
	g := guide(a, f, release)
	if got := answerOf(t, g, "time"); got.State != OK || !strings.Contains(got.Why, "release 4.2") {
		t.Errorf("%s %s", got.State, got.Why)
	}
	if got := answerOf(t, g, "expected"); strings.Contains(fmt.Sprint(got.Evidence), "announced by a user yes") {
		t.Errorf("a change of a host is no announced transfer: %v", got.Evidence)
	}
	move := release
	move.Users, move.Far = []string{"root"}, []netip.Prefix{netip.MustParsePrefix("10.0.4.0/24")}
	a, f = backup()
	if got := answerOf(t, guide(a, f, move), "expected"); !strings.Contains(fmt.Sprint(got.Evidence), "announced by a user yes") {
		t.Errorf("%v", got.Evidence)
	}
	a, f = theft()
	move.Users, move.Far = []string{"www-data"}, nil
	g = guide(a, f, move)
	if g.Verdict.Word != Theft || strings.Contains(fmt.Sprint(answerOf(t, g, "expected").Evidence), "announced by a user yes") {
		t.Errorf("a deleted script was let pass because of a window: %s, %v", g.Verdict.Word, answerOf(t, g, "expected").Evidence)
	}
	a, f = theft()
	other := release
	other.Hosts = []string{"db"}
	g = guide(a, f, other)
	if got := answerOf(t, g, "time"); got.State != BAD || !strings.Contains(got.Why, "no timer, cron line or change window") {
		t.Errorf("%s %s", got.State, got.Why)
	}
	if got := answerOf(t, g, "expected"); !strings.Contains(fmt.Sprint(got.Evidence), "ask shop-team") {
		t.Errorf("%v", got.Evidence)
	}
}

func TestACalendarThatCannotBeReadLeavesTheHourOpen(t *testing.T) {
	a, f := theft()
	a.Windows = func(context.Context, time.Time) ([]Window, error) { return nil, errors.New("changes.ics: gone") }
	if got := answerOf(t, assess(t, a, f), "time"); got.State != OPEN || !strings.Contains(fmt.Sprint(got.Evidence), "changes.ics: gone") {
		t.Errorf("%s %s %v", got.State, got.Why, got.Evidence)
	}
}

func FuzzACalendarNeverBreaks(f *testing.F) {
	f.Add(calendarHead+event("DTSTART:20250101T030000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY", "SUMMARY:x")+"END:VCALENDAR\r\n", int64(1772593953))
	f.Fuzz(func(t *testing.T, text string, at int64) {
		events, _ := readCalendar(strings.NewReader(text), "x")
		for i := range events {
			if w, ok := events[i].at(time.Unix(at, 0)); ok && w.Check() != nil {
				t.Errorf("%+v", w)
			}
		}
	})
}
