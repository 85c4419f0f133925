package plan

import (
	"interdict/sources/esql/parse"
	"interdict/sources/frame"
)

// queryString makes an expression of KQL("…") or QSTR("…"): the text is read as
// a tree over fields of the source, each test of which is true when one of the
// field's values passes.
func (c *checker) queryString(x *parse.Call) Expr {
	if len(x.Args) != 1 {
		c.parseProblem(x.Pos, "error building [%s]: expects exactly one argument", x.Name)
		return Null()
	}
	l, ok := x.Args[0].(*parse.Literal)
	text, isText := "", false
	if ok {
		text, isText = l.Value.(string)
	}
	if !isText {
		c.problem(x.Pos, "argument of [%s] must be a constant, received [%s]", x.Text(), x.Args[0].Text())
		return Null()
	}
	read := parse.KQL
	if x.Name == "qstr" {
		read = parse.QueryString
	}
	tree, err := read(text, x.Node)
	if err != nil {
		c.problem(x.Pos, "%s", err)
		return Null()
	}
	return c.fieldTest(tree, x)
}

// fieldTest checks a tree of a query string. A field that is not there matches nothing.
func (c *checker) fieldTest(t parse.Test, x *parse.Call) Expr {
	switch t.Op {
	case "and", "or", "not":
		args := make([]Expr, len(t.Of))
		texts := make([]parse.Expr, len(t.Of))
		for i, o := range t.Of {
			args[i], texts[i] = c.fieldTest(o, x), x
		}
		return c.build(t.Op, x, args, texts)
	case "all":
		return c.constant(true)
	}
	cols := c.tested(t.Field)
	var out Expr
	for _, col := range cols {
		if e := c.oneTest(t, col, x); out == nil {
			out = e
		} else {
			out = c.build("or", x, []Expr{out, e}, []parse.Expr{x, x})
		}
	}
	if out == nil {
		return c.constant(false)
	}
	return out
}

// tested gives the columns that a test's field names; no field means all text.
func (c *checker) tested(field string) []Column {
	if field == "" {
		var out []Column
		for _, col := range c.scope {
			if col.Type == frame.Keyword {
				out = append(out, col)
			}
		}
		return out
	}
	return c.scope.match(field)
}

func (c *checker) oneTest(t parse.Test, col Column, x *parse.Call) Expr {
	if t.Op == "exists" {
		return c.build("is not null", x, []Expr{&Ref{col}}, []parse.Expr{x})
	}
	args := []Expr{&Ref{col}, c.literal(&parse.Literal{Node: x.Node, Value: t.Op}), c.literal(&parse.Literal{Node: x.Node, Value: t.Value})}
	return c.build("any value", x, args, []parse.Expr{x, x, x})
}

func (c *checker) constant(v bool) Expr { return c.literal(&parse.Literal{Value: v}) }
