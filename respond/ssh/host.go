package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"interdict/respond"
)

// Host is one host of a Network. Everything on it shares one connection, which
// is made when it is needed and made anew when it was lost.
type Host struct {
	net    *Network
	target Target
	alone  bool // of one connection: a lost one is not made anew

	mu      sync.Mutex
	conn    *conn
	dialing *dialing
	closed  bool
	manager netip.AddrPort // of the last connection that said
}

var _ respond.Streamer = (*Host)(nil)

// dialing is a connection that is being made for all who wait for it.
type dialing struct {
	done chan struct{}
	stop context.CancelFunc
	conn *conn
	err  error
}

// Name is the inventory's.
func (h *Host) Name() string { return h.target.Name }

var errClosed = errors.New("it was closed here")

// connection gives the shared connection, and makes it if there is none.
func (h *Host) connection(ctx context.Context) (*conn, error) {
	h.mu.Lock()
	if h.conn != nil && h.conn.over() == nil {
		defer h.mu.Unlock()
		return h.conn, nil
	}
	if h.closed || h.alone {
		defer h.mu.Unlock()
		err := errClosed
		if h.conn != nil {
			err = h.conn.over()
		}
		return nil, &Error{Host: h.target.Name, Phase: Session, Err: err}
	}
	d := h.dialing
	if d == nil {
		d = h.dial()
	}
	h.mu.Unlock()
	select {
	case <-d.done:
		return d.conn, d.err
	case <-ctx.Done():
		return nil, &Error{Host: h.target.Name, Phase: Connecting, Err: ctx.Err()}
	}
}

// dial begins a connection that outlives who asked for it first: its phases
// bound it. h.mu is held.
func (h *Host) dial() *dialing {
	ctx, stop := context.WithCancel(context.Background())
	d := &dialing{done: make(chan struct{}), stop: stop}
	h.dialing = d
	go func() {
		defer stop()
		c, err := h.net.dial(ctx, h.target, false)
		h.mu.Lock()
		if h.closed && c != nil {
			h.mu.Unlock()
			c.Close()
			h.mu.Lock()
			c, err = nil, errClosed
		}
		d.conn, d.err = c, err
		h.conn, h.dialing = c, nil
		h.mu.Unlock()
		close(d.done)
	}()
	return d
}

// Warm connects, so that the first run does not have to.
func (h *Host) Warm(ctx context.Context) error {
	_, err := h.connection(ctx)
	return err
}

// Run runs one script. A connection that turns out to be lost before the script
// could begin is made anew, once.
func (h *Host) Run(ctx context.Context, s respond.Script, data []byte) (respond.Output, error) {
	return h.Stream(ctx, s, data, nil)
}

// Stream is Run with standard output going to w; nil keeps it in the output.
func (h *Host) Stream(ctx context.Context, s respond.Script, data []byte, w io.Writer) (respond.Output, error) {
	for again := h.alone; ; again = true {
		c, err := h.connection(ctx)
		if err != nil {
			return respond.Output{}, err
		}
		out, begun, err := h.run(ctx, c, s, data, w)
		if err != nil && !begun && !again && c.over() != nil && ctx.Err() == nil {
			continue
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", s.Name, err)
		}
		return out, err
	}
}

// Fresh connects anew, jump hosts included.
func (h *Host) Fresh(ctx context.Context) (respond.FreshShell, error) {
	c, err := h.net.dial(ctx, h.target, true)
	if err != nil {
		return nil, err
	}
	return &Host{net: h.net, target: h.target, alone: true, conn: c}, nil
}

// Close ends the connection. A later use fails.
func (h *Host) Close() error {
	h.mu.Lock()
	h.closed = true
	c, d := h.conn, h.dialing
	h.mu.Unlock()
	if d != nil {
		d.stop()
		<-d.done
	}
	if c != nil {
		c.Close()
	}
	return nil
}

// Manager is where the connection comes from, as the host said at the last run
// on it; invalid before the first.
func (h *Host) Manager() netip.AddrPort {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conn != nil {
		h.conn.mu.Lock()
		defer h.conn.mu.Unlock()
		if h.conn.manager.IsValid() {
			h.manager = h.conn.manager
		}
	}
	return h.manager
}

// Reached says how the host was reached; zero before it was.
func (h *Host) Reached() respond.Reach {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conn == nil {
		return respond.Reach{}
	}
	return respond.Reach{Address: h.conn.address, Key: h.conn.key, Asked: h.conn.asked}
}

// identify is one round trip.
var identify = respond.Script{Name: "identity", Limit: 15 * time.Second, Text: `for f in /etc/machine-id /var/lib/dbus/machine-id; do
	id=
	[ ! -r "$f" ] || read -r id <"$f"
	[ -z "$id" ] || break
done
read -r boot </proc/sys/kernel/random/boot_id
read -r up rest </proc/uptime
printf "%s\n" "id=$id" "boot=$boot" "up=$up" "name=$(uname -n)"`}

var (
	machineID = regexp.MustCompile(`^[0-9a-f]{32}$`)
	bootID    = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

// Identity asks the host anew.
func (h *Host) Identity(ctx context.Context) (respond.Identity, error) {
	out, err := h.Run(ctx, identify, nil)
	if err != nil {
		return respond.Identity{}, err
	}
	id, err := parseIdentity(string(out.Stdout))
	if err != nil {
		return respond.Identity{}, fmt.Errorf("identity of %s: %w: %s", h.target.Name, err, line(out.Stderr))
	}
	return id, nil
}

func parseIdentity(text string) (respond.Identity, error) {
	var id respond.Identity
	for l := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSuffix(l, "\n"), "=")
		switch key {
		case "id":
			if machineID.MatchString(value) { // "uninitialized" names no machine
				id.HostID = value
			}
		case "boot":
			id.BootID = value
		case "up":
			up, err := strconv.ParseFloat(value, 64)
			if err != nil || up < 0 || up > 1e10 {
				return respond.Identity{}, errors.New("it does not say how long it has been up")
			}
			id.Uptime = time.Duration(up * float64(time.Second))
		case "name":
			id.Hostname = value
		}
	}
	if !bootID.MatchString(id.BootID) {
		return respond.Identity{}, errors.New("it does not say which boot this is")
	}
	return id, nil
}
