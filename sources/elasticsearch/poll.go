package elasticsearch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"interdict/sources/ecs"
)

const (
	pageRows = 1000
	pitKept  = "1m"

	pollTimeout = 15 * time.Second
)

// poll reads what was indexed from a time on, in a point in time of its own: it
// is a frozen picture, so a later poll wants another.
func (p *polling) poll(ctx context.Context, from time.Time) error {
	pit, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer func() { p.close(ctx, pit) }()
	var after []any
	var taken []string
	for {
		page, err := p.page(ctx, pit, from, after)
		if err != nil {
			return err
		}
		pit = page.PIT
		for _, raw := range page.Hits.Hits {
			var h hit
			if err := decodeNumbers(raw, &h); err != nil {
				return &Fault{Cluster: p.c.cfg.Name, Reason: "a hit has another form than Elasticsearch's: " + err.Error(), Err: err}
			}
			after = h.Sort
			key := stream(h.Index) + "\x00" + h.ID
			if !p.seen.add(key, p.cfg.Now()) {
				continue
			}
			taken = append(taken, key)
			if err := p.decoder.Document(raw); err != nil {
				p.lost.Malformed++
				p.bad(h.Index+"/"+h.ID, err)
			}
		}
		if err := p.deliver(ctx); err != nil {
			p.seen.drop(taken)
			return err
		}
		taken = taken[:0]
		if len(page.Hits.Hits) < pageRows {
			return nil
		}
	}
}

// hit is what is looked at of one; its source is decoded from the hit itself.
type hit struct {
	Index string `json:"_index"`
	ID    string `json:"_id"`
	Sort  []any  `json:"sort"`
}

// request is tried once: the next poll is the next try. It waits no longer than a
// person should be left without being told.
func (p *polling) request(method, path string, query url.Values, body []byte) request {
	return request{method: method, path: path, query: query, body: body, once: true, timeout: min(p.c.cfg.Timeout, pollTimeout)}
}

type page struct {
	PIT      string `json:"pit_id"`
	TimedOut bool   `json:"timed_out"`
	Shards   struct {
		Failed   int
		Failures []struct {
			Index  string
			Reason struct{ Type, Reason string }
		}
	} `json:"_shards"`
	Clusters struct{ Skipped, Failed, Partial int } `json:"_clusters"`
	Hits     struct{ Hits []json.RawMessage }
}

func (p *polling) open(ctx context.Context) (string, error) {
	var pit struct {
		ID     string
		Shards struct{ Total, Failed int } `json:"_shards"`
	}
	query := url.Values{"keep_alive": {pitKept}, "ignore_unavailable": {"true"}, "allow_partial_search_results": {"false"}}
	if info, err := p.c.Info(ctx); err == nil && info.before(8, 16) {
		query.Del("allow_partial_search_results")
	}
	err := p.c.get(ctx, p.request("POST", "/"+p.c.cfg.Events+"/_pit", query, nil), &pit)
	if err != nil {
		return "", err
	}
	if pit.Shards.Total == 0 {
		return pit.ID, &Fault{Cluster: p.c.cfg.Name, Status: http.StatusNotFound, Type: noIndex,
			Reason: "there is no index " + p.c.cfg.Events, Hint: "nothing ships events there yet, or events in the configuration names others"}
	}
	return pit.ID, nil
}

func (p *polling) close(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	body, _ := json.Marshal(map[string]string{"id": id})
	_, _ = p.c.ask(ctx, request{method: "DELETE", path: "/_pit", body: body, once: true}) // it ends by itself in a minute
}

func (p *polling) page(ctx context.Context, pit string, from time.Time, after []any) (*page, error) {
	body := map[string]any{
		"size": pageRows, "track_total_hits": false, "query": tools(from, p.above.ids()), "pit": map[string]string{"id": pit, "keep_alive": pitKept},
		"sort": []any{
			map[string]any{"@timestamp": map[string]string{"order": "asc", "format": "epoch_millis", "unmapped_type": "date"}},
			map[string]any{ecs.EventSequence.Name(): map[string]string{"order": "asc", "unmapped_type": "long"}},
			map[string]any{"_shard_doc": "asc"},
		},
	}
	if after != nil {
		body["search_after"] = after
	}
	b, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	query := url.Values{"allow_partial_search_results": {"false"}}
	a, err := p.c.ask(ctx, p.request("POST", "/_search", query, b))
	if err != nil {
		return nil, err
	}
	var out page
	if err := decodeNumbers(a.body, &out); err != nil {
		return nil, &Fault{Cluster: p.c.cfg.Name, Reason: "the answer has another form than Elasticsearch's: " + err.Error(), Err: err}
	}
	if out.PIT == "" {
		out.PIT = pit
	}
	if out.TimedOut || out.Shards.Failed > 0 {
		why := "the search took too long"
		for _, f := range out.Shards.Failures {
			why = fmt.Sprintf("%s: %s", f.Index, f.Reason.Reason)
		}
		return nil, &Fault{Cluster: p.c.cfg.Name, Status: http.StatusServiceUnavailable, Reason: fmt.Sprintf("%d shards failed: %s", out.Shards.Failed, cut(why)), Err: errPartial}
	}
	if n := out.Clusters.Skipped + out.Clusters.Failed + out.Clusters.Partial; n > 0 {
		p.doubt(fmt.Sprintf("%d remote clusters did not answer", n))
	}
	return &out, nil
}

const noIndex = "index_not_found_exception"

var errPartial = errors.New("a part of the answer is missing")

// tools is what transfer tools did, and the ends of what started them, by the time
// of indexing, or of happening where that is not known.
func tools(from time.Time, above []string) any {
	var named []string
	for _, t := range ecs.Tools() {
		named = append(named, t.Name)
	}
	since := func(field string) any {
		return map[string]any{"range": map[string]any{field: map[string]any{"gte": from.UnixMilli(), "format": "epoch_millis"}}}
	}
	ingested := ecs.EventIngested.Name()
	any1 := func(all ...any) any {
		return map[string]any{"bool": map[string]any{"should": all, "minimum_should_match": 1}}
	}
	exists := func(field string) any { return map[string]any{"exists": map[string]any{"field": field}} }
	return map[string]any{"bool": map[string]any{"filter": []any{
		any1(map[string]any{"terms": map[string]any{ecs.ProcessName.Name(): named}}, exists(ecs.ProcessTool.Name()),
			map[string]any{"bool": map[string]any{"filter": []any{
				map[string]any{"term": map[string]any{ecs.EventAction.Name(): "end"}}, map[string]any{"terms": map[string]any{ecs.ProcessEntityID.Name(): above}}}}}),
		any1(since(ingested), map[string]any{"bool": map[string]any{"must_not": exists(ingested), "filter": since("@timestamp")}}),
	}}}
}
