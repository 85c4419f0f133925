package plan

import (
	"fmt"
	"strings"
)

// Describe says what a step does, in the query's own words where it has them.
func Describe(s Step) string {
	switch x := s.(type) {
	case *Where:
		return "WHERE " + text(x.Cond)
	case *Eval:
		return "EVAL " + list(x.Fields, func(a Assign) string { return text(a.Expr) })
	case *Stats:
		return describeStats(x)
	case *Sort:
		return "SORT " + list(x.Keys, func(k SortKey) string {
			if k.Descending {
				return text(k.Expr) + " DESC"
			}
			return text(k.Expr)
		})
	case *Limit:
		return fmt.Sprintf("LIMIT %d", x.N)
	case *Extract:
		return x.Name + " " + text(x.Input)
	case *Join:
		return x.Keyword() + " " + x.Table
	}
	return s.Keyword()
}

func describeStats(x *Stats) string {
	out := x.Keyword() + " " + list(x.Aggs, func(a Agg) string {
		if a.Where != nil {
			return a.Call.Source + " WHERE " + text(a.Where)
		}
		return a.Call.Source
	})
	if len(x.Keys) > 0 {
		out += " BY " + list(x.Keys, func(a Assign) string { return text(a.Expr) })
	}
	return out
}

func list[T any](all []T, one func(T) string) string {
	var out []string
	for _, a := range all {
		out = append(out, one(a))
	}
	return strings.Join(out, ", ")
}

func text(e Expr) string {
	switch x := e.(type) {
	case *Call:
		if x.Source == "" { // made of several in the text, as of two WHEREs
			return strings.Join(texts(x.Args), " "+strings.ToUpper(x.Def.Name)+" ")
		}
		return x.Source
	case *Ref:
		return x.Name
	case *Const:
		if x.Value != nil {
			return fmt.Sprint(x.Value.Value(0))
		}
	}
	return "?"
}

func texts(all []Expr) []string {
	out := make([]string, len(all))
	for i, e := range all {
		out[i] = text(e)
	}
	return out
}
