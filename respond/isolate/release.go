package isolate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"interdict/respond"
)

// KindRelease takes an isolation out, whoever made it.
const KindRelease = "host.release"

// NewRelease gives a host back. It needs nothing but the host.
func NewRelease() respond.Action { return &release{} }

type release struct{}

// Order is empty: a release needs nothing but the host.
func (*release) Order() ([]byte, error) { return []byte("{}"), nil }

// Kind is KindRelease.
func (*release) Kind() string { return KindRelease }

// releaseIntent is the body of a plan.
type releaseIntent struct {
	Expect string `json:"expect"` // id of what is taken out; "" for what has none
}

// Plan says whose isolation it is. A host that is not isolated is released
// already: that plan changes nothing but what is left of it.
func (*release) Plan(ctx context.Context, h respond.Host) (respond.Plan, error) {
	s, err := Look(ctx, h)
	if err != nil {
		return respond.Plan{}, err
	}
	p := respond.Plan{Version: respond.Version, Kind: KindRelease, Host: h.Name(), Identity: s.Identity, Made: time.Now().UTC(),
		Title: "Release " + h.Name(), NoUndo: "isolate it again instead",
		Lines: []respond.Line{{Label: "State", Text: s.describe()}},
	}
	if s.State == Not {
		p.Title += ": it is not isolated"
	} else {
		p.Lines = append(p.Lines, respond.Line{Label: "Takes out", Text: "the rules named interdict alone; what others changed meanwhile is listed and stays"})
		p.Warnings = append(p.Warnings, "whatever waits there goes on at once, a transfer included")
	}
	for _, b := range s.Blocks {
		p.Lines = append(p.Lines, respond.Line{Label: "Stays", Text: b.describe()})
	}
	p.Body, err = json.Marshal(releaseIntent{Expect: s.Isolation.ID})
	return p, err
}

func (s Status) describe() string {
	switch {
	case s.State == Not:
		return "not isolated"
	case s.Isolation.ID == "":
		return string(s.State) + ": " + s.Why
	}
	text := string(s.State) + " by " + s.who()
	if s.Isolation.Case != "" {
		text += " for " + s.Isolation.Case
	}
	if s.Why != "" {
		text += ": " + s.Why
	}
	if s.Armed > 0 {
		text += fmt.Sprintf("; not confirmed, restores itself in %s", s.Armed)
	}
	if s.Survives {
		text += "; survives a restart"
	}
	return text
}

func (b Block) describe() string {
	text := "blocked: " + showNet(b.Place)
	if b.Rate > 0 {
		text = fmt.Sprintf("held to %d kB/s: %s", b.Rate, showNet(b.Place))
	}
	if b.By != "" {
		text += " by " + b.By
	}
	if !b.Until.IsZero() {
		text += " until " + b.Until.Format("2006-01-02 15:04:05Z")
	}
	return text
}

// released is the body of a result.
type released struct {
	ID        string   `json:"id"`
	Same      bool     `json:"same"`      // the rules of others were the same before and after
	Compared  bool     `json:"compared"`  // what stood before the isolation was known
	Meanwhile []string `json:"meanwhile"` // what others changed while it stood: "< " went, "> " came
}

// Apply takes out what is ours.
func (*release) Apply(ctx context.Context, h respond.Host, p respond.Plan) (respond.Result, error) {
	var in releaseIntent
	if err := json.Unmarshal(p.Body, &in); err != nil {
		return respond.Result{}, fmt.Errorf("plan: %w", err)
	}
	return takeOut(ctx, h, KindRelease, in.Expect, p.Identity)
}

// takeOut runs the release script and says what it found.
func takeOut(ctx context.Context, h respond.Host, kind, expect string, identity respond.Identity) (respond.Result, error) {
	shell, err := shellOf(h)
	if err != nil {
		return respond.Result{}, err
	}
	r := respond.Result{Version: respond.Version, Kind: kind, Host: h.Name(), Identity: identity, Started: time.Now().UTC()}
	var m message
	m.value("expect", expect)
	f, err := run(ctx, shell, releaseScript, m.Bytes())
	var said *scriptError
	if errors.As(err, &said) && said.code == "taken" {
		return respond.Result{}, respond.Stale("another isolation stands there by now")
	}
	if err != nil {
		return respond.Result{}, err
	}
	d := released{ID: f.one("removed"), Same: f.one("same") == "yes", Compared: f.one("compared") == "yes", Meanwhile: f["meanwhile"]}
	r.Ended, r.Releases = time.Now().UTC(), []string{keyIsolated + identity.HostID}
	r.Partial = !d.Same
	r.Summary, r.Lines = d.summary(f), d.lines(f)
	r.Body, err = json.Marshal(d)
	return r, err
}

func (d released) summary(f facts) string {
	switch {
	case f.one("none") == "yes":
		return "nothing of ours was loaded"
	case !d.Same:
		return "released, and the rules of others are not as they were a moment before"
	}
	return "released: what is loaded now is what was loaded before, minus ours"
}

func (d released) lines(f facts) []respond.Line {
	var lines []respond.Line
	for _, line := range f["disturbed"] {
		lines = append(lines, respond.Line{Label: "changed", Text: line})
	}
	if !d.Compared {
		return append(lines, respond.Line{Label: "before", Text: "the host does not know any more what stood before the isolation"})
	}
	if len(d.Meanwhile) == 0 {
		return append(lines, respond.Line{Label: "before", Text: "the rules are those from before the isolation"})
	}
	for _, line := range d.Meanwhile {
		what := "came"
		if strings.HasPrefix(line, "<") {
			what = "went"
		}
		lines = append(lines, respond.Line{Label: what, Text: strings.TrimSpace(line[1:]) + " (by others: left as it is)"})
	}
	return lines
}

// Verify looks whether anything of an isolation stands.
func (*release) Verify(ctx context.Context, h respond.Host, r respond.Result) (respond.Verdict, error) {
	s, err := Look(ctx, h)
	if err != nil {
		return respond.Verdict{}, err
	}
	v := respond.Verdict{State: respond.Holds, Summary: "not isolated", Checked: time.Now().UTC()}
	if s.State != Not {
		v.State, v.Summary = respond.Not, s.describe()
	}
	for _, b := range s.Blocks {
		v.Lines = append(v.Lines, respond.Line{Label: "stays", Text: b.describe()})
	}
	return v, nil
}

// Undo is not there: isolating again needs a new look.
func (*release) Undo(context.Context, respond.Host, respond.Result) (respond.Result, error) {
	return respond.Result{}, fmt.Errorf("%w: isolate it again instead", respond.ErrNoUndo)
}

// Undo releases the isolation that this result made, and no other; of one that
// was rolled back, the block that stayed.
func (a *isolation) Undo(ctx context.Context, h respond.Host, r respond.Result) (respond.Result, error) {
	var d did
	if err := json.Unmarshal(r.Body, &d); err != nil {
		return respond.Result{}, fmt.Errorf("result: %w", err)
	}
	if len(d.Block) == 0 {
		return takeOut(ctx, h, KindIsolate, d.ID, r.Identity)
	}
	places := ""
	for _, p := range d.Block {
		places += fmt.Sprintf("%s %s %s\n", setOf(p, 0), showNet(p), d.ID)
	}
	undone, err := remove(ctx, h, KindIsolate, r.Identity, places, "")
	if err != nil {
		return undone, err
	}
	for _, held := range r.Holds {
		undone.Releases = append(undone.Releases, held.Key)
	}
	return undone, nil
}
