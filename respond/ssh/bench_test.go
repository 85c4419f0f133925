package ssh

import (
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"
)

// far is a connection over a line with a delay, as the host has it.
type far struct {
	net.Conn
	read *io.PipeReader
	out  chan sent
}

type sent struct {
	b  []byte
	at time.Time
}

func distance(c net.Conn, oneWay time.Duration) net.Conn {
	r, w := io.Pipe()
	f := &far{Conn: c, read: r, out: make(chan sent, 1024)}
	in := make(chan sent, 1024)
	go func() { // what comes in
		defer close(in)
		b := make([]byte, 64<<10)
		for {
			n, err := c.Read(b)
			if n > 0 {
				in <- sent{append([]byte(nil), b[:n]...), time.Now().Add(oneWay)}
			}
			if err != nil {
				return
			}
		}
	}()
	go func() {
		defer w.Close()
		for s := range in {
			<-time.After(time.Until(s.at))
			w.Write(s.b)
		}
	}()
	go func() {
		for s := range f.out {
			<-time.After(time.Until(s.at))
			if _, err := c.Write(s.b); err != nil {
				c.Close()
			}
		}
		c.Close()
	}()
	return f
}

func (f *far) Read(b []byte) (int, error) { return f.read.Read(b) }
func (f *far) Write(b []byte) (n int, err error) {
	defer func() { // it was closed meanwhile
		if recover() != nil {
			err = net.ErrClosed
		}
	}()
	f.out <- sent{append([]byte(nil), b...), time.Now().Add(50 * time.Millisecond)}
	return len(b), nil
}
func (f *far) Close() (err error) {
	defer func() { recover() }()
	close(f.out)
	return nil
}

// BenchmarkFleet connects to many hosts that are 100 ms away and asks each who it
// is, cold and warm. HOSTS is how many; the default is 100.
func BenchmarkFleet(b *testing.B) {
	hosts, _ := strconv.Atoi(os.Getenv("HOSTS"))
	if hosts == 0 {
		hosts = 100
	}
	for b.Loop() {
		n := New(Options{})
		var all []*Host
		for range hosts {
			s := serve(b, func(s *server) {
				s.raw = func(c net.Conn) { s.connection(distance(c, 50*time.Millisecond)) }
				s.exec = func(e *served) {
					io.WriteString(e, began+"id=\nboot=69c8d03c-db1a-48f7-b047-c9b6392bb428\nup=1.0\nname=x\n")
					e.end(0)
				}
			})
			all = append(all, n.Host(s.target("x")))
		}
		ask := func() time.Duration {
			begin := time.Now()
			var work sync.WaitGroup
			for _, h := range all {
				work.Go(func() {
					if _, err := h.Identity(b.Context()); err != nil {
						b.Error(err)
					}
				})
			}
			work.Wait()
			return time.Since(begin)
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		cold := ask()
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(cold.Seconds(), "cold-s")
		b.ReportMetric(ask().Seconds(), "warm-s")
		b.ReportMetric(float64(after.HeapInuse-before.HeapInuse+after.StackInuse-before.StackInuse)/float64(hosts)/1024, "kB/host+server")
		n.Close()
	}
}
