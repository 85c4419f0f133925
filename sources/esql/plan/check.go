package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"interdict/sources/esql/funcs"
	"interdict/sources/esql/parse"
	"interdict/sources/frame"
)

// Tables finds the schema of what a query names besides FROM: the tables of
// LOOKUP JOIN and ENRICH.
type Tables interface {
	// Lookup gives the fields of a table, and for ENRICH which one it is matched by.
	Lookup(name string, enrich bool) (fields []frame.Field, match string, ok bool)
}

type checker struct {
	plan     *Plan
	scope    scope
	fields   []frame.Field
	tables   Tables
	now      time.Time
	problems []parse.Problem
	later    []parse.Problem // those of queries whose every name and type is known
	kind     string
	grouping bool            // in BY
	unknown  map[string]bool // calls of functions that are not there
}

// Check makes a plan of a query over a schema. tables may be nil. The error is
// a *parse.Error.
func Check(q *parse.Query, fields []frame.Field, tables Tables, now time.Time) (*Plan, error) {
	c := &checker{plan: &Plan{Now: now}, fields: fields, tables: tables, now: now, kind: parse.Verification, unknown: map[string]bool{}}
	for _, command := range q.Commands {
		before := len(c.later)
		if c.command(command); len(c.problems) > 0 { // what comes after it may be wrong for its sake
			break
		}
		c.later = slices.Concat(c.later[before:], c.later[:before]) // those of the last command are told first
	}
	if len(c.problems) == 0 {
		c.problems = c.later
	} else {
		c.later = nil
	}
	if len(c.problems) > 0 {
		return nil, &parse.Error{Type: c.kind, Problems: c.distinct()}
	}
	c.plan.Output = c.scope
	c.plan.Steps = c.plan.pruned(pushed(c.plan.Steps))
	return c.plan, nil
}

func (c *checker) distinct() []parse.Problem {
	if c.kind == parse.Parsing {
		return c.problems
	}
	out := c.problems[:0:0]
	told := map[string]bool{}
	for _, p := range c.problems {
		if !told[p.Message] || len(c.later) > 0 || strings.HasPrefix(p.Message, "Unknown function") {
			out = append(out, p)
		}
		told[p.Message] = true
	}
	return out
}

func (c *checker) problem(at parse.Pos, format string, args ...any) {
	if c.kind == parse.Verification {
		c.problems = append(c.problems, parse.Problem{Line: at.Line, Column: at.Column, Message: fmt.Sprintf(format, args...)})
	}
}

// late is a problem that is told only if there is none with names and types.
func (c *checker) late(at parse.Pos, format string, args ...any) {
	c.later = append(c.later, parse.Problem{Line: at.Line, Column: at.Column, Message: fmt.Sprintf(format, args...)})
}

// parseProblem is what Elasticsearch finds while it reads: it reports nothing else then.
func (c *checker) parseProblem(at parse.Pos, format string, args ...any) {
	if c.kind == parse.Verification {
		c.problems = nil
		c.problem(at, format, args...)
		c.kind = parse.Parsing
	}
}

func (c *checker) slot(name string, t frame.Type) Column {
	c.plan.Slots++
	return Column{name, c.plan.Slots - 1, t}
}

func (c *checker) step(s Step) { c.plan.Steps = append(c.plan.Steps, s) }

func (c *checker) command(command parse.Command) {
	switch x := command.(type) {
	case *parse.From:
		c.from(x)
	case *parse.Row:
		c.plan.Rows = &Row{c.assign(x.Fields, "cannot use [%e] directly in a row assignment", func(f parse.Field) parse.Pos { return f.Expr.At() })}
	case *parse.Show:
		c.show(x)
	case *parse.Where:
		c.where(x)
	case *parse.Eval:
		c.step(&Eval{c.assign(x.Fields, "EVAL does not support type [%t] as the return data type of expression [%e]", func(f parse.Field) parse.Pos { return f.Pos })})
	case *parse.Keep:
		c.scope = c.keep(x.Names)
	case *parse.Drop:
		c.drop(x)
	case *parse.Rename:
		c.rename(x)
	case *parse.Stats:
		c.stats(x)
	case *parse.Sort:
		c.sort(x)
	case *parse.Limit:
		c.plan.Limited = true
		c.step(&Limit{x.Rows})
	case *parse.MVExpand:
		c.expand(x)
	case *parse.Dissect:
		c.dissect(x)
	case *parse.Grok:
		c.grok(x)
	case *parse.Join:
		c.join(x)
	case *parse.Enrich:
		c.enrich(x)
	default:
		c.problem(command.At(), "%s is not supported by this engine", command.Keyword())
	}
}

var metadata = map[string]frame.Type{"_id": frame.Keyword, "_index": frame.Keyword, "_version": frame.Long, "_ignored": frame.Keyword, "_score": frame.Double,
	"_index_mode": frame.Keyword, "_tier": frame.Keyword}

func (c *checker) from(x *parse.From) {
	c.plan.From = x.Patterns
	fields := slices.Clone(c.fields)
	slices.SortFunc(fields, func(a, b frame.Field) int { return strings.Compare(a.Name, b.Name) })
	for _, f := range fields {
		if _, meta := metadata[f.Name]; !meta {
			c.scope = append(c.scope, c.slot(f.Name, f.Type))
		}
	}
	for i, n := range x.Metadata {
		if k := slices.IndexFunc(x.Metadata[:i], func(before parse.Name) bool { return before.Text == n.Text }); k >= 0 {
			c.parseProblem(n.Pos, "metadata field [%s] already declared [@%d:%d]", n.Text, x.Metadata[k].Line, x.Metadata[k].Column)
			continue
		}
		t, ok := metadata[n.Text]
		if !ok {
			if n.Text == "_source" {
				c.parseProblem(n.Pos, "metadata field [_source] is not supported by this engine: its rows are columns, not documents")
				continue
			}
			c.parseProblem(n.Pos, "unsupported metadata field [%s]", n.Text)
			continue
		}
		c.scope = append(c.scope, c.slot(n.Text, t))
	}
	c.plan.Source = slices.Clone(c.scope)
	if score, ok := c.scope.find("_score"); ok { // no search of ours scores
		c.step(&Eval{[]Assign{{score.Slot, &Const{Value: &frame.Column{Type: frame.Double, Floats: []float64{0}}, T: frame.Double}}}})
	}
}

func (c *checker) show(x *parse.Show) {
	row := &Row{}
	for _, kv := range [][2]string{{"version", "interdict"}, {"date", ""}, {"hash", ""}} {
		col := c.slot(kv[0], frame.Keyword)
		out := funcs.NewOut(frame.Keyword, 1)
		out.AddStr(0, kv[1])
		row.Fields = append(row.Fields, Assign{col.Slot, &Const{Value: out.Column(), T: frame.Keyword}})
		c.scope = append(c.scope, col)
	}
	c.plan.Rows = row
}

func (c *checker) where(x *parse.Where) {
	before := len(c.problems)
	e := c.expr(x.Condition)
	call, _ := e.(*Call)
	if t := e.Type(); t != frame.Boolean && t != frame.Null && len(c.problems) == before && (call == nil || call.Agg == nil) {
		c.late(x.Condition.At(), "Condition expression needs to be boolean, found [%s]", strings.ToUpper(funcs.TypeName(t)))
	}
	if k, ok := e.(*Const); ok { // all rows or none
		if v, _ := k.Value.Value(0).(bool); !v {
			c.step(&Limit{})
		}
		return
	}
	c.step(&Where{e})
}

// assign computes fields one after the other; each sees those before it. noColumn
// says that the type %t of an expression %e is none of a column.
func (c *checker) assign(fields []parse.Field, noColumn string, at func(parse.Field) parse.Pos) []Assign {
	var out []Assign
	for _, f := range fields {
		e := c.expr(f.Expr)
		if e.Type() >= funcs.DatePeriod {
			c.late(at(f), "%s", strings.NewReplacer("%e", f.Expr.Text(), "%t", funcs.TypeName(e.Type())).Replace(noColumn))
			e = Null()
		}
		if isWrong(e) { // there is no such column then
			continue
		}
		col := c.slot(f.Name, e.Type())
		out = append(out, Assign{col.Slot, e})
		c.scope = c.scope.put(col)
	}
	return out
}

func (c *checker) drop(x *parse.Drop) {
	for _, n := range x.Names {
		found, _ := c.named(n)
		for _, col := range slices.Clone(found) {
			c.scope = c.scope.without(col.Name)
		}
	}
}

func (c *checker) rename(x *parse.Rename) {
	for i, from := range x.From {
		if from.Pattern || x.To[i].Pattern {
			c.parseProblem(from.Pos, "Using wildcards [*] in RENAME is not allowed [%s AS %s]", from.Text, x.To[i].Text)
			return
		}
		col, ok := c.column(from.Pos, from.Text)
		if !ok || from.Text == x.To[i].Text {
			continue
		}
		c.scope = c.scope.without(x.To[i].Text)
		for j := range c.scope {
			if c.scope[j].Slot == col.Slot && c.scope[j].Name == from.Text {
				c.scope[j].Name = x.To[i].Text
			}
		}
	}
}

func (c *checker) sort(x *parse.Sort) {
	s := &Sort{}
	for _, k := range x.Keys {
		s.Keys = append(s.Keys, SortKey{c.expr(k.Expr), k.Descending, k.NullsFirst})
	}
	c.step(s)
}

func (c *checker) expand(x *parse.MVExpand) {
	if x.Name.Pattern {
		c.parseProblem(x.Name.Pos, "Using wildcards [*] in MV_EXPAND is not allowed, found [%s]", x.Name.Text)
		return
	}
	col, ok := c.column(x.Name.Pos, x.Name.Text)
	if !ok {
		return
	}
	to := c.slot(col.Name, col.Type)
	c.scope = slices.Clone(c.scope)
	for i := range c.scope {
		if c.scope[i].Name == col.Name {
			c.scope[i] = to
		}
	}
	c.step(&Expand{col.Slot, to.Slot})
}
