package funcs

import (
	"time"

	"interdict/sources/frame"
)

// Def defines a scalar function or operator.
type Def struct {
	Name     string // lower case
	Params   []Param
	Variadic bool // the last parameter may repeat
	Result   func(args []frame.Type) frame.Type

	// Row computes one row. New, when there is no Row, makes it for one call.
	Row func(*Row)
	New func(*Call) (func(*Row), error)
	// Vector, when set, computes all rows at once and is preferred to Row; a nil
	// result says that Row must do it.
	Vector func(c *Call, in []Vec, n int) *frame.Column

	// Multi functions see all values of a row; others only single ones.
	Multi bool
	// Nulls functions are called for null arguments also.
	Nulls bool
	// Check looks at types further; a message is a verification error.
	Check func(args []frame.Type) string
	// Unsteady results differ from run to run or with the clock.
	Unsteady bool
}

// Param is a parameter of a function.
type Param struct {
	Name     string
	Types    Types
	Optional bool
	Const    bool
	// Expect replaces the list of types in messages; Unnumbered ones are not called the first.
	Expect     string
	Unnumbered bool
}

// Call is one use of a function in a query.
type Call struct {
	Source string // as written
	Args   []Arg
	Result frame.Type
	Now    time.Time
	// Warn takes the warnings of rows; see Row.Fail.
	Warn func(row int, message string)
	// Options are those of a trailing {…} argument.
	Options map[string]any
	// Room is how many bytes an evaluation may make; beyond it the rest of the
	// rows are left null. Made is how many the last one made.
	Room, Made int
}

// Arg is an argument's type and, for a constant, its value.
type Arg struct {
	Type  frame.Type
	Const *frame.Column // one row; nil when not constant
	// Source is a constant as it stands in the query, where that is known.
	Source string
	// Interval is the value of a date_period or time_duration.
	Interval Interval
}

// Const is the value of a constant argument, nil for null and when it is not constant.
func (c *Call) Const(i int) any {
	if i >= len(c.Args) || c.Args[i].Const == nil {
		return nil
	}
	return c.Args[i].Const.Value(0)
}

// ConstStr is the text of a constant argument.
func (c *Call) ConstStr(i int) (string, bool) {
	s, ok := c.Const(i).(string)
	return s, ok
}

// ConstInt is the number of a constant argument.
func (c *Call) ConstInt(i int) (int64, bool) {
	if i >= len(c.Args) || c.Args[i].Const == nil {
		return 0, false
	}
	return c.Args[i].Const.Int(0)
}

// Interval is a length of time in calendar units.
type Interval struct {
	Years, Months, Days int
	Duration            time.Duration
}

// Vec is an argument's values: a row for each row, or one row for all.
type Vec struct {
	*frame.Column
	Same bool // one row stands for all
}

// Row is one row of a call: its arguments and where the result goes.
type Row struct {
	in   []Vec
	lo   []int // place of the first value of each argument
	n    []int // number of values
	row  int
	out  *Out
	warn func(row int, message string)
}
