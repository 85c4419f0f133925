package elasticsearch

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/frame"
	"interdict/sources/sourcetest"
)

var made atomic.Int64

// index puts executions of scp into the node; each as it happened some time ago.
func index(t testing.TB, host string, ago ...time.Duration) {
	t.Helper()
	b := ecs.NewBuilder(ecs.Host{ID: host, BootID: "b", Name: host})
	for _, d := range ago {
		b.Event(ecs.Process, "exec", "start", time.Now().Add(-d))
		b.Keyword(ecs.ProcessName, "scp")
		b.Int(ecs.ProcessPID, made.Add(1))
	}
	put1(t, b.Build())
}

func put1(t testing.TB, f *frame.Frame) {
	t.Helper()
	var bulk bytes.Buffer
	e := ecs.NewEncoder(f)
	for row := range f.Rows {
		fmt.Fprintf(&bulk, "{\"create\":{\"_index\":%q}}\n%s\n", indexOf(f, row), e.Append(nil, row))
	}
	if answer := must(t, "POST", "/_bulk?refresh=true", bulk.String()); strings.Contains(answer, `"errors":true`) {
		t.Fatalf("%.1000s", answer)
	}
}

// empty makes an index of all fields without a document.
func empty(t testing.TB) {
	clearEvents(t)
	must(t, "PUT", "/"+ecs.Process.Index(), mapping(ecs.Fields()))
}

// listen runs a source and gives what it delivered so far.
func listen(t *testing.T, s sources.Source) (pids func() []int64, stop func() error) {
	t.Helper()
	var mu sync.Mutex
	var got []int64
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- s.Run(ctx, sources.SinkFunc(func(_ context.Context, b sources.Batch) error {
			mu.Lock()
			defer mu.Unlock()
			for row := range b.Events.Rows {
				pid, _ := b.Events.Int(ecs.ProcessPID.Name(), row)
				got = append(got, pid)
			}
			return nil
		}))
	}()
	return func() []int64 { mu.Lock(); defer mu.Unlock(); return append([]int64(nil), got...) },
		func() error { cancel(); return <-done }
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func TestTheClusterKeepsThePromisesOfASource(t *testing.T) {
	sourcetest.Source(t, func(t *testing.T) sources.Source {
		// Two shards do not show what came at the same moment: it may come late, which is no matter of order.
		clearEvents(t)
		must(t, "PUT", "/"+ecs.Process.Index(), strings.Replace(mapping(ecs.Fields()), `"number_of_shards":2`, `"number_of_shards":1`, 1))
		return connect(t).Source(SourceConfig{})
	}, sourcetest.Want{Rows: 3, Endless: true, Trigger: func(t *testing.T) { index(t, "h", 3*time.Second, 2*time.Second, time.Second) }})
}

func TestEventsThatComeLateOrOfTheFutureAreDeliveredOnceAndCounted(t *testing.T) {
	empty(t)
	index(t, "early", time.Hour)
	s := connect(t).Source(SourceConfig{})
	pids, stop := listen(t, s)
	eventually(t, "the first event", func() bool { return len(pids()) == 1 })
	index(t, "late", 90*time.Second, 80*time.Second)
	index(t, "ahead", -2*time.Hour)
	eventually(t, "late events and those of the future", func() bool { return len(pids()) == 4 })
	index(t, "now", time.Second)
	eventually(t, "an event after them", func() bool { return len(pids()) == 5 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	notes := strings.Join(s.Stats().Notes, "\n")
	for _, want := range []string{"late: 2 events came late, by up to 1m3", "ahead: 1 events are of the future, by up to"} {
		if !strings.Contains(notes, want) {
			t.Errorf("no %q in notes:\n%s", want, notes)
		}
	}
	if strings.Contains(notes, "early") {
		t.Errorf("what was there before is no late event:\n%s", notes)
	}
}

func TestAnEventOfASensorWhoseClockIsTwoHoursSlowComesWithAFarPoll(t *testing.T) {
	empty(t)
	index(t, "h", time.Second)
	at := time.Now()
	var ahead atomic.Int64
	c := connect(t)
	s := c.Source(SourceConfig{Now: func() time.Time { return at.Add(time.Duration(ahead.Load())) }})
	pids, stop := listen(t, s)
	eventually(t, "the first event", func() bool { return len(pids()) == 1 })
	index(t, "slow", 2*time.Hour)
	ahead.Store(int64(2 * farEvery))
	eventually(t, "the event of the slow clock", func() bool { return len(pids()) == 2 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

func TestMoreThanAPageComesWholeAndOnce(t *testing.T) {
	empty(t)
	ago := make([]time.Duration, 2*pageRows+7)
	for i := range ago {
		ago[i] = time.Second // all at once: only the tie-breaker tells them apart
	}
	index(t, "h", ago...)
	pids, stop := listen(t, connect(t).Source(SourceConfig{}))
	eventually(t, "all pages", func() bool { return len(pids()) >= len(ago) })
	index(t, "h", 0)
	eventually(t, "an event after them", func() bool { return len(pids()) > len(ago) })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	seen := map[int64]bool{}
	for _, pid := range pids() {
		if seen[pid] {
			t.Fatalf("%d came twice", pid)
		}
		seen[pid] = true
	}
}

func TestACopyInAnotherBackingIndexIsTheSameEvent(t *testing.T) {
	for _, c := range [][2]string{
		{".ds-logs-endpoint.events.process-default-2026.11.26-000001", "logs-endpoint.events.process-default"},
		{"eu:.ds-logs-endpoint.events.process-a-b-2026.11.26-000012", "eulogs-endpoint.events.process-a-b"},
		{"logs-endpoint.events.process-default", "logs-endpoint.events.process-default"},
	} {
		if got := stream(c[0]); got != c[1] {
			t.Errorf("%s is of %s, want %s", c[0], got, c[1])
		}
	}
}

func TestWithoutAnIndexTheSourceSaysThatItCannotLookAndGoesOnWhenThereIsOne(t *testing.T) {
	clearEvents(t)
	s := connect(t).Source(SourceConfig{})
	pids, stop := listen(t, s)
	eventually(t, "the note", func() bool { return strings.Contains(strings.Join(s.Stats().Notes, "\n"), "CANNOT LOOK") })
	empty(t)
	index(t, "h", time.Second)
	eventually(t, "the event, and no note any more", func() bool { return len(pids()) == 1 && len(s.Stats().Notes) == 0 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

func TestTheEndOfWhatStartedAToolComesToo(t *testing.T) {
	empty(t)
	event := func(action, kind, id, name, tool string, pid int64) *frame.Frame {
		b := ecs.NewBuilder(ecs.Host{ID: "h", BootID: "b", Name: "h"})
		b.Event(ecs.Process, action, kind, time.Now())
		b.Keyword(ecs.ProcessEntityID, id)
		b.Keyword(ecs.ProcessName, name)
		b.Keyword(ecs.ProcessTool, tool)
		b.Int(ecs.ProcessPID, pid)
		if tool != "" {
			b.Keyword(ecs.ParentEntityID, "script")
			b.Keywords(ecs.ProcessAncestry, []string{"script", "shell"})
		}
		return b.Build()
	}
	pids, stop := listen(t, connect(t).Source(SourceConfig{}))
	put1(t, event("exec", "start", "tool", "scp", "scp", 1))
	eventually(t, "the tool", func() bool { return len(pids()) == 1 })
	put1(t, event("end", "end", "other", "sh", "", 2))
	put1(t, event("end", "end", "script", ".x.sh", "", 3))
	put1(t, event("end", "end", "shell", "sh", "", 4))
	eventually(t, "both ends", func() bool { return len(pids()) == 3 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if got := pids(); got[1]+got[2] != 7 {
		t.Errorf("%v", got)
	}

	s, err := connect(t, func(c *Config) { c.URLs = []string{"http://127.0.0.1:1"} }).Shipper(ShipperConfig{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := s.concerned(event("end", "end", "script", ".x.sh", "", 3)).Rows; got != 0 {
		t.Errorf("the end of what started no tool: %d rows", got)
	}
	s.concerned(event("exec", "start", "tool", "scp", "scp", 1))
	if got := s.concerned(event("end", "end", "script", ".x.sh", "", 3)).Rows; got != 1 {
		t.Errorf("the end of what started a tool: %d rows", got)
	}
}
