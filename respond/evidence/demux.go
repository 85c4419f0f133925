package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// sink is told what the script writes. An error ends the script.
type sink interface {
	// begin: what follows answers the request with this id; up is how long the
	// host has been up.
	begin(id string, up time.Duration) error
	data(b []byte) error
	end(status string, up time.Duration) error
}

const headLine = 200 // bytes of one line that begins or ends a frame

var errFrames = errors.New("what the host writes is not what the script writes")

// demux takes frames apart as they come. Content may hold anything but the word.
type demux struct {
	mu     sync.Mutex
	mark   []byte
	to     sink
	rest   []byte // not yet told
	inside bool
	whole  bool // the last line came
	closed bool
	err    error
}

func newDemux(word string, to sink) *demux { return &demux{mark: []byte("\n#" + word + " "), to: to} }

// close waits for a write that is under way; those that come later are refused.
func (d *demux) close() (whole bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.inside && d.err == nil && len(d.rest) > 0 {
		d.err = d.to.data(d.rest)
	}
	return d.whole, d.err
}

// Write tells the sink all that is certain by now.
func (d *demux) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return 0, errFrames
	}
	d.rest = append(d.rest, b...)
	for d.err == nil {
		more, err := d.step()
		if d.err = err; !more {
			break
		}
	}
	if d.err != nil {
		return 0, d.err
	}
	return len(b), nil
}

// step tells one stretch of content or one line; more is false when it has to wait.
func (d *demux) step() (more bool, err error) {
	at := bytes.Index(d.rest, d.mark)
	if at < 0 {
		return false, d.tell(max(0, len(d.rest)-len(d.mark)+1))
	}
	if err := d.tell(at); err != nil {
		return false, err
	}
	line, rest, ok := bytes.Cut(d.rest[len(d.mark):], []byte("\n"))
	if !ok {
		if len(line) > headLine {
			return false, errFrames
		}
		return false, nil
	}
	d.rest = rest
	return true, d.line(string(line))
}

// tell passes on the first n bytes; outside of a frame there are none to pass.
func (d *demux) tell(n int) error {
	b := d.rest[:n]
	d.rest = d.rest[n:]
	if !d.inside || n == 0 {
		return nil
	}
	return d.to.data(b)
}

func (d *demux) line(text string) error {
	f := strings.Fields(text)
	switch {
	case len(f) == 1 && f[0] == "." && !d.inside:
		d.whole = true
		return nil
	case len(f) == 3 && f[0] == "B" && !d.inside:
		d.inside = true
		return d.to.begin(f[1], uptime(f[2]))
	case len(f) == 3 && f[0] == "E" && d.inside:
		d.inside = false
		return d.to.end(f[1], uptime(f[2]))
	}
	return fmt.Errorf("%w: %q", errFrames, text)
}

func uptime(s string) time.Duration {
	seconds, err := strconv.ParseFloat(s, 64)
	if err != nil || seconds < 0 || seconds > 1e10 {
		return 0
	}
	return time.Duration(seconds * float64(time.Second))
}
