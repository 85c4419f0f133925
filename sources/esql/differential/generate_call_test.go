package differential

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"interdict/sources/esql/funcs"
	"interdict/sources/frame"
	"interdict/testdata/elasticsearch"
)

// allTypes are those that a column can have.
var allTypes = []frame.Type{frame.Keyword, frame.Boolean, frame.Integer, frame.Long, frame.UnsignedLong, frame.Double, frame.Date, frame.DateNanos, frame.IP, frame.Version}

// callable are the functions that both sides have, of which the answer is one alone.
type callable struct{ scalar, agg []string }

// both sides' functions: those of the engine's list that the node knows by name.
func sharedFunctions(t *testing.T, node *elasticsearch.Node) callable {
	t.Helper()
	var c callable
	for _, name := range funcs.Names() {
		if slices.Contains(elsewhere, name) || strings.Contains(askNode(t, node, "ROW a = "+name+"()").problem, "Unknown function") {
			continue
		}
		if funcs.Lookup(name) != nil {
			c.scalar = append(c.scalar, name)
		} else {
			c.agg = append(c.agg, name)
		}
	}
	return c
}

// elsewhere are functions of which docs/esql.md says what differs, that answer
// as they like, or that are made with care in another place.
var elsewhere = []string{"now", "exp", "sample", "match", "match_phrase", "mv_percentile", "count", "case", "first", "last", "top",
	"to_degrees", "to_radians", "reverse"}

// call is any function, with arguments of types that it takes.
func (g *generator) call(depth int) (string, frame.Type) {
	name := g.one(g.shared.scalar...)
	d := funcs.Lookup(name)
	types := g.argumentTypes(d.Params, d.Variadic)
	if d.Check != nil && d.Check(types) != "" {
		for i := range types {
			types[i] = types[0]
		}
	}
	if (name == "greatest" || name == "least") && types[0] == frame.UnsignedLong { // 8.19 has none of these
		return g.column(types[0]), types[0]
	}
	args := make([]string, len(types))
	for i, t := range types {
		args[i] = g.argument(name, i, t, depth, funcs.ParamFor(d.Params, i).Const)
	}
	t := d.Result(types)
	if t == frame.Null || t > frame.Version {
		t = frame.Keyword
	}
	return strings.ToUpper(name) + "(" + strings.Join(args, ", ") + ")", t
}

// fold is any aggregate.
func (g *generator) fold() (string, frame.Type) {
	name := g.one(g.shared.agg...)
	d := funcs.LookupAgg(name)
	types := g.argumentTypes(d.Params, false)
	if name == "sum" && types[0] == frame.Long || types[0] == frame.UnsignedLong { // of the former 8.19 ends the query beyond 64 bits, of the latter it has no aggregates
		types[0] = frame.Integer
	}
	args := []string{g.column(types[0])} // of a constant it computes without rows
	for i, t := range types[1:] {
		args = append(args, g.argument(name, i+1, t, 1, funcs.ParamFor(d.Params, i+1).Const))
	}
	return strings.ToUpper(name) + "(" + strings.Join(args, ", ") + ")", d.Result(types)
}

func (g *generator) argumentTypes(params []funcs.Param, variadic bool) []frame.Type {
	var types []frame.Type
	for _, p := range params {
		if p.Optional && g.IntN(2) == 0 {
			break
		}
		types = append(types, g.typeOf(p.Types))
	}
	for variadic && g.IntN(2) == 0 && len(types) < 5 {
		types = append(types, g.typeOf(params[len(params)-1].Types))
	}
	return types
}

func (g *generator) typeOf(set funcs.Types) frame.Type {
	var fit []frame.Type
	for _, t := range allTypes {
		if set.Has(t) {
			fit = append(fit, t)
		}
	}
	if len(fit) == 0 || g.wrong && g.IntN(12) == 0 {
		fit = allTypes
	}
	return fit[g.IntN(len(fit))]
}

// arguments are what a function takes at a place that not every value fits.
var arguments = map[string][]string{
	"date_extract 0":            {`"year"`, `"month_of_year"`, `"day_of_month"`, `"hour_of_day"`, `"aligned_week_of_year"`, `"nano_of_second"`, `"era"`},
	"date_format 0":             {`"yyyy-MM-dd HH:mm:ss"`, `"EEEE"`, `"e w Y"`, `"SSS"`, `"yyyy-MM-dd'T'HH:mm:ss.SSSSSSSSS"`},
	"date_parse 0":              {`"yyyy-MM-dd"`, `"strict_date_optional_time"`},
	"date_parse 1":              {`"2024-02-29"`, `"2023-12-31"`},
	"date_trunc 0":              {"1 day", "7 days", "2 weeks", "1 quarter", "5 minutes", "1 millisecond", "6 months", "10 years"},
	"date_diff 0":               {`"seconds"`, `"minutes"`, `"day"`, `"months"`, `"years"`, `"ms"`, `"week"`},
	"hash 0":                    {`"md5"`, `"sha1"`, `"SHA-256"`, `"sha512"`},
	"cidr_match 1":              {`"10.0.0.0/24"`, `"::/0"`, `"192.168.0.0/16"`},
	"ip_prefix 1":               {"0", "8", "24", "32"},
	"ip_prefix 2":               {"0", "64", "112", "128"},
	"repeat 1":                  {"0", "1", "3"},
	"space 0":                   {"0", "4"},
	"replace 1":                 {`"a+"`, `"[^a-z]"`, `"(?i)S"`, `"^.|.$"`, `"(\\w)(\\w)"`},
	"replace 2":                 {`""`, `"-"`, `"$0$0"`},
	"split 1":                   {`"."`, `" "`, `"a"`},
	"substring 1":               {"-3", "0", "1", "2"},
	"substring 2":               {"0", "1", "5"},
	"mv_sort 1":                 {`"asc"`, `"DESC"`},
	"mv_slice 1":                {"-2", "0", "1"},
	"mv_slice 2":                {"1", "2"},
	"round 1":                   {"0", "1", "-2", "3"},
	"pow 1":                     {"2", "0.5", "-1"},
	"scalb 1":                   {"1", "-3", "10"},
	"mv_pseries_weighted_sum 1": {"1.5", "0.0"},
	"percentile 1":              {"0", "25", "50", "90.5", "100"},
	"top 1":                     {"1", "3"},
	"top 2":                     {`"asc"`, `"DESC"`},
	"count_distinct 1":          {"100", "3000"},
	"to_ip 0":                   {`"10.0.0.1"`, `"::1"`},
	"to_version 0":              {`"1.2.3"`, `"2.0.0-rc1"`},
}

// argument i of a function. What TO_IP and TO_VERSION cannot read may end the query there.
func (g *generator) argument(name string, i int, t frame.Type, depth int, constant bool) string {
	if d := funcs.Lookup(name); d != nil { // the last parameter may repeat
		i = min(i, len(d.Params)-1)
	}
	at := name + " " + strconv.Itoa(i)
	if fit := arguments[at]; fit != nil && (t == frame.Keyword || !strings.HasPrefix(name, "to_")) {
		return g.one(fit...)
	}
	switch {
	case (name == "to_integer" || name == "round") && i == 0 && t == frame.UnsignedLong: // the largest is -1 there, and ROUND(u, 0) null
		return g.column(frame.Integer)
	case name == "round_to" && i > 0, constant, g.IntN(6) == 0:
		return g.constant(t)
	case g.IntN(40) == 0 && t != frame.Null:
		return "null"
	case name == "abs" && t != frame.Double && t != frame.UnsignedLong: // of the least one it ends the query there
		return "MV_COUNT(" + g.column(t) + ")"
	case depth > 0 && g.IntN(3) == 0:
		return g.expr(t, depth-1)
	}
	return g.column(t)
}

// cast writes an expression in another type.
func (g *generator) cast() (string, frame.Type) {
	t := []frame.Type{frame.Keyword, frame.Integer, frame.Long, frame.UnsignedLong, frame.Double, frame.Date, frame.DateNanos, frame.Boolean}[g.IntN(8)]
	from := funcs.Lookup(map[frame.Type]string{frame.Keyword: "to_string", frame.Integer: "to_integer", frame.Long: "to_long", frame.UnsignedLong: "to_unsigned_long",
		frame.Double: "to_double", frame.Date: "to_datetime", frame.DateNanos: "to_date_nanos", frame.Boolean: "to_boolean"}[t]).Params[0].Types
	name := t.String()
	if t == frame.Date {
		name = "datetime"
	}
	of := g.typeOf(from)
	if t == frame.Integer && of == frame.UnsignedLong {
		of = frame.Long
	}
	return g.column(of) + "::" + name, t
}

// mutate takes a word out of a query, says it twice or exchanges two.
func (g *generator) mutate(query string) string {
	words := strings.Fields(query)
	i, j := g.IntN(len(words)), g.IntN(len(words))
	switch g.IntN(3) {
	case 0:
		words = slices.Delete(words, i, i+1)
	case 1:
		words = slices.Insert(words, i, words[i])
	default:
		words[i], words[j] = words[j], words[i]
	}
	return strings.Join(words, " ")
}

// join adds the columns of a table.
func (g *generator) join() string {
	on, from := "host.name", "assets"
	if slices.ContainsFunc(g.cols, func(f frame.Field) bool { return f.Name == "i" && f.Type == frame.Integer }) {
		on, from = "i", "places"
	} else if !slices.ContainsFunc(g.cols, func(f frame.Field) bool { return f.Name == on && f.Type == frame.Keyword }) {
		return "WHERE true"
	}
	sorted := g.sorted
	for _, f := range map[string][]field{"assets": assetFields, "places": placeFields}[from] {
		if t, _ := frame.ParseType(f.mapping); f.name != on {
			g.set(f.name, t)
		}
	}
	g.key, g.sorted = "", false
	if sorted {
		return fmt.Sprintf("LIMIT 1000\n| LOOKUP JOIN %s ON %s", from, on)
	}
	return fmt.Sprintf("LOOKUP JOIN %s ON %s", from, on)
}

// wild names columns by their beginning.
func (g *generator) wild() string {
	prefix := g.cols[g.IntN(len(g.cols))].Name[:1]
	begins := func(f frame.Field) bool { return strings.HasPrefix(f.Name, prefix) }
	if rest := slices.DeleteFunc(slices.Clone(g.cols), begins); g.IntN(2) == 0 && len(rest) > 0 && !strings.HasPrefix(g.key, prefix) {
		g.cols = rest
		return "DROP " + prefix + "*"
	}
	if g.IntN(2) == 0 {
		return "KEEP " + prefix + "*, *"
	}
	g.cols = slices.DeleteFunc(g.cols, func(f frame.Field) bool { return !begins(f) && f.Name != g.key })
	if g.key != "" {
		return "KEEP " + prefix + "*, " + g.key
	}
	return "KEEP " + prefix + "*"
}

// row is a query whose rows it makes itself.
func (g *generator) row() string {
	g.cols, g.key, g.fresh = nil, "", 0
	var fields []string
	for range 2 + g.IntN(4) {
		t := allTypes[g.IntN(len(allTypes))]
		name := g.new("f")
		e := g.constant(t)
		if g.IntN(3) == 0 && !strings.Contains(e, "::") {
			e = "[" + e + ", " + g.constant(t) + ", " + g.constant(t) + "]"
			if strings.Contains(e, "::") {
				e = g.constant(t)
			}
		}
		fields = append(fields, name+" = "+e)
		g.cols = append(g.cols, frame.Field{Name: name, Type: t})
	}
	return "ROW " + strings.Join(fields, ", ")
}
