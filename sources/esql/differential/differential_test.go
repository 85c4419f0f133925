package differential

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"interdict/sources"
	"interdict/sources/esql"
	"interdict/sources/esql/parse"
	"interdict/sources/frame"
	"interdict/testdata/elasticsearch"
)

// The same rows and the same questions go to a real Elasticsearch node and to
// the engine. What differs is a mistake of the engine, unless docs/esql.md says why.

func TestMain(m *testing.M) { os.Exit(elasticsearch.Run(m)) }

type table struct {
	fields   []frame.Field
	segments []esql.Segment
}

func (t table) Fields() []frame.Field                        { return t.fields }
func (t table) Segments(string, int64, int64) []esql.Segment { return t.segments }

type segment struct{ f *frame.Frame }

func (s segment) Rows() int { return s.f.Rows }

func (s segment) Read(_ context.Context, columns []string) (*frame.Frame, error) {
	out := &frame.Frame{Rows: s.f.Rows}
	for _, name := range columns {
		if c := s.f.Column(name); c != nil {
			out.Names, out.Columns = append(out.Names, name), append(out.Columns, c)
		}
	}
	return out, nil
}

// answer is what either side said, in one form.
type answer struct {
	columns  []string   // name:type
	rows     [][]string // a cell as JSON
	warnings []string
	problem  string // type: reason
}

var (
	compared = sync.OnceValues(makeWorld)
	indexed  sync.Once
)

// both starts the node and puts the rows there.
func both(t *testing.T) (*elasticsearch.Node, world) {
	t.Helper()
	node := elasticsearch.Start(t)
	w, requests := compared()
	indexed.Do(func() {
		for name, request := range requests {
			if err := node.Index(name, request, w[name].docs); err != nil {
				t.Fatal(err)
			}
		}
	})
	return node, w
}

func askNode(t *testing.T, node *elasticsearch.Node, query string, params ...sources.Param) answer {
	t.Helper()
	request := map[string]any{"query": query}
	if len(params) > 0 {
		given := make([]any, len(params))
		for i, p := range params {
			given[i] = p.Value
			if p.Name != "" {
				given[i] = map[string]any{p.Name: p.Value}
			}
		}
		request["params"] = given
	}
	body, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	got, err := node.Do("POST", "/_query", string(body))
	if got.Status == 0 {
		t.Fatal(err)
	}
	var told struct {
		Columns []struct{ Name, Type string }
		Values  [][]any
		Partial bool `json:"is_partial"`
		Error   struct{ Type, Reason string }
	}
	d := json.NewDecoder(strings.NewReader(string(got.Body)))
	d.UseNumber()
	if err := d.Decode(&told); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	a := answer{warnings: warnings(got.Header)}
	if got.Status != http.StatusOK {
		a.problem = told.Error.Type + ": " + told.Error.Reason
		return a
	}
	if told.Partial {
		a.problem = "partial"
	}
	for _, c := range told.Columns {
		if c.Type == "text" { // a frame's text is keyword
			c.Type = "keyword"
		}
		a.columns = append(a.columns, c.Name+":"+c.Type)
	}
	for _, row := range told.Values {
		cells := make([]string, len(row))
		for i, v := range row {
			cells[i] = cell(v, told.Columns[i].Type)
		}
		a.rows = append(a.rows, cells)
	}
	return a
}

var quotedWarning = regexp.MustCompile(`^299 \S+ "(.*)"$`)

func warnings(h http.Header) []string {
	var out []string
	for _, w := range h.Values("Warning") {
		if m := quotedWarning.FindStringSubmatch(w); m != nil {
			w = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(m[1])
			if plain, err := url.PathUnescape(w); err == nil {
				w = plain
			}
			if !utf8.ValidString(w) { // what Latin 1 has is one byte there
				w = latin1(w)
			}
		}
		out = append(out, w)
	}
	slices.Sort(out)
	return out
}

func latin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

func cell(v any, kind string) string {
	switch x := v.(type) {
	case nil:
		return "null"
	case []any:
		parts := make([]string, len(x))
		for i, one := range x {
			parts[i] = cell(one, kind)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case json.Number:
		if kind == "double" {
			f, _ := x.Float64()
			return number(f)
		}
		return x.String()
	case float64:
		return number(x)
	case string:
		return strconv.Quote(x)
	}
	return fmt.Sprint(v)
}

// number leaves out the last digits, in which the order of a sum shows.
func number(f float64) string { return strconv.FormatFloat(f, 'g', 13, 64) }

func askEngine(w world, query string, params ...sources.Param) answer {
	f, q, err := esql.Run(context.Background(), esql.With(w, w), sources.Query{Text: query, Params: params, Now: time.Now()})
	a := answer{warnings: slices.Sorted(slices.Values(q.Warnings))}
	var wrong *parse.Error
	switch {
	case errors.As(err, &wrong):
		a.problem = wrong.Type + ": " + wrong.Error()
		return a
	case err != nil:
		a.problem = err.Error()
		return a
	}
	for i, c := range f.Columns {
		a.columns = append(a.columns, f.Names[i]+":"+c.Type.String())
	}
	for row := range f.Rows {
		cells := make([]string, len(f.Columns))
		for i, c := range f.Columns {
			cells[i] = cell(c.Value(row), c.Type.String())
		}
		a.rows = append(a.rows, cells)
	}
	return a
}

// differ says what differs between Elasticsearch's answer and ours, "" for nothing.
func differ(query string, theirs, ours answer) string {
	if theirs.problem != "" || ours.problem != "" {
		if sameProblem(theirs.problem, ours.problem) {
			return ""
		}
		return fmt.Sprintf("error\n  theirs %s\n  ours   %s", theirs.problem, ours.problem)
	}
	if !slices.Equal(theirs.columns, ours.columns) {
		return fmt.Sprintf("columns\n  theirs %s\n  ours   %s", theirs.columns, ours.columns)
	}
	if what := differRows(query, theirs, ours); what != "" {
		return what
	}
	in := conditions(query)
	if !sameWarnings(outside(theirs.warnings, in), outside(ours.warnings, in)) {
		return fmt.Sprintf("warnings\n  theirs %q\n  ours   %q", theirs.warnings, ours.warnings)
	}
	return ""
}

// conditions gives the places of WHERE's expressions. Which of them warn, and
// in the name of which part, depends on what Elasticsearch asks its index. For
// an aggregate with a WHERE it computes also what that leaves out.
func conditions(query string) map[string]bool {
	in := map[string]bool{}
	mark := func(e parse.Expr) {
		parse.Walk(e, func(e parse.Expr) { in[fmt.Sprintf("Line %d:%d", e.At().Line, e.At().Column)] = true })
	}
	q, err := parse.Parse(query)
	if err != nil {
		return nil
	}
	for _, c := range q.Commands {
		switch x := c.(type) {
		case *parse.Where:
			mark(x.Condition)
		case *parse.Stats:
			for _, a := range x.Aggregates {
				if a.Where != nil {
					mark(a.Expr)
					mark(a.Where)
				}
			}
		}
	}
	return in
}

func outside(warnings []string, in map[string]bool) []string {
	return slices.DeleteFunc(slices.Clone(warnings), func(w string) bool {
		place, _, _ := strings.Cut(w, ": ")
		return in[place]
	})
}

// sameWarnings lets the engine give more reasons at a place: Elasticsearch stops
// at 20 rows, the engine at 20 reasons.
func sameWarnings(theirs, ours []string) bool {
	for _, w := range theirs {
		if !slices.Contains(ours, w) {
			return false
		}
	}
	for _, w := range ours {
		place, _, _ := strings.Cut(w, ": ")
		if !slices.Contains(theirs, w) && !slices.ContainsFunc(theirs, func(s string) bool { return strings.HasPrefix(s, place+": evaluation of") }) {
			return false
		}
	}
	return true
}

var (
	generated  = regexp.MustCompile(`^(parsing_exception: line \d+:\d+: )(mismatched input|extraneous input|no viable alternative|missing|token recognition error)`)
	suggestion = regexp.MustCompile(`, did you mean .*\?`)
)

// sameProblem compares errors: of those that a generated parser words the place
// only, names that are suggested not at all, and of those that Elasticsearch
// finds when it computes the reason only.
func sameProblem(theirs, ours string) bool {
	if strings.Contains(theirs, ": token recognition error") { // which it tells of before anything else
		return strings.HasPrefix(ours, parse.Parsing)
	}
	if m := generated.FindStringSubmatch(theirs); m != nil {
		return strings.HasPrefix(ours, m[1])
	}
	if kind, reason, _ := strings.Cut(theirs, ": "); kind != parse.Parsing && kind != parse.Verification {
		return reason != "" && strings.Contains(ours, reason)
	}
	return suggestion.ReplaceAllString(theirs, "") == suggestion.ReplaceAllString(ours, "")
}

func differRows(query string, theirs, ours answer) string {
	if len(theirs.rows) != len(ours.rows) {
		return fmt.Sprintf("%d rows, ours %d", len(theirs.rows), len(ours.rows))
	}
	loose := strings.Contains(strings.ToLower(query), "values(")
	a, b := lines(theirs.rows, loose), lines(ours.rows, loose)
	keys := sortKeys(query, theirs.columns)
	for i := range a {
		for _, k := range keys {
			if theirs.rows[i][k] != ours.rows[i][k] {
				return fmt.Sprintf("order of row %d\n  theirs %s\n  ours   %s", i, a[i], b[i])
			}
		}
	}
	slices.Sort(a)
	slices.Sort(b)
	for i := range a {
		if a[i] != b[i] {
			return fmt.Sprintf("a row\n  theirs %s\n  ours   %s", a[i], b[i])
		}
	}
	return ""
}

// lines writes rows as text; the order of VALUES is open, so loose sorts it.
func lines(rows [][]string, loose bool) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		cells := slices.Clone(r)
		for k, c := range cells {
			if loose && strings.HasPrefix(c, "[") {
				parts := strings.Split(strings.Trim(c, "[]"), ", ")
				slices.Sort(parts)
				cells[k] = "[" + strings.Join(parts, ", ") + "]"
			}
		}
		out[i] = strings.Join(cells, " | ")
	}
	return out
}

// sortKeys are the places of the columns that the rows are in the order of.
func sortKeys(query string, columns []string) []int {
	q, err := parse.Parse(query)
	if err != nil {
		return nil
	}
	var keys []int
	for _, c := range q.Commands {
		switch x := c.(type) {
		case *parse.Stats, *parse.Eval, *parse.Rename, *parse.MVExpand, *parse.Join:
			keys = nil
		case *parse.Sort:
			keys = nil
			for _, k := range x.Keys {
				at := slices.IndexFunc(columns, func(c string) bool { return strings.HasPrefix(c, k.Expr.Text()+":") })
				if at < 0 {
					break
				}
				keys = append(keys, at)
			}
		}
	}
	return keys
}

// written is a query of a file, its parameters, and why it may differ.
type written struct {
	query, reason string
	params        []sources.Param
	line          int
}

// readQueries reads queries that empty lines part. A line that begins with #
// is a remark, "#! reason" says that the query below it differs, and why, and
// "#? a list" gives its parameters; those of a name are objects in the list.
func readQueries(t *testing.T, name string) []written {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var all []written
	var now written
	end := func() {
		if now.query != "" {
			all = append(all, now)
		}
		now = written{}
	}
	for i, line := range strings.Split(string(text), "\n") {
		reason, differs := strings.CutPrefix(line, "#!")
		switch {
		case strings.TrimSpace(line) == "":
			end()
		case differs:
			now.reason = strings.TrimSpace(reason)
		case strings.HasPrefix(line, "#?"):
			now.params = readParams(t, line[2:])
		case strings.HasPrefix(line, "#"):
		case now.query == "":
			now.query, now.line = line, i+1
		default:
			now.query += "\n" + line
		}
	}
	end()
	return all
}

func readParams(t *testing.T, list string) []sources.Param {
	t.Helper()
	var values []any
	d := json.NewDecoder(strings.NewReader(list))
	d.UseNumber()
	if err := d.Decode(&values); err != nil {
		t.Fatalf("%s: %v", list, err)
	}
	var out []sources.Param
	for _, v := range values {
		if named, ok := v.(map[string]any); ok {
			for name, v := range named {
				out = append(out, sources.Param{Name: name, Value: plain(v)})
			}
			continue
		}
		out = append(out, sources.Param{Value: plain(v)})
	}
	return out
}

func plain(v any) any {
	n, ok := v.(json.Number)
	if !ok {
		return v
	}
	if whole, err := n.Int64(); err == nil {
		return whole
	}
	f, _ := n.Float64()
	return f
}

func TestTheEngineAnswersAsElasticsearchDoes(t *testing.T) {
	node, w := both(t)
	same := 0
	all := readQueries(t, "testdata/queries.esql")
	for _, q := range all {
		what := differ(q.query, askNode(t, node, q.query, q.params...), askEngine(w, q.query, q.params...))
		switch {
		case what == "" && q.reason == "":
			same++
		case what == "":
			t.Errorf("line %d: the answers are the same now: %s", q.line, q.query)
		case q.reason == "":
			t.Errorf("line %d: %s\ndiffers in %s", q.line, q.query, what)
		}
	}
	t.Logf("%d of %d queries have the same answer", same, len(all))
}
