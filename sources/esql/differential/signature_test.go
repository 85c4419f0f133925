package differential

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"interdict/sources/esql/funcs"
	"interdict/sources/frame"
)

// columnsOf are columns of the index "kinds" by type: one value a row, and several.
var columnsOf = map[frame.Type][2]string{frame.Null: {"null", "null"}, frame.Keyword: {"kw", "kws"}, frame.Boolean: {"b", "bs"}, frame.Integer: {"id", "im"}, frame.Long: {"id::long", "ls"},
	frame.UnsignedLong: {"u", "us"}, frame.Double: {"id::double", "ds"}, frame.Date: {"t", "ts"}, frame.DateNanos: {"n", "ns"}, frame.IP: {"ip", "ips"}, frame.Version: {"v", "vs"}}

// Every function with every type in each place: those that are taken give the
// same columns of the same type, those that are not the same words.
func TestFunctionsTakeTheTypesThatElasticsearchTakes(t *testing.T) {
	node, w := both(t)
	step := 11 // CI asks a part of them
	if os.Getenv("INTERDICT_DIFFERENTIAL") != "" {
		step = 1
	}
	asked, n, same := 0, 0, 0
	shared := sharedFunctions(t, node)
	for _, name := range append(shared.scalar, shared.agg...) {
		for _, query := range signatures(name) {
			if n++; n%step != 0 {
				continue
			}
			asked++
			theirs, ours := askNode(t, node, query), askEngine(w, query)
			if what := differ(query, theirs, ours); what != "" && !strings.HasPrefix(what, "warnings") && !endsThere(theirs.problem) {
				t.Errorf("%s\ndiffers in %s", query, what)
				continue
			}
			same++
		}
	}
	t.Logf("%d of %d questions have the same answer", same, asked)
}

// signatures are queries that give a function each type in each place.
func signatures(name string) []string {
	var out []string
	command := "EVAL x = %s\n| SORT id\n| KEEP x\n| LIMIT 60"
	var params []funcs.Param
	if d := funcs.Lookup(name); d != nil {
		params = d.Params
	} else {
		params, command = funcs.LookupAgg(name).Params, "STATS x = %s"
	}
	for place := range params {
		for _, t := range append([]frame.Type{frame.Null}, allTypes...) {
			if t == frame.UnsignedLong && (strings.HasPrefix(command, "STATS") || name == "to_integer") { // 9.x aggregates them; TO_INTEGER of the largest is -1 there
				continue
			}
			if name == "count_distinct" && place == 1 && t == frame.Integer { // a sketch of one value, whose estimate is not corrected
				continue
			}
			for many := range 2 {
				args := make([]string, 0, len(params))
				for i, p := range params {
					switch fit := arguments[fmt.Sprint(name, " ", i)]; {
					case i == place && p.Const && t != frame.Null:
						args = append(args, example(t))
					case i == place:
						args = append(args, columnsOf[t][many])
					case p.Optional && i > place:
					case fit != nil && !strings.HasPrefix(name, "to_"):
						args = append(args, fit[0])
					case p.Const:
						args = append(args, example(firstOf(p.Types)))
					default:
						args = append(args, columnsOf[firstOf(p.Types)][0])
					}
				}
				call := strings.ToUpper(name) + "(" + strings.Join(args, ", ") + ")"
				out = append(out, "FROM kinds\n| EVAL u = ut::unsigned_long, us = uts::unsigned_long\n| "+fmt.Sprintf(command, call))
			}
		}
	}
	return out
}

func firstOf(set funcs.Types) frame.Type {
	for _, t := range allTypes {
		if set.Has(t) {
			return t
		}
	}
	return frame.Null
}

// example is one constant of a type.
func example(t frame.Type) string {
	return map[frame.Type]string{frame.Keyword: `"a"`, frame.Boolean: "true", frame.Integer: "1", frame.Long: "3000000000", frame.UnsignedLong: "18446744073709551615", frame.Double: "1.5",
		frame.Date: `"2024-01-01"::datetime`, frame.DateNanos: `"2024-01-01"::date_nanos`, frame.IP: `"::1"::ip`, frame.Version: `"1.2.3"::version`}[t]
}
