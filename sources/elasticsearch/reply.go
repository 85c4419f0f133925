package elasticsearch

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/frame"
)

// maxRows is what an ES|QL answer has at most.
const maxRows = 10_000

// reply is what _query answers, in columns.
type reply struct {
	ID      string
	Running bool  `json:"is_running"`
	Partial bool  `json:"is_partial"`
	Took    int64 // ms
	Found   int64 `json:"documents_found"`
	Columns []struct{ Name, Type string }
	Values  []json.RawMessage
	Remotes *remotes `json:"_clusters"`

	warnings []string
}

type remotes struct {
	Skipped, Partial, Failed int
	Details                  map[string]struct {
		Status   string
		Failures []struct {
			Reason struct{ Type, Reason string }
		}
		Shards struct{ Failed int } `json:"_shards"`
	}
}

func (c *Cluster) reply(ctx context.Context, r request) (*reply, error) {
	a, err := c.ask(ctx, r)
	if err != nil {
		return nil, err
	}
	out := &reply{warnings: warnings(a.header)}
	if err := json.Unmarshal(a.body, out); err != nil {
		return nil, &Fault{Cluster: c.cfg.Name, Reason: "the answer has another form than Elasticsearch's: " + err.Error(), Err: err}
	}
	return out, nil
}

// warnings reads the headers: 299 Elasticsearch-8… "text" "date".
func warnings(h http.Header) (out []string) {
	for _, line := range h.Values("Warning") {
		_, rest, ok := strings.Cut(line, `"`)
		if !ok {
			out = append(out, line)
			continue
		}
		var b strings.Builder
		for i := 0; i < len(rest) && rest[i] != '"'; i++ {
			if rest[i] == '\\' && i+1 < len(rest) {
				i++
			}
			b.WriteByte(rest[i])
		}
		out = append(out, b.String())
	}
	return out
}

// decode makes a frame, with all columns, also those that are null throughout.
func (r *reply) decode() (*frame.Frame, sources.Quality, error) {
	quality := sources.Quality{Warnings: r.warnings, Took: time.Duration(r.Took) * time.Millisecond, Scanned: r.Found}
	r.doubts(&quality)
	fields := make([]frame.Field, len(r.Columns))
	for i, c := range r.Columns {
		t, known := frame.ParseType(c.Type)
		if !known {
			t = frame.Keyword
			if c.Type == "unsupported" {
				quality.Warnings = append(quality.Warnings, fmt.Sprintf("%s has a type, or several, that ES|QL cannot read: its values are not shown", c.Name))
			}
		}
		fields[i] = frame.Field{Name: c.Name, Type: t}
	}
	d := ecs.NewDecoder(ecs.DecoderOptions{Fields: fields})
	rows, err := r.fill(d, fields)
	if err != nil {
		return nil, quality, err
	}
	for _, m := range d.Misfits() {
		quality.Partial = true
		quality.Reasons = append(quality.Reasons, m.String())
	}
	quality.Rows = int64(rows)
	f := d.Build()
	f.Rows = rows // also when all of them are null
	return f.Whole(fields), quality, nil
}

// doubts says why the answer may lack something.
func (r *reply) doubts(quality *sources.Quality) {
	reason := func(format string, args ...any) {
		quality.Partial = true
		quality.Reasons = append(quality.Reasons, fmt.Sprintf(format, args...))
	}
	if c := r.Remotes; c != nil {
		for name, d := range c.Details {
			if name == "" || name == "(local)" {
				name = "this cluster"
			}
			why := ""
			for _, f := range d.Failures {
				why = ": " + cut(f.Reason.Reason)
			}
			if d.Status != "successful" && d.Status != "running" || d.Shards.Failed > 0 {
				reason("%s answered %s, %d shards failed%s", name, d.Status, d.Shards.Failed, why)
			}
		}
		if len(quality.Reasons) == 0 && c.Skipped+c.Partial+c.Failed > 0 {
			reason("%d clusters were skipped, %d partial, %d failed", c.Skipped, c.Partial, c.Failed)
		}
	}
	if r.Partial && len(quality.Reasons) == 0 {
		reason("the cluster says that its answer is partial")
	}
}

// truncated says when more rows were asked for than an answer can have.
func (r *reply) truncated(quality *sources.Quality, asked, limit int) {
	if limit > 0 && (asked == 0 || limit < asked) {
		asked = limit
	}
	if quality.Rows >= maxRows && asked > maxRows {
		quality.Partial = true
		quality.Reasons = append(quality.Reasons, fmt.Sprintf("Elasticsearch gives %d rows at most: there may be more", maxRows))
	}
}

// fill puts the values into the decoder, row by row.
func (r *reply) fill(d *ecs.Decoder, fields []frame.Field) (rows int, err error) {
	if len(r.Values) != len(fields) {
		if len(r.Values) == 0 {
			return 0, nil
		}
		return 0, fmt.Errorf("%d columns have %d lists of values", len(fields), len(r.Values))
	}
	columns := make([]*json.Decoder, len(fields))
	for i, raw := range r.Values {
		columns[i] = json.NewDecoder(bytes.NewReader(raw))
		columns[i].UseNumber()
		if t, err := columns[i].Token(); err != nil || t != json.Delim('[') {
			return 0, fmt.Errorf("the values of %s are no list", fields[i].Name)
		}
	}
	for len(columns) > 0 && columns[0].More() {
		d.Row()
		rows++
		for i, c := range columns {
			var v any
			if err := c.Decode(&v); err != nil {
				return rows, fmt.Errorf("row %d of %s: %w", rows, fields[i].Name, err)
			}
			if fields[i].Type != frame.Null {
				put(d, i, v)
			}
		}
	}
	for i, c := range columns {
		if c.More() {
			return rows, fmt.Errorf("%s has more than %d values", fields[i].Name, rows)
		}
	}
	return rows, nil
}

func put(d *ecs.Decoder, column int, v any) {
	switch x := v.(type) {
	case nil:
	case string:
		d.Text(column, []byte(x))
	case json.Number:
		d.Text(column, []byte(x))
	case bool:
		d.Text(column, fmt.Append(nil, x))
	case []any:
		for _, one := range x {
			put(d, column, one)
		}
	default:
		if b, err := json.Marshal(x); err == nil {
			d.Text(column, b)
		}
	}
}
