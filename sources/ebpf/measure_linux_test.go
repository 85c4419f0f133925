//go:build amd64 || arm64

package ebpf

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"interdict/detect"
	"interdict/sources"
	"interdict/sources/archive"
	"interdict/sources/frame"
	"interdict/testdata/bench"
)

// pipeline is what the console does with a batch but the screen: history in
// memory, all rules. It checks the executions of a storm on the way.
type pipeline struct {
	sinks []sources.Sink
	storm bench.Executions
	ready chan struct{} // closed with the first batch
	ended chan struct{} // closed with the execution that ends the storm

	mu     sync.Mutex
	began  sync.Once
	each   []uint8 // how often each number was told
	wrong  int     // executions of the storm with other arguments than they had
	told   int64   // rows of whole processes: fork, exec, end
	execs  int     // of everybody
	rows   int
	kernel sources.Loss
}

func newPipeline(t testing.TB, storm bench.Executions) *pipeline {
	t.Helper()
	rules, problems := detect.Builtin()
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	history, err := archive.Open(t.Context(), archive.Config{MaxBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := detect.New(detect.Options{Rules: rules, History: history})
	if err != nil {
		t.Fatal(err)
	}
	return &pipeline{sinks: []sources.Sink{history, engine}, storm: storm, each: make([]uint8, storm.Count), ready: make(chan struct{}), ended: make(chan struct{})}
}

func (p *pipeline) Put(ctx context.Context, b sources.Batch) error {
	for _, sink := range p.sinks {
		if err := sink.Put(ctx, b); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kernel = p.kernel.Add(b.Lost)
	p.rows += b.Events.Rows
	p.check(b.Events)
	p.began.Do(func() { close(p.ready) })
	return nil
}

// check counts executions, by number where they are the storm's.
func (p *pipeline) check(f *frame.Frame) {
	action, args := f.Column("event.action"), f.Column("process.args")
	if action == nil {
		return
	}
	exec, _ := action.Dict.Code("exec")
	fork, _ := action.Dict.Code("fork")
	end, _ := action.Dict.Code("end")
	for i := range f.Rows {
		lo, hi := action.Range(i)
		if lo == hi {
			continue
		}
		if code := action.Codes[lo]; code == exec || code == fork || code == end {
			p.told++
			if code != exec {
				continue
			}
		} else {
			continue
		}
		p.execs++
		lo, hi = args.Range(i)
		switch {
		case lo == hi:
		case args.Dict.Value(args.Codes[lo]) == p.storm.Mark:
			p.number(args, lo, hi)
		case args.Dict.Value(args.Codes[lo]) == p.storm.Mark+"-last":
			close(p.ended)
		}
	}
}

// number takes the arguments of an execution of the storm: its number, and if
// the storm has more to say, all of that.
func (p *pipeline) number(args *frame.Column, lo, hi int) {
	want := 2
	if p.storm.Bytes > 0 {
		want = 3
	}
	n := -1
	if hi-lo == want && (want == 2 || len(args.TextAt(hi-1)) == p.storm.Bytes) {
		if k, err := strconv.Atoi(args.TextAt(lo + 1)); err == nil {
			n = k
		}
	}
	if n < 0 || n >= len(p.each) {
		p.wrong++
		return
	}
	p.each[n]++
}

// missed is how many executions were not told just once with what they were.
func (p *pipeline) missed() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, times := range p.each {
		if times != 1 {
			n++
		}
	}
	return n + p.wrong
}

// run runs s into the pipeline until stop is called.
func (p *pipeline) run(t testing.TB, s *Source) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, p) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// finish starts the execution that ends the storm and waits until it has come.
func (p *pipeline) finish(t testing.TB, program string, attr *syscall.SysProcAttr) {
	t.Helper()
	pid, err := syscall.ForkExec(program, []string{p.storm.Mark + "-last"}, &syscall.ProcAttr{Sys: attr})
	if err != nil {
		t.Fatal(err)
	}
	syscall.Wait4(pid, nil, 0, nil)
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		p.mu.Lock()
		defer p.mu.Unlock()
		t.Fatalf("the last execution never came; %d rows did, lost %+v", p.rows, p.kernel)
	}
}

func TestMeasureThatNothingIsLostInAStorm(t *testing.T) {
	bench.Wanted(t)
	for _, c := range []struct {
		execs, loops int
		stop         time.Duration
		bytes, rate  int
	}{
		{20_000, 1, 0, 0, 0}, {20_000, 2, 0, 0, 0}, {20_000, 4, 0, 0, 0}, {200_000, 2, 0, 0, 0}, {200_000, 4, 0, 0, 0}, {1_000_000, 2, 0, 0, 0},
		{60_000, 2, 2 * time.Second, 0, 0}, {60_000, 4, 2 * time.Second, 0, 0}, {1_000, 2, 0, 64 << 10, 500},
	} {
		name := fmt.Sprintf("%d executions, %d loops", c.execs, c.loops)
		if c.stop > 0 {
			name += ", nobody reads for " + c.stop.String()
		}
		if c.bytes > 0 {
			name += ", " + strconv.Itoa(c.bytes) + " bytes of arguments at " + strconv.Itoa(c.rate) + "/s"
		}
		t.Run(name, func(t *testing.T) {
			s := kernelSource(t, Config{})
			storm := bench.NewStorm(t)
			p := newPipeline(t, bench.Executions{Mark: marker(t), Count: c.execs, Loops: c.loops, Rate: c.rate, Bytes: c.bytes})
			cmd := storm.Command(p.storm)
			if c.stop == 0 {
				defer p.run(t, s)()
				<-p.ready
			}
			began := time.Now()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if c.stop > 0 {
				<-time.After(c.stop)
				defer p.run(t, s)()
			}
			if err := cmd.Wait(); err != nil {
				t.Fatal(err)
			}
			took := time.Since(began)
			p.finish(t, bench.Noop(t), nil)
			if n := p.missed(); n > 0 || s.Stats().Lost.Total() > 0 {
				t.Errorf("%d executions were not told just once as they were; lost %+v", n, s.Stats().Lost)
			}
			bench.Tell(t, bench.Figure{Name: "not told right: " + name, Value: float64(p.missed()), Unit: "executions", Peer: "all", PeerValue: float64(c.execs)})
			bench.Tell(t, bench.Figure{Name: "rate: " + name, Value: float64(c.execs) / took.Seconds(), Unit: "executions/s"})
		})
	}
}

// Far more than the ring holds while nobody reads: what came and what is counted
// as lost is what happened.
func TestMeasureThatLossIsCountedToTheLast(t *testing.T) {
	bench.Wanted(t)
	const execs = 200_000
	cgroup := scope(t)
	s := kernelSource(t, Config{Scope: cgroup})
	storm := bench.NewStorm(t)
	p := newPipeline(t, bench.Executions{Mark: marker(t), Count: execs, Loops: 2})
	cmd := storm.Command(p.storm)
	attr := into(t, cgroup)
	cmd.SysProcAttr = attr
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	stop := p.run(t, s)
	defer func() { stop() }()
	<-p.ready
	p.finish(t, bench.Noop(t), attr)
	stop()
	stop = func() {}
	// The driver and its loops, which are forked in the scope or moved into it: one exec, forks and ends.
	happened := int64(3*(execs+1)) + int64(1+2) + int64(2+1) + 1
	counted := p.told + p.kernel.Processes
	if counted != happened || p.kernel.Processes == 0 {
		t.Errorf("%d came and %d were lost, together not %d", p.told, p.kernel.Processes, happened)
	}
	bench.Tell(t, bench.Figure{Name: "lost and counted beyond the ring", Value: float64(p.kernel.Processes), Unit: "events"})
	bench.Tell(t, bench.Figure{Name: "told or counted as lost", Value: float64(counted), Unit: "events", Peer: "happened", PeerValue: float64(happened), Most: 1})
}
