package elasticsearch

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"time"
)

// fieldCache remembers for a moment which fields indices lack. It must be a
// short one: a field that appears meanwhile would be taken for null.
type fieldCache struct {
	mu    sync.Mutex
	known map[string]lacking
}

type lacking struct {
	fields []string
	until  time.Time
}

const (
	fieldsFresh = 5 * time.Second
	fieldsKept  = 256
)

func newFieldCache() *fieldCache { return &fieldCache{known: map[string]lacking{}} }

func (f *fieldCache) get(key string) ([]string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l, ok := f.known[key]
	return l.fields, ok && time.Now().Before(l.until)
}

func (f *fieldCache) put(key string, fields []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.known) >= fieldsKept {
		clear(f.known)
	}
	f.known[key] = lacking{fields, time.Now().Add(fieldsFresh)}
}

// missing gives those fields that no index of the patterns maps. Patterns that
// lead to no index lack nothing: the query says so itself.
func (c *Cluster) missing(ctx context.Context, patterns string, fields []string) ([]string, error) {
	if len(fields) == 0 {
		return nil, nil
	}
	key := patterns + "\n" + strings.Join(fields, "\n")
	if known, ok := c.fields.get(key); ok {
		return known, nil
	}
	body, err := json.Marshal(map[string]any{"fields": fields})
	if err != nil {
		return nil, err
	}
	var caps struct {
		Indices []string
		Fields  map[string]json.RawMessage
	}
	query := url.Values{"ignore_unavailable": {"true"}, "allow_no_indices": {"true"}}
	err = c.get(ctx, request{method: "POST", path: "/" + patterns + "/_field_caps", query: query, body: body}, &caps)
	if err != nil || len(caps.Indices) == 0 {
		return nil, err
	}
	var out []string
	for _, f := range fields {
		if _, mapped := caps.Fields[f]; !mapped {
			out = append(out, f)
		}
	}
	c.fields.put(key, out)
	return out, nil
}
