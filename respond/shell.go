package respond

import (
	"context"
	"io"
	"net/netip"
	"time"
)

// Shell is a Host that runs scripts of this program: over SSH, or here.
type Shell interface {
	Host
	// Run runs one script and waits for its end. data is its standard input and
	// the only way for anything variable to reach it. An error means that the
	// script could not be run, or was cut off by ctx or its limits: what it had
	// done until then is not known. A script that ended with another status than
	// 0 is no error: look at Output.Status.
	Run(ctx context.Context, s Script, data []byte) (Output, error)
	// Fresh proves that a new login works now: it connects anew, end to end and
	// with the same checks, and gives a Shell over that connection alone. The
	// caller closes it.
	Fresh(ctx context.Context) (FreshShell, error)
	// Manager is the address and port that this program's connection comes from,
	// as the host itself sees it: known after the first Run or Identity on that
	// connection. Invalid before, and for this machine itself.
	Manager() netip.AddrPort
}

// Streamer is a Shell that passes on what a script writes, however much that is.
type Streamer interface {
	Shell
	// Stream is Run, but standard output goes to w as it comes and is not kept.
	// It bounds nothing but the time: w bounds the size, and ends the script with
	// an error of its own.
	Stream(ctx context.Context, s Script, data []byte, w io.Writer) (Output, error)
}

// Reacher is a Host over a network.
type Reacher interface {
	// Reached says how it was reached; zero before it was.
	Reached() Reach
}

// Reach is how a host was reached.
type Reach struct {
	Address netip.Addr // dialled; invalid behind a jump host
	Key     string     // fingerprint of the host key it proved to have: "SHA256:…"
	Asked   bool       // nothing but a person's yes vouches for that key
}

// FreshShell is a Shell over a connection of its own.
type FreshShell interface {
	Shell
	Close() error
}

// Script is a constant of this program. Text never contains anything that came
// from outside; that goes to its standard input.
type Script struct {
	Name  string        // for the journal and for errors: "isolate.apply"
	Text  string        // POSIX sh
	Root  bool          // run as root, through sudo where the login is another
	Limit time.Duration // longest run; 0: 30 s
}

// Output is what a script wrote. It is hostile text.
type Output struct {
	Status int    // exit status; 128 and the signal's number when it was killed
	Stdout []byte // at most MaxOutput
	Stderr []byte // at most MaxOutput
	Cut    bool   // there was more
}

// MaxOutput bounds, in bytes, what is kept of each stream of a script.
const MaxOutput = 1 << 20
