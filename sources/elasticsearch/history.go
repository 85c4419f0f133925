package elasticsearch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"interdict/sources"
	"interdict/sources/esql/parse"
	"interdict/sources/frame"
)

// Waiting for an answer: so long with the question itself, then as often as
// need be. Both are short of what proxies cut.
const (
	waitAtFirst = time.Second
	waitAgain   = 10 * time.Second
	keepFor     = 5 * time.Minute // the cluster forgets a question that nobody asks after
	cleanupTime = 5 * time.Second
)

// History asks the cluster. It is safe for concurrent use.
type History struct{ c *Cluster }

// History gives the cluster's history.
func (c *Cluster) History() *History { return &History{c} }

// Query pushes q down.
func (h *History) Query(ctx context.Context, q sources.Query) (*frame.Frame, sources.Quality, error) {
	if err := ctx.Err(); err != nil {
		return nil, sources.Quality{}, err
	}
	t := readText(q)
	missing, err := h.c.missing(ctx, t.patterns(), t.wanted())
	if err != nil {
		return nil, sources.Quality{}, err
	}
	sent := t.prepared(q, missing)
	body, err := t.body(q, sent.after)
	if err != nil {
		return nil, sources.Quality{}, err
	}
	reply, err := h.c.run(ctx, body)
	if err != nil {
		return nil, sources.Quality{}, queryError(err, sent)
	}
	f, quality, err := reply.decode()
	if err != nil {
		return nil, quality, &Fault{Cluster: h.c.cfg.Name, Reason: "the answer has another form than Elasticsearch's: " + err.Error(), Err: err}
	}
	if t.query == nil && !q.Now.IsZero() {
		quality.Warnings = append(quality.Warnings, "the text is not understood here: now() in it is the cluster's own time")
	}
	reply.truncated(&quality, t.asked(), q.Limit)
	return f, quality, nil
}

// body is what _query takes.
func (t text) body(q sources.Query, text string) ([]byte, error) {
	body := map[string]any{
		"query": text, "columnar": true, "locale": "en",
		"wait_for_completion_timeout": millis(waitAtFirst), "keep_alive": millis(keepFor), "keep_on_completion": false,
	}
	params, err := t.bodyParams()
	if err != nil {
		return nil, err
	}
	if len(params) > 0 {
		body["params"] = params
	}
	if filter := queryFilter(q); filter != nil {
		body["filter"] = filter
	}
	if strings.Contains(t.patterns(), ":") {
		body["include_ccs_metadata"] = true
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err = e.Encode(body)
	return b.Bytes(), err
}

// run asks and waits. When ctx ends the cluster is told to stop.
func (c *Cluster) run(ctx context.Context, body []byte) (*reply, error) {
	if err := c.begins(); err != nil {
		return nil, err
	}
	defer c.asking.Done()
	query := url.Values{}
	info, err := c.Info(ctx)
	if err != nil {
		return nil, err
	}
	if !info.before(8, 18) { // older ones answer whole or not at all
		query.Set("allow_partial_results", "false")
	}
	// The first wait is short and seen to its end: only then is there an id to stop the question by.
	first, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		if sleep(first, waitAtFirst+cleanupTime) == nil {
			cancel()
		}
	})
	defer stop()
	r, err := c.reply(first, request{method: "POST", path: "/_query/async", query: query, body: body, once: ctx.Err() != nil})
	for err == nil && r.Running && ctx.Err() == nil {
		id := r.ID
		r, err = c.reply(ctx, request{method: "GET", path: "/_query/async/" + id,
			query: url.Values{"wait_for_completion_timeout": {millis(waitAgain)}, "keep_alive": {millis(keepFor)}}})
		if r == nil {
			r = &reply{ID: id, Running: true}
		}
	}
	if r != nil && r.ID != "" && (err != nil || r.Running || ctx.Err() != nil) {
		c.forget(ctx, r.ID)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return r, err
}

// forget stops a question and drops its answer. When that does not work either,
// the cluster drops it after keepFor.
func (c *Cluster) forget(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	_, _ = c.ask(ctx, request{method: "DELETE", path: "/_query/async/" + id, once: true})
}

// queryError makes a *parse.Error of a fault that is about the text, with places
// in the text as it was given.
func queryError(err error, sent edited) error {
	var f *Fault
	if !errors.As(err, &f) || f.Status != http.StatusBadRequest {
		return err
	}
	kind, reason := f.Type, f.full
	if m := wrapped.FindStringSubmatch(reason); m != nil {
		kind, reason = m[1], reason[len(m[0]):]
	}
	problems := textProblems(reason, sent)
	switch {
	case kind == parse.Parsing || kind == parse.Verification:
	case len(problems) > 0 && problems[0].Line > 0:
		kind = parse.Verification
	default:
		return err
	}
	return &parse.Error{Type: kind, Problems: problems}
}

// wrapped is how the reason of a question begins that had to be waited for.
var wrapped = regexp.MustCompile(`^(parsing_exception|verification_exception): `)

var placed = regexp.MustCompile(`^line (-?\d+):(-?\d+): (.*)$`)

func textProblems(reason string, sent edited) (out []parse.Problem) {
	for line := range strings.SplitSeq(reason, "\n") {
		m := placed.FindStringSubmatch(line)
		switch {
		case m != nil:
			l, _ := strconv.Atoi(m[1])
			column, _ := strconv.Atoi(m[2])
			if l < 1 || column < 1 {
				out = append(out, parse.Problem{Message: m[3]})
				continue
			}
			l, column = sent.place(l, column)
			out = append(out, parse.Problem{Line: l, Column: column, Message: m[3]})
		case strings.HasPrefix(line, "Found ") && strings.Contains(line, " problem"):
		case len(out) > 0:
			out[len(out)-1].Message += "\n" + line
		default:
			out = append(out, parse.Problem{Message: line})
		}
	}
	return out
}

// queryFilter is the window and the filter in the query DSL, nil when neither bounds.
func queryFilter(q sources.Query) any {
	var all []any
	if w := windowFilter(q.Window); w != nil {
		all = append(all, w)
	}
	for field, values := range q.Filter {
		all = append(all, map[string]any{"terms": map[string]any{field: values}})
	}
	if all == nil {
		return nil
	}
	return map[string]any{"bool": map[string]any{"filter": all}}
}

func windowFilter(w sources.Window) any {
	if w.From.IsZero() && w.To.IsZero() {
		return nil
	}
	if w.Field == "" {
		w.Field = "@timestamp"
	}
	between := func(field string) any {
		bounds := map[string]any{"format": "epoch_millis"}
		if !w.From.IsZero() {
			bounds["gte"] = w.From.UnixMilli()
		}
		if !w.To.IsZero() {
			bounds["lt"] = w.To.UnixMilli()
		}
		return map[string]any{"range": map[string]any{field: bounds}}
	}
	if w.Fallback == "" {
		return between(w.Field)
	}
	without := map[string]any{"bool": map[string]any{
		"must_not": map[string]any{"exists": map[string]any{"field": w.Field}}, "filter": between(w.Fallback)}}
	return map[string]any{"bool": map[string]any{"should": []any{between(w.Field), without}, "minimum_should_match": 1}}
}

// millis is a duration as Elasticsearch reads it.
func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) + "ms" }
