package esql_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/sources"
	"interdict/sources/esql"
	"interdict/sources/esql/funcs"
	"interdict/sources/esql/parse"
	"interdict/sources/frame"
)

var update = flag.Bool("update", false, "write what the engine answers into the tests of its language")

// clock is what now() gives in them.
var clock = time.Date(2026, 3, 4, 5, 6, 7, 8_000_000, time.UTC)

// TestQueriesAnswerAsTheirTextsSay runs testdata/*.txt; testdata/README.md is
// the format. Each query is asked of rows in one segment, and of a segment a
// row, and must answer the same.
func TestQueriesAnswerAsTheirTextsSay(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatal("there are no tests", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) { runText(t, path) })
	}
}

func runText(t *testing.T, path string) {
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile(`\n\n+`).Split(strings.TrimSpace(string(raw)), -1)
	known := tables{}
	line := 1
	for i, block := range blocks {
		at := fmt.Sprintf("%s:%d", path, line)
		line += strings.Count(block, "\n") + 2
		if name, rows, ok := tableOf(t, at, block); ok {
			known[name] = rows
			continue
		}
		question, want, ok := strings.Cut(block, "\n----")
		if !ok {
			if strings.HasPrefix(lastLine(block), "#") {
				continue
			}
			t.Fatalf("%s: neither a table nor a query with an answer", at)
		}
		whole, cut := answer(t, esql.With(known.segmented(1<<20), known), question), answer(t, esql.With(known.segmented(1), known), question)
		if whole != cut {
			t.Errorf("%s: rows in one segment and in many answer differently (-one +many):\n%s\n%s", at, question, cmp.Diff(whole, cut))
		}
		if *update {
			blocks[i] = question + "\n----\n" + whole
		} else if want = strings.TrimPrefix(want, "\n"); whole != want {
			t.Errorf("%s: (-want +got)\n%s\n%s", at, question, cmp.Diff(want, whole))
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(strings.Join(blocks, "\n\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func lastLine(s string) string { return s[strings.LastIndexByte(s, '\n')+1:] }

// answer asks, and gives the answer as tests hold it.
func answer(t *testing.T, cat esql.Catalog, question string) string {
	q := sources.Query{Now: clock}
	var text []string
	for l := range strings.Lines(question) {
		l = strings.TrimSuffix(l, "\n")
		switch {
		case strings.HasPrefix(l, "#"):
		case strings.HasPrefix(l, "?"):
			name, value, _ := strings.Cut(l[1:], " ")
			q.Params = append(q.Params, sources.Param{Name: name, Value: paramValue(value)})
		default:
			text = append(text, l)
		}
	}
	q.Text = strings.Join(text, "\n")
	f, quality, err := esql.Run(context.Background(), cat, q)
	var out []string
	var wrong *parse.Error
	switch {
	case errors.As(err, &wrong):
		out = append(out, wrong.Type+": "+wrong.Error())
	case err != nil:
		t.Fatalf("%s: %v", q.Text, err)
	default:
		out = rendered(f)
	}
	for _, w := range quality.Warnings {
		if !strings.HasPrefix(w, "No limit defined") { // said apart, in limit.txt
			out = append(out, "warning: "+w)
		} else if strings.Contains(question, "# with its implicit limit") {
			out = append(out, "warning: "+w)
		}
	}
	return strings.Join(out, "\n")
}

func paramValue(s string) any {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return f
	}
	switch s {
	case "null":
		return nil
	case "true", "false":
		return s == "true"
	}
	return s
}

func rendered(f *frame.Frame) []string {
	heads := make([]string, len(f.Names))
	for i, n := range f.Names {
		heads[i] = n + ":" + f.Columns[i].Type.String()
	}
	out := []string{strings.Join(heads, " | ")}
	for r := range f.Rows {
		cells := make([]string, len(f.Columns))
		for i, c := range f.Columns {
			cells[i] = cell(c, r)
		}
		out = append(out, strings.Join(cells, " | "))
	}
	return out
}

func cell(c *frame.Column, r int) string {
	lo, hi := c.Range(r)
	if lo == hi {
		return "null"
	}
	var values []string
	for ; lo < hi; lo++ {
		s := c.TextAt(lo)
		switch {
		case c.Type == frame.Double:
			s = funcs.FormatDouble(c.Floats[lo])
		case c.Type == frame.Keyword && (s == "" || s == "null" || strings.ContainsAny(s, "|,[]\"\n\t#") || strings.TrimSpace(s) != s || strconv.Quote(s) != `"`+s+`"`):
			s = strconv.Quote(s)
		}
		values = append(values, s)
	}
	if len(values) == 1 {
		return values[0]
	}
	return "[" + strings.Join(values, ", ") + "]"
}

var header = regexp.MustCompile(`^([^\s:|]+):([a-z_]+)$`)

// tableOf reads a block that defines a table.
func tableOf(t testing.TB, at, block string) (string, *frame.Frame, bool) {
	lines := slices.DeleteFunc(strings.Split(block, "\n"), func(l string) bool { return strings.HasPrefix(l, "#") })
	if len(lines) == 0 {
		return "", nil, false
	}
	name, ok := strings.CutPrefix(lines[0], "table ")
	if !ok {
		return "", nil, false
	}
	var fields []frame.Field
	for _, h := range cells(lines[1]) {
		m := header.FindStringSubmatch(h)
		if m == nil {
			t.Fatalf("%s: %q is no name:type", at, h)
		}
		typ, known := frame.ParseType(m[2])
		if !known {
			t.Fatalf("%s: unknown type %s", at, m[2])
		}
		fields = append(fields, frame.Field{Name: m[1], Type: typ})
	}
	b := frame.NewBuilder(fields)
	for _, l := range lines[2:] {
		b.Row()
		for i, c := range cells(l) {
			if err := setCell(b, i, fields[i].Type, c); err != nil {
				t.Fatalf("%s: %s: %v", at, l, err)
			}
		}
	}
	return name, b.Build(), true
}

// cells takes a line apart at | outside of quotes.
func cells(line string) []string { return cutOutside(line, '|') }

func cutOutside(s string, at byte) []string {
	var out []string
	from, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == at && !quoted:
			out = append(out, strings.TrimSpace(s[from:i]))
			from = i + 1
		}
	}
	return append(out, strings.TrimSpace(s[from:]))
}

func setCell(b *frame.Builder, col int, typ frame.Type, text string) error {
	if text == "null" {
		return nil
	}
	values := []string{text}
	if strings.HasPrefix(text, "[") {
		values = cutOutside(strings.Trim(text, "[]"), ',')
	}
	for _, v := range values {
		if strings.HasPrefix(v, `"`) {
			var err error
			if v, err = strconv.Unquote(v); err != nil {
				return err
			}
		}
		if err := setValue(b, col, typ, v); err != nil {
			return err
		}
	}
	return nil
}

func setValue(b *frame.Builder, col int, typ frame.Type, v string) error {
	converted, err := funcs.Convert(v, frame.Keyword, typ)
	if err != nil {
		return err
	}
	switch x := converted.(type) {
	case int64:
		if typ == frame.Boolean {
			b.Bool(col, x != 0)
		} else {
			b.Int(col, x)
		}
	case float64:
		b.Float(col, x)
	case string:
		if typ == frame.IP {
			b.IP(col, netip.MustParseAddr(v))
		} else {
			b.Keyword(col, x)
		}
	}
	return nil
}

// tables is a catalog of the tables of a file.
type tables map[string]*frame.Frame

func (k tables) segmented(rows int) catalog { return catalog{k, rows} }

// Lookup finds a table, which ENRICH compares by its first column.
func (k tables) Lookup(name string) (esql.Table, string, bool) {
	f, ok := k[name]
	if !ok {
		return nil, "", false
	}
	return held{[]*frame.Frame{f}, 1}, f.Names[0], true
}

type catalog struct {
	tables
	rows int // a segment
}

func (c catalog) Table(patterns string) (esql.Table, bool) {
	var found []*frame.Frame
	var names []string
	for name := range c.tables {
		if esql.MatchIndex(patterns, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, n := range names {
		found = append(found, withIndex(c.tables[n], n))
	}
	return held{found, c.rows}, len(found) > 0
}

// withIndex gives a frame with the columns that METADATA names.
func withIndex(f *frame.Frame, name string) *frame.Frame {
	b := frame.NewBuilder([]frame.Field{{Name: "_index", Type: frame.Keyword}, {Name: "_id", Type: frame.Keyword}, {Name: "_version", Type: frame.Long}})
	for r := range f.Rows {
		b.Row()
		b.Keyword(0, name)
		b.Keyword(1, name+strconv.Itoa(r+1))
		b.Int(2, 1)
	}
	meta := b.Build()
	return &frame.Frame{Rows: f.Rows, Names: append(slices.Clone(f.Names), meta.Names...), Columns: append(slices.Clone(f.Columns), meta.Columns...)}
}

type held struct {
	frames []*frame.Frame
	rows   int
}

func (h held) Fields() []frame.Field {
	var out []frame.Field
	for _, f := range h.frames {
		for _, field := range f.Fields() {
			if !slices.ContainsFunc(out, func(g frame.Field) bool { return g.Name == field.Name }) {
				out = append(out, field)
			}
		}
	}
	return out
}

func (h held) Segments(string, int64, int64) []esql.Segment {
	var out []esql.Segment
	for _, f := range h.frames {
		for lo := 0; lo < f.Rows; lo += h.rows {
			var rows []uint32
			for r := lo; r < min(lo+h.rows, f.Rows); r++ {
				rows = append(rows, uint32(r))
			}
			out = append(out, segment{f.Gather(rows)})
		}
	}
	return out
}

type segment struct{ f *frame.Frame }

func (s segment) Rows() int { return s.f.Rows }

func (s segment) Read(_ context.Context, columns []string) (*frame.Frame, error) {
	out := &frame.Frame{Rows: s.f.Rows}
	for i, n := range s.f.Names {
		null := true
		for r := range s.f.Rows {
			null = null && s.f.Columns[i].IsNull(r)
		}
		if slices.Contains(columns, n) && !null {
			out.Names, out.Columns = append(out.Names, n), append(out.Columns, s.f.Columns[i])
		}
	}
	return out, nil
}
