package exec

import (
	"errors"
	"slices"
	"strings"

	"interdict/sources/esql/funcs"
	"interdict/sources/esql/plan"
	"interdict/sources/frame"
)

// lookup finds rows of a table of LOOKUP JOIN or ENRICH by their keys.
type lookup struct {
	step  *plan.Join
	table *frame.Frame
	index map[string][]uint32
	keys  []expr
}

// joinRows is LOOKUP JOIN and ENRICH. A row of LOOKUP JOIN is given once for each
// match; one of ENRICH once, with the values of all matches of all its values.
func (r *run) joinRows(ev *evaluator, x *plan.Join, need []bool) (func(*batch) (*batch, error), error) {
	if r.o.Lookup == nil {
		return nil, errors.New("there are no tables to look things up in")
	}
	table, err := r.o.Lookup.Rows(r.ctx, x.Table, x.Enrich, append(slices.Clone(x.Fields), x.Columns...))
	if err != nil {
		return nil, err
	}
	if !x.Enrich { // of an index, that is; a policy keeps what was given
		table = &frame.Frame{Names: table.Names, Columns: slices.Clone(table.Columns), Rows: table.Rows}
		for i, c := range table.Columns {
			table.Columns[i] = stored(c)
		}
	}
	l := &lookup{step: x, table: table, index: map[string][]uint32{}}
	for row := range table.Rows {
		if key, ok := keyOf(row, len(x.Fields), func(i int) *frame.Column { return table.Column(x.Fields[i]) }); ok {
			l.index[key] = append(l.index[key], uint32(row))
		}
	}
	for _, k := range x.Keys {
		l.keys = append(l.keys, ev.prepare(k))
	}
	return func(b *batch) (*batch, error) {
		matches, total := l.matches(b)
		if err := r.expandable(total, b.cols); err != nil {
			return nil, err
		}
		rows := allRows(b.n)
		if !x.Enrich {
			rows, matches = spread(matches)
		}
		return l.joined(b.take(rows, nil), matches).without(need), nil
	}, nil
}

// matches gives the table's rows of each row of a batch, and how many these are.
func (l *lookup) matches(b *batch) (of [][]uint32, total int) {
	cols := make([]*frame.Column, len(l.keys))
	for i, k := range l.keys {
		cols[i] = full(k.eval(b), b.n)
	}
	of = make([][]uint32, b.n)
	for row := range of {
		if l.step.Enrich {
			for lo, hi := cols[0].Range(row); lo < hi; lo++ {
				of[row] = append(of[row], l.index[cols[0].TextAt(lo)+"\x00"]...)
			}
		} else if key, ok := keyOf(row, len(cols), func(i int) *frame.Column { return cols[i] }); ok {
			of[row] = l.index[key]
		}
		total += len(of[row])
	}
	return of, total
}

// spread makes a row of each match.
func spread(matches [][]uint32) (rows []uint32, each [][]uint32) {
	for row, of := range matches {
		if len(of) == 0 {
			rows, each = append(rows, uint32(row)), append(each, nil)
		}
		for i := range of {
			rows, each = append(rows, uint32(row)), append(each, of[i:i+1])
		}
	}
	return rows, each
}

// joined gives the batch with the table's columns.
func (l *lookup) joined(b *batch, matches [][]uint32) *batch {
	for i, o := range l.step.Outputs {
		values := funcs.NewOut(o.Type, b.n)
		if c := l.table.Column(l.step.Columns[i]); c != nil {
			for row, of := range matches {
				for _, m := range of {
					for lo, hi := c.Range(int(m)); lo < hi; lo++ {
						put(values, row, c, lo)
					}
				}
			}
		}
		b.cols[o.Slot] = values.Column()
	}
	return b
}

// keyOf is the text of a row's keys; false when one is null or has several values.
func keyOf(row, n int, column func(int) *frame.Column) (string, bool) {
	var b strings.Builder
	for i := range n {
		c := column(i)
		if c == nil {
			return "", false
		}
		lo, hi := c.Range(row)
		if hi-lo != 1 {
			return "", false
		}
		b.WriteString(c.TextAt(lo))
		b.WriteByte(0)
	}
	return b.String(), true
}
