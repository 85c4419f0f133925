package detect

import (
	"time"

	"interdict/sources/ecs"
	"interdict/sources/frame"
)

// view finds the columns of one frame by their place in the catalogue instead of by name.
type view struct {
	f    *frame.Frame
	cols []*frame.Column // by ecs.Column; nil: the frame has none
}

var catalogueSize = len(ecs.Fields())

func viewOf(f *frame.Frame) *view {
	v := &view{f: f, cols: make([]*frame.Column, catalogueSize)}
	for i, name := range f.Names {
		if c, ok := ecs.Lookup(name); ok {
			v.cols[c] = f.Columns[i]
		}
	}
	return v
}

func (v *view) text(c ecs.Column, row int) string {
	if col := v.cols[c]; col != nil {
		return col.Text(row)
	}
	return ""
}

func (v *view) texts(c ecs.Column, row int) []string {
	if col := v.cols[c]; col != nil {
		return col.Texts(row)
	}
	return nil
}

func (v *view) int(c ecs.Column, row int) (int64, bool) {
	if col := v.cols[c]; col != nil {
		return col.Int(row)
	}
	return 0, false
}

// intOr gives the value, or or for null.
func (v *view) intOr(c ecs.Column, row int, or int64) int64 {
	if n, ok := v.int(c, row); ok {
		return n
	}
	return or
}

func (v *view) bool(c ecs.Column, row int) bool {
	n, ok := v.int(c, row)
	return ok && n != 0
}

func (v *view) time(c ecs.Column, row int) time.Time {
	n, ok := v.int(c, row)
	if !ok {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}

// first gives the first of the columns that has a value.
func (v *view) first(row int, cs ...ecs.Column) string {
	for _, c := range cs {
		if s := v.text(c, row); s != "" {
			return s
		}
	}
	return ""
}

// action is what an event says happened.
type action uint8

const (
	other action = iota
	forked
	executed
	running // was there when the sensor began to look
	ended
	connected // any network event
	opened    // a file, for reading
	created   // a file, for writing
)

var actions = map[string]action{
	"fork":                 forked,
	"exec":                 executed,
	"already_running":      running,
	"end":                  ended,
	"connection_attempted": connected,
	"connection_accepted":  connected,
	"transfer":             connected,
	"disconnect_received":  connected,
	"open":                 opened,
	"create":               created,
}

// actions gives for every code of event.action what it means.
func (v *view) actions() []action {
	c := v.cols[ecs.EventAction]
	if c == nil || c.Dict == nil {
		return nil
	}
	out := make([]action, c.Dict.Len())
	for i := range out {
		out[i] = actions[c.Dict.Value(uint32(i))]
	}
	return out
}

// action of a row is, with several values, the one that says most: exec over fork.
func (v *view) action(byCode []action, row int) action {
	c := v.cols[ecs.EventAction]
	lo, hi := c.Range(row)
	best := other
	for ; lo < hi; lo++ {
		if a := byCode[c.Codes[lo]]; a > best && best != executed {
			best = a
		}
	}
	return best
}

// fieldNamed gives the type of an event field.
func fieldNamed(name string) (frame.Type, bool) {
	c, ok := ecs.Lookup(name)
	if !ok {
		return frame.Null, false
	}
	return c.Type(), true
}
