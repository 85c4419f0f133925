package ui

import (
	"context"
	"time"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/respond"
	"interdict/respond/evidence"
	"interdict/respond/isolate"
	"interdict/sources"
)

// Engine is what the console asks of detection, joined with what people said of
// its alerts in earlier runs and at other consoles.
type Engine interface {
	Changed() <-chan struct{}
	Snapshot() *detect.Snapshot
	Finding(alertID string) (*detect.Finding, bool)
	// Close closes an alert. The error says that the next run will not know of it.
	Close(a detect.Alert, reason string) error
	// Ack takes an alert, or says in the error who has it already.
	Ack(a detect.Alert) error
	// Answer puts a person's answer to a question of the guide in place of its
	// own; a state of "" gives the question back.
	Answer(a detect.Alert, question string, state playbooks.State, why string) error
	// Note adds to what was said about an alert.
	Note(a detect.Alert, text string) error
	// InCase names the case that an alert is in; "": none.
	InCase(a detect.Alert) string
	// Taken tells who took it; "": nobody.
	Taken(a detect.Alert) string
	// Exceptions gives all that were ever made, the newest first.
	Exceptions() ([]playbooks.KnownException, error)
	// Except keeps an exception, which is in force from then on.
	Except(x detect.Exception) error
	// RenewException has one go on until another day.
	RenewException(id string, until time.Time) error
	// ClosedLike counts what an exception would have hidden of what people closed since a time.
	ClosedLike(x *detect.Exception, since time.Time) (playbooks.ClosedLike, error)
	// EndException ends one; what it hid shows up again.
	EndException(id string) error
}

// Presence is what consoles that share cases tell each other of what is on their
// screens; *playbooks.Presence is one. Neither waits for anything.
type Presence interface {
	// Show says which alerts and cases are on this screen, by their ids.
	Show(ids ...string)
	// Lookers names the others that look at one of these now.
	Lookers(ids ...string) []string
}

// Assessor answers the investigation guide; *playbooks.Assessor is one.
type Assessor interface {
	Assess(ctx context.Context, f *detect.Finding) *playbooks.Guide
}

// Early is an [Assessor] that gives what is known after a moment; Guide.Asking says
// how much is not answered yet. Asking goes on until ctx ends, which outlives the call.
type Early interface {
	Soon(ctx context.Context, f *detect.Finding) *playbooks.Guide
}

// Config is what the program opened. Engine is needed; everything else may be
// left out, and what is missing is said where it would have been of use.
type Config struct {
	Engine    Engine
	Feed      *Feed // nil: no live events
	Assess    Assessor
	History   sources.History          // for queries that the person writes; nil: none can be asked
	Histories []string                 // names of what History can ask one by one; nil: it is one alone
	Source    func(detect.Host) string // which of them told of a host; "": not known. nil: there is one alone
	Asked     Asked                    // queries of earlier runs; nil: none are remembered
	Sources   []sources.Source         // for the header: their names, losses and notes

	// Kept are the totals of what keeps events, for its notes; nil: nothing is said of it.
	Kept func() sources.Stats

	// Host finds what can act on the machine that an alert names. Its error says
	// why nothing can.
	Host    func(detect.Host) (respond.Host, error)
	Journal *respond.Journal // nil: nothing can be changed
	Actor   respond.Actor
	Cases   *playbooks.Cases // nil: no case can be kept
	Tool    string           // name and version of the program, for reports
	// Sharing says what people should know of cases that other consoles have, too; nil: they are this directory's.
	Sharing func() []string

	// Presence tells who else looks at what; nil: it is not known.
	Presence Presence

	Evidence evidence.Options // where evidence goes and for whom
	Takings  *Takings         // how far playbooks are with theirs; nil: it is not shown
	Isolate  isolate.Options  // what an isolated host keeps, beside its manager
	Shared   []isolate.Shared // networks of many, that a block must not hit
	Users    isolate.Users    // who else used a destination; nil: a plan says nothing of it

	Books  []*playbooks.Playbook // that can be run
	Runner *playbooks.Runner     // carries them out; nil: none can be run

	Rights  respond.Rights  // what is asked before a change, by environment
	Notices func() []string // what else stands above every pane, a sentence each; nil: nothing

	ReadOnly bool
	Theme    string           // auto, dark, light, high-contrast, none; "" is auto
	NoColor  bool             // NO_COLOR is set to anything
	Banner   string           // why this is the recorded incident and how to get the kernel
	Now      func() time.Time // nil: time.Now
}

func (c Config) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}
