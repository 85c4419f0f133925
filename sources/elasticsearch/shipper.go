package elasticsearch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/frame"
)

// ShipperConfig says what is shipped and where it waits.
type ShipperConfig struct {
	Dir   string // of the spool; one sensor alone uses it
	Bytes int64  // the spool's bound; 0 is 1 GiB
	All   bool   // all events; else those of transfer tools
	Host  string // in the sensor's own figures
	Now   func() time.Time
}

const (
	spoolBytes  = 1 << 30
	syncEvery   = time.Second
	metricEvery = time.Minute
)

// Shipper is a [sources.Sink] that keeps what it takes on disk and ships it to
// the cluster. What Put took is not lost by an outage or by a process that is
// killed, and is in its data stream once, however often it was sent: a document
// has the same id each time. Beyond the spool's bound Put counts a loss and goes
// on, so that the kernel's ring is read.
type Shipper struct {
	c     *Cluster
	cfg   ShipperConfig
	spool *spool
	above above // Put's alone

	mu     sync.Mutex
	status Status
}

// Status is how shipping does, since this process began.
type Status struct {
	At         time.Time    `json:"at"`
	Cluster    string       `json:"cluster"`
	Sent       int64        `json:"sent"`       // documents that the cluster has
	Again      int64        `json:"again"`      // of these, those that were there already
	Rejected   int64        `json:"rejected"`   // documents that the cluster will never take
	Dropped    int64        `json:"dropped"`    // events that came when the spool was full
	Damaged    int64        `json:"damaged"`    // bytes of the spool that could not be read
	Lost       sources.Loss `json:"lost"`       // by the sensor, before they came here
	Spooled    int64        `json:"spooled"`    // bytes that wait
	Lag        int64        `json:"lag_ms"`     // how long the newest that was sent had waited
	Waiting    string       `json:"waiting"`    // why nothing can be sent; "" when it can
	Reason     string       `json:"reason"`     // of the first that was rejected
	Templates  []string     `json:"templates"`  // what was made
	Privileges []string     `json:"privileges"` // what the key lacks
}

// Missed counts events that came here and will never be in the cluster.
func (s Status) Missed() int64 { return s.Rejected + s.Dropped }

// Shipper makes one, which ships while Run runs.
func (c *Cluster) Shipper(cfg ShipperConfig) (*Shipper, error) {
	if cfg.Bytes == 0 {
		cfg.Bytes = spoolBytes
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	spool, err := openSpool(cfg.Dir, cfg.Bytes)
	if err != nil {
		return nil, err
	}
	return &Shipper{c: c, cfg: cfg, spool: spool, above: above{}, status: Status{Cluster: c.cfg.Name}}, nil
}

// Put keeps the events of b.
func (s *Shipper) Put(_ context.Context, b sources.Batch) error {
	s.mu.Lock()
	s.status.Lost = s.status.Lost.Add(b.Lost)
	s.mu.Unlock()
	f := b.Events
	if !s.cfg.All {
		f = s.concerned(f)
	}
	if f.Rows == 0 {
		return nil
	}
	lines, count := s.lines(f)
	if count == 0 {
		return nil
	}
	return s.keep(lines, count)
}

func (s *Shipper) keep(lines []byte, count int) error {
	err := s.spool.Append(lines, count, s.cfg.Now())
	if err == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Dropped += int64(count)
	if !errors.Is(err, errFull) {
		s.status.Reason = err.Error() // a disk that cannot be written is as full
	}
	return nil
}

// concerned gives the events of transfer tools and of what they started, and how
// what started them ends.
func (s *Shipper) concerned(f *frame.Frame) *frame.Frame {
	tool := f.Column(ecs.ProcessTool.Name())
	if tool == nil && len(s.above) == 0 {
		return &frame.Frame{}
	}
	var rows []uint32
	for row := range f.Rows {
		of := tool != nil && !tool.IsNull(row)
		if ends := (of || len(s.above) > 0) && s.above.take(f, row); of || ends {
			rows = append(rows, uint32(row))
		}
	}
	return f.Gather(rows)
}

// lines are a document each, with its data stream before it.
func (s *Shipper) lines(f *frame.Frame) ([]byte, int) {
	f = s.inNamespace(f)
	e := ecs.NewEncoder(f)
	var out []byte
	count := 0
	for row := range f.Rows {
		name := f.Text(ecs.DataStreamDataset.Name(), row)
		if !slices.Contains(datasets, name) {
			s.reject(1, fmt.Sprintf("%q is no dataset of a sensor", cut(name)))
			continue
		}
		out = append(out, "logs-"...)
		out = append(out, name...)
		out = append(out, '\t')
		out = e.Append(out, row)
		out = append(out, '\n')
		count++
	}
	return out, count
}

// inNamespace gives the events with the namespace that they are shipped to.
func (s *Shipper) inNamespace(f *frame.Frame) *frame.Frame {
	out := &frame.Frame{Rows: f.Rows, Names: f.Names, Columns: append([]*frame.Column(nil), f.Columns...)}
	for i, name := range f.Names {
		if name == ecs.DataStreamNamespace.Name() {
			codes := make([]uint32, f.Rows)
			for row := range codes {
				codes[row] = 1
			}
			out.Columns[i] = &frame.Column{Type: frame.Keyword, Codes: codes, Dict: frame.NewDict([]string{s.c.cfg.Namespace})}
		}
	}
	return out
}

// Run ships until ctx ends. It comes back earlier only when the spool cannot be read.
func (s *Shipper) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var aside sync.WaitGroup
	aside.Go(func() { s.aside(ctx) })
	err := s.ship(ctx)
	cancel()
	aside.Wait()
	return errors.Join(err, s.writeStatus())
}

// aside does what is due from time to time.
func (s *Shipper) aside(ctx context.Context) {
	metric := s.cfg.Now().Add(metricEvery)
	for s.c.sleep(ctx, syncEvery) == nil {
		if err := errors.Join(s.spool.Sync(), s.writeStatus()); err != nil {
			s.waiting(err)
		}
		if now := s.cfg.Now(); !now.Before(metric) {
			metric = now.Add(metricEvery)
			_ = s.keep(s.metric(now), 1) // counted as dropped when there is no room
		}
	}
}

// Drained tells whether everything that was taken is in the cluster.
func (s *Shipper) Drained() bool {
	s.spool.mu.Lock()
	at := s.spool.sent
	s.spool.mu.Unlock()
	_, _, err := s.spool.Read(at)
	return err != nil
}

// Status says how shipping does.
func (s *Shipper) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.status
	out.At, out.Spooled = s.cfg.Now().UTC(), s.spool.Size()
	return out
}

// StatusFile is where a running sensor's [Status] stands in its directory.
const StatusFile = "status.json"

func (s *Shipper) writeStatus() error {
	b, err := json.Marshal(s.Status())
	if err != nil {
		return err
	}
	return writeWhole(filepath.Join(s.cfg.Dir, StatusFile), b)
}

// ReadStatus reads the status that a sensor wrote last.
func ReadStatus(dir string) (out Status, err error) {
	b, err := os.ReadFile(filepath.Join(dir, StatusFile))
	if err != nil {
		return out, err
	}
	return out, json.Unmarshal(b, &out)
}

// metric is the sensor's own figures as a document.
func (s *Shipper) metric(now time.Time) []byte {
	st := s.Status()
	doc, err := json.Marshal(map[string]any{
		"@timestamp": now.UTC().Format("2006-01-02T15:04:05.000Z"), "host": map[string]any{"name": s.cfg.Host},
		"event":       map[string]any{"kind": "metric", "module": "interdict", "dataset": metricsDataset},
		"data_stream": map[string]any{"type": "metrics", "dataset": metricsDataset, "namespace": s.c.cfg.Namespace},
		"interdict": map[string]any{"sensor": map[string]any{"sent": st.Sent, "again": st.Again, "rejected": st.Rejected, "dropped": st.Dropped,
			"lost": st.Lost.Total(), "spooled_bytes": st.Spooled, "lag_ms": st.Lag}},
	})
	if err != nil {
		return nil
	}
	return fmt.Appendf(nil, "metrics-%s\t%s\n", metricsDataset, doc)
}

func (s *Shipper) waiting(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Waiting = ""
	if err != nil {
		s.status.Waiting = err.Error()
	}
}

// Close closes the spool. Run must have returned.
func (s *Shipper) Close() error { return s.spool.Close() }
