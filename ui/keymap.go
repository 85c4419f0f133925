package ui

import (
	"slices"
	"strings"
)

// mode is what is on the screen, as far as keys go.
type mode string

const (
	everywhere mode = "everywhere"
	inAlerts   mode = "alerts"
	inEvents   mode = "events"
	inGuide    mode = "guide"
	inJournal  mode = "journal"
	inStanding mode = "standing"
	inWatching mode = "watching"
	inQuery    mode = "query"
	inEditor   mode = "editing a query"
	inExcept   mode = "making an exception"
	inAnswer   mode = "answering"
	inExcepted mode = "exceptions"
	inCases    mode = "cases"
	inCase     mode = "case"
	inPage     mode = "page"
	inBooks    mode = "choosing a playbook"
	inRun      mode = "run"
	inHelp     mode = "help"
	inDialog   mode = "plan" // no letters: tab moves, enter presses
	inOutcome  mode = "outcome"
	inReason   mode = "reason"
	inLine     mode = "line" // typing a filter or a command
	inQuit     mode = "quit"
)

// action is what a key does.
type action string

const (
	up       action = "up"
	down     action = "down"
	pageUp   action = "page-up"
	pageDown action = "page-down"
	first    action = "first"
	last     action = "last"
	open     action = "open"
	back     action = "back"
	next     action = "next"

	alerts   action = "alerts"
	events   action = "events"
	journal  action = "journal"
	standing action = "standing"
	help     action = "help"
	command  action = "command"
	filter   action = "filter"
	quit     action = "quit"

	sortBy   action = "sort"
	ack      action = "ack"
	closeIt  action = "close"
	query    action = "query"
	ask      action = "ask"
	edit     action = "edit"
	left     action = "left"
	right    action = "right"
	newLine  action = "new-line"
	stopIt   action = "stop"
	export   action = "export"
	except   action = "except"
	excepts  action = "exceptions"
	answerIt action = "answer"
	noteIt   action = "note"
	cases    action = "cases"
	watching action = "watching"
	caseOf   action = "case"
	join     action = "join"
	playbook action = "playbook"
	skip     action = "skip"
	runs     action = "runs"
	handOver action = "hand-over"
	whose    action = "source"
	hidden   action = "hidden"
	end      action = "end"
	again    action = "refresh"
	renew    action = "renew"

	collect action = "collect"
	freeze  action = "freeze"
	blockIt action = "block"
	cutOff  action = "isolate"
	resume  action = "resume"
	kill    action = "kill"
)

// Binding is one line of the keymap: footer, help, README and manual are made from these.
type Binding struct {
	Mode   string // where it works
	Keys   []string
	Action string
	Short  string // for the footer; "" keeps it out of there
	Help   string
	Danger bool // it changes a host: absent in read-only
}

type keymap []Binding

// Keys gives the keymap, for documents.
func Keys(readOnly bool) []Binding { return newKeymap(readOnly) }

func newKeymap(readOnly bool) keymap {
	if !readOnly {
		return slices.Clone(allKeys)
	}
	return slices.DeleteFunc(slices.Clone(allKeys), func(b Binding) bool { return b.Danger })
}

func bind(m mode, a action, short, help string, keys ...string) Binding {
	return Binding{Mode: string(m), Keys: keys, Action: string(a), Short: short, Help: help}
}

func dangerous(m mode, a action, short, help, key string) Binding {
	b := bind(m, a, short, help, key)
	b.Danger = true
	return b
}

var allKeys = keymap{
	bind(everywhere, up, "", "one line up", "up", "k"),
	bind(everywhere, down, "", "one line down", "down", "j"),
	bind(everywhere, pageUp, "", "one screen up", "pgup", "ctrl+b"),
	bind(everywhere, pageDown, "", "one screen down", "pgdown", "ctrl+f", " "),
	bind(everywhere, first, "", "first line; alerts then follow the worst one", "home", "g"),
	bind(everywhere, last, "", "last line; events then follow the newest one", "end", "G"),
	bind(everywhere, back, "", "back", "esc", "backspace"),
	bind(everywhere, next, "", "next of alerts and events", "tab"),
	bind(everywhere, alerts, "", "alerts", "1"),
	bind(everywhere, events, "", "live events", "2"),
	bind(everywhere, journal, "", "journal: every change that was made", "3"),
	bind(everywhere, standing, "", "standing: what is still held on hosts", "4"),
	bind(everywhere, ask, "", "query: ask the history in ES|QL", "5"),
	bind(everywhere, excepts, "", "exceptions: what is hidden, why, until when", "6"),
	bind(everywhere, cases, "", "cases: how the shift stands", "7"),
	bind(everywhere, watching, "", "watching: how sources and rules do, and the lag of each host", "8"),
	bind(everywhere, help, "help", "this help", "?", "f1"),
	bind(everywhere, command, "command", "command by name; tab completes", ":"),
	bind(everywhere, quit, "quit", "quit; says what is still held on hosts", "q", "ctrl+c"),

	bind(inAlerts, open, "guide", "the investigation guide, answered", "enter", "l", "right"),
	bind(inAlerts, next, "events", "live events", "tab"),
	bind(inAlerts, closeIt, "close…", "close the alert; the next key says why", "c"),
	bind(inAlerts, handOver, "", "hand-over: what the next shift must know", "o"),
	bind(inAlerts, ack, "ack", "take the alert: other consoles see by whom", "a"),
	bind(inAlerts, caseOf, "case", "the case of the alert; opens one if it is in none", "i"),
	bind(inAlerts, except, "except…", "hide what is like the alert, within limits: choose how", "x"),
	bind(inAlerts, hidden, "", "show what exceptions hide, or go back", "z"),
	bind(inAlerts, collect, "evidence", "take evidence of the alert's process tree, sealed; changes nothing on the host: plan first", "e"),
	bind(inAlerts, filter, "filter", "filter as you type", "/"),
	bind(inAlerts, sortBy, "sort", "next sort order", "s"),
	dangerous(inAlerts, blockIt, "block", "block where the alert's data goes, for a day: plan first", "B"),
	dangerous(inAlerts, freeze, "freeze tree", "freeze the process tree of the alert: plan first", "F"),
	dangerous(inAlerts, cutOff, "isolate", "cut the alert's host off the network: plan first", "I"),
	dangerous(inAlerts, kill, "kill tree", "kill the process tree of the alert: plan first", "K"),
	dangerous(inAlerts, playbook, "playbook", "run a playbook for the alert: choose it, then see every plan", "P"),
	dangerous(inAlerts, resume, "take back", "resume, unblock or release what is held on the alert's host: plan first", "R"),

	bind(inGuide, open, "evidence", "show or hide all evidence of the question", "enter"),
	bind(inGuide, next, "next open", "next question that is open", "tab"),
	bind(inGuide, answerIt, "answer", "answer the question yourself, or tick the step off", " "),
	bind(inGuide, noteIt, "note", "note something about the alert", "n"),
	bind(inGuide, query, "query", "the query behind the answer", "v"),
	bind(inGuide, edit, "", "change that query and run it", "e"),
	bind(inGuide, again, "ask again", "answer the questions anew", "r"),
	bind(inGuide, closeIt, "close…", "close the alert; the next key says why", "c"),
	bind(inGuide, caseOf, "case", "the case of the alert; opens one if it is in none", "i"),
	bind(inGuide, except, "", "hide what is like the alert, within limits: choose how", "x"),
	bind(inGuide, back, "back", "back to the alerts", "esc", "h", "left", "backspace"),
	dangerous(inGuide, blockIt, "block", "block where the alert's data goes, for a day: plan first", "B"),
	dangerous(inGuide, freeze, "freeze tree", "freeze the process tree of the alert: plan first", "F"),
	dangerous(inGuide, cutOff, "isolate", "cut the alert's host off the network: plan first", "I"),
	dangerous(inGuide, kill, "kill tree", "kill the process tree of the alert: plan first", "K"),
	dangerous(inGuide, playbook, "playbook", "run a playbook for the alert: choose it, then see every plan", "P"),
	dangerous(inGuide, resume, "take back", "resume, unblock or release what is held on the alert's host: plan first", "R"),

	bind(inEvents, next, "alerts", "alerts", "tab"),
	bind(inEvents, filter, "filter", "filter as you type", "/"),
	bind(inEvents, last, "follow", "follow the newest", "end", "G"),
	bind(inJournal, again, "read again", "read the journal again", "r"),
	bind(inJournal, open, "details", "show or hide the entry whole", "enter"),
	bind(inStanding, again, "read again", "read the journal again", "r"),
	dangerous(inStanding, resume, "take back", "resume, unblock or release it: plan first", "R"),
	bind(inQuery, edit, "edit", "change the query", "enter", "e"),
	bind(inQuery, whose, "source", "ask the next of several sources, or all of them", "s"),
	bind(inQuery, again, "run again", "run the query again", "r"),
	bind(inQuery, left, "", "a column to the left", "left", "h"),
	bind(inQuery, right, "columns", "a column to the right", "right", "l"),
	bind(inQuery, export, "write…", "write the answer to a file", "w"),
	bind(inQuery, stopIt, "call off", "call the question off", "x"),
	bind(inExcepted, renew, "renew", "have the exception go on for 30 days from now", "n"),
	bind(inExcepted, end, "end", "end the exception: what it hides shows up again", "d"),
	bind(inExcepted, again, "read again", "read the exceptions again", "r"),
	bind(inCases, open, "open", "the case under the cursor", "enter", "l", "right"),
	bind(inCases, handOver, "hand over", "what the next shift must know", "o"),
	bind(inCases, hidden, "closed", "closed cases too, or not", "z"),
	bind(inCases, again, "read again", "read the cases again", "r"),
	bind(inCase, noteIt, "note", "add a note", "n"),
	bind(inCase, ack, "take", "take the case: other consoles see by whom", "a"),
	bind(inCase, join, "take in", "take the first related alert into the case", "+"),
	bind(inCase, handOver, "hand over", "give the case to somebody, with words", "o"),
	bind(inCase, export, "report…", "write the report to a file, as .html or .md", "w"),
	bind(inCase, closeIt, "close…", "close the case and its alerts; the next key says why", "c"),
	bind(inCase, open, "whole", "show or hide the moment whole", "enter"),
	bind(inCase, again, "read again", "read the case again", "r"),
	bind(inCase, runs, "run", "the run of a playbook in the case", "p"),
	dangerous(inCase, playbook, "playbook", "run a playbook for the case's gravest alert: choose it, then see every plan", "P"),
	bind(inRun, open, "do", "approve the step, say that it was done, or go on", "enter"),
	bind(inRun, skip, "leave out", "leave the step out, with a reason", "s"),
	bind(inRun, stopIt, "stop", "end the run; what it changed stands until it is taken back", "x"),
	bind(inRun, caseOf, "case", "the case", "i"),
	bind(inRun, again, "read again", "read the run again", "r"),
	dangerous(inRun, resume, "take back", "take back what the step changed: plan first", "R"),
	bind(inHelp, back, "back", "back", "esc", "?", "backspace"),

	bind(inDialog, next, "next field", "next field or button", "tab", "right"),
	bind(inDialog, up, "", "scroll the plan", "up"),
	bind(inDialog, down, "scroll", "scroll the plan", "down"),
	bind(inDialog, pageUp, "", "scroll the plan by a screen", "pgup"),
	bind(inDialog, pageDown, "", "scroll the plan by a screen", "pgdown"),
	bind(inDialog, open, "press", "press the button", "enter"),
	bind(inDialog, back, "cancel", "cancel: nothing is changed", "esc", "ctrl+c"),
	bind(inOutcome, open, "close", "close", "enter", "esc", "ctrl+c"),
	bind(inOutcome, up, "", "scroll", "up"),
	bind(inOutcome, down, "scroll", "scroll", "down"),
	bind(inReason, back, "keep open", "keep the alert open", "esc"),
	bind(inLine, open, "do", "do it", "enter"),
	bind(inLine, back, "leave", "leave", "esc", "ctrl+c"),
	bind(inLine, next, "complete", "complete", "tab"),
	bind(inEditor, open, "run", "run the query", "enter"),
	bind(inEditor, newLine, "new line", "begin a new line", "ctrl+j", "alt+enter"),
	bind(inEditor, whose, "source", "ask the next of several sources, or all of them", "ctrl+t"),
	bind(inEditor, next, "complete", "complete a command, field or function", "tab"),
	bind(inEditor, up, "earlier", "line up; above the first: an earlier query", "up", "ctrl+p"),
	bind(inEditor, down, "", "line down; below the last: a later query", "down", "ctrl+n"),
	bind(inEditor, back, "to the answer", "leave the query as it is", "esc", "ctrl+c"),
	bind(inAnswer, next, "another answer", "another answer", "tab"),
	bind(inAnswer, open, "keep it", "keep it", "enter"),
	bind(inAnswer, back, "cancel", "say nothing", "esc", "ctrl+c"),
	bind(inExcept, up, "", "narrower", "up"),
	bind(inExcept, down, "wider", "wider", "down"),
	bind(inExcept, next, "how long", "another end", "tab"),
	bind(inExcept, open, "make it", "make the exception", "enter"),
	bind(inExcept, back, "cancel", "make none", "esc", "ctrl+c"),
	bind(inBooks, up, "", "one up", "up", "k"),
	bind(inBooks, down, "next", "one down", "down", "j"),
	bind(inBooks, open, "plans", "show what each step would do", "enter"),
	bind(inBooks, back, "cancel", "begin nothing", "esc", "ctrl+c"),
	bind(inPage, up, "", "scroll", "up", "k"),
	bind(inPage, down, "scroll", "scroll", "down", "j"),
	bind(inPage, pageUp, "", "a screen up", "pgup"),
	bind(inPage, pageDown, "", "a screen down", "pgdown", " "),
	bind(inPage, export, "write…", "write it to a file, secrets hidden", "w"),
	bind(inPage, back, "close", "close", "esc", "q", "enter", "ctrl+c"),
	bind(inQuit, back, "stay", "stay", "esc"),
	bind(inQuit, standing, "what is held", "stay, and see what is held", "4"),
	bind(inQuit, quit, "quit and leave it", "quit; what is held stays held", "q", "ctrl+c"),
}

// find gives the action of a key: the mode's own before the one of every pane.
func (k keymap) find(m mode, key string) (action, bool) {
	for _, where := range []mode{m, everywhere} {
		if where == everywhere && m.overlays() {
			break
		}
		for _, b := range k {
			if b.Mode == string(where) && slices.Contains(b.Keys, key) {
				return action(b.Action), true
			}
		}
	}
	return "", false
}

// overlays tells whether a mode takes every key for itself.
func (m mode) overlays() bool {
	switch m {
	case inDialog, inOutcome, inReason, inLine, inEditor, inExcept, inAnswer, inPage, inBooks, inQuit:
		return true
	}
	return false
}

// footer gives what stands at the bottom in a mode, its own keys first, and
// apart from it what changes a host.
func (k keymap) footer(m mode) (looks, changes []Binding) {
	for _, where := range []mode{m, everywhere} {
		for _, b := range k {
			switch {
			case b.Mode != string(where) || b.Short == "" || where == everywhere && (m.overlays() || shadowed(looks, b)):
			case b.Danger:
				changes = append(changes, b)
			default:
				looks = append(looks, b)
			}
		}
	}
	return looks, changes
}

func shadowed(have []Binding, b Binding) bool {
	return slices.ContainsFunc(have, func(h Binding) bool { return slices.Contains(h.Keys, b.Keys[0]) })
}

// label is how a key is written.
func label(key string) string {
	switch key {
	case " ":
		return "space"
	case "pgdown":
		return "page down"
	case "pgup":
		return "page up"
	}
	return key
}

// Label is all keys of the binding for a person: "up, k".
func (b Binding) Label() string {
	out := make([]string, len(b.Keys))
	for i, k := range b.Keys {
		out[i] = label(k)
	}
	return strings.Join(out, ", ")
}
