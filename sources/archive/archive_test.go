package archive

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/sources"
	"interdict/sources/ecs"
)

var begin = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

// batch makes n events of each kind, numbered from first.
func batch(first, n int) sources.Batch {
	b := ecs.NewBuilder(ecs.Host{ID: "host", BootID: "boot", Name: "web-1", OS: ecs.OS{Type: "linux"}})
	for i := first; i < first+n; i++ {
		at := begin.Add(time.Duration(i) * time.Second)
		b.Event(ecs.Process, "exec", "start", at)
		b.Int(ecs.ProcessPID, int64(1000+i))
		b.Int(ecs.StartTicks, int64(i)*1e9)
		b.Keyword(ecs.ProcessEntityID, ecs.EntityID("boot", 1000+i, int64(i)*1e9))
		b.Keyword(ecs.ProcessName, []string{"scp", "ls", "rsync"}[i%3])
		b.Keywords(ecs.ProcessArgs, []string{"scp", fmt.Sprint("file-", i), "host:"})
		b.Event(ecs.Network, "transfer", "info", at)
		b.IP(ecs.DestinationIP, netip.MustParseAddr("203.0.113.9"))
		b.Int(ecs.SourceBytes, int64(i))
	}
	return sources.Batch{Events: b.Build(), Read: begin.Add(time.Duration(first) * time.Second)}
}

func open(t *testing.T, dir string) *Archive {
	t.Helper()
	a, err := Open(context.Background(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func put(t *testing.T, a *Archive, batches ...sources.Batch) {
	t.Helper()
	for _, b := range batches {
		if err := a.Put(context.Background(), b); err != nil {
			t.Fatal(err)
		}
	}
}

// dump reads all rows of one dataset as text.
func dump(t *testing.T, a *Archive, set ecs.Dataset) string {
	t.Helper()
	a.mu.Lock()
	c := a.catalog()
	a.mu.Unlock()
	var out strings.Builder
	for _, s := range c.segments[set] {
		f, err := s.Read(context.Background(), allNames())
		if err != nil {
			t.Fatal(err)
		}
		for r := range f.Rows {
			for i, name := range f.Names {
				if v := f.Columns[i].Value(r); v != nil {
					fmt.Fprintf(&out, "%s=%v ", name, v)
				}
			}
			out.WriteByte('\n')
		}
	}
	return out.String()
}

func allNames() []string {
	var names []string
	for _, f := range ecs.Fields() {
		names = append(names, f.Name)
	}
	return append(names, indexField, idField)
}

func TestWhatWasPutIsThereAfterTheArchiveIsOpenedAgain(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir)
	put(t, a, batch(0, 5), batch(5, 3))
	want := dump(t, a, ecs.Process) + dump(t, a, ecs.Network)
	if n := strings.Count(want, "\n"); n != 16 {
		t.Fatalf("%d rows were put, want 16", n)
	}
	a.Close()
	b := open(t, dir)
	if diff := cmp.Diff(want, dump(t, b, ecs.Process)+dump(t, b, ecs.Network)); diff != "" {
		t.Error(diff)
	}
}

func TestAFullChunkIsPackedWithoutChangingAnything(t *testing.T) {
	a := open(t, "")
	b := open(t, "")
	for i := range 40 {
		put(t, a, batch(i*500, 500))
	}
	put(t, b, batch(0, 20000))
	if len(a.sets[ecs.Process].packed) == 0 {
		t.Fatal("nothing was packed")
	}
	got, want := strings.Split(dump(t, a, ecs.Process), "\n"), strings.Split(dump(t, b, ecs.Process), "\n")
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Fatalf("row %d of %d and %d: packed\n%s\nwant\n%s", i, len(got), len(want), got[i], want[i])
		}
	}
}

func TestATornTailLosesTheLastRecordAlone(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir)
	put(t, a, batch(0, 1))
	whole := dump(t, a, ecs.Process)
	put(t, a, batch(1, 1))
	a.Close()
	log := filepath.Join(dir, "00000001.log")
	raw, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	_, first, err := next(raw)
	if err != nil {
		t.Fatal(err)
	}
	for cut := first; cut < len(raw); cut++ {
		torn := t.TempDir()
		if err := os.WriteFile(filepath.Join(torn, "00000001.log"), raw[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		b := open(t, torn)
		if got := dump(t, b, ecs.Process); got != whole {
			t.Fatalf("cut at %d: %q", cut, got)
		}
		if notes := b.Stats().Notes; len(notes) != 0 {
			t.Fatalf("cut at %d: a torn tail is no damage: %q", cut, notes)
		}
		b.Close()
	}
}

func TestDamageIsSetAsideAndSaidUntilItIsTakenAway(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir)
	put(t, a, batch(0, 2), batch(2, 2), batch(4, 3))
	a.Close()
	log := filepath.Join(dir, "00000001.log")
	raw, _ := os.ReadFile(log)
	_, first, _ := next(raw)
	raw[first+20] ^= 0xff
	if err := os.WriteFile(log, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	said := func(a *Archive) {
		t.Helper()
		if n := strings.Count(dump(t, a, ecs.Process), "\n"); n != 5 {
			t.Errorf("%d rows, want the 5 that are whole", n)
		}
		if notes := a.Stats().Notes; len(notes) != 1 || !strings.Contains(notes[0], "00000001.log was damaged") {
			t.Errorf("notes are %q", notes)
		}
		_, quality, err := a.Query(context.Background(), sources.Query{Text: "FROM logs-*"})
		if err != nil || !quality.Partial || !strings.Contains(strings.Join(quality.Reasons, " "), "events are missing") {
			t.Errorf("quality is %+v, error %v", quality, err)
		}
	}
	asking, err := Open(context.Background(), Config{Dir: dir, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	said(asking)
	if names, _ := filepath.Glob(filepath.Join(dir, "*")); len(names) != 2 { // a log and the lock
		t.Errorf("who only asks made %q", names)
	}
	for range 2 {
		b := open(t, dir)
		said(b)
		b.Close()
	}
	if kept, err := os.ReadFile(log + ".corrupt"); err != nil || string(kept) != string(raw) {
		t.Errorf("what was damaged is not kept: %v", err)
	}
}

func TestWhoOnlyAsksIsInNobodysWay(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir)
	put(t, a, batch(0, 2))
	asking, err := Open(context.Background(), Config{Dir: dir, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(dump(t, asking, ecs.Process), "\n"); n != 2 || len(asking.Stats().Notes) != 0 {
		t.Errorf("%d rows, notes %q", n, asking.Stats().Notes)
	}
	a.Close()
	if b := open(t, dir); len(b.Stats().Notes) != 0 {
		t.Errorf("the next console cannot write: %q", b.Stats().Notes)
	}
}

func TestASecondProgramReadsWhatTheFirstWrote(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir)
	put(t, a, batch(0, 2))
	b := open(t, dir)
	if dump(t, b, ecs.Process) != dump(t, a, ecs.Process) {
		t.Error("the second sees something else")
	}
	if notes := b.Stats().Notes; len(notes) != 1 || !strings.Contains(notes[0], "another program") {
		t.Errorf("notes are %q", notes)
	}
	put(t, b, batch(2, 1)) // kept in memory
	if n := strings.Count(dump(t, b, ecs.Process), "\n"); n != 3 {
		t.Errorf("%d rows, want 3", n)
	}
}

// Of two consoles the one that stays goes on writing when the other ends.
func TestTheSecondProgramWritesOnWhenTheFirstHasEnded(t *testing.T) {
	dir := t.TempDir()
	a, b := open(t, dir), open(t, dir)
	put(t, a, batch(0, 2))
	put(t, b, batch(0, 2), batch(2, 1)) // the first ends before it sees the last of these
	a.Close()
	put(t, b, batch(3, 1))
	want := dump(t, b, ecs.Process)
	if n := strings.Count(want, "\n"); n != 4 || len(b.Stats().Notes) != 0 {
		t.Errorf("%d rows, want 4; notes %q", n, b.Stats().Notes)
	}
	b.Close()
	if got := dump(t, open(t, dir), ecs.Process); got != want {
		t.Errorf("on the disk is\n%swant\n%s", got, want)
	}
}

func TestLostEventsMakeAnswersPartial(t *testing.T) {
	a := open(t, "")
	b := batch(0, 1)
	b.Lost.Processes = 7
	put(t, a, b)
	_, quality, err := a.Query(context.Background(), sources.Query{Text: "FROM logs-*"})
	if err != nil {
		t.Fatal(err)
	}
	if !quality.Partial || len(quality.Reasons) != 1 || !strings.Contains(quality.Reasons[0], "lost 7 process") {
		t.Errorf("quality is %+v", quality)
	}
}

func FuzzDecodeBatch(f *testing.F) {
	f.Add(appendBatch(nil, batch(0, 3)))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := decodeBatch(raw)
		if err != nil {
			return
		}
		for _, c := range b.Events.Columns {
			for r := range b.Events.Rows {
				c.Value(r) // must not panic
			}
		}
	})
}

func TestARowTakesLittleMemory(t *testing.T) {
	a := open(t, "")
	for i := range 100 {
		put(t, a, batch(i*1000, 1000))
	}
	total, rows := 0, 0
	for _, set := range a.sets {
		for _, p := range set.packed {
			total, rows = total+p.bytes, rows+p.rows
		}
	}
	if per := float64(total) / float64(rows); per > 100 {
		t.Errorf("%.0f bytes a row, want at most 100", per)
	}
}

func TestASealedSegmentHoldsTheSameRowsAndItsLogIsGone(t *testing.T) {
	dir := t.TempDir()
	now := begin
	a, err := Open(context.Background(), Config{Dir: dir, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	put(t, a, batch(0, 50))
	now = now.Add(2 * sealAge)
	put(t, a, batch(50, 50))
	want := dump(t, a, ecs.Process) + dump(t, a, ecs.Network)
	a.ended.Wait()
	if diff := cmp.Diff(want, dump(t, a, ecs.Process)+dump(t, a, ecs.Network)); diff != "" {
		t.Fatal(diff)
	}
	a.Close()
	names, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(names) != 4 { // two files, the next log, the lock
		t.Fatalf("the directory holds %q", names)
	}
	b := open(t, dir)
	if diff := cmp.Diff(want, dump(t, b, ecs.Process)+dump(t, b, ecs.Network)); diff != "" {
		t.Error(diff)
	}
}

func TestADamagedFileIsSetAsideAndMissingRowsAreSaid(t *testing.T) {
	dir := t.TempDir()
	now := begin
	a, err := Open(context.Background(), Config{Dir: dir, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(2 * sealAge)
	put(t, a, batch(0, 50))
	a.ended.Wait()
	a.Close()
	names, _ := filepath.Glob(filepath.Join(dir, "process-*.parquet"))
	if err := os.WriteFile(names[0], []byte("PAR1 but no more"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := open(t, dir)
	dump(t, b, ecs.Process)
	_, quality, err := b.Query(context.Background(), sources.Query{Text: "FROM logs-*"})
	if err != nil || !quality.Partial || !strings.Contains(strings.Join(quality.Reasons, " "), "50 events are missing") {
		t.Errorf("quality is %+v, error %v", quality, err)
	}
	if _, err := os.Stat(names[0] + ".corrupt"); err != nil {
		t.Error(err)
	}
}

func TestAnUnfinishedSealIsTakenUpFromTheLog(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir)
	put(t, a, batch(0, 5))
	want := dump(t, a, ecs.Process)
	a.Close()
	s := &sealed{generation: 1, times: span{min: 1, max: 2}, rows: 5}
	if err := os.WriteFile(filepath.Join(dir, s.name()), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := dump(t, open(t, dir), ecs.Process); got != want {
		t.Errorf("got %q", got)
	}
}

func TestTheOldestFilesMakeRoom(t *testing.T) {
	dir := t.TempDir()
	now := begin
	a, err := Open(context.Background(), Config{Dir: dir, MaxAge: 24 * time.Hour, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(2 * sealAge)
	put(t, a, batch(0, 5))
	a.ended.Wait()
	now = now.Add(48 * time.Hour)
	put(t, a, batch(172800, 5))
	a.ended.Wait()
	if n := strings.Count(dump(t, a, ecs.Process), "\n"); n != 5 {
		t.Errorf("%d rows, want the newest 5", n)
	}
	_, quality, err := a.Query(context.Background(), sources.Query{Text: "FROM logs-*"})
	if err != nil || !quality.Partial {
		t.Errorf("quality is %+v, error %v", quality, err)
	}
	a.Close()
}

func TestConditionsOverSealedSegmentsAnswerAsThoseOverMemory(t *testing.T) {
	now := begin
	sealed, err := Open(context.Background(), Config{Dir: t.TempDir(), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer sealed.Close()
	put(t, sealed, batch(0, 60))
	now = now.Add(2 * sealAge)
	put(t, sealed, batch(60, 1))
	sealed.ended.Wait()
	if len(sealed.sets[ecs.Process].sealed) == 0 {
		t.Fatal("nothing was sealed")
	}
	memory := open(t, "")
	put(t, memory, batch(0, 60), batch(60, 1))
	for _, text := range []string{
		`FROM logs-* METADATA _index, _version | WHERE process.name == "rsync" | KEEP @timestamp, _index, _version, process.pid, process.args, process.entity_id`,
		`FROM logs-* METADATA _id | WHERE process.name IN ("rsync", "scp") | KEEP _id, process.pid`,
		`FROM logs-* METADATA _index | WHERE _index LIKE "*network*" | STATS n = COUNT(*), b = SUM(source.bytes) BY destination.ip, event.action`,
		`FROM logs-* | WHERE event.action == "exec" AND process.name LIKE "s*" | STATS n = COUNT(*) BY process.name | SORT process.name`,
		`FROM logs-* | WHERE process.name == "none" | STATS COUNT(*)`,
	} {
		var answers []string
		for _, a := range []*Archive{sealed, memory} {
			f, q, err := a.Query(t.Context(), sources.Query{Text: text})
			if err != nil || q.Partial {
				t.Fatal(text, err, q)
			}
			rows := make([]string, f.Rows)
			for r := range rows {
				for _, c := range f.Columns {
					rows[r] += fmt.Sprint(c.Value(r), " ")
				}
			}
			slices.Sort(rows)
			answers = append(answers, strings.Join(rows, "\n"))
		}
		if diff := cmp.Diff(answers[1], answers[0]); diff != "" {
			t.Errorf("%s\n%s", text, diff)
		}
	}
}
