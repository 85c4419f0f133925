package elasticsearch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	bulkBytes  = 4 << 20 // of one request, about
	idleEvery  = 5 * time.Second
	slowest    = time.Minute
	createOnly = "create"
	// neverTooLarge is a document that no cluster calls too large: what does so
	// stands before it, and takes it once it has been mended.
	neverTooLarge = 64 << 10
)

// document is one to ship.
type document struct {
	id, stream string
	body       []byte
}

// documents takes a chunk apart. The id follows from the run that spooled it and
// its number there: the same at each attempt, and another for every event.
func (c *chunk) documents(namespace string) (out []document) {
	n := c.first
	for line := range bytes.SplitSeq(bytes.TrimSuffix(c.lines, []byte("\n")), []byte("\n")) {
		stream, body, ok := bytes.Cut(line, []byte("\t"))
		if ok {
			sum := sha256.Sum256(binary.BigEndian.AppendUint64(c.run[:len(c.run):len(c.run)], n))
			out = append(out, document{base64.RawURLEncoding.EncodeToString(sum[:15]), string(stream) + "-" + namespace, body})
		}
		n++
	}
	return out
}

// ship sends the spool's chunks in order. Whatever happens, a chunk is only left
// behind when the cluster has all of it, or refused for good what it has not.
func (s *Shipper) ship(ctx context.Context) error {
	at := s.spool.sent
	unsure := true // what an earlier process sent last it may not have written down
	for ctx.Err() == nil {
		docs, after, kept, err := s.gather(at)
		if err != nil {
			return err
		}
		if docs == nil {
			select {
			case <-ctx.Done():
			case <-s.spool.more:
			case <-time.After(idleEvery):
			}
			continue
		}
		if !s.prepared(ctx) {
			return nil
		}
		if !s.send(ctx, docs, unsure) {
			return nil
		}
		at, unsure = after, false
		s.mu.Lock()
		s.status.Lag = s.cfg.Now().Sub(kept).Milliseconds()
		s.mu.Unlock()
		if err := s.spool.Sent(at); err != nil {
			s.waiting(err) // it is sent again after a restart, under the same ids
		}
	}
	return nil
}

// gather reads chunks until they make a request.
func (s *Shipper) gather(at mark) (docs []document, after mark, kept time.Time, err error) {
	size := 0
	for size < bulkBytes {
		c, skipped, err := s.spool.Read(at)
		s.mu.Lock()
		s.status.Damaged += skipped
		s.mu.Unlock()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, at, kept, err
		}
		at, size, kept = c.after, size+len(c.lines), c.at
		docs = append(docs, c.documents(s.c.cfg.Namespace)...)
	}
	return docs, at, kept, nil
}

// prepared makes the templates before the first document. False: ctx ended.
func (s *Shipper) prepared(ctx context.Context) bool {
	for try := 0; s.Status().Templates == nil; try++ {
		lacks, err := s.c.Lacks(ctx, s.c.cfg.SensorRole())
		var did []string
		if err == nil {
			did, err = s.c.InstallTemplates(ctx)
		}
		if forbidden(err) { // somebody else makes them
			did, err = []string{"templates were not made: " + err.Error()}, nil
		}
		if err == nil {
			s.mu.Lock()
			s.status.Templates, s.status.Privileges = did, lacks
			s.mu.Unlock()
			return true
		}
		if !s.pause(ctx, try, err) {
			return false
		}
	}
	return true
}

// pause waits after something went wrong. False: ctx ended.
func (s *Shipper) pause(ctx context.Context, try int, err error) bool {
	s.waiting(err)
	wait := slowest
	var f *Fault
	if errors.As(err, &f) {
		wait = min(backoff(try, f), slowest)
		if !f.Passing() {
			wait = min(wait*4, slowest)
		}
	}
	return s.c.sleep(ctx, wait) == nil
}

// send sends documents until the cluster has them. False: ctx ended.
// unsure: some of them may be there although nobody said so.
func (s *Shipper) send(ctx context.Context, docs []document, unsure bool) bool {
	for try := 0; len(docs) > 0; {
		if unsure {
			left, err := s.absent(ctx, docs)
			if err != nil {
				if !s.pause(ctx, try, err) {
					return false
				}
				try++
				continue
			}
			s.acknowledged(len(docs)-len(left), len(docs)-len(left))
			docs, unsure = left, false
			continue
		}
		left, why, doubt, err := s.bulk(ctx, docs)
		var f *Fault
		errors.As(err, &f)
		switch {
		case ctx.Err() != nil:
			return false
		case err == nil && len(left) == 0:
			docs = nil
			continue
		case err == nil:
			if len(left) < len(docs) {
				try = 0
			}
			docs, unsure = left, doubt
			err = &Fault{Cluster: s.c.cfg.Name, Status: http.StatusTooManyRequests, Reason: fmt.Sprintf("%d documents were not taken: %s", len(left), why)}
		case f.tooLarge() && len(docs) > 1:
			return s.send(ctx, docs[:len(docs)/2], false) && s.send(ctx, docs[len(docs)/2:], false)
		case f.tooLarge() && len(docs[0].body) > neverTooLarge:
			s.reject(1, f.Error())
			return true
		case f != nil:
			unsure = f.lost()
		}
		if !s.pause(ctx, try, err) {
			return false
		}
		try++
	}
	s.waiting(nil)
	return true
}

// bulk sends one request and gives the documents that are to be sent again.
// doubt: some of these may be there all the same.
func (s *Shipper) bulk(ctx context.Context, docs []document) (left []document, why string, doubt bool, err error) {
	ingested := s.cfg.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	var body bytes.Buffer
	for _, d := range docs {
		fmt.Fprintf(&body, `{"create":{"_index":%q,"_id":%q}}`+"\n", d.stream, d.id)
		body.Write(d.body[:len(d.body)-1])
		fmt.Fprintf(&body, ",\"event.ingested\":%q}\n", ingested)
	}
	var answer struct {
		Items []map[string]struct {
			Status int
			Error  struct{ Type, Reason string }
		}
	}
	if err := s.c.get(ctx, request{method: "POST", path: "/_bulk", body: body.Bytes(), lines: true, once: true}, &answer); err != nil {
		return docs, "", false, err
	}
	if len(answer.Items) != len(docs) {
		return docs, "", false, &Fault{Cluster: s.c.cfg.Name, Reason: fmt.Sprintf("%d answers to %d documents", len(answer.Items), len(docs))}
	}
	sent, again := 0, 0
	for i, item := range answer.Items {
		switch of := item[createOnly]; {
		case of.Status == http.StatusCreated:
			sent++
		case of.Status == http.StatusConflict:
			sent, again = sent+1, again+1
		case of.Status == http.StatusTooManyRequests || of.Status >= 500 || of.Status == http.StatusForbidden || of.Status == http.StatusNotFound:
			left, doubt = append(left, docs[i]), doubt || of.Status >= 500
			why = fmt.Sprintf("%s: %d %s (%s)", docs[i].stream, of.Status, cut(of.Error.Reason), of.Error.Type)
		default:
			s.reject(1, fmt.Sprintf("%s: %d %s (%s)", docs[i].stream, of.Status, cut(of.Error.Reason), of.Error.Type))
		}
	}
	s.acknowledged(sent, again)
	return left, why, doubt, nil
}

// absent gives those documents that no backing index has. An id is unique within
// one backing index alone: after a rollover create would make a second one.
func (s *Shipper) absent(ctx context.Context, docs []document) ([]document, error) {
	there := map[string]bool{}
	byStream := map[string][]string{}
	for _, d := range docs {
		byStream[d.stream] = append(byStream[d.stream], d.id)
	}
	for stream, ids := range byStream {
		query := url.Values{"ignore_unavailable": {"true"}}
		if _, err := s.c.ask(ctx, request{method: "POST", path: "/" + stream + "/_refresh", query: query}); err != nil && !forbidden(err) {
			return nil, err
		}
		for len(ids) > 0 {
			some := ids[:min(len(ids), maxRows)]
			ids = ids[len(some):]
			body, err := json.Marshal(map[string]any{"size": len(some), "_source": false, "query": map[string]any{"ids": map[string]any{"values": some}}})
			if err != nil {
				return nil, err
			}
			var found struct {
				Hits struct {
					Hits []struct {
						ID string `json:"_id"`
					}
				}
			}
			query := url.Values{"ignore_unavailable": {"true"}, "allow_partial_search_results": {"false"}}
			if err := s.c.get(ctx, request{method: "POST", path: "/" + stream + "/_search", query: query, body: body}, &found); err != nil {
				return nil, err
			}
			for _, h := range found.Hits.Hits {
				there[h.ID] = true
			}
		}
	}
	var left []document
	for _, d := range docs {
		if !there[d.id] {
			left = append(left, d)
		}
	}
	return left, nil
}

func (s *Shipper) acknowledged(sent, again int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Sent += int64(sent)
	s.status.Again += int64(again)
}

func (s *Shipper) reject(n int, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Rejected += int64(n)
	if s.status.Reason == "" {
		s.status.Reason = strings.ToValidUTF8(why, "")
	}
}
