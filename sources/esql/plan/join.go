package plan

import (
	"slices"
	"strings"

	"interdict/sources/esql/funcs"
	"interdict/sources/esql/parse"
	"interdict/sources/frame"
)

func upper(t frame.Type) string { return strings.ToUpper(funcs.TypeName(t)) }

// lookup finds a table of LOOKUP JOIN or ENRICH.
func (c *checker) lookup(n parse.Name, enrich bool) (fields []frame.Field, match string, ok bool) {
	if c.tables != nil {
		if fields, match, ok = c.tables.Lookup(n.Text, enrich); ok {
			return fields, match, true
		}
	}
	if enrich {
		c.problem(n.Pos, "cannot find enrich policy [%s]", n.Text)
	} else {
		c.problem(n.Pos, "Unknown index [%s]", n.Text)
	}
	return nil, "", false
}

// join checks LOOKUP JOIN. Columns of the table hide those of the rows.
func (c *checker) join(x *parse.Join) {
	fields, _, ok := c.lookup(x.Table, false)
	if !ok {
		return
	}
	step := &Join{Table: x.Table.Text, Pos: x.Pos}
	for _, n := range x.On {
		col, found := c.scope.find(n.Text)
		t, inTable := typeOf(fields, n.Text)
		switch {
		case !found:
			c.problem(n.Pos, "Unknown column [%s] in left side of join", n.Text)
			continue
		case !inTable:
			c.problem(n.Pos, "Unknown column [%s] in right side of join", n.Text)
			continue
		case !funcs.Comparable(col.Type, t), col.Type == frame.Null:
			c.problem(n.Pos, "JOIN left field [%s] of type [%s] is incompatible with right field [%s] of type [%s]", n.Text, upper(col.Type), n.Text, upper(t))
		}
		step.Keys, step.Fields = append(step.Keys, &Ref{col}), append(step.Fields, n.Text)
	}
	for _, f := range slices.SortedFunc(slices.Values(fields), func(a, b frame.Field) int { return strings.Compare(a.Name, b.Name) }) {
		if _, key := typeOf(onFields(x), f.Name); !key {
			c.joined(step, f.Name, f)
		}
	}
	c.step(step)
}

func onFields(x *parse.Join) []frame.Field {
	var out []frame.Field
	for _, n := range x.On {
		out = append(out, frame.Field{Name: n.Text})
	}
	return out
}

func (c *checker) joined(step *Join, name string, f frame.Field) {
	col := c.slot(name, f.Type)
	step.Columns = append(step.Columns, f.Name)
	step.Outputs = append(step.Outputs, col)
	c.scope = c.scope.put(col)
}

func typeOf(fields []frame.Field, name string) (frame.Type, bool) {
	for _, f := range fields {
		if f.Name == name {
			return f.Type, true
		}
	}
	return frame.Null, false
}

// enrich checks ENRICH policy ON field WITH new = field.
func (c *checker) enrich(x *parse.Enrich) {
	if i := strings.IndexByte(x.Policy.Text, ':'); i >= 0 && strings.HasPrefix(x.Policy.Text, "_") { // _mode:policy
		x = &parse.Enrich{Pos: x.Pos, Policy: parse.Name{Pos: x.Policy.Pos, Text: x.Policy.Text[i+1:]}, On: x.On, With: x.With}
	}
	fields, match, ok := c.lookup(x.Policy, true)
	if !ok {
		return
	}
	on := parse.Name{Pos: x.Pos, Text: match}
	if x.On != nil {
		on = *x.On
	}
	col, ok := c.column(on.Pos, on.Text)
	if !ok {
		return
	}
	step := &Join{Table: x.Policy.Text, Enrich: true, Keys: []Expr{&Ref{col}}, Fields: []string{match}, Pos: x.Pos}
	if len(x.With) == 0 {
		for _, f := range fields {
			if f.Name != match {
				c.joined(step, f.Name, f)
			}
		}
	}
	for _, w := range x.With {
		from, isName := w.Expr.(*parse.Column)
		if !isName {
			c.parseProblem(w.Pos, "ENRICH takes fields of the policy, found [%s]", w.Expr.Text())
			return
		}
		t, known := typeOf(fields, from.Name)
		if !known {
			c.problem(w.Pos, "Enrich field [%s] not found in enrich policy [%s]", from.Name, x.Policy.Text)
			continue
		}
		c.joined(step, w.Name, frame.Field{Name: from.Name, Type: t})
	}
	c.step(step)
}
