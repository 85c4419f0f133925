package playbooks

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"interdict/detect"
	"interdict/respond"
)

// Moment is one entry of a case's timeline. Text and Source may carry bytes
// that an attacker chose.
type Moment struct {
	At     time.Time
	Kind   string // "event", "alert", "answer", "note", "action", "case"
	Host   string
	Source string // who says so: a sensor, a rule, a person, the journal
	Text   string
}

// Doings are what the journal says was done in a case.
type Doings struct {
	Operations []respond.Operation // oldest first
	Blind      string              // why they are not, or not all, known; "" when they are
}

// Done reads from the journal what was done on the hosts of a case since it
// began and, of a closed one, until it was closed. A nil journal knows nothing
// and that is said.
func Done(ctx context.Context, j *respond.Journal, k *Case) Doings {
	if j == nil {
		return Doings{Blind: "what was done is not known: there is no journal"}
	}
	var ids []string
	for _, h := range k.Hosts() {
		if h.ID != "" {
			ids = append(ids, h.ID)
		}
	}
	all, err := j.OnHosts(ctx, ids)
	d := Doings{}
	if err != nil {
		d.Blind = "what was done is not all known: " + err.Error()
	}
	from := k.Raised().Add(-time.Minute) // clocks of console and sensor may differ a little
	for _, o := range all {
		if at := o.Entries[0].Wall; at.Before(from) || !k.IsOpen() && at.After(k.Closed) {
			continue
		}
		d.Operations = append(d.Operations, o)
	}
	return d
}

// Timeline is everything that is known to have happened in a case, the oldest
// first: what sensors and rules saw, what people said, what was done on hosts.
func (s *Cases) Timeline(ctx context.Context, k *Case, done Doings) ([]Moment, error) {
	var out []Moment
	for _, x := range k.Exhibits {
		out = append(out, momentsOf(x)...)
		for _, a := range x.Finding.Alerts() {
			log, err := s.Log(ctx, a.ID)
			if err != nil {
				return nil, fmt.Errorf("timeline: %w", err)
			}
			for _, n := range log {
				out = append(out, n.moment(x.Finding.Host.Name, "alert "+first8(a.ID)+" "))
			}
		}
	}
	log, err := s.CaseLog(ctx, k.ID)
	if err != nil {
		return nil, fmt.Errorf("timeline: %w", err)
	}
	for _, n := range log {
		out = append(out, n.moment("", ""))
	}
	for _, o := range done.Operations {
		out = append(out, steps(o)...)
	}
	slices.SortStableFunc(out, func(a, b Moment) int { return a.At.Compare(b.At) })
	return out, nil
}

func (n Note) moment(host, of string) Moment {
	m := Moment{At: n.At, Kind: "case", Host: host, Source: n.By, Text: strings.TrimSuffix(of+n.Kind+": "+n.Text, ": ")}
	switch n.Kind {
	case "note":
		m.Kind, m.Text = "note", n.Text
	case "answer":
		m.Kind, m.Text = "answer", n.Text
	}
	return m
}

// momentsOf is what was seen of one finding.
func momentsOf(x Exhibit) []Moment {
	f := x.Finding
	sensor := "sensor on " + f.Host.Name
	var out []Moment
	event := func(at time.Time, format string, args ...any) {
		if !at.IsZero() {
			out = append(out, Moment{At: at, Kind: "event", Host: f.Host.Name, Source: sensor, Text: fmt.Sprintf(format, args...)})
		}
	}
	for _, p := range processesOf(f) {
		event(p.Started, "%s started as %s: %s", label(p), orUnknown(p.User), cmp.Or(p.CommandLine, p.Executable))
		if p.ExitCode < 0 {
			event(p.Ended, "%s ended, unseen", label(p))
		} else {
			event(p.Ended, "%s ended with status %d", label(p), p.ExitCode)
		}
	}
	if t := f.Transfer; t != nil {
		for _, p := range t.Peers {
			if p.Inbound {
				event(p.First, "%s connected to it", peerName(p))
			} else {
				event(p.First, "it connected to %s", peerName(p))
			}
			if p.Sent+p.Received > 0 {
				event(p.Last, "by then %s had gone to %s, %s had come back", byteCount(p.Sent), peerName(p), byteCount(p.Received))
			}
		}
		for _, r := range t.Files {
			class := ""
			if r.Sensitive != "" {
				class = ", " + r.Sensitive
			}
			event(r.At, "read %s, %s%s", r.Path, byteCount(r.Size), class)
		}
	}
	if t := f.Transfer; t != nil {
		for _, w := range t.Written {
			event(w.At, "wrote %s", w.Path)
		}
	}
	for _, a := range f.Alerts() {
		if a.Raised.IsZero() {
			continue // of a program that did not say when
		}
		out = append(out, Moment{At: a.Raised, Kind: "alert", Host: f.Host.Name, Source: "rule " + a.RuleName, Text: a.Why})
	}
	if x.Guide != nil && !x.Guide.Made.IsZero() {
		v := x.Guide.Verdict
		out = append(out, Moment{At: x.Guide.Made, Kind: "answer", Host: f.Host.Name, Source: "guide",
			Text: fmt.Sprintf("%s: %d facts against, %d for, %d open", v.Word, len(v.Against), len(v.For), len(v.Open))})
	}
	return out
}

// processesOf are the tool, what it came from and what belongs to it, each once.
func processesOf(f *detect.Finding) []detect.Process {
	var out []detect.Process
	seen := map[string]bool{}
	add := func(all ...detect.Process) {
		for _, p := range all {
			key := p.EntityID + label(p)
			if p.PID != 0 && !seen[key] {
				seen[key] = true
				out = append(out, p)
			}
		}
	}
	if f.Transfer != nil {
		for i := len(f.Transfer.Ancestors) - 1; i >= 0; i-- {
			add(f.Transfer.Ancestors[i])
		}
		add(f.Transfer.Tool)
		add(f.Transfer.Members...)
	}
	add(f.Process)
	return out
}

// first8 is enough of an id to find it by.
func first8(id string) string { return id[:min(len(id), 8)] }

func orUnknown(s string) string { return orElse(s, "an unknown user") }

// steps are the entries of one operation that a reader wants to know of.
func steps(o respond.Operation) (out []Moment) {
	for _, e := range o.Entries {
		m := Moment{At: e.Wall, Kind: "action", Host: e.Host, Source: e.Actor.String() + ", journal " + first8(o.Op)}
		switch e.Phase {
		case respond.Approved:
			if p, err := e.Plan(); err == nil {
				m.Text = "approved: " + p.Title
			}
		case respond.Applied, respond.Undone, respond.Verified, respond.Failed, respond.Refused:
			m.Text = outcomeWords(e)
		}
		if m.Text != "" {
			out = append(out, m)
		}
	}
	return out
}

func outcomeWords(e respond.Entry) string {
	o, err := e.Outcome()
	switch {
	case err != nil:
		return e.Kind + " " + string(e.Phase) + ", and what came of it cannot be read: " + err.Error()
	case o.Verdict != nil:
		return fmt.Sprintf("verified %s: %s: %s", e.Kind, o.Verdict.State, o.Verdict.Summary)
	case o.Error != "":
		return e.Kind + " " + string(e.Phase) + ": " + o.Error
	case o.Result != nil && e.Phase == respond.Undone:
		return "taken back: " + o.Result.Summary
	case o.Result != nil:
		return o.Result.Summary
	}
	return ""
}

// Metrics are how long it took. A zero duration with a false flag is not known yet.
type Metrics struct {
	Raised       time.Time
	Acknowledged time.Time // by a person; zero: not yet
	Contained    time.Time // the first verified freeze, kill, block or isolation; zero: not yet
}

// ToAcknowledge is from the first alert to the first person who took it.
func (m Metrics) ToAcknowledge() (time.Duration, bool) { return since(m.Raised, m.Acknowledged) }

// ToContain is from the first alert to the first verified containment.
func (m Metrics) ToContain() (time.Duration, bool) { return since(m.Raised, m.Contained) }

func since(from, to time.Time) (time.Duration, bool) {
	if from.IsZero() || to.IsZero() {
		return 0, false
	}
	return max(to.Sub(from), 0), true
}

// contains are the kinds of change that end a transfer.
func contains(kind string) bool {
	switch kind {
	case "process.freeze", "process.kill", "host.block", "host.isolate":
		return true
	}
	return false
}

// Measure finds out how long a case took; of one without an id, which is not opened
// yet, by its alerts alone.
func (s *Cases) Measure(ctx context.Context, k *Case, done Doings) (Metrics, error) {
	m := Metrics{Raised: k.Raised()}
	earliest := func(t *time.Time, at time.Time) {
		if t.IsZero() || at.Before(*t) {
			*t = at
		}
	}
	var log []Note
	if k.ID != "" {
		var err error
		if log, err = s.CaseLog(ctx, k.ID); err != nil {
			return m, err
		}
	}
	for _, x := range k.Exhibits {
		for _, a := range x.Finding.Alerts() {
			more, err := s.Log(ctx, a.ID)
			if err != nil {
				return m, err
			}
			log = append(log, more...)
		}
	}
	for _, n := range log {
		if n.By == NoPerson {
			continue
		}
		if n.Kind == "acknowledged" || n.Kind == "assigned" && n.Text != "" || n.Kind == "opened" {
			earliest(&m.Acknowledged, n.At)
		}
	}
	for _, o := range done.Operations {
		if !contains(o.Kind) || o.Verdict == nil || !o.Verdict.OK() {
			continue
		}
		for _, e := range o.Entries {
			if e.Phase == respond.Verified {
				earliest(&m.Contained, e.Wall)
			}
		}
	}
	return m, nil
}
