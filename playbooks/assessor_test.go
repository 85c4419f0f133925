package playbooks

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"interdict/detect"
	"interdict/respond"
	"interdict/sources"
	"interdict/sources/frame"
)

// historyFunc makes a History of a function.
type historyFunc func(ctx context.Context, q sources.Query) (*frame.Frame, sources.Quality, error)

func (f historyFunc) Query(ctx context.Context, q sources.Query) (*frame.Frame, sources.Quality, error) {
	return f(ctx, q)
}

func answerOf(t *testing.T, g *Guide, id string) Answer {
	t.Helper()
	for _, a := range g.Answers {
		if a.ID == id {
			return a
		}
	}
	t.Fatalf("no answer %q", id)
	return Answer{}
}

func TestWithoutHistoryAndMachineEveryQuestionIsAnsweredOrOpen(t *testing.T) {
	for name, h := range map[string]sources.History{
		"none": nil,
		"broken": historyFunc(func(context.Context, sources.Query) (*frame.Frame, sources.Quality, error) {
			return nil, sources.Quality{}, errors.New("shard 3 is gone")
		}),
		"silent": historyFunc(func(ctx context.Context, _ sources.Query) (*frame.Frame, sources.Quality, error) {
			<-ctx.Done()
			return nil, sources.Quality{}, ctx.Err()
		}),
	} {
		t.Run(name, func(t *testing.T) {
			_, f := backup()
			a := assessor(h, nil)
			a.Deadline = time.Millisecond
			g := assess(t, a, f)
			if len(g.Answers) != 9 {
				t.Fatalf("%d answers", len(g.Answers))
			}
			if g.Verdict.Word != Unclear {
				t.Errorf("verdict %s of nothing: %q", g.Verdict.Word, g.Verdict.Against)
			}
			for _, id := range []string{"command", "parent", "time", "expected", "left"} {
				if a := answerOf(t, g, id); a.State != OPEN || a.Why == "" {
					t.Errorf("%s is %s: %s", id, a.State, a.Why)
				}
			}
		})
	}
}

func TestAnAnswerThatMayBePartialIsSaidToBe(t *testing.T) {
	_, f := backup()
	a := assessor(historyFunc(func(context.Context, sources.Query) (*frame.Frame, sources.Quality, error) {
		return &frame.Frame{}, sources.Quality{Partial: true, Reasons: []string{"2 of 5 shards failed"}}, nil
	}), nil)
	g := assess(t, a, f)
	if !strings.Contains(strings.Join(g.Blind, "\n"), "2 of 5 shards failed") {
		t.Errorf("blind: %q", g.Blind)
	}
	s, f := theft()
	inner := s.History
	s.History = historyFunc(func(ctx context.Context, q sources.Query) (*frame.Frame, sources.Quality, error) {
		rows, quality, err := inner.Query(ctx, q)
		quality.Partial = true
		return rows, quality, err
	})
	if others := answerOf(t, assess(t, s, f), "others"); others.State != OPEN || !strings.Contains(others.Why, "not all could be asked") {
		t.Errorf("nobody else, though not all could be asked: %s: %s", others.State, others.Why)
	}
}

func TestAnotherMachineIsNotLookedAt(t *testing.T) {
	a, f := theft()
	a.Boot = "another boot"
	a.Look = nobody{t}
	if w := answerOf(t, assess(t, a, f), "time").Why; !strings.Contains(w, "cannot be looked at") {
		t.Error(w)
	}
}

// nobody fails the test when it is asked.
type nobody struct{ t *testing.T }

func (n nobody) Schedules(context.Context, time.Time) ([]respond.Schedule, error) {
	n.t.Error("asked for schedules")
	return nil, nil
}
func (n nobody) Logins(context.Context, time.Time, time.Time) ([]respond.Login, error) {
	n.t.Error("asked for logins")
	return nil, nil
}
func (n nobody) Origin(context.Context, string, respond.ProcessID) (respond.Origin, error) {
	n.t.Error("asked for an origin")
	return respond.Origin{}, nil
}
func (n nobody) Footholds(context.Context, time.Time) ([]respond.Foothold, error) {
	n.t.Error("asked for footholds")
	return nil, nil
}

func TestAFindingThatGoesOnIsAskedAboutOnceAndShownAsItIs(t *testing.T) {
	var asked atomic.Int64
	a, f := theft()
	h := a.History
	a.History = historyFunc(func(ctx context.Context, q sources.Query) (*frame.Frame, sources.Quality, error) {
		asked.Add(1)
		return h.Query(ctx, q)
	})
	assess(t, a, f)
	once := asked.Load()
	more, next := *f, *f.Transfer
	next.Sent, next.Live = 99_000_000, false
	more.Transfer = &next
	g := assess(t, a, &more)
	if asked.Load() != once {
		t.Errorf("asked %d times after %d", asked.Load(), once)
	}
	if w := answerOf(t, g, "left").Why; !strings.Contains(w, "99.0 MB") || g.Verdict.Sending {
		t.Errorf("shown as it was: %s, sending %v", w, g.Verdict.Sending)
	}
	more.Process.CommandLine, next.Tool.CommandLine = "scp other h:", "scp other h:"
	if assess(t, a, &more); asked.Load() == once {
		t.Error("another command was not asked about")
	}
}

func TestANameIsNoProof(t *testing.T) {
	backdrop := func(change func(*machine, *detect.Transfer)) *Guide {
		a, f := backup()
		change(a.Look.(*machine), f.Transfer)
		return assess(t, a, f)
	}
	for name, change := range map[string]func(*machine, *detect.Transfer){
		"a cron in somebody's home": func(m *machine, t *detect.Transfer) {
			fake := process1(650, 1, "/home/eve/cron", "cron -f", "root", time.Hour)
			t.Ancestors[0].PPID, t.Ancestors[0].Cgroup, t.Tool.Cgroup = 650, "/user.slice", "/user.slice"
			t.Ancestors = []detect.Process{t.Ancestors[0], fake, systemd}
			m.schedules = []respond.Schedule{{Source: "/etc/cron.d/backup:1", Command: "/bin/bash /usr/sbin/nightly-backup", User: "root", Last: night}}
		},
		"a job at the timer's minute in another cgroup": func(_ *machine, t *detect.Transfer) {
			t.Tool.Cgroup = "/user.slice/nightly-backup.service"
		},
		"the timer's unit an hour later": func(m *machine, t *detect.Transfer) {
			m.schedules[0].Last = night.Add(-time.Hour)
		},
		"a packaged script that was replaced": func(m *machine, _ *detect.Transfer) {
			m.files = map[string]respond.Origin{"/usr/sbin/nightly-backup": {Package: "nightly-backup", Mode: 0o777, Changed: days(3), Writable: "everybody can write it"}}
		},
		"a new far end": func(_ *machine, t *detect.Transfer) {
			t.Peers = append(t.Peers, detect.Peer{Addr: addr("10.7.7.7"), Port: 22, Sent: 5000})
		},
		"twice what usually leaves": func(_ *machine, t *detect.Transfer) {
			t.Peers[0].Sent, t.Sent = 2_200_000_000, 2_200_000_000
		},
	} {
		g := backdrop(change)
		if strings.Contains(strings.Join(g.Verdict.For, "\n"), "scheduled backup") {
			t.Errorf("%s passes as a backup: %q", name, g.Verdict.For)
		}
		// What goes where it always goes may still be that, without any schedule.
		if unscheduled := strings.Contains(name, "timer"); g.Verdict.Word == Routine && !unscheduled {
			t.Errorf("%s passes as routine: %q", name, g.Verdict.For)
		}
	}
	if g := backdrop(func(*machine, *detect.Transfer) {}); g.Verdict.Word != Routine {
		t.Errorf("the real one does not: %s, %q, %q", g.Verdict.Word, g.Verdict.Against, g.Verdict.Open)
	}
}

func TestCronIsProvenByTheSystemsCronRunningTheLine(t *testing.T) {
	a, f := backup()
	tr := f.Transfer
	cron := process1(600, 1, "/usr/sbin/cron", "/usr/sbin/cron -f", "root", 60*24*time.Hour)
	child := process1(699, 600, "/usr/sbin/cron", "/usr/sbin/CRON -f", "root", 3*time.Second)
	tr.Ancestors[0].PPID = 699
	tr.Ancestors = []detect.Process{tr.Ancestors[0], child, cron, systemd}
	tr.Tool.Cgroup = "/system.slice/cron.service"
	a.Look.(*machine).schedules = []respond.Schedule{{Source: "/etc/cron.d/backup:1", Command: "/usr/sbin/nightly-backup", User: "root", Last: night.Add(-3 * time.Second)}}
	if w := answerOf(t, assess(t, a, f), "time"); w.State != OK || !strings.Contains(w.Why, "/etc/cron.d/backup:1 started it") {
		t.Errorf("%s %s", w.State, w.Why)
	}
}

func TestRepeatingACommandForAnHourMakesItNoHabit(t *testing.T) {
	a, f := theft()
	h := a.History.(past)
	h["command"] = rows(row{"process.command_line": f.Process.CommandLine, "runs": 500, "earliest": night.Add(-time.Hour), "latest": night.Add(-time.Minute)})
	if got := answerOf(t, assess(t, a, f), "command"); got.State == OK {
		t.Error(got.Why)
	}
}

func TestARulesOwnQuestionIsAskedAndLeftToThePerson(t *testing.T) {
	sheet, err := ParseSheet("mine.yaml", []byte("version: 1\nquestions:\n  - {id: mine, number: 1, title: Mine, query: \"FROM x | WHERE a == ?name\"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	a, f := theft()
	a.Sheets = map[string]*Sheet{f.RuleID: sheet}
	a.Note = func(string) string { return "# Do\n- this" }
	a.History = historyFunc(func(_ context.Context, q sources.Query) (*frame.Frame, sources.Quality, error) {
		return rows(row{"a": q.Params[0].Value.(string)}), sources.Quality{}, nil
	})
	g := assess(t, a, f)
	got := g.Answers[0]
	if len(g.Answers) != 1 || got.State != OPEN || len(got.Evidence) != 1 || !strings.Contains(got.Evidence[0].Text, "a=scp") {
		t.Errorf("%+v", g.Answers)
	}
	if got.Query != `FROM x | WHERE a == "scp"` || len(g.Checklist) != 0 {
		t.Errorf("query %q, checklist %v", got.Query, g.Checklist)
	}
}

func TestTheStepsOfANoteAreTickedOffAndCountWhenTheySpeakAgainstIt(t *testing.T) {
	a, f := theft()
	a.Cases = openCases(t, filepath.Join(t.TempDir(), "c.db"))
	a.Note = func(string) string { return "## Steps\n- Ask the owner.\n- Look at the parent.\n" }
	g := assess(t, a, f)
	if len(g.Checklist) != 2 || g.Checklist[0].State != OPEN || g.Checklist[0].ID == g.Checklist[1].ID {
		t.Fatalf("%+v", g.Checklist)
	}
	before := len(g.Verdict.Against)
	if err := a.Cases.Answer(t.Context(), f.ID, g.Checklist[0].ID, "ana", BAD, "she knows nothing of it"); err != nil {
		t.Fatal(err)
	}
	if err := a.Cases.Note(t.Context(), f.ID, "ana", "called shop-team"); err != nil {
		t.Fatal(err)
	}
	g = assess(t, a, f)
	if s := g.Checklist[0]; s.State != BAD || !strings.Contains(s.Why, "she knows nothing of it (ana") || s.Evidence[0].Text != "OPEN: Ask the owner." {
		t.Errorf("%+v", s)
	}
	if len(g.Verdict.Against) != before+1 || len(g.Said) != 1 || g.Said[0].Text != "called shop-team" {
		t.Errorf("%q, %v", g.Verdict.Against, g.Said)
	}
}

func TestTheEnvironmentBringsItsAdvice(t *testing.T) {
	a, f := theft()
	if g := assess(t, a, f); g.Environment.Name != "production" || len(g.Environment.Actions) == 0 {
		t.Errorf("%+v", g.Environment)
	}
	f.Host.Environment = ""
	if g := assess(t, a, f); g.Environment.Name != "" {
		t.Errorf("%+v", g.Environment)
	}
}
