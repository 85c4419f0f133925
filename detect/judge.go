package detect

import (
	"context"
	"time"

	"interdict/sources"
	"interdict/sources/esql"
	"interdict/sources/frame"
)

// outcome is what the text gives for a group at a moment.
type outcome struct {
	group  *group
	result *frame.Frame // of all that were run together
	found  []int        // the rows of result that are the group's
	source *view        // of all that were run together
	rows   []int        // the rows of source that are the group's: those in the window
	counts func(group string) []figure
}

// Groups are run together up to these bounds, since a run costs much more than
// a row. Far fewer rows than DefaultLimit can then come of them.
const (
	togetherGroups = 256
	togetherRows   = 4096
)

// judge runs the text over the rows of groups.
func (w *watch) judge(ctx context.Context, groups []*group, now time.Time, yield func(outcome)) error {
	window := w.rule.Window(now)
	for len(groups) > 0 {
		var in []uint32
		var parts []outcome
		for len(groups) > 0 && (len(parts) == 0 || len(parts) < togetherGroups && len(in)+len(groups[0].rows) <= togetherRows && (w.alone || w.keys != nil)) {
			g := groups[0]
			groups = groups[1:]
			delete(w.late, g)
			g.judged = len(g.rows)
			o := outcome{group: g}
			for _, n := range g.rows {
				if at := w.kept.at[n]; (window.From.IsZero() || at >= window.From.UnixMilli()) && at < window.To.UnixMilli() {
					o.rows = append(o.rows, len(in))
					in = append(in, n)
				}
			}
			parts = append(parts, o)
		}
		if err := w.together(ctx, in, parts, now, yield); err != nil {
			return err
		}
	}
	return nil
}

// together runs the text once over the rows in, which belong to parts, and one
// by one where it cannot be told what came of which.
func (w *watch) together(ctx context.Context, in []uint32, parts []outcome, now time.Time, yield func(outcome)) error {
	source, result := &frame.Frame{}, &frame.Frame{}
	grouped := w.alone || len(w.by) > 0
	if len(in) > 0 || !grouped {
		source = w.kept.rows(in)
		w.looked += int64(len(in))
		run := w.live.Run
		if len(parts) > 1 {
			run = w.live.RunGroups
		}
		var err error
		if result, _, err = run(ctx, source, sources.Query{Window: w.rule.Window(now), Now: now}); err != nil {
			return err
		}
	}
	if !w.share(result, parts) {
		for _, o := range parts {
			var own []uint32
			for i, r := range o.rows {
				own, o.rows[i] = append(own, in[r]), i
			}
			if err := w.together(ctx, own, []outcome{o}, now, yield); err != nil {
				return err
			}
		}
		return nil
	}
	v, counts := viewOf(source), w.counter(source, len(parts) == 1, now)
	for _, o := range parts {
		o.result, o.source, o.counts = result, v, counts
		yield(o)
	}
	return nil
}

// share gives each part its rows of the result; false when that cannot be told.
func (w *watch) share(result *frame.Frame, parts []outcome) bool {
	if len(parts) == 1 {
		for row := range result.Rows {
			parts[0].found = append(parts[0].found, row)
		}
		return true
	}
	if result.Rows >= esql.DefaultLimit {
		return false
	}
	if w.alone { // each row gives one row, unless a condition was left for later
		if result.Rows == 0 {
			return true
		}
		total := 0
		for _, o := range parts {
			total += len(o.rows)
		}
		if result.Rows != total {
			return false
		}
		for i := range parts {
			parts[i].found = parts[i].rows
		}
		return true
	}
	at := make(map[string]int, len(parts))
	for i, o := range parts {
		at[o.group.key] = i
	}
	keys := keysIn(result, w.keys)
	for row := range result.Rows {
		i, ok := at[keys(row)]
		if !ok {
			return false
		}
		parts[i].found = append(parts[i].found, row)
	}
	return true
}

// keysIn gives the key of each row of f, of the values of some columns.
func keysIn(f *frame.Frame, names []string) func(row int) string {
	columns := make([]*frame.Column, len(names))
	for i, name := range names {
		columns[i] = f.Column(name)
	}
	var b []byte
	return func(row int) string {
		b = b[:0]
		for _, c := range columns {
			b = appendKey(b, c, row)
		}
		return string(b)
	}
}

// counter gives the figures behind the rule's conditions, by group. They are
// counted when somebody asks, once for all groups that were run together.
func (w *watch) counter(source *frame.Frame, single bool, now time.Time) func(group string) []figure {
	var counted *frame.Frame
	var rowOf map[string]uint32
	return func(group string) []figure {
		if w.figures == nil || source.Rows == 0 {
			return nil
		}
		if counted == nil {
			var err error
			counted, _, err = w.figures.RunGroups(context.Background(), source, sources.Query{Window: w.rule.Window(now), Now: now})
			if err != nil || counted == nil {
				counted = &frame.Frame{}
			}
			if keys := w.figures.Keys(); !single && keys != nil {
				rowOf = make(map[string]uint32, counted.Rows)
				key := keysIn(counted, keys)
				for row := range counted.Rows {
					rowOf[key(row)] = uint32(row)
				}
			}
		}
		if single {
			return figuresOf(counted, w.limits)
		}
		row, ok := rowOf[group]
		if !ok {
			return nil
		}
		return figuresOf(counted.Gather([]uint32{row}), w.limits)
	}
}
