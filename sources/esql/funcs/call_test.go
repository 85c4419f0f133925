package funcs

import (
	"fmt"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"interdict/sources/frame"
)

// list is several values of one argument or result.
type list = []any

// refusal is a result: the call is wrong, or the row is null with this warning.
type refusal string

// example is a call and what it gives.
type example struct {
	args list
	want any
}

// checkCalls runs a function's examples once with constants and once with columns.
func checkCalls(t *testing.T, name string, examples []example) {
	t.Helper()
	for _, e := range examples {
		for _, constant := range []bool{true, false} {
			got := callOnce(t, name, constant, e.args)
			if !reflect.DeepEqual(got, e.want) {
				t.Errorf("%s%v (constant: %v) is %#v, want %#v", name, e.args, constant, got, e.want)
			}
		}
	}
}

func callOnce(t *testing.T, name string, constant bool, args list) any {
	t.Helper()
	d := Lookup(name)
	if d == nil {
		t.Fatalf("there is no function %s", name)
	}
	if problem := CheckArity(d.Params, d.Variadic, len(args)); problem != "" {
		return refusal(problem)
	}
	c := &Call{Source: name + "()"}
	var in []Vec
	var types []frame.Type
	for i, v := range args {
		col := columnOf(v)
		if p := ParamFor(d.Params, i); !p.Types.Has(col.Type) {
			t.Fatalf("%s takes no %s as argument %d", name, col.Type, i)
		} else if constant || p.Const {
			c.Args = append(c.Args, Arg{Type: col.Type, Const: col})
		} else {
			c.Args = append(c.Args, Arg{Type: col.Type})
		}
		in = append(in, Vec{Column: col, Same: constant})
		types = append(types, col.Type)
	}
	if d.Check != nil {
		if problem := d.Check(types); problem != "" {
			return refusal(problem)
		}
	}
	return compute(d, c, in, types)
}

// compute gives the first row, or what kept it from being.
func compute(d *Def, c *Call, in []Vec, types []frame.Type) any {
	c.Result = d.Result(types)
	var warning any
	c.Warn = func(_ int, message string) { warning = refusal(message) }
	row := d.Row
	if row == nil && d.New != nil {
		var err error
		if row, err = d.New(c); err != nil {
			return refusal(err.Error())
		}
	}
	if got := Eval(d, c, row, in, 1).Value(0); got != nil || warning == nil {
		return got
	}
	return warning
}

// columnOf makes a column of one row: int is an integer, int64 a long.
func columnOf(v any) *frame.Column {
	values, ok := v.(list)
	if !ok {
		values = list{v}
	}
	out := NewOut(typeOf(values[0]), 1)
	for _, v := range values {
		switch x := v.(type) {
		case string:
			out.AddStr(0, x)
		case netip.Addr:
			out.AddStr(0, frame.AddrKey(x))
		case int:
			out.AddInt(0, int64(x))
		case int64:
			out.AddInt(0, x)
		case uint64:
			out.AddInt(0, int64(x))
		case float64:
			out.AddFloat(0, x)
		case bool:
			out.AddInt(0, toBoolean(fmt.Sprint(x)))
		case time.Time:
			out.AddInt(0, x.UnixMilli())
		}
	}
	return out.Column()
}

func typeOf(v any) frame.Type {
	switch v.(type) {
	case string:
		return frame.Keyword
	case netip.Addr:
		return frame.IP
	case int:
		return frame.Integer
	case int64:
		return frame.Long
	case uint64:
		return frame.UnsignedLong
	case float64:
		return frame.Double
	case bool:
		return frame.Boolean
	case time.Time:
		return frame.Date
	}
	return frame.Null
}
