package playbooks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"interdict/sources"
	"interdict/sources/frame"
)

// asked is what came of one query.
type asked struct {
	text    string
	source  string
	params  []sources.Param
	rows    *frame.Frame
	quality sources.Quality
	took    time.Duration
	unasked string // why there is no answer; "" when there is one
}

// known tells whether there is an answer, be it an empty one.
func (a *asked) known() bool { return a.unasked == "" && a.rows != nil }

// count is the number of rows.
func (a *asked) count() int {
	if !a.known() {
		return 0
	}
	return a.rows.Rows
}

func (a *asked) text1(column string, row int) string { return a.rows.Text(column, row) }

func (a *asked) int(column string, row int) int64 {
	v, _ := a.rows.Int(column, row)
	return v
}

func (a *asked) time(column string, row int) time.Time {
	if ms, ok := a.rows.Int(column, row); ok {
		return time.UnixMilli(ms)
	}
	return time.Time{}
}

func (a *asked) texts(column string, row int) []string {
	if c := a.rows.Column(column); c != nil {
		return c.Texts(row)
	}
	return nil
}

// doubts says how far the answer cannot be trusted, "" when it can.
func (a *asked) doubts() string {
	if !a.known() || !a.quality.Partial {
		return ""
	}
	if len(a.quality.Reasons) == 0 {
		return "the answer is partial"
	}
	return "the answer is partial: " + strings.Join(a.quality.Reasons, "; ")
}

// ask runs one query of the sheet within its deadline, over one of several
// histories, or all of them if source is "".
func (a *Assessor) ask(ctx context.Context, source, text string, values map[string]any, now time.Time) asked {
	out := asked{text: strings.TrimSpace(text), source: source}
	if out.text == "" {
		out.unasked = "there is no query for it"
		return out
	}
	var missing string
	if out.params, missing = bind(out.text, values); missing != "" {
		out.unasked = "the event does not say " + strings.ReplaceAll(missing, "_", " ")
		return out
	}
	if a.History == nil {
		out.unasked = "there is no history to ask"
		return out
	}
	ctx, cancel := context.WithTimeout(ctx, a.deadline())
	defer cancel()
	begun := time.Now()
	rows, quality, err := a.History.Query(ctx, sources.Query{Text: out.text, Params: out.params, Now: now, Source: source, Window: windowOf(out.text, values)})
	out.rows, out.quality, out.took = rows, quality, time.Since(begun)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		out.unasked = fmt.Sprintf("history did not answer within %s", span(out.took))
	case errors.Is(err, context.Canceled):
		out.unasked = "the question was called off"
	case err != nil:
		out.unasked = "history could not answer: " + err.Error()
	case rows == nil:
		out.unasked = "history gave no answer"
	}
	return out
}

// lowerBounds are the conditions that say where an answer begins. Only the
// embedded guide's texts are sure to mean them of every row.
var lowerBounds = []string{"from", "recent", "before", "job"}

// windowOf is the time that a query of the embedded guide is about, so that
// what lies outside is not even read; zero for other texts.
func windowOf(text string, values map[string]any) (w sources.Window) {
	builtin, err := BuiltinSheet()
	if err != nil || !builtin.asks(text) {
		return w
	}
	for _, name := range lowerBounds {
		at, ok := values[name].(time.Time)
		if ok && strings.Contains(text, "@timestamp >= ?"+name) && (w.From.IsZero() || at.Before(w.From)) {
			w = sources.Window{Field: "@timestamp", From: at}
		}
	}
	if end, ok := values["now"].(time.Time); ok && !w.From.IsZero() {
		w.To = end.Add(time.Millisecond)
	}
	return w
}

func (s *Sheet) asks(text string) bool {
	return strings.TrimSpace(s.Baseline) == text || strings.TrimSpace(s.Around) == text || slices.ContainsFunc(s.Questions, func(q Question) bool { return strings.TrimSpace(q.Query) == text })
}

func (a *Assessor) deadline() time.Duration {
	if a.Deadline > 0 {
		return a.Deadline
	}
	return 2 * time.Second
}
