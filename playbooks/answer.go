package playbooks

import (
	"interdict/detect"
	"time"

	"interdict/sources"
)

// State of an answer.
type State string

// The states. BAD speaks against the transfer, OK does not; OPEN is what could
// not be decided from what is known.
const (
	BAD  State = "BAD"
	OK   State = "OK"
	OPEN State = "OPEN"
)

// Line is one piece of evidence. Text may be long and hostile.
type Line struct{ Label, Text string }

// Answer is a question of the guide with what was found.
type Answer struct {
	Number   int
	ID       string // "command", "parent", …; stays the same when numbers change
	Question string // title: "Command line"
	Asks     string // what is asked, a sentence
	State    State
	Why      string // one sentence with the figures
	Evidence []Line

	More   []string // further queries that it is answered from, as they can be run again
	Query  string   // as it can be run again: the text with its values written in
	Text   string   // as it was run: with ?parameters
	Params []sources.Param
	Source string        // which of several histories was asked; "": all of them
	Took   time.Duration // of query and look-ups together

	Overridden bool // the state is an analyst's; Why says whose and begins with their note
}

// Verdict is what the answers amount to.
type Verdict struct {
	Word    string // Theft, Unclear or Routine
	Sending bool   // data still leaves
	Against []string
	For     []string
	Open    []string
}

// The words of a verdict.
const (
	Theft   = "LIKELY THEFT"
	Unclear = "UNCLEAR"
	Routine = "LIKELY ROUTINE"
)

// Guide is the investigation guide of one finding, answered as far as it could be.
type Guide struct {
	AlertID     string
	Verdict     Verdict
	Answers     []Answer
	Checklist   []Answer       // the steps of the rule's own note, for a person to do and tick off
	Credentials Credentials    // that may have to be replaced
	Said        []Note         // what people noted about the alert, the oldest first
	Environment Advice         // what it means and what to do where the host belongs; zero when unknown
	Blind       []string       // what cannot be seen beside Finding.Unseen, a sentence each
	Stop        string         // the smallest action that ends it, a sentence; "" when nothing is left to stop
	Root        detect.Process // that it begins at; zero when nothing is left to stop
	Made        time.Time
	Asking      int `json:"-"` // questions that are still being asked: see [Assessor.Soon]
}

// Step is one step of a rule's note.
type Step struct{ Section, Text string }

// Advice is what a transfer implies in an environment and what to do there.
type Advice struct {
	Name         string // ci, staging, production
	Implications []string
	Actions      []string
	Facts        []Line // what is known of this transfer for them
}
