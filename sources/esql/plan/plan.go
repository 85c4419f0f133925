package plan

import (
	"time"

	"interdict/sources/esql/funcs"
	"interdict/sources/esql/parse"
	"interdict/sources/frame"
)

// Plan is a checked query.
type Plan struct {
	From     string   // index patterns; "" when Rows is the source
	Source   []Column // the fields of FROM, by the name that the table knows
	Rows     *Row     // the source of ROW and SHOW INFO
	Steps    []Step
	Output   []Column
	Slots    int
	Warnings []string
	Limited  bool // the text has a LIMIT somewhere
	Now      time.Time
}

// Column is a named slot.
type Column struct {
	Name string
	Slot int
	Type frame.Type
}

// Row is a source of one row of constants.
type Row struct{ Fields []Assign }

// Assign computes a slot.
type Assign struct {
	Slot int
	Expr Expr
}

// Step is one of the types below.
type Step interface{ Keyword() string }

// Where keeps rows.
type Where struct{ Cond Expr }

// Eval computes slots, in order.
type Eval struct{ Fields []Assign }

// Stats aggregates. Inline keeps the rows and adds the aggregates to them.
type Stats struct {
	Aggs   []Agg
	Keys   []Assign
	Inline bool
}

// Agg is one aggregate.
type Agg struct {
	Slot  int
	Call  *Call // Def is nil, Agg is set
	Where Expr  // nil: all rows
}

// Sort orders rows.
type Sort struct{ Keys []SortKey }

// SortKey is one of its keys.
type SortKey struct {
	Expr       Expr
	Descending bool
	NullsFirst bool
}

// Limit keeps the first N rows.
type Limit struct{ N int }

// Expand makes a row of each value of From, in To.
type Expand struct{ From, To int }

// Extract computes text columns of one text: DISSECT and GROK.
type Extract struct {
	Name    string
	Input   Expr
	Source  string
	Pos     parse.Pos
	Outputs []Column
	Extract funcs.Extractor
}

// Join looks rows up in another table: LOOKUP JOIN and ENRICH. Keys[i] must
// equal field Fields[i] of the table; Outputs are its other columns.
type Join struct {
	Table   string
	Enrich  bool
	Keys    []Expr
	Fields  []string
	Columns []string // by the table's names
	Outputs []Column
	Pos     parse.Pos
}

// Keyword implementations name the steps as the language does.
func (*Where) Keyword() string { return "WHERE" }
func (*Eval) Keyword() string  { return "EVAL" }
func (s *Stats) Keyword() string {
	if s.Inline {
		return "INLINE STATS"
	}
	return "STATS"
}
func (*Sort) Keyword() string      { return "SORT" }
func (*Limit) Keyword() string     { return "LIMIT" }
func (*Expand) Keyword() string    { return "MV_EXPAND" }
func (e *Extract) Keyword() string { return e.Name }
func (j *Join) Keyword() string {
	if j.Enrich {
		return "ENRICH"
	}
	return "LOOKUP JOIN"
}

// Expr is a *Ref, *Const or *Call.
type Expr interface{ Type() frame.Type }

// Ref is a column's value.
type Ref struct{ Column }

// Const is a constant: one row.
type Const struct {
	Value    *frame.Column
	T        frame.Type
	Interval funcs.Interval
	source   string // of an interval
	wrong    bool
}

// Call is a function with its arguments.
type Call struct {
	Def     *funcs.Def
	Agg     *funcs.AggDef
	Args    []Expr
	T       frame.Type
	Source  string
	Pos     parse.Pos
	Options map[string]any
	Written []parse.Expr // the arguments of CASE, which warns of its conditions
}

// Type implementations give the type of the value.
func (r *Ref) Type() frame.Type   { return r.Column.Type }
func (c *Const) Type() frame.Type { return c.T }
func (c *Call) Type() frame.Type  { return c.T }

// Null is a null that stands for an expression in which something is wrong.
func Null() *Const { return &Const{Value: &frame.Column{Type: frame.Null}, wrong: true} }

// isWrong tells whether a problem of an expression has been told.
func isWrong(e Expr) bool {
	k, ok := e.(*Const)
	return ok && k.wrong
}

// Prepared is what funcs needs to know of a call.
func (c *Call) Prepared(now time.Time) *funcs.Call {
	fc := &funcs.Call{Source: c.Source, Result: c.T, Now: now, Warn: func(int, string) {}, Options: c.Options}
	for _, a := range c.Args {
		arg := funcs.Arg{Type: a.Type()}
		if k, ok := a.(*Const); ok {
			arg.Const, arg.Interval, arg.Source = k.Value, k.Interval, k.source
		}
		fc.Args = append(fc.Args, arg)
	}
	return fc
}

// Walk calls f for an expression and all in it.
func Walk(e Expr, f func(Expr)) {
	if e == nil {
		return
	}
	f(e)
	if c, ok := e.(*Call); ok {
		for _, a := range c.Args {
			Walk(a, f)
		}
	}
}

// Conjuncts takes an expression apart at its ANDs.
func Conjuncts(e Expr) []Expr {
	if c, ok := e.(*Call); ok && c.Def != nil && c.Def.Name == "and" {
		return append(Conjuncts(c.Args[0]), Conjuncts(c.Args[1])...)
	}
	return []Expr{e}
}

// Slots gives the slots that an expression reads.
func Slots(e Expr) []int {
	var out []int
	Walk(e, func(e Expr) {
		if r, ok := e.(*Ref); ok {
			out = append(out, r.Slot)
		}
	})
	return out
}
