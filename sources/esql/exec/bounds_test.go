package exec_test

import (
	"math"
	"testing"
	"time"

	"interdict/sources/esql/exec"
	"interdict/sources/esql/parse"
	"interdict/sources/esql/plan"
	"interdict/sources/frame"
)

// spans keeps what it is asked for.
type spans struct{ from, to int64 }

func (s *spans) Segments(_ string, from, to int64) []exec.Segment {
	s.from, s.to = from, to
	return nil
}

func TestOnlySegmentsOfTheAskedTimeAreLookedAt(t *testing.T) {
	const open, noon = math.MaxInt64, 1772625600000
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
