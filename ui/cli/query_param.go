package cli

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"

	"interdict/sources"
	"interdict/sources/esql"
	"interdict/sources/esql/parse"
	"interdict/sources/frame"
)

var namedParam = regexp.MustCompile(`^([A-Za-z_]\w*)=`)

// queryParams reads what ? and ?name stand for: VALUE or NAME=VALUE, where a
// value is JSON, or text if it is none.
func queryParams(given []string) []sources.Param {
	var out []sources.Param
	for _, s := range given {
		p := sources.Param{}
		if m := namedParam.FindStringSubmatch(s); m != nil {
			p.Name, s = m[1], s[len(m[0]):]
		}
		d := json.NewDecoder(strings.NewReader(s))
		d.UseNumber()
		if d.Decode(&p.Value) != nil || !json.Valid([]byte(s)) { // more may stand behind a value
			p.Value = s
		}
		p.Value = paramValue(p.Value)
		out = append(out, p)
	}
	return out
}

func paramValue(v any) any {
	switch x := v.(type) {
	case json.Number:
		if whole, err := x.Int64(); err == nil {
			return whole
		}
		if f, err := x.Float64(); err == nil {
			return f
		}
		return x.String()
	case []any:
		for i := range x {
			x[i] = paramValue(x[i])
		}
	case map[string]any: // no value of a query
		text, _ := json.Marshal(x)
		return string(text)
	}
	return v
}

// readsNothing tells whether a query makes its rows itself, as ROW and SHOW do.
func readsNothing(query sources.Query) bool {
	var given []parse.Param
	for _, p := range query.Params {
		given = append(given, parse.Param(p))
	}
	q, err := parse.Parse(query.Text, given...)
	if err != nil {
		return false
	}
	_, from := q.Commands[0].(*parse.From)
	return !from
}

// noHistory answers queries that read nothing.
type noHistory struct{}

func (noHistory) Table(string) (esql.Table, bool) { return nil, false }

func (n noHistory) Query(ctx context.Context, q sources.Query) (*frame.Frame, sources.Quality, error) {
	return esql.Run(ctx, n, q)
}

func (noHistory) Close() error { return nil }
