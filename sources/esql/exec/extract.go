package exec

import (
	"slices"
	"strconv"

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
