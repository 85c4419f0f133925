package sourcetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/frame"
)

// patience is how long the suite waits for what must happen.
const patience = 20 * time.Second

// Want says what one run of a source delivers.
type Want struct {
	Rows      int  // how many; of a source without end: at least so many
	Malformed int  // records that cannot be read
	Endless   bool // Run only returns when its context ends
	// Trigger makes things happen for a live source, after Run was called; nil: they happen by themselves.
	Trigger func(t *testing.T)
}

// Source checks the promises of [sources.Source]. open gives a fresh source every time.
func Source(t *testing.T, open func(t *testing.T) sources.Source, want Want) {
	t.Run("has a name and empty statistics before it runs", func(t *testing.T) {
		s := open(t)
		if s.Name() == "" {
			t.Error("no name")
		}
		if st := s.Stats(); st.Read != 0 || st.Lost.Total() != 0 {
			t.Errorf("statistics before the first run: %+v", st)
		}
	})
	t.Run("delivers all rows in order and counts them", func(t *testing.T) { deliversAll(t, open(t), want) })
	t.Run("runs again after it returned", func(t *testing.T) { runsAgain(t, open(t), want) })
	t.Run("waits for a sink that blocks and loses nothing", func(t *testing.T) { waitsForSink(t, open(t), want) })
	t.Run("returns when its context ends while the sink blocks", func(t *testing.T) { endsWithContext(t, open(t), want) })
	t.Run("stops with an error when the sink refuses", func(t *testing.T) { stopsWithSink(t, open(t), want) })
	t.Run("does nothing when its context has ended", func(t *testing.T) { endedBefore(t, open(t)) })
}

// recorder is a sink that keeps what it gets.
type recorder struct {
	mu      sync.Mutex
	batches []sources.Batch
	rows    int
	enough  int
	full    chan struct{} // closed when enough rows came
	hold    chan struct{} // Put waits for it; nil: not
}

func newRecorder(enough int) *recorder { return &recorder{enough: enough, full: make(chan struct{})} }

func (r *recorder) Put(ctx context.Context, b sources.Batch) error {
	if r.hold != nil {
		select {
		case <-r.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.rows
	r.batches = append(r.batches, b)
	r.rows += b.Events.Rows
	if before < r.enough && r.rows >= r.enough {
		close(r.full)
	}
	return nil
}

func (r *recorder) lost() (l sources.Loss) {
	for _, b := range r.batches {
		l = l.Add(b.Lost)
	}
	return l
}

// run runs the source to its end, or until the sink has what is wanted.
func run(t *testing.T, s sources.Source, r *recorder, want Want) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, r) }()
	if want.Trigger != nil {
		want.Trigger(t)
	}
	if want.Endless {
		select {
		case <-r.full:
		case <-ctx.Done():
			t.Errorf("%d rows came, %d were wanted", r.rows, want.Rows)
		}
		cancel()
	}
	if err := <-done; err != nil {
		t.Fatalf("Run: %v", err)
	}
}

func deliversAll(t *testing.T, s sources.Source, want Want) {
	r := newRecorder(want.Rows)
	watched := watchStats(s)
	run(t, s, r, want)
	watched()
	checkRows(t, r, want)
	checkOrder(t, r.batches)
	st := s.Stats()
	if st.Read != int64(r.rows) {
		t.Errorf("Stats().Read is %d, %d rows were delivered", st.Read, r.rows)
	}
	if st.Lost.Malformed != int64(want.Malformed) || r.lost() != st.Lost {
		t.Errorf("loss: statistics say %+v, batches %+v, wanted %d malformed", st.Lost, r.lost(), want.Malformed)
	}
	if want.Malformed > 0 && len(st.Notes) == 0 {
		t.Error("malformed records are not in the notes")
	}
}

func checkRows(t *testing.T, r *recorder, want Want) {
	t.Helper()
	if r.rows < want.Rows || r.rows > want.Rows && !want.Endless {
		t.Errorf("%d rows were delivered, %d are wanted", r.rows, want.Rows)
	}
	for _, b := range r.batches {
		if b.Read.IsZero() {
			t.Error("a batch does not say when it was read")
		}
	}
}

// checkOrder looks at columns' types and at the order of time per host.
func checkOrder(t *testing.T, batches []sources.Batch) {
	t.Helper()
	newest := map[string]int64{}
	for _, b := range batches {
		checkTypes(t, b.Events)
		for i := range b.Events.Rows {
			at, ok := b.Events.Int(ecs.Timestamp.Name(), i)
			if !ok {
				t.Errorf("a row has no %s", ecs.Timestamp.Name())
				continue
			}
			host := b.Events.Text(ecs.HostID.Name(), i)
			if at < newest[host] {
				t.Errorf("host %q: an event of %s after one of %s", host, time.UnixMilli(at), time.UnixMilli(newest[host]))
			}
			newest[host] = at
		}
	}
}

func checkTypes(t *testing.T, f *frame.Frame) {
	t.Helper()
	for i, name := range f.Names {
		if c, ok := ecs.Lookup(name); ok && f.Columns[i].Type != c.Type() {
			t.Errorf("%s has type %s, the catalogue says %s", name, f.Columns[i].Type, c.Type())
		}
	}
}

// watchStats reads the statistics while the source runs; the race detector
// sees what is not safe. The result ends and waits for it.
func watchStats(s sources.Source) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
				s.Stats()
			}
		}
	}()
	return func() { close(end); <-ended }
}

func runsAgain(t *testing.T, s sources.Source, want Want) {
	first, second := newRecorder(want.Rows), newRecorder(want.Rows)
	run(t, s, first, want)
	run(t, s, second, want)
	checkRows(t, second, want)
	if read := s.Stats().Read; read != int64(first.rows+second.rows) {
		t.Errorf("Stats().Read is %d after runs of %d and %d rows", read, first.rows, second.rows)
	}
}

func waitsForSink(t *testing.T, s sources.Source, want Want) {
	r := newRecorder(want.Rows)
	r.hold = make(chan struct{})
	entered := make(chan struct{})
	var once sync.Once
	sink := sources.SinkFunc(func(ctx context.Context, b sources.Batch) error {
		once.Do(func() { close(entered) })
		return r.Put(ctx, b)
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, sink) }()
	if want.Trigger != nil {
		want.Trigger(t)
	}
	wait(t, entered, "the first batch")
	close(r.hold)
	if want.Endless {
		wait(t, r.full, "all rows")
		cancel()
	}
	if err := <-done; err != nil {
		t.Fatalf("Run: %v", err)
	}
	checkRows(t, r, want)
}

func endsWithContext(t *testing.T, s sources.Source, want Want) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	entered := make(chan struct{})
	var once sync.Once
	sink := sources.SinkFunc(func(ctx context.Context, _ sources.Batch) error {
		once.Do(func() { close(entered) })
		<-ctx.Done()
		return ctx.Err()
	})
	done := make(chan struct{})
	var err error
	go func() { err = s.Run(ctx, sink); close(done) }()
	if want.Trigger != nil {
		want.Trigger(t)
	}
	wait(t, entered, "the first batch")
	cancel()
	wait(t, done, "Run to return")
	if err != nil {
		t.Errorf("Run answers %v when its context ends", err)
	}
}

func stopsWithSink(t *testing.T, s sources.Source, want Want) {
	refused := errors.New("refused")
	done := make(chan struct{})
	var err error
	go func() {
		defer close(done)
		err = s.Run(t.Context(), sources.SinkFunc(func(context.Context, sources.Batch) error { return refused }))
	}()
	if want.Trigger != nil {
		want.Trigger(t)
	}
	wait(t, done, "Run to return")
	if !errors.Is(err, refused) {
		t.Errorf("Run answers %v", err)
	}
}

func endedBefore(t *testing.T, s sources.Source) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	done := make(chan struct{})
	var err error
	go func() { err = s.Run(ctx, newRecorder(1<<30)); close(done) }()
	wait(t, done, "Run to return")
	if err != nil {
		t.Errorf("Run: %v", err)
	}
}

func wait(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("waited %s for %s", patience, what)
	}
}
