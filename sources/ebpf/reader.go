//go:build linux && (amd64 || arm64)

package ebpf

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cilium/ebpf/ringbuf"
)

// The pace of reading: how long to wait for more after something came, and, step
// by step up to idleWait, while nothing does. Urgent records wake the reader at once.
const (
	busyWait  = 10 * time.Millisecond
	idleWait  = 80 * time.Millisecond
	slabBytes = 1 << 20
	maxSlabs  = 16 // read and not yet decoded, at most
)

// slab is records as they were read, each behind its length.
type slab struct {
	raw  []byte
	read time.Time
}

// reader empties the ring and does nothing else. When slabs is full it waits:
// then the ring fills, and what finds no room in it is counted.
type reader struct {
	ring  *ringbuf.Reader
	slabs chan slab
	spare chan []byte
}

func newReader(ring *ringbuf.Reader) *reader {
	return &reader{ring: ring, slabs: make(chan slab, maxSlabs), spare: make(chan []byte, maxSlabs)}
}

// free takes back the memory of a slab.
func (r *reader) free(b slab) {
	if cap(b.raw) > slabBytes/4 {
		return // of a storm
	}
	select {
	case r.spare <- b.raw[:0]:
	default:
	}
}

func (r *reader) memory() []byte {
	select {
	case b := <-r.spare:
		return b
	default:
		return make([]byte, 0, 16<<10)
	}
}

func (r *reader) run(ctx context.Context) error {
	defer close(r.slabs)
	var record ringbuf.Record
	wait := busyWait
	for ctx.Err() == nil {
		b, err := r.fill(&record, wait)
		if err != nil {
			return err
		}
		if b.raw == nil {
			wait = min(2*wait, idleWait)
			continue
		}
		wait = busyWait
		select {
		case r.slabs <- b:
		case <-ctx.Done():
		}
	}
	return nil
}

// fill reads what comes within wait, or until something urgent has come and
// nothing else is there.
func (r *reader) fill(record *ringbuf.Record, wait time.Duration) (b slab, err error) {
	r.ring.SetDeadline(time.Now().Add(wait))
	for len(b.raw) < slabBytes {
		err := r.ring.ReadInto(record)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			return b, fmt.Errorf("ebpf: ring: %w", err)
		}
		if b.raw == nil {
			b.raw, b.read = r.memory(), time.Now()
		}
		b.raw = binary.LittleEndian.AppendUint32(b.raw, uint32(len(record.RawSample)))
		b.raw = append(b.raw, record.RawSample...)
		if record.Remaining == 0 && urgent(record.RawSample) {
			break
		}
	}
	return b, nil
}
