package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"interdict/playbooks"
	"interdict/respond"
	"interdict/sources"
)

// Exit codes.
const (
	Done     = 0
	Failed   = 1
	Usage    = 2
	Refused  = 3  // by a safety check
	Degraded = 4  // done, but not all data could be looked at
	Alerted  = 10 // an alert at or above --fail-on
)

// Program is what the commands need of the world.
type Program struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Env            func(string) string
	Now            func() time.Time
	Version        string

	// Open makes the sources that o names. What it opened is closed by the caller.
	Open func(ctx context.Context, o OpenOptions) (*Opened, error)
	// History opens what `query` and `rules run` ask: files, or the archive of the state directory.
	History func(ctx context.Context, o HistoryOptions) (sources.History, io.Closer, error)
	// Hosts makes what reaches the hosts of the inventory; nothing is read or
	// connected to before it is asked for.
	Hosts func(o HostsOptions) Hosts
	// Room makes a cgroup for one command; nil: this system has none.
	Room func() (Room, error)
	// Guard has the terminal given back also when this process is killed or
	// crashes; release ends that. nil: nobody does.
	Guard func() (release func(), err error)
	// Doctor says what works here.
	Doctor func(ctx context.Context) []Check
	// CheckCluster says whether a cluster answers and what its key may not.
	CheckCluster func(ctx context.Context, c Cluster) Check
	// Ship opens the parts of a sensor.
	Ship func(ctx context.Context, o ShipOptions) (*Shipping, error)
	// ShipStatus is what a sensor with this spool said of itself last.
	ShipStatus func(dir string) ([]Check, error)
	// Role is what a key of a cluster needs, as JSON; what it is for is console, sensor or sharing.
	Role func(c Cluster, what string) string
	// Store opens what cases are shared through.
	Store func(c Cluster) (playbooks.Store, io.Closer, error)
}

// FindCluster finds a cluster of the configuration; "" is the only one there.
type FindCluster func(ctx context.Context, name string) (Cluster, error)

// OpenOptions name sources.
type OpenOptions struct {
	Sources  []string // as --source gives them; none: the kernel if allowed, else the recorded incident
	Demo     bool     // the recorded incident
	Speed    float64  // of a replay: 1 as recorded, 0 as fast as possible
	Scope    string   // cgroup to stay inside of
	Screen   bool     // a screen is waiting: what takes long goes on behind it, and Stats say so
	StateDir string   // "" keeps nothing
	MaxAge   time.Duration
	MaxBytes int64
	Cluster  FindCluster
	Tables   map[string]TableConfig
}

// Opened are running parts, ready to be started.
type Opened struct {
	Sources  []sources.Source
	Archive  sources.Sink         // takes every batch before anything else sees it
	Counts   sources.Sink         // keeps daily counts, which History answers as interdict.counts-*; nil: nobody does
	History  sources.History      // answers over what the sources brought
	Several  *sources.Several     // History, where it is several sources that are asked; nil: one is
	Kept     func() sources.Stats // what Archive took; its notes say what is degraded. nil: not told
	Banner   string               // what is missing here and how to get it; "" if nothing
	Recorded bool                 // the events happened in the past: their time is the time
	Local    bool                 // the events are of this machine
	Fleet    bool                 // there are events of other machines, too
	Close    func() error
}

// HistoryOptions name what to ask.
type HistoryOptions struct {
	Source   string   // a cluster; "" is none
	From     []string // files, directories, globs, "-"; none: the archive of StateDir
	Cluster  FindCluster
	Tables   map[string]TableConfig // what LOOKUP JOIN and ENRICH name
	Stdin    io.Reader
	StateDir string
}

// Check is one line of doctor.
type Check struct {
	Name   string `json:"name"`
	State  string `json:"state"` // yes, no, fallback
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"` // what to do about it
}

// exit carries an exit code with an error; a nil error prints nothing.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

// Misuse marks an error of [Program.Open] as one of the command line.
func Misuse(err error) error { return &exit{Usage, err} }

// usage is an error of the command line itself.
func usage(format string, args ...any) error { return &exit{Usage, fmt.Errorf(format, args...)} }

// codeOf gives the exit code for err.
func codeOf(err error) int {
	var e *exit
	switch {
	case err == nil:
		return Done
	case errors.As(err, &e):
		return e.code
	case errors.Is(err, respond.ErrRefused), errors.Is(err, respond.ErrPlanStale):
		return Refused
	}
	return Failed
}
