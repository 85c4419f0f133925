package exec

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"interdict/sources/esql/funcs"
	"interdict/sources/esql/plan"
	"interdict/sources/frame"
)

// extract is DISSECT and GROK: a text that has not the form gives nulls.
func (r *run) extract(ev *evaluator, x *plan.Extract) func(*batch) (*batch, error) {
	input := ev.prepare(x.Input)
	return func(b *batch) (*batch, error) {
		v := full(input.eval(b), b.n)
		outs := make([]*funcs.Out, len(x.Outputs))
		for i, o := range x.Outputs {
			outs[i] = funcs.NewOut(o.Type, b.n)
		}
		for row := range b.n {
			for lo, hi := v.Range(row); lo < hi; lo++ {
				x.Extract.Extract(v.Dict.Value(v.Codes[lo]), func(i int, s string) { putText(outs[i], row, s, x.Outputs[i].Type) })
			}
		}
		out := &batch{n: b.n, cols: slices.Clone(b.cols)}
		for i, o := range x.Outputs {
			ev.made += outs[i].Bytes()
			out.cols[o.Slot] = outs[i].Column()
		}
		return out, nil
	}
}

// joinRows is LOOKUP JOIN and ENRICH: rows of the table with the same keys.
func (r *run) joinRows(ev *evaluator, x *plan.Join, need []bool) (func(*batch) (*batch, error), error) {
	if r.o.Lookup == nil {
		return nil, errors.New("there are no tables to look things up in")
	}
	table, err := r.o.Lookup.Rows(r.ctx, x.Table, x.Enrich, append(slices.Clone(x.Fields), x.Columns...))
	if err != nil {
		return nil, err
	}
	index := map[string][]uint32{}
	for row := range table.Rows {
		if key, ok := keyOf(row, len(x.Fields), func(i int) *frame.Column { return table.Column(x.Fields[i]) }); ok {
			index[key] = append(index[key], uint32(row))
		}
	}
	keys := make([]expr, len(x.Keys))
	for i, k := range x.Keys {
		keys[i] = ev.prepare(k)
	}
	return func(b *batch) (*batch, error) {
		cols := make([]*frame.Column, len(keys))
		for i, k := range keys {
			cols[i] = full(k.eval(b), b.n)
		}
		total := 0
		for row := range b.n {
			if key, ok := keyOf(row, len(cols), func(i int) *frame.Column { return cols[i] }); ok {
				total += len(index[key])
			}
		}
		if err := r.expandable(total, b.cols); err != nil {
			return nil, err
		}
		var left []uint32
		var right []int
		for row := range b.n {
			key, ok := keyOf(row, len(cols), func(i int) *frame.Column { return cols[i] })
			matches := index[key]
			if !ok || len(matches) == 0 {
				left, right = append(left, uint32(row)), append(right, -1)
				continue
			}
			for _, m := range matches {
				left, right = append(left, uint32(row)), append(right, int(m))
			}
		}
		return b.joined(left, right, table, x).without(need), nil
	}, nil
}

func (b *batch) joined(left []uint32, right []int, table *frame.Frame, x *plan.Join) *batch {
	out := &batch{n: len(left), cols: make([]*frame.Column, len(b.cols))}
	for s, c := range b.cols {
		if c != nil {
			out.cols[s] = c.Gather(left)
		}
	}
	for i, o := range x.Outputs {
		values := funcs.NewOut(o.Type, len(left))
		if c := table.Column(x.Columns[i]); c != nil {
			for row, from := range right {
				if from < 0 {
					continue
				}
				lo, hi := c.Range(from)
				for ; lo < hi; lo++ {
					put(values, row, c, lo)
				}
			}
		}
		out.cols[o.Slot] = values.Column()
	}
	return out
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

// putText adds a value that was found as text.
func putText(o *funcs.Out, row int, s string, t frame.Type) {
	switch t {
	case frame.Integer, frame.Long:
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			o.AddInt(row, n)
		}
	case frame.Double:
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			o.AddFloat(row, f)
		}
	case frame.Boolean:
		n, _ := funcs.Convert(s, frame.Keyword, frame.Boolean)
		o.AddInt(row, n.(int64))
	default:
		o.AddStr(row, s)
	}
}
