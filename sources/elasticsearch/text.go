package elasticsearch

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/esql/parse"
	"interdict/sources/frame"
)

// text is a query's text with what this package must know of it.
type text struct {
	source string
	query  *parse.Query // nil: it is not understood here, the cluster may
	params []sources.Param
}

func readText(q sources.Query) text {
	given := make([]parse.Param, len(q.Params))
	for i, p := range q.Params {
		given[i] = parse.Param{Name: p.Name, Value: p.Value}
	}
	query, err := parse.Parse(q.Text, given...)
	if err != nil {
		query = nil // the cluster says what is wrong
	}
	return text{q.Text, query, q.Params}
}

// patterns are the indices that FROM names, "" without one.
func (t text) patterns() string {
	if t.query == nil {
		return ""
	}
	if from, ok := t.query.Commands[0].(*parse.From); ok {
		return from.Patterns
	}
	return ""
}

// expressions gives all of a command with the field each is of, if any.
func expressions(c parse.Command) (all []parse.Field) {
	switch x := c.(type) {
	case *parse.Row:
		return x.Fields
	case *parse.Eval:
		return x.Fields
	case *parse.Where:
		return []parse.Field{{Named: true, Expr: x.Condition}}
	case *parse.Stats:
		for _, a := range x.Aggregates {
			all = append(all, parse.Field{Pos: a.Pos, Name: a.Name, Named: a.Named, Expr: a.Expr})
			if a.Where != nil {
				all = append(all, parse.Field{Named: true, Expr: a.Where})
			}
		}
		return append(all, x.By...)
	case *parse.Sort:
		for _, k := range x.Keys {
			all = append(all, parse.Field{Named: true, Expr: k.Expr})
		}
	case *parse.Dissect:
		return []parse.Field{{Named: true, Expr: x.Input}}
	case *parse.Grok:
		return []parse.Field{{Named: true, Expr: x.Input}}
	}
	return all
}

// names gives the columns that a command names without an expression.
func names(c parse.Command) (all []parse.Name) {
	switch x := c.(type) {
	case *parse.Keep:
		return x.Names
	case *parse.Drop:
		return x.Names
	case *parse.Rename:
		return x.From
	case *parse.MVExpand:
		return []parse.Name{x.Name}
	case *parse.Join:
		return x.On
	case *parse.Enrich:
		if x.On != nil {
			return []parse.Name{*x.On}
		}
	}
	return all
}

// wanted gives the fields of the catalogue that the text takes from the indices.
func (t text) wanted() []string {
	if t.patterns() == "" {
		return nil
	}
	made := map[string]bool{} // by the text itself
	wanted := map[string]bool{}
	want := func(name string) {
		if _, known := ecs.Lookup(name); known && !made[name] {
			wanted[name] = true
		}
	}
	for _, c := range t.query.Commands {
		for _, f := range expressions(c) {
			parse.Walk(f.Expr, func(e parse.Expr) {
				if column, ok := e.(*parse.Column); ok {
					want(column.Name)
				}
			})
			if f.Name != "" {
				made[f.Name] = true
			}
		}
		for _, n := range names(c) {
			if !n.Pattern {
				want(n.Text)
			}
		}
		if r, ok := c.(*parse.Rename); ok {
			for _, n := range r.To {
				made[n.Text] = true
			}
		}
		if s, ok := c.(*parse.Stats); ok && !s.Inline {
			break // only what it made is there after it
		}
	}
	out := make([]string, 0, len(wanted))
	for name := range wanted {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// prepared gives the text to send: with null columns for the missing fields,
// with the question's time and with its limit.
func (t text) prepared(q sources.Query, missing []string) edited {
	var edits []edit
	if t.query != nil {
		edits = append(edits, t.nulls(missing)...)
		for _, c := range t.query.Commands {
			for _, f := range expressions(c) {
				edits = append(edits, t.constants(f, q.Now)...)
			}
		}
	}
	if q.Limit > 0 {
		edits = append(edits, edit{at: len(t.source), text: fmt.Sprintf("\n| LIMIT %d", q.Limit)})
	}
	return apply(t.source, edits)
}

// nulls puts columns in before the second command.
func (t text) nulls(missing []string) []edit {
	if len(missing) == 0 || len(t.query.Commands) < 2 {
		return nil
	}
	made := make([]string, len(missing))
	for i, name := range missing {
		c, _ := ecs.Lookup(name)
		made[i] = quotedName(name) + " = null::" + castName(c.Type())
	}
	return []edit{{at: t.query.Commands[1].At().Offset(t.source), text: "EVAL " + strings.Join(made, ", ") + " | "}}
}

func castName(t frame.Type) string {
	if t == frame.Date {
		return "datetime"
	}
	return t.String()
}

func quotedName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// constants writes now() and lists of parameters into an expression. A field
// that is called by its own text keeps that name.
func (t text) constants(f parse.Field, now time.Time) (edits []edit) {
	put := func(e parse.Expr, text string) {
		edits = append(edits, edit{e.At().Offset(t.source), len(e.Text()), text})
	}
	parse.Walk(f.Expr, func(e parse.Expr) {
		switch x := e.(type) {
		case *parse.Call:
			if x.Name == "now" && len(x.Args) == 0 && !now.IsZero() {
				put(x, "TO_DATETIME("+parse.Quote(now.UTC().Format("2006-01-02T15:04:05.000Z"))+")")
			}
		case *parse.In:
			for _, item := range x.List {
				if list, ok := listParam(item); ok {
					put(item, strings.Join(list, ", "))
				}
			}
		case *parse.Literal:
			if list, ok := listParam(x); ok && !t.inList(f.Expr, x) {
				put(x, "["+strings.Join(list, ", ")+"]")
			}
		}
	})
	if len(edits) > 0 && !f.Named {
		edits = append([]edit{{at: f.Pos.Offset(t.source), text: quotedName(f.Name) + " = "}}, edits...)
	}
	return edits
}

func (t text) inList(within parse.Expr, item parse.Expr) (found bool) {
	parse.Walk(within, func(e parse.Expr) {
		if in, ok := e.(*parse.In); ok {
			found = found || slices.Contains(in.List, item)
		}
	})
	return found
}

// listParam gives the values of a parameter that is a list, as literals:
// Elasticsearch takes single values only.
func listParam(e parse.Expr) ([]string, bool) {
	l, ok := e.(*parse.Literal)
	if !ok || !strings.HasPrefix(l.Text(), "?") {
		return nil, false
	}
	return literals(l.Value)
}

func literals(v any) (out []string, ok bool) {
	list, ok := v.([]any)
	if !ok {
		return nil, false
	}
	for _, one := range list {
		switch x := one.(type) {
		case string:
			out = append(out, parse.Quote(x))
		case float64:
			out = append(out, strconv.FormatFloat(x, 'e', -1, 64))
		default:
			out = append(out, fmt.Sprint(x))
		}
	}
	if len(out) == 0 {
		out = []string{"null"}
	}
	return out, true
}

// bodyParams gives the parameters as the body wants them.
func (t text) bodyParams() ([]any, error) {
	used := map[string]bool{}
	var out []any
	for i, p := range t.params {
		v := p.Value
		if at, ok := v.(time.Time); ok {
			v = at.UTC().Format("2006-01-02T15:04:05.000Z")
		}
		if reflect.ValueOf(v).Kind() == reflect.Slice {
			if p.Name == "" && i+1 < len(t.params) {
				return nil, fmt.Errorf("parameter %d is a list: lists want names", i+1)
			}
			continue // it stands in the text
		}
		if p.Name == "" {
			out = append(out, v)
		} else if !used[p.Name] {
			used[p.Name] = true
			out = append(out, map[string]any{p.Name: v})
		}
	}
	return out, nil
}

// asked is how many rows the text itself asks for; 0: it does not say.
func (t text) asked() (rows int) {
	if t.query == nil {
		return 0
	}
	for _, c := range t.query.Commands {
		switch x := c.(type) {
		case *parse.Limit:
			if rows == 0 || x.Rows < rows {
				rows = x.Rows
			}
		case *parse.Stats:
			if !x.Inline {
				rows = 0
			}
		}
	}
	return rows
}
