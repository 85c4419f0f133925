package exec_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"interdict/sources/esql/exec"
	"interdict/sources/esql/parse"
	"interdict/sources/esql/plan"
	"interdict/sources/frame"
)

// events are segments of which each makes its rows when it is read: 20,000 with a
// text of their own each, in a dictionary of its own.
type events int

func (n events) Segments(string, int64, int64) []exec.Segment {
	out := make([]exec.Segment, n)
	for i := range out {
		out[i] = eventSegment(i)
	}
	return out
}

const eventRows = 20_000

type eventSegment int

func (s eventSegment) Rows() int { return eventRows }

func (s eventSegment) Read(context.Context, []string) (*frame.Frame, error) {
	b := frame.NewBuilder(eventFields)
	for r := range eventRows {
		b.Row()
		n := int(s)*eventRows + r
		b.Int(0, int64(n))
		b.Keyword(1, fmt.Sprintf("the command line of event number %08d, which no other event has", n*7919%1_000_003))
	}
	return b.Build(), nil
}

var eventFields = []frame.Field{{Name: "n", Type: frame.Long}, {Name: "line", Type: frame.Keyword}}

func ask(ctx context.Context, t *testing.T, text string, table exec.Table, bytes int) (*frame.Frame, error) {
	t.Helper()
	return asked(ctx, t, text, table, exec.Options{Bytes: bytes})
}

func asked(ctx context.Context, t *testing.T, text string, table exec.Table, o exec.Options) (*frame.Frame, error) {
	t.Helper()
	q, err := parse.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Check(q, eventFields, nil, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	o.Table, o.Limit, o.Window = table, 10_000, exec.Window{From: math.MinInt64, To: math.MaxInt64}
	result, err := exec.Run(ctx, p, o)
	return result.Frame, err
}

func TestFewRowsOfManyHoldNoMoreThanThemselves(t *testing.T) {
	for _, text := range []string{
		"FROM x | SORT n DESC | LIMIT 3",
		"FROM x | SORT line DESC | LIMIT 300",
		"FROM x | WHERE n % 10000 == 0 | SORT n",
		"FROM x | WHERE n % 10000 == 0 | INLINE STATS c = COUNT(*)",
	} {
		if _, err := ask(t.Context(), t, text, events(40), 4<<20); err != nil { // of some 70 MB
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestWhatNeedsTooMuchMemoryIsRefused(t *testing.T) {
	for _, text := range []string{
		"FROM x | SORT line | MV_EXPAND line",
		"FROM x | STATS VALUES(line)",
		"FROM x | STATS c = COUNT(*) BY line",
		"FROM x | INLINE STATS c = COUNT(*)",
		"FROM x | EVAL many = SPLIT(REPEAT(\"ab\", 50000), \"a\") | STATS MAX(MV_COUNT(many))",
		"FROM x | EVAL s = REPEAT(\"ab\", 50000) | EVAL many = SPLIT(s, \"a\") | MV_EXPAND many | STATS COUNT(*)",
		"FROM x | STATS COUNT(*) BY many = SPLIT(REPEAT(\"ab\", 50000), \"a\")",
	} {
		if _, err := ask(t.Context(), t, text, events(10), 4<<20); !errors.Is(err, exec.ErrMemory) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestRowsOfManyRunsAreInOrder(t *testing.T) {
	f, err := ask(t.Context(), t, "FROM x | EVAL k = n * 7919 % 1000 | SORT k DESC, line | KEEP k, line, n | MV_EXPAND k | LIMIT 10000", events(5), 0)
	if err != nil {
		t.Fatal(err)
	}
	for r := 1; r < f.Rows; r++ {
		a, _ := f.Int("k", r-1)
		b, _ := f.Int("k", r)
		if a < b || a == b && f.Column("line").Text(r-1) > f.Column("line").Text(r) {
			t.Fatalf("row %d is not behind row %d", r, r-1)
		}
	}
	if f.Rows != 10_000 {
		t.Errorf("%d rows", f.Rows)
	}
}

// What a phase copies at its end may be as much as it holds, and no more: the rows
// themselves fit here.
func TestCopiesAtTheEndAreCounted(t *testing.T) {
	for text, held := range map[string]int{ // bytes, about
		"FROM x | KEEP n | SORT n | MV_EXPAND n":                            200_000 * 16,
		"FROM x | KEEP n | INLINE STATS c = COUNT(*) BY n | STATS COUNT(*)": 200_000 * 8,
	} {
		if _, err := ask(t.Context(), t, text, events(10), held); !errors.Is(err, exec.ErrMemory) {
			t.Errorf("%s: %v", text, err)
		}
		if _, err := ask(t.Context(), t, text, events(10), 16*held); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// watched are events that note, each time that one is read, how much the program
// holds beside it.
type watched struct {
	events
	most *uint64
}

func (w watched) Segments(field string, from, to int64) (out []exec.Segment) {
	for _, s := range w.events.Segments(field, from, to) {
		out = append(out, watchedSegment{s, w.most})
	}
	return out
}

type watchedSegment struct {
	exec.Segment
	most *uint64
}

func (s watchedSegment) Read(ctx context.Context, columns []string) (*frame.Frame, error) {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	*s.most = max(*s.most, m.HeapAlloc)
	f, err := s.Segment.Read(ctx, columns)
	if line := f.Column("line"); line != nil { // its texts as parts of one, as those of a file are
		var text strings.Builder
		starts := []uint32{0, 0}
		for code := 1; code < line.Dict.Len(); code++ {
			text.WriteString(line.Dict.Value(uint32(code)))
			starts = append(starts, uint32(text.Len()))
		}
		line.Dict = frame.DictOfText(text.String(), starts)
	}
	return f, err
}

func TestGroupsOfFewRowsLetGoOfTheSegmentsThatTheseCameFrom(t *testing.T) {
	const few = "FROM x | WHERE n % 1000 == 0 | STATS "
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for _, stats := range []string{"c = COUNT(*) BY line", "c = COUNT(*) BY line, n", "VALUES(line)", "MAX(line) BY n", "TOP(line, 1000, \"asc\")", "SAMPLE(line, 1000)", "FIRST(line, n) BY m = n % 7000"} {
		most := uint64(0)
		if _, err := asked(t.Context(), t, few+stats, watched{events(30), &most}, exec.Options{Bytes: 8 << 20, Workers: 1}); err != nil {
			t.Errorf("%s: %v", stats, err)
		}
		if held := (int(most) - int(before.HeapAlloc)) >> 20; held > 12 { // all segments are some 70 MB
			t.Errorf("%s: %d MB were held", stats, held)
		}
	}
}
