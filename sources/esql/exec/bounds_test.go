package exec_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"interdict/sources/esql/exec"
	"interdict/sources/esql/parse"
	"interdict/sources/esql/plan"
	"interdict/sources/frame"
)

const noon = 1772625600000 // 2026-03-04, in milliseconds

// spans keeps what it is asked for.
type spans struct{ from, to int64 }

func (s *spans) Segments(_ string, from, to int64) []exec.Segment {
	s.from, s.to = from, to
	return nil
}

func TestOnlySegmentsOfTheAskedTimeAreLookedAt(t *testing.T) {
	const open = math.MaxInt64
	now := time.UnixMilli(noon).UTC()
	for text, want := range map[string]spans{
		`FROM x | LIMIT 5`: {-open - 1, open},
		`FROM x | WHERE @timestamp > now() - 1 hours`:                                                              {noon - 3600_000, open},
		`FROM x | WHERE @timestamp >= "2026-03-04T12:00:00Z"`:                                                      {noon, open},
		`FROM x | WHERE "2026-03-04T12:00:00Z" > @timestamp AND n == 1`:                                            {-open - 1, noon + 1},
		`FROM x | WHERE n == 1 | EVAL n = n + 1 | WHERE @timestamp == now()`:                                       {noon, noon + 1},
		`FROM x | WHERE @timestamp > now() - 2 hours | WHERE @timestamp > now() - 1 hours AND @timestamp <= now()`: {noon - 3600_000, noon + 1},
		`FROM x | WHERE @timestamp > now()::date_nanos`:                                                            {noon, open},
		`FROM x | WHERE @timestamp > now() OR n == 1`:                                                              {-open - 1, open},
		`FROM x | WHERE NOT @timestamp > now()`:                                                                    {-open - 1, open},
		`FROM x | WHERE @timestamp != now()`:                                                                       {-open - 1, open},
		`FROM x | WHERE @timestamp > other`:                                                                        {-open - 1, open},
		`FROM x | WHERE other > now()`:                                                                             {-open - 1, open},
		`FROM x | EVAL @timestamp = other | WHERE @timestamp > now()`:                                              {-open - 1, open},
		`FROM x | RENAME @timestamp AS t | WHERE t > now()`:                                                        {noon, open},
		`FROM x | LIMIT 3 | WHERE @timestamp > now()`:                                                              {-open - 1, open},
		`FROM x | STATS @timestamp = MAX(@timestamp) | WHERE @timestamp > now()`:                                   {-open - 1, open},
		`FROM x | WHERE TRANGE(1h)`:                                                                                {noon - 3600_000, noon + 1},
	} {
		q, err := parse.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.Check(q, []frame.Field{{Name: "@timestamp", Type: frame.Date}, {Name: "other", Type: frame.Date}, {Name: "n", Type: frame.Long}}, nil, now)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var got spans
		if _, err := exec.Run(t.Context(), p, exec.Options{Table: &got, Limit: 10, Window: exec.Window{Field: "@timestamp", From: math.MinInt64, To: math.MaxInt64}}); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

// timed are segments that are left out where they have no time of those that are
// asked for, unless all are wanted.
type timed struct {
	segments []timedSegment
	all      bool
	left     *int // out
}

type timedSegment struct {
	*frame.Frame
	from, to int64 // milliseconds, both included; of no rows from is above to
}

func (s timedSegment) Rows() int { return s.Frame.Rows }

func (s timedSegment) Read(context.Context, []string) (*frame.Frame, error) { return s.Frame, nil }

func (d timed) Segments(_ string, from, to int64) (out []exec.Segment) {
	for _, s := range d.segments {
		if d.all || from == math.MinInt64 && to == math.MaxInt64 || s.to >= from && s.from < to {
			out = append(out, s)
		}
	}
	*d.left += len(d.segments) - len(out)
	return out
}

// timedSegments have rows of a few milliseconds around noon, some of no time, some of several.
func timedSegments(rnd *rand.Rand, fields []frame.Field) []timedSegment {
	out := make([]timedSegment, 12)
	for i := range out {
		b := frame.NewBuilder(fields)
		s := &out[i]
		s.from, s.to = math.MaxInt64, math.MinInt64
		first := rnd.Int64N(11) - 5
		for range 1 + rnd.IntN(5) {
			b.Row()
			b.Int(2, rnd.Int64N(10))
			for range rnd.IntN(10) / 4 {
				ms := noon + first + rnd.Int64N(2)
				s.from, s.to = min(s.from, ms), max(s.to, ms)
				b.Int(0, timeOf(rnd, fields[0].Type, ms))
			}
			if rnd.IntN(4) > 0 {
				b.Int(1, timeOf(rnd, fields[1].Type, noon+rnd.Int64N(11)-5))
			}
		}
		s.Frame = b.Build()
	}
	return out
}

func timeOf(rnd *rand.Rand, t frame.Type, ms int64) int64 {
	if t == frame.DateNanos {
		return ms*1e6 + []int64{0, 1, 500_000, 999_999}[rnd.IntN(4)]
	}
	return ms
}

func one(rnd *rand.Rand, of ...string) string { return of[rnd.IntN(len(of))] }

// aTime is one that a row may be compared with.
func aTime(rnd *rand.Rand) string {
	at := time.UnixMilli(noon + rnd.Int64N(11) - 5).UTC()
	off := rnd.IntN(6)
	return one(rnd, at.Format(`"2006-01-02T15:04:05.000Z"`), at.Format(`"2006-01-02T15:04:05.000Z"`), at.Add(time.Duration(rnd.IntN(1e6))).Format(`"2006-01-02T15:04:05.000000000Z"`),
		"now()", fmt.Sprintf("now() - %d milliseconds", off), fmt.Sprintf("now() + %d ms", off), "now()::date_nanos", at.Format(`TO_DATE_NANOS("2006-01-02T15:04:05.000500000Z")`),
		fmt.Sprint(at.UnixMilli(), "::date"), "other", "null", "null::date", "DATE_TRUNC(2 milliseconds, now())", at.Format(`CASE(n > 4, now(), "2006-01-02T15:04:05.000Z"::date)`))
}

// aCondition is one on the column when, and on others.
func aCondition(rnd *rand.Rand, when string, deep int) string {
	again := func() string { return aCondition(rnd, when, deep-1) }
	is := one(rnd, "==", "!=", "<", "<=", ">", ">=")
	kind := rnd.IntN(12)
	switch {
	case deep > 0 && kind < 2:
		return "(" + again() + " OR " + again() + ")"
	case deep > 0 && kind < 5:
		return "(" + again() + " AND " + again() + ")"
	case deep > 0 && kind < 6:
		return "NOT " + again()
	case kind < 9:
		return when + " " + is + " " + aTime(rnd)
	case kind < 11:
		return aTime(rnd) + " " + is + " " + when
	}
	return one(rnd, when+" IS NULL", when+" IS NOT NULL", when+" IN ("+aTime(rnd)+", "+aTime(rnd)+")", "n > 4", "COALESCE("+when+", other) "+is+" "+aTime(rnd),
		"MV_MIN("+when+") "+is+" "+aTime(rnd), when+" + 1 millisecond "+is+" "+aTime(rnd), when+"::date_nanos "+is+" "+aTime(rnd), "CASE(n > 4, "+when+", other) "+is+" "+aTime(rnd))
}

func TestAnAnswerIsTheSameWhicheverSegmentsOfOtherTimesAreLeftOut(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	asked, left, none := 0, 0, 0
	for range 4000 {
		types := [2]frame.Type{frame.Date, frame.DateNanos}
		fields := []frame.Field{{Name: "@timestamp", Type: types[rnd.IntN(2)]}, {Name: "other", Type: types[rnd.IntN(2)]}, {Name: "n", Type: frame.Long}}
		segments := timedSegments(rnd, fields)
		when := "@timestamp"
		text := "FROM x"
		for range rnd.IntN(3) {
			step := one(rnd, "WHERE n < 8", "EVAL m = n + 1", "RENAME @timestamp AS t", "EVAL @timestamp = other", "EVAL t = @timestamp", "MV_EXPAND @timestamp", "SORT n | LIMIT 20",
				"STATS @timestamp = MAX(@timestamp), other = MIN(other) BY n", "INLINE STATS n = COUNT(*)", "EVAL @timestamp = @timestamp + 2 milliseconds", "WHERE "+aCondition(rnd, when, 1), "KEEP @timestamp, other, n")
			if text += " | " + step; step == "RENAME @timestamp AS t" {
				when = "t"
			}
		}
		text += " | WHERE " + aCondition(rnd, when, 2) + " | KEEP n, other, " + when + " | SORT n, other, " + when
		w := exec.Window{Field: "@timestamp", From: math.MinInt64, To: math.MaxInt64}
		if rnd.IntN(3) == 0 {
			w.From = noon + rnd.Int64N(5) - 5
		}
		if rnd.IntN(3) == 0 {
			w.To = noon + rnd.Int64N(5)
		}
		answer := func(all bool) (string, bool) {
			q, err := parse.Parse(text)
			if err != nil {
				return "", false
			}
			p, err := plan.Check(q, fields, nil, time.UnixMilli(noon).UTC())
			if err != nil {
				return "", false
			}
			result, err := exec.Run(t.Context(), p, exec.Options{Table: timed{segments, all, &left}, Limit: 10_000, Window: w, Workers: 1})
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			return rowsOf(result.Frame), true
		}
		want, ok := answer(true)
		if !ok { // it compares what cannot be compared
			continue
		}
		if asked++; want == "" {
			none++
		}
		if got, _ := answer(false); got != want {
			t.Errorf("%s, %d to %d: got\n%swant\n%s", text, w.From, w.To, got, want)
		}
	}
	if asked < 2000 || left < 5000 || none > asked*2/3 {
		t.Errorf("%d questions, %d of them without rows; %d segments were left out", asked, none, left)
	}
}

func rowsOf(f *frame.Frame) string {
	var b strings.Builder
	for r := range f.Rows {
		for _, c := range f.Columns {
			fmt.Fprint(&b, c.Texts(r), " ")
		}
		b.WriteByte('\n')
	}
	return b.String()
}
