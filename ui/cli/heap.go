package cli

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// A heap that is large may grow by half until it is collected, a small one may
// double: with thousands of open alerts room to double would be most of the memory.
const (
	largeHeap    = 96 << 20 // bytes that are in use
	smallPercent = 100
	largePercent = 50
	heapEvery    = 2 * time.Second
)

// lean chooses between these until ctx ends. It leaves what GOGC says alone.
func lean(ctx context.Context) {
	before := debug.SetGCPercent(smallPercent)
	if before != smallPercent {
		debug.SetGCPercent(before)
		return
	}
	defer debug.SetGCPercent(before)
	live, now := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}, before
	tick := time.NewTicker(heapEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		metrics.Read(live)
		want := smallPercent
		if live[0].Value.Uint64() > largeHeap {
			want = largePercent
		}
		if want != now {
			debug.SetGCPercent(want)
			now = want
		}
	}
}
