package playbooks

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"interdict/respond"
	sealed "interdict/respond/evidence"
)

// Brief is a case as the next shift wants to hear of it.
type Brief struct {
	Case
	Metrics Metrics
	Done    Doings
	Last    Note // newest entry of its log
}

// Brief makes the brief of one case.
func (s *Cases) Brief(ctx context.Context, j *respond.Journal, k Case) (Brief, error) {
	b := Brief{Case: k, Done: Done(ctx, j, &k)}
	var err error
	if b.Metrics, err = s.Measure(ctx, &k, b.Done); err != nil {
		return b, err
	}
	log, err := s.CaseLog(ctx, k.ID)
	if n := len(log); n > 0 {
		b.Last = log[n-1]
	}
	return b, err
}

// BriefOf makes the brief of the case with an id.
func (s *Cases) BriefOf(ctx context.Context, j *respond.Journal, id string) (Brief, error) {
	k, err := s.Case(ctx, id)
	if err != nil {
		return Brief{}, err
	}
	return s.Brief(ctx, j, k)
}

// Briefs are those of all open cases, or of all, the newest first. Those that
// can be made come also with an error.
func (s *Cases) Briefs(ctx context.Context, j *respond.Journal, closed bool, limit int) ([]Brief, error) {
	all, first := s.AllCases(ctx, closed, limit)
	out := make([]Brief, 0, len(all))
	for _, k := range all {
		b, err := s.Brief(ctx, j, k)
		if err != nil && first == nil {
			first = err
		}
		out = append(out, b)
	}
	return out, first
}

// Sending tells whether data of it still left when it was seen last.
func (b *Brief) Sending() bool {
	return slices.ContainsFunc(b.Exhibits, func(x Exhibit) bool { return newSubject(x.Finding, x.At).sending() })
}

// Status is how far the case is, in words.
func (b *Brief) Status() string {
	switch d, ok := b.Metrics.ToContain(); {
	case !b.IsOpen():
		return "closed: " + b.Reason
	case ok:
		return "contained after " + span(d)
	case b.Done.Blind != "":
		return "not known whether contained"
	case b.Sending():
		return "SENDING, not contained"
	}
	return "not contained"
}

// Aware is since when a person knows of it; zero: nobody said so.
func (b *Brief) Aware() time.Time {
	if b.OpenedBy == NoPerson && b.Metrics.Acknowledged.Equal(b.Opened) {
		return time.Time{}
	}
	return b.Metrics.Acknowledged
}

// Captured is the id of the newest bundle with only what a containment would
// have destroyed; "" without one.
func (b *Brief) Captured() string {
	for _, o := range slices.Backward(b.Done.Operations) {
		if o.Kind != sealed.KindCollect || o.Result == nil {
			continue
		}
		if c, err := sealed.ResultOf(*o.Result); err == nil && c.Capture {
			return c.ID
		}
	}
	return ""
}

// Left says what went where, as the kernel counted it.
func (b *Brief) Left() string {
	var sent int64
	var ends []string
	for _, x := range b.Exhibits {
		s := newSubject(x.Finding, x.At)
		if x.Finding.Transfer == nil || s.transfer.Direction == "in" {
			continue
		}
		for _, p := range s.far() {
			sent += p.Sent
			if name := peerName(p); !slices.Contains(ends, name) {
				ends = append(ends, name)
			}
		}
	}
	if len(ends) == 0 {
		return "not known"
	}
	return fmt.Sprintf("≥ %s to %s", byteCount(sent), few(ends, 3))
}

// Verdict is the gravest word of its guides; "" when none was answered.
func (b *Brief) Verdict() string {
	for _, word := range []string{Theft, Unclear, Routine} {
		if slices.ContainsFunc(b.Exhibits, func(x Exhibit) bool { return x.Guide != nil && x.Guide.Verdict.Word == word }) {
			return word
		}
	}
	return ""
}

// OpenQuestions are what no guide of it could answer and no person did.
func (b *Brief) OpenQuestions() []string {
	var out []string
	for _, x := range b.Exhibits {
		if x.Guide == nil {
			out = append(out, "the guide of "+x.Finding.RuleName+" on "+x.Finding.Host.Name+" was not answered")
			continue
		}
		for _, q := range x.Guide.Verdict.Open {
			if !slices.Contains(out, q) {
				out = append(out, q)
			}
		}
	}
	return out
}

// Held is what of a list still stands on the hosts of the case.
func (b *Brief) Held(standing []respond.Standing) []respond.Standing {
	hosts := b.Hosts()
	return slices.DeleteFunc(slices.Clone(standing), func(s respond.Standing) bool {
		for _, h := range hosts {
			if s.HostID != "" && s.HostID == h.ID || s.HostID == "" && s.Host == h.Name {
				return false
			}
		}
		return true
	})
}

// Figures are how long cases took: medians over those that got so far.
type Figures struct {
	Cases                     int
	Acknowledge, Contain      time.Duration
	Acknowledged, ContainedIn int // of how many cases
}

// FiguresOf sums up briefs.
func FiguresOf(all []Brief) Figures {
	f := Figures{Cases: len(all)}
	var ack, contain []time.Duration
	for i := range all {
		if d, ok := all[i].Metrics.ToAcknowledge(); ok {
			ack = append(ack, d)
		}
		if d, ok := all[i].Metrics.ToContain(); ok {
			contain = append(contain, d)
		}
	}
	f.Acknowledge, f.Acknowledged = median(ack), len(ack)
	f.Contain, f.ContainedIn = median(contain), len(contain)
	return f
}

func median(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// String is one line.
func (f Figures) String() string {
	part := func(n int, d time.Duration) string {
		if n == 0 {
			return "none yet"
		}
		return fmt.Sprintf("%s (%d of %d)", span(d), n, f.Cases)
	}
	return "median time to acknowledge " + part(f.Acknowledged, f.Acknowledge) + ", to contain " + part(f.ContainedIn, f.Contain)
}

// HandOverText is what the next shift must know, in lines: every open case, what
// is held on hosts, and what nobody knows yet. doubt says why standing may not be all.
func HandOverText(all []Brief, standing []respond.Standing, doubt string, now time.Time, by string) []string {
	out := []string{fmt.Sprintf("HAND-OVER %s by %s", now.UTC().Format("2006-01-02 15:04Z"), by)}
	open := slices.DeleteFunc(slices.Clone(all), func(b Brief) bool { return !b.IsOpen() })
	loose := 0
	for i := range open {
		if open[i].Metrics.Contained.IsZero() {
			loose++
		}
	}
	held := plural(int64(len(standing)), "change") + " held on hosts"
	if doubt != "" {
		held += ", maybe more: " + doubt
	}
	out = append(out, fmt.Sprintf("%s open, %d not contained · %s", plural(int64(len(open)), "case"), loose, held))
	for i := range open {
		out = append(out, open[i].Lines(standing)...)
	}
	var rest []string
	for _, s := range standing {
		if !slices.ContainsFunc(open, func(b Brief) bool { return len(b.Held([]respond.Standing{s})) > 0 }) {
			rest = append(rest, "  "+heldWords(s))
		}
	}
	if len(rest) > 0 {
		out = append(append(out, "", "HELD, of no open case"), rest...)
	}
	return out
}

// Lines are the case for who takes it over: an empty one first.
func (b *Brief) Lines(standing []respond.Standing) []string {
	out := []string{"", fmt.Sprintf("%s  %s  (%s)", b.ID, b.Title, orNobody(b.Assignee))}
	put := func(label, text string) {
		if text != "" {
			out = append(out, fmt.Sprintf("  %-9s %s", label, text))
		}
	}
	put("State", b.Status())
	put("Left", b.Left())
	put("How sure", b.Verdict())
	for _, s := range b.Held(standing) {
		put("Held", heldWords(s))
	}
	for _, q := range b.OpenQuestions() {
		put("Open", q)
	}
	put("Blind", b.Done.Blind)
	if !b.Last.At.IsZero() {
		put("Last", strings.TrimSuffix(fmt.Sprintf("%s %s %s: %s", b.Last.At.UTC().Format("01-02 15:04Z"), b.Last.By, b.Last.Kind, b.Last.Text), ": "))
	}
	return out
}

func heldWords(s respond.Standing) string {
	text := fmt.Sprintf("%s on %s since %s: %s", s.Kind, s.Host, s.Since.UTC().Format("01-02 15:04Z"), s.Text)
	if !s.Until.IsZero() {
		text += ", until " + s.Until.UTC().Format("01-02 15:04Z")
	}
	return text
}
