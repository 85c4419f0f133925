package differential

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"

	"interdict/sources/ecs"
	"interdict/sources/esql/parse"
	"interdict/sources/frame"
	"interdict/testdata/elasticsearch"
)

// ruleFile is what is of interest of a rule, or of a hunt, of Elastic's.
type ruleFile struct {
	Rule struct{ Name, Language, Query string }
	Hunt struct {
		Name  string
		Query []string
	}
}

// ruleQueries reads all ES|QL of a checkout of Elastic's rules.
func ruleQueries(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".toml" || strings.Contains(path, "_deprecated") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var f ruleFile
		if toml.Unmarshal(text, &f) != nil {
			return nil
		}
		name, _ := filepath.Rel(root, path)
		if f.Rule.Language == "esql" {
			all[name] = f.Rule.Query
		}
		for i, q := range f.Hunt.Query {
			if strings.HasPrefix(strings.ToLower(strings.TrimSpace(q)), "from ") {
				all[fmt.Sprintf("%s#%d", name, i)] = q
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// needed collects the fields that a query takes from its index, and values with
// which its conditions are true now and then.
type needed struct {
	types  map[string]frame.Type
	values map[string][]any
	made   map[string]bool // by the query itself
}

func fieldsOf(q *parse.Query) *needed {
	n := &needed{types: map[string]frame.Type{}, values: map[string][]any{}, made: map[string]bool{}}
	for _, c := range q.Commands {
		n.command(c)
	}
	for name := range n.types {
		if c, ok := ecs.Lookup(name); ok {
			n.types[name] = c.Type()
		} else if strings.HasSuffix(name, ".ip") {
			n.types[name] = frame.IP
		} else if strings.HasSuffix(name, "timestamp") || strings.HasSuffix(name, ".created") {
			n.types[name] = frame.Date
		}
	}
	return n
}

func (n *needed) command(c parse.Command) {
	switch x := c.(type) {
	case *parse.From:
		for _, m := range x.Metadata {
			n.made[m.Text] = true
		}
	case *parse.Where:
		n.expr(x.Condition)
	case *parse.Eval:
		n.fields(x.Fields)
	case *parse.Keep:
		for _, name := range x.Names {
			n.name(name)
		}
	case *parse.Rename:
		for i, from := range x.From {
			n.name(from)
			n.made[x.To[i].Text] = true
		}
	case *parse.Stats:
		for _, a := range x.Aggregates {
			n.expr(a.Expr)
			if a.Where != nil {
				n.expr(a.Where)
			}
		}
		n.fields(x.By)
		for _, a := range x.Aggregates {
			n.made[a.Name] = true
		}
	case *parse.Sort:
		for _, k := range x.Keys {
			n.expr(k.Expr)
		}
	case *parse.MVExpand:
		n.name(x.Name)
	case *parse.Dissect:
		n.expr(x.Input)
		n.captures(x.Pattern)
	case *parse.Grok:
		n.expr(x.Input)
		for _, p := range x.Patterns {
			n.captures(p)
		}
	}
}

var capture = regexp.MustCompile(`%\{(?:\w+:)?\+?([\w.@]+)[^}]*\}|\(\?<([\w.@]+)>`)

func (n *needed) captures(pattern string) {
	for _, m := range capture.FindAllStringSubmatch(pattern, -1) {
		n.made[m[1]+m[2]] = true
	}
}

func (n *needed) name(name parse.Name) {
	if !name.Pattern {
		n.see(name.Text, frame.Keyword)
	}
}

func (n *needed) fields(fields []parse.Field) {
	for _, f := range fields {
		n.expr(f.Expr)
		if f.Named {
			n.made[f.Name] = true
		}
	}
}

func (n *needed) see(name string, t frame.Type) {
	if n.made[name] || strings.HasPrefix(name, "Esql") {
		return
	}
	if before, ok := n.types[name]; !ok || before == frame.Keyword {
		n.types[name] = t
	}
}

func (n *needed) expr(e parse.Expr) {
	parse.Walk(e, func(e parse.Expr) {
		switch x := e.(type) {
		case *parse.Column:
			n.see(x.Name, frame.Keyword)
		case *parse.Binary:
			if x.Op != "and" && x.Op != "or" {
				n.meet(x.Left, x.Right)
				n.meet(x.Right, x.Left)
			}
		case *parse.In:
			n.meet(append([]parse.Expr{x.Operand}, x.List...)...)
		case *parse.Like:
			n.meet(append([]parse.Expr{x.Operand}, x.Patterns...)...)
		case *parse.Call:
			n.call(x)
		}
	})
}

func (n *needed) call(x *parse.Call) {
	switch x.Name {
	case "kql", "qstr":
		if l, ok := x.Args[0].(*parse.Literal); ok {
			text, _ := l.Value.(string)
			if tree, err := parse.KQL(text, x.Node); err == nil {
				n.test(tree)
			}
		}
	case "cidr_match":
		n.typed(x.Args[0], frame.IP)
	case "sum", "avg", "round":
		n.typed(x.Args[0], frame.Long)
	case "date_trunc", "date_extract":
		n.typed(x.Args[1], frame.Date)
	case "starts_with", "ends_with", "contains", "mv_contains", "locate", "match":
		n.meet(x.Args...)
	}
}

func (n *needed) test(t parse.Test) {
	if t.Field != "" {
		n.see(t.Field, frame.Keyword)
		n.values[t.Field] = append(n.values[t.Field], t.Value)
	}
	for _, o := range t.Of {
		n.test(o)
	}
}

func (n *needed) typed(e parse.Expr, t frame.Type) {
	if c, ok := e.(*parse.Column); ok {
		n.see(c.Name, t)
	}
}

// meet notes what a field is compared with.
func (n *needed) meet(all ...parse.Expr) {
	for _, e := range all[1:] {
		l, ok := e.(*parse.Literal)
		if !ok {
			continue
		}
		switch l.Value.(type) {
		case int64, float64:
			n.typed(all[0], frame.Long)
		case bool:
			n.typed(all[0], frame.Boolean)
		}
		parse.Walk(all[0], func(e parse.Expr) {
			if c, ok := e.(*parse.Column); ok {
				n.values[c.Name] = append(n.values[c.Name], l.Value)
			}
		})
	}
}

// index makes rows for the query.
func (n *needed) index(name string, rows int) (index, []field) {
	var fields []field
	for _, f := range slices.Sorted(maps.Keys(n.types)) {
		fields = append(fields, field{f, n.types[f].String(), n.value(f)})
	}
	return makeIndex(name, rows, fields), fields
}

// rarely gives two values in one of n rows.
func rarely(n int, f func(*rand.Rand, int) any) func(*rand.Rand, int) any {
	return func(r *rand.Rand, i int) any {
		if r.IntN(n) == 0 {
			return []any{f(r, i), f(r, i)}
		}
		return f(r, i)
	}
}

func (n *needed) value(f string) func(*rand.Rand, int) any {
	switch n.types[f] {
	case frame.Long:
		return seldom(9, func(r *rand.Rand, _ int) any {
			for _, i := range r.Perm(len(n.values[f])) {
				if v, ok := n.values[f][i].(int64); ok {
					return v + r.Int64N(3) - 1
				}
			}
			return r.Int64N(4)
		})
	case frame.Integer:
		return of[int64](0, 1, 2)
	case frame.Double:
		return of(0.5, 1, 99)
	case frame.Boolean:
		return seldom(9, of(true, false))
	case frame.Date:
		now := time.Now()
		return func(r *rand.Rand, _ int) any {
			return now.Add(-time.Duration(r.Int64N(int64(time.Duration(1+r.IntN(24*4)) * time.Hour)))).UTC().Format(millis)
		}
	case frame.IP:
		return seldom(9, of("10.0.0.1", "8.8.8.8", "203.0.113.9", "2001:db8::1", "127.0.0.1"))
	}
	var good []string
	for _, v := range n.values[f] {
		if s, ok := v.(string); ok && len(s) < 200 {
			good = append(good, strings.NewReplacer(`\*`, "*", "*", "q", "?", "z").Replace(s))
		}
	}
	if len(good) == 0 {
		good = []string{"one", "two"}
	}
	return seldom(25, rarely(8, func(r *rand.Rand, _ int) any {
		if r.IntN(15) == 0 {
			return fmt.Sprint("v", r.IntN(4))
		}
		return good[r.IntN(len(good))]
	}))
}

func TestElasticsRulesAnswerAlike(t *testing.T) {
	root := os.Getenv("INTERDICT_RULES")
	if root == "" {
		t.Skip("INTERDICT_RULES names no checkout of Elastic's detection rules")
	}
	node := elasticsearch.Start(t)
	w, _ := compared()
	for name := range w { // of other tests: a rule's pattern may name them
		node.Do("DELETE", "/"+name, "")
	}
	indexed = sync.Once{}
	counts := map[string]int{}
	for name, query := range ruleQueries(t, root) {
		q, err := parse.Parse(query)
		if err != nil {
			if theirs := askNode(t, node, query); !sameProblem(theirs.problem, parse.Parsing+": "+err.Error()) {
				t.Errorf("%s: %v, theirs %s", name, err, theirs.problem)
			}
			continue
		}
		pattern, _, _ := strings.Cut(q.Commands[0].(*parse.From).Patterns, ",")
		x, fields := fieldsOf(q).index(strings.ReplaceAll(strings.TrimSpace(pattern), "*", "x"), 600)
		w := world{x.name: x}
		if err := node.Index(x.name, x.mapping(fields), x.docs); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		theirs, ours := askNode(t, node, query), askEngine(w, query)
		what := differ(query, theirs, ours)
		switch {
		case theirs.problem != "" && what == "":
			counts["refused by both"]++
		case theirs.problem != "" && ours.problem == "":
			counts["answered here, refused by 8.19"]++
			t.Logf("%s: %s", name, firstLines(theirs.problem))
		case strings.Contains(ours.problem, "not supported by this engine"):
			counts["refused by name"]++
		case theirs.problem != "":
			counts["refused by both in other words"]++
			t.Logf("%s: theirs %s\n  ours %s", name, firstLines(theirs.problem), firstLines(ours.problem))
		case what != "" && strings.Contains(query, "_score"):
			counts["sorted by relevance, which is 0 here"]++
		case what == "", strings.HasPrefix(what, "warnings"):
			if what != "" {
				counts["warns in other words"]++
			}
			counts["same"]++
			counts["rows"] += len(theirs.rows)
			if len(theirs.rows) > 0 {
				counts["same and not empty"]++
			}
		default:
			counts["different"]++
			t.Errorf("%s: %s\ndiffers in %s", name, query, what)
		}
		node.Do("DELETE", "/"+x.name, "")
	}
	t.Log(counts)
}

func firstLines(s string) string {
	lines := strings.SplitN(s, "\n", 4)
	return strings.Join(lines[:min(3, len(lines))], " ")
}
