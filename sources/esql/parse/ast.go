package parse

// Query is a source command and the commands after it.
type Query struct {
	Commands []Command
}

// Command is one step of the pipe. Keyword is its name in upper case.
type Command interface {
	At() Pos
	Keyword() string
}

// From reads indices. Metadata are the names after METADATA.
type From struct {
	Pos
	Patterns string // comma-separated
	Metadata []Name
}

// Row makes one row.
type Row struct {
	Pos
	Fields []Field
}

// Show is SHOW INFO.
type Show struct{ Pos }

// Where keeps the rows for which the condition is true.
type Where struct {
	Pos
	Condition Expr
}

// Eval adds columns.
type Eval struct {
	Pos
	Fields []Field
}

// Keep keeps columns, Drop drops them; names may have wildcards.
type Keep struct {
	Pos
	Names []Name
}

// Drop drops columns.
type Drop struct {
	Pos
	Names []Name
}

// Rename gives columns other names.
type Rename struct {
	Pos
	From, To []Name
}

// Stats aggregates; Inline adds the aggregates to the rows instead.
type Stats struct {
	Pos
	Inline     bool
	Aggregates []Aggregate
	By         []Field
}

// Aggregate is one output of Stats.
type Aggregate struct {
	Field
	Where Expr // nil: all rows
}

// Sort orders rows.
type Sort struct {
	Pos
	Keys []SortKey
}

// SortKey is one of its keys.
type SortKey struct {
	Expr       Expr
	Descending bool
	NullsFirst bool
}

// Limit cuts.
type Limit struct {
	Pos
	Rows int
}

// MVExpand makes a row of each value.
type MVExpand struct {
	Pos
	Name Name
}

// Dissect takes text apart by a pattern of delimiters.
type Dissect struct {
	Pos
	Input     Expr
	Pattern   string
	Separator string // APPEND_SEPARATOR
}

// Grok takes text apart by regular expressions.
type Grok struct {
	Pos
	Input    Expr
	Patterns []string
}

// Join is LOOKUP JOIN table ON fields.
type Join struct {
	Pos
	Table Name
	On    []Name
}

// Enrich adds fields of a policy's table.
type Enrich struct {
	Pos
	Policy Name
	On     *Name
	With   []Field
}

// Refused is a command that Elasticsearch has and this engine has not.
type Refused struct {
	Pos
	Name string
}

// Keyword implementations name the commands.
func (*From) Keyword() string   { return "FROM" }
func (*Row) Keyword() string    { return "ROW" }
func (*Show) Keyword() string   { return "SHOW" }
func (*Where) Keyword() string  { return "WHERE" }
func (*Eval) Keyword() string   { return "EVAL" }
func (*Keep) Keyword() string   { return "KEEP" }
func (*Drop) Keyword() string   { return "DROP" }
func (*Rename) Keyword() string { return "RENAME" }
func (s *Stats) Keyword() string {
	if s.Inline {
		return "INLINE STATS"
	}
	return "STATS"
}
func (*Sort) Keyword() string      { return "SORT" }
func (*Limit) Keyword() string     { return "LIMIT" }
func (*MVExpand) Keyword() string  { return "MV_EXPAND" }
func (*Dissect) Keyword() string   { return "DISSECT" }
func (*Grok) Keyword() string      { return "GROK" }
func (*Join) Keyword() string      { return "LOOKUP JOIN" }
func (*Enrich) Keyword() string    { return "ENRICH" }
func (r *Refused) Keyword() string { return r.Name }

// Name is a column name or, with wildcards outside of quotes, a pattern.
type Name struct {
	Pos
	Text    string
	Pattern bool
}

// Field is name = expression. Name is the expression's own text when none was given.
type Field struct {
	Pos
	Name  string
	Named bool
	Expr  Expr
}

// Expr is an expression. Text is how it stands in the query, spaces as given.
type Expr interface {
	At() Pos
	Text() string
}

// Node is what expressions have in common.
type Node struct {
	Pos
	Source string
}

// Text is the expression as written.
func (n Node) Text() string { return n.Source }

// Literal is a constant: nil, bool, int64, uint64, float64, string, Interval,
// or a slice of one of these.
type Literal struct {
	Node
	Value any
}

// Interval is an amount of time: Unit is in the singular, as "hour".
type Interval struct {
	Amount int64
	Unit   string
}

// Column names a column.
type Column struct {
	Node
	Name string
}

// Call is a function with its arguments. Star is count(*).
type Call struct {
	Node
	Name string // lower case
	Args []Expr
	Star bool
	Map  map[string]any // options
}

// Unary is NOT or minus.
type Unary struct {
	Node
	Op      string // "not", "-"
	Operand Expr
}

// Binary is an operator of two: and or == != < <= > >= + - * / % :
type Binary struct {
	Node
	Op          string
	Left, Right Expr
}

// In is IN, or NOT IN.
type In struct {
	Node
	Operand Expr
	List    []Expr
	Not     bool
}

// Like is LIKE or RLIKE with one or more patterns.
type Like struct {
	Node
	Operand  Expr
	Patterns []Expr
	Regex    bool
	Not      bool
}

// IsNull is IS NULL, or IS NOT NULL.
type IsNull struct {
	Node
	Operand Expr
	Not     bool
}

// Cast is value::type.
type Cast struct {
	Node
	Operand Expr
	Type    string
	TypeAt  Pos
}
