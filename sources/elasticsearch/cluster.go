package elasticsearch

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	es "github.com/elastic/go-elasticsearch/v8"
)

// Bounds of one request.
const (
	defaultTimeout = time.Minute
	maxAnswer      = 256 << 20 // bytes, uncompressed
	attempts       = 4
	firstWait      = 200 * time.Millisecond
	longestWait    = 30 * time.Second // a Retry-After beyond is for the caller
)

// Cluster is a connection to one. It is safe for concurrent use.
type Cluster struct {
	cfg    Config
	client *es.Client

	transport *http.Transport
	sleep     func(context.Context, time.Duration) error
	fields    *fieldCache

	closing sync.Mutex
	closed  bool           // by Close
	asking  sync.WaitGroup // questions that the cluster works on; none is added once it is closed

	mu   sync.Mutex
	info *Info
}

// Info is what a cluster says of itself.
type Info struct {
	Name, UUID, Version string
	License             string // basic, trial, …; "" is not known
	Serverless          bool
}

// Open makes a connection of cfg; nothing is asked yet.
func Open(cfg Config) (*Cluster, error) {
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.Events == "" {
		cfg.Events = defaultEvents
	}
	if cfg.Namespace == "" {
		cfg.Namespace = "default"
	}
	client, transport, err := cfg.client()
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %w", cfg.Name, err)
	}
	return &Cluster{cfg: cfg, client: client, transport: transport, sleep: sleep, fields: newFieldCache()}, nil
}

// Close waits a moment for questions that were called off to be stopped in the
// cluster, too, and lets the connections go. Nothing is asked after it.
func (c *Cluster) Close() error {
	c.closing.Lock()
	c.closed = true
	c.closing.Unlock()
	stopped := make(chan struct{})
	go func() { c.asking.Wait(); close(stopped) }() // each ends by its own deadline at the latest
	t := time.NewTimer(cleanupTime)
	defer t.Stop()
	select {
	case <-stopped:
	case <-t.C:
	}
	c.transport.CloseIdleConnections()
	return nil
}

var errClosed = errors.New("the connection to the cluster was closed")

// begins counts a question, unless it comes after Close.
func (c *Cluster) begins() error {
	c.closing.Lock()
	defer c.closing.Unlock()
	if c.closed {
		return errClosed
	}
	c.asking.Add(1)
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// request is one to a path below the prefix.
type request struct {
	method, path string
	query        url.Values
	body         []byte
	lines        bool // the body is NDJSON
	once         bool // it is not tried again
	timeout      time.Duration
}

// answer is what came back, whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a *answer) isJSON() bool {
	kind, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	kind = strings.TrimSpace(kind)
	return kind == "application/json" || strings.HasSuffix(kind, "+json")
}

// ask sends a request until it has a 2xx answer in JSON, a fault that does not
// pass, or has tried often enough. The error is ctx's, or a *Fault.
func (c *Cluster) ask(ctx context.Context, r request) (*answer, error) {
	for try := 0; ; try++ {
		a, fault := c.askOnce(ctx, r)
		if fault == nil {
			return a, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		wait := backoff(try, fault)
		deadline, bounded := ctx.Deadline()
		if r.once || !fault.again() || try+1 >= attempts || wait > longestWait || bounded && time.Until(deadline) < wait {
			return nil, fault
		}
		if err := c.sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// backoff is what the cluster asked for, else a wait that doubles, with chance
// in it so that consoles do not come back together.
func backoff(try int, f *Fault) time.Duration {
	if f.After > 0 {
		return f.After
	}
	wait := firstWait << min(try, 7)
	return wait/2 + rand.N(wait/2)
}

func (c *Cluster) askOnce(ctx context.Context, r request) (*answer, *Fault) {
	timeout := r.timeout
	if timeout == 0 {
		timeout = c.cfg.Timeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	a, err := c.send(ctx, r)
	if err != nil {
		return nil, c.unreached(err)
	}
	switch {
	case a.status < 200 || a.status > 299:
		return nil, c.refusal(a)
	case a.header.Get("X-Elastic-Product") != "Elasticsearch":
		f := c.refusal(a)
		f.Err, f.Status, f.Reason = errNotElasticsearch, 0, errNotElasticsearch.Error()+": "+f.Reason
		return nil, f
	case !a.isJSON() || !json.Valid(a.body):
		return nil, c.refusal(a)
	}
	return a, nil
}

func (c *Cluster) send(ctx context.Context, r request) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, (&url.URL{Path: r.path, RawQuery: r.query.Encode()}).String(), bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
		if r.lines {
			req.Header.Set("Content-Type", "application/x-ndjson")
		}
	}
	res, err := c.client.Perform(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("the answer has more than %d MiB", maxAnswer>>20)
	}
	return &answer{res.StatusCode, res.Header, body}, nil
}

// get asks and decodes.
func (c *Cluster) get(ctx context.Context, r request, into any) error {
	a, err := c.ask(ctx, r)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		return &Fault{Cluster: c.cfg.Name, Reason: "the answer has another form than Elasticsearch's: " + err.Error(), Err: err}
	}
	return nil
}

// Info asks what the cluster is; once, unless that fails. A key that may not
// know gets an Info without a version and no error.
func (c *Cluster) Info(ctx context.Context) (Info, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.info != nil {
		return *c.info, nil
	}
	var root struct {
		Name    string `json:"cluster_name"`
		UUID    string `json:"cluster_uuid"`
		Version struct {
			Number string `json:"number"`
			Flavor string `json:"build_flavor"`
		} `json:"version"`
	}
	err := c.get(ctx, request{method: "GET", path: "/"}, &root)
	if err != nil && !forbidden(err) {
		return Info{}, err
	}
	info := Info{Name: root.Name, UUID: root.UUID, Version: root.Version.Number, Serverless: root.Version.Flavor == "serverless"}
	var license struct{ License struct{ Type string } }
	if !info.Serverless && c.get(ctx, request{method: "GET", path: "/_license", once: true}, &license) == nil {
		info.License = license.License.Type // without it the header has no licence
	}
	c.info = &info
	return info, nil
}

func forbidden(err error) bool {
	var f *Fault
	return errors.As(err, &f) && f.Status == http.StatusForbidden
}

// String is for the header: "prod 8.19.21 basic".
func (i Info) String() string {
	return strings.Join(strings.Fields(i.Name+" "+i.Version+" "+i.License), " ")
}

// before tells whether the cluster is known to be older than a version.
func (i Info) before(major, minor int) bool {
	var a, b int
	if n, _ := fmt.Sscanf(i.Version, "%d.%d", &a, &b); n != 2 {
		return false
	}
	return a < major || a == major && b < minor
}
