package ui

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"interdict/sources"
	"interdict/sources/ecs"
)

// feedBatches makes n batches of one execution, one fork and one connection.
func feedBatches(name string, n int) []sources.Batch {
	b := ecs.NewBuilder(ecs.Host{ID: "h1", BootID: "b1", Name: "web-1"})
	out := make([]sources.Batch, n)
	for i := range out {
		at := noon.Add(time.Duration(i) * time.Millisecond)
		b.Event(ecs.Process, "fork", "start", at)
		b.Event(ecs.Process, "exec", "start", at)
		b.Keyword(ecs.ProcessName, name)
		b.Keyword(ecs.ParentName, "sh")
		b.Keyword(ecs.ProcessCommandLine, fmt.Sprintf("%s -q %d", name, i))
		b.Int(ecs.ProcessPID, int64(i))
		b.Event(ecs.Network, "connection_attempted", "start", at)
		b.Keyword(ecs.ProcessName, name)
		b.IP(ecs.DestinationIP, netip.MustParseAddr("203.0.113.9"))
		b.Int(ecs.DestinationPort, 22)
		out[i] = sources.Batch{Events: b.Build()}
	}
	return out
}

func TestTheFeedKeepsTheNewestRowsUnderTheirNumbers(t *testing.T) {
	f := NewFeed()
	f.max = 3 * chunkRows
	for _, b := range feedBatches("scp", 4*chunkRows) {
		if err := f.Put(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	first, next := f.Bounds()
	if next != 8*chunkRows {
		t.Errorf("%d rows came, want %d: forks are not shown", next, 8*chunkRows)
	}
	if kept := next - first; kept < 2*chunkRows || kept > 4*chunkRows {
		t.Errorf("keeps %d rows", kept)
	}
	if _, ok := f.Row(first - 1); ok {
		t.Error("a dropped row is there")
	}
	row, ok := f.Row(next - 2)
	if want := fmt.Sprintf("scp -q %d", 4*chunkRows-1); !ok || row.Command != want || row.Action != "exec" || row.Parent != "sh" {
		t.Errorf("last execution is %+v", row)
	}
	row, _ = f.Row(next - 1)
	if row.Far != "203.0.113.9:22" {
		t.Errorf("last connection went to %q", row.Far)
	}
}

func TestALongCommandIsKeptInPartWithItsTrueLength(t *testing.T) {
	f := NewFeed()
	for _, b := range feedBatches(strings.Repeat("a", 70_000), 1) {
		f.Put(t.Context(), b)
	}
	row, _ := f.Row(0)
	if len(row.Command) != feedText || row.CommandBytes != 70_005 {
		t.Errorf("keeps %d bytes of %d", len(row.Command), row.CommandBytes)
	}
}

func TestTheFeedIsSearchedFromWhereTheLastSearchEnded(t *testing.T) {
	f := NewFeed()
	put := func(name string, n int) {
		for _, b := range feedBatches(name, n) {
			f.Put(t.Context(), b)
		}
	}
	put("scp", 10)
	put("rsync", 5)
	found, next := f.Match("RSYNC 203", 0)
	if len(found) != 5 || next != 30 {
		t.Errorf("found %v up to %d", found, next)
	}
	put("rsync", 1)
	if found, _ = f.Match("rsync", next); len(found) != 2 {
		t.Errorf("found %v behind it", found)
	}
}

func TestLiveEventsFollowUntilThePersonMoves(t *testing.T) {
	w := newWorld(t, 120, 32)
	w.press("tab")
	w.shows("nothing yet")
	for _, b := range feedBatches("curl", 100) {
		w.config.Feed.Put(t.Context(), b)
	}
	w.send(rowsCame{})
	w.shows("curl -q 99", "curl ◂ sh", "following")
	w.press("up", "up", "up")
	w.shows("held")
	at, _ := w.events.grid.Cursor()
	for _, b := range feedBatches("wget", 100) {
		w.config.Feed.Put(t.Context(), b)
	}
	w.send(rowsCame{})
	if now, _ := w.events.grid.Cursor(); now != at {
		t.Errorf("the cursor went from %d to %d", at, now)
	}
	w.press("/")
	w.write("wget")
	w.shows("filter \"wget\"", "200 of 400")
}

func fillFeed(b *testing.B, n int) *Feed {
	f := NewFeed()
	batches := feedBatches("scp", 1000)
	for i := 0; uint64(i) < uint64(n); i += 2 {
		f.Put(context.Background(), batches[i/2%len(batches)])
	}
	b.ResetTimer()
	return f
}

func BenchmarkFeedPut(b *testing.B) {
	f := NewFeed()
	batches := feedBatches("scp", 1000)
	for i := 0; b.Loop(); i++ {
		f.Put(context.Background(), batches[i%1000])
	}
}

// The search of a million rows, which must stay below 100 ms.
func BenchmarkFilterMillionRows(b *testing.B) {
	f := fillFeed(b, 1_000_000)
	for b.Loop() {
		f.Match("999 scp", 0)
	}
}
