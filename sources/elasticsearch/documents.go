package elasticsearch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Documents are small JSON documents that consoles share, an index a kind. They
// are compared and swapped by sequence number and primary term: of two who write
// over the same version one is refused. What a document says is not indexed, so
// that no text in it can be refused by a mapping.
type Documents struct {
	c       *Cluster
	atFirst map[string]int64 // kind → writes that a console which begins is told of; other kinds: all

	mu   sync.Mutex
	made map[string]bool // kinds whose index is there
}

// documentsPrefix is how the indices are called.
const documentsPrefix = "interdict-"

const (
	documentTimeout = 5 * time.Second
	changesPage     = 200
	// changesOverlap is how many sequence numbers are told again: of writes that
	// are under way at once the later one may be seen first.
	changesOverlap = 16
	// changesAtFirst is as much as a console remembers of alerts.
	changesAtFirst = 100_000
)

// Documents gives the cluster's shared documents.
func (c *Cluster) Documents() *Documents {
	return &Documents{c: c, atFirst: map[string]int64{sharedDocuments[0]: changesAtFirst}, made: map[string]bool{}}
}

// About names the cluster that holds them, so that those of another one are told apart.
func (d *Documents) About(ctx context.Context) (string, error) {
	info, err := d.c.Info(ctx)
	if err == nil && info.UUID == "" {
		return d.c.cfg.Name, nil // a key that may not know
	}
	return info.UUID, err
}

// Prepare makes the indices of kinds that there are none of.
func (d *Documents) Prepare(ctx context.Context, kinds ...string) error {
	for _, kind := range kinds {
		if err := d.ensure(ctx, kind); err != nil {
			return err
		}
	}
	return nil
}

// shared is a document as its index holds it.
type shared struct {
	ID     string `json:"_id"`
	SeqNo  int64  `json:"_seq_no"`
	Term   int64  `json:"_primary_term"`
	Source struct {
		Document json.RawMessage `json:"document"`
	} `json:"_source"`
}

func (s *shared) version() string { return fmt.Sprintf("%d:%d", s.SeqNo, s.Term) }

// Read gives a document and its version, "" when there is none.
func (d *Documents) Read(ctx context.Context, kind, id string) ([]byte, string, error) {
	body, err := json.Marshal(map[string]any{"ids": []string{id}})
	if err != nil {
		return nil, "", err
	}
	var got struct {
		Docs []struct {
			shared
			Found bool
			Error *struct{ Type, Reason string }
		}
	}
	if err := d.c.get(ctx, request{method: "POST", path: "/" + documentsPrefix + kind + "/_mget", body: body, timeout: documentTimeout}, &got); err != nil {
		return nil, "", err
	}
	if len(got.Docs) != 1 {
		return nil, "", d.strange("%d answers to one document", len(got.Docs))
	}
	one := got.Docs[0]
	switch {
	case one.Error != nil && one.Error.Type == noIndex:
		return nil, "", nil
	case one.Error != nil:
		return nil, "", d.strange("%s (%s)", cut(one.Error.Reason), one.Error.Type)
	case !one.Found:
		return nil, "", nil
	case one.Source.Document == nil:
		return nil, "", d.strange("%s %s is no document of a console", kind, id)
	}
	return one.Source.Document, one.version(), nil
}

func (d *Documents) strange(format string, args ...any) error {
	return &Fault{Cluster: d.c.cfg.Name, Reason: fmt.Sprintf(format, args...)}
}

// Write stores a document over the given version, "" being none. It is tried once:
// with an error it may have been stored all the same.
func (d *Documents) Write(ctx context.Context, kind, id string, body []byte, version string) (next string, ok bool, err error) {
	if err := d.ensure(ctx, kind); err != nil {
		return "", false, err
	}
	operation, action := createOnly, map[string]any{"_id": id}
	if version != "" {
		var s shared
		if _, err := fmt.Sscanf(version, "%d:%d", &s.SeqNo, &s.Term); err != nil {
			return "", false, fmt.Errorf("version %q: %w", version, err)
		}
		operation, action = "index", map[string]any{"_id": id, "if_seq_no": s.SeqNo, "if_primary_term": s.Term}
	}
	lines, err := documentLines(operation, action, body)
	if err != nil {
		return "", false, err
	}
	var answer struct {
		Items []map[string]struct {
			shared
			Status int
			Error  struct{ Type, Reason string }
		}
	}
	r := request{method: "POST", path: "/" + documentsPrefix + kind + "/_bulk", body: lines, lines: true, once: true, timeout: documentTimeout}
	if err := d.c.get(ctx, r, &answer); err != nil {
		return "", false, err
	}
	if len(answer.Items) != 1 {
		return "", false, d.strange("%d answers to one document", len(answer.Items))
	}
	switch of := answer.Items[0][operation]; {
	case of.Status == http.StatusOK || of.Status == http.StatusCreated:
		return of.version(), true, nil
	case of.Status == http.StatusConflict:
		return "", false, nil
	default:
		d.forget(kind) // its index may be gone
		f := &Fault{Cluster: d.c.cfg.Name, Status: of.Status, Type: of.Error.Type, Reason: cut(of.Error.Reason)}
		f.hint()
		return "", false, f
	}
}

func documentLines(operation string, action any, body []byte) ([]byte, error) {
	head, err := json.Marshal(map[string]any{operation: action})
	if err != nil {
		return nil, err
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil {
		return nil, fmt.Errorf("a document is a JSON object: %w", err)
	}
	if object == nil { // of "null"
		return nil, errors.New("a document is a JSON object")
	}
	if bytes.ContainsAny(body, "\n\r") { // only between tokens: a line is one document
		var flat bytes.Buffer
		if err := json.Compact(&flat, body); err != nil {
			return nil, err
		}
		body = flat.Bytes()
	}
	return fmt.Appendf(head, "\n{\"document\":%s}\n", body), nil
}

func (d *Documents) forget(kind string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.made, kind)
}

// ensure makes the index of a kind when there is none: one shard, so that its
// sequence numbers are those of all its documents.
func (d *Documents) ensure(ctx context.Context, kind string) error {
	d.mu.Lock()
	made := d.made[kind]
	d.mu.Unlock()
	if made {
		return nil
	}
	_, err := d.indexID(ctx, kind) // two who ask at once both find, or one makes it
	if absent(err) {
		body, _ := json.Marshal(map[string]any{
			"settings": map[string]any{"number_of_shards": 1, "auto_expand_replicas": "0-1"},
			"mappings": map[string]any{"dynamic": "false", "_meta": map[string]any{"managed_by": "interdict"},
				"properties": map[string]any{"document": map[string]any{"type": "object", "enabled": false}}},
		})
		_, err = d.c.ask(ctx, request{method: "PUT", path: "/" + documentsPrefix + kind, body: body})
		var f *Fault
		if errors.As(err, &f) && f.Type == "resource_already_exists_exception" {
			err = nil
		}
	}
	if err == nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.made[kind] = true
	}
	return err
}

func absent(err error) bool {
	var f *Fault
	return errors.As(err, &f) && f.Status == http.StatusNotFound
}

// indexID tells one index from another of the same name that was there before.
func (d *Documents) indexID(ctx context.Context, kind string) (string, error) {
	var settings map[string]struct {
		Settings struct{ Index struct{ UUID string } }
	}
	query := url.Values{"filter_path": {"*.settings.index.uuid"}}
	err := d.c.get(ctx, request{method: "GET", path: "/" + documentsPrefix + kind + "/_settings", query: query, timeout: documentTimeout, once: true}, &settings)
	for _, s := range settings {
		return s.Settings.Index.UUID, err
	}
	return "", err
}

// Changes gives the documents that were written since a mark, in the order in
// which they were written, as far as a search sees them: a second late at most.
// Whoever has no mark gets those of alerts that were written last, not all that
// anybody ever said: a start must not take hours.
func (d *Documents) Changes(ctx context.Context, kind, since string, each func(id, version string, body []byte) error) (string, error) {
	index, err := d.indexID(ctx, kind)
	if absent(err) {
		return "", nil
	}
	if err != nil {
		return since, err
	}
	newest := int64(-1)
	if was, n, ok := strings.Cut(since, " "); ok && was == index {
		if _, err := fmt.Sscan(n, &newest); err != nil {
			return since, fmt.Errorf("mark %q: %w", since, err)
		}
	} else if most, bounded := d.atFirst[kind]; bounded {
		last, err := d.search(ctx, kind, map[string]any{"size": 1, "sort": []any{map[string]string{"_seq_no": "desc"}}})
		if err != nil {
			return since, err
		}
		for _, one := range last {
			newest = max(one.SeqNo-most+changesOverlap, -1)
		}
	}
	for after := newest - changesOverlap; ; {
		page, err := d.page(ctx, kind, after)
		if err != nil {
			return since, err
		}
		for _, one := range page {
			if one.Source.Document == nil {
				return since, d.strange("%s %s is no document of a console", kind, one.ID)
			}
			if err := each(one.ID, one.version(), one.Source.Document); err != nil {
				return since, err
			}
			after, newest = one.SeqNo, max(newest, one.SeqNo)
		}
		if len(page) < changesPage {
			return fmt.Sprint(index, " ", newest), nil
		}
	}
}

func (d *Documents) page(ctx context.Context, kind string, after int64) ([]shared, error) {
	return d.search(ctx, kind, map[string]any{
		"size": changesPage, "sort": []any{map[string]string{"_seq_no": "asc"}}, "query": map[string]any{"range": map[string]any{"_seq_no": map[string]any{"gt": after}}},
	})
}

// search is one that has all of its answer, or fails.
func (d *Documents) search(ctx context.Context, kind string, what map[string]any) ([]shared, error) {
	what["seq_no_primary_term"], what["track_total_hits"] = true, false
	body, err := json.Marshal(what)
	if err != nil {
		return nil, err
	}
	var out struct {
		TimedOut bool                 `json:"timed_out"`
		Shards   struct{ Failed int } `json:"_shards"`
		Hits     struct{ Hits []shared }
	}
	query := url.Values{"allow_partial_search_results": {"false"}}
	err = d.c.get(ctx, request{method: "POST", path: "/" + documentsPrefix + kind + "/_search", query: query, body: body, timeout: documentTimeout}, &out)
	if err == nil && (out.TimedOut || out.Shards.Failed > 0) {
		err = d.strange("a part of the documents could not be searched")
	}
	return out.Hits.Hits, err
}
