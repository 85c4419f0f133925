package ui

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/detect"
	"interdict/playbooks"
)

// exceptForm makes an exception from an alert: how wide, why, and how long.
type exceptForm struct {
	finding *detect.Finding
	choices []playbooks.Proposal // the narrowest first
	at      int
	days    int // in exceptDays
	why     line
	no      string         // why it was not made
	past    map[int]string // what history says of each choice; not asked yet: not there
	closed  map[int]closedSays
}

// exceptDays are the ends that can be chosen. There is no exception without one.
var exceptDays = []int{30, 90, 1, 7}

// openExcept opens the form, on what hides least beside the alert.
func (m *Model) openExcept(f *detect.Finding) tea.Cmd {
	all := playbooks.Propose(f)
	if len(all) == 0 {
		m.warn("too little is known of this alert to hide what is like it and nothing else")
		return nil
	}
	e := &exceptForm{finding: f, choices: all, past: map[int]string{}, closed: map[int]closedSays{}}
	m.overlay = e
	return e.preview(m)
}

// preview asks the history how much the choice would have hidden.
func (e *exceptForm) preview(m *Model) tea.Cmd {
	if _, asked := e.past[e.at]; asked {
		return nil
	}
	at, x, now := e.at, e.choices[e.at].Exception, m.now()
	e.past[at], e.closed[at] = "…", closedSays{normal, "…"}
	history, engine := m.config.History, m.config.Engine
	return m.ask(assessLimit, func(ctx context.Context) tea.Msg {
		return previewed{e, at, playbooks.Preview(ctx, history, &x, now), closedWord(engine, &x, now)}
	})
}

// closedSays is what people made of alerts that an exception would have hidden.
type closedSays struct {
	role role
	text string
}

type previewed struct {
	form   *exceptForm
	at     int
	says   string
	closed closedSays
}

func (p previewed) take(*Model) tea.Cmd {
	p.form.past[p.at], p.form.closed[p.at] = p.says, p.closed
	return nil
}

func (e *exceptForm) mode() mode { return inExcept }

func (e *exceptForm) key(m *Model, k tea.KeyMsg) tea.Cmd {
	a, known := m.keys.find(inExcept, k.String())
	if !known {
		e.why.edit(k)
		return nil
	}
	switch a {
	case up:
		e.at = max(e.at-1, 0)
		return e.preview(m)
	case down:
		e.at = min(e.at+1, len(e.choices)-1)
		return e.preview(m)
	case next:
		e.days = (e.days + 1) % len(exceptDays)
	case back:
		m.overlay = nil
		m.say("nothing is hidden")
	case open:
		return e.make(m)
	}
	return nil
}

// exception is what is chosen now.
func (e *exceptForm) exception(m *Model) detect.Exception {
	x := e.choices[e.at].Exception
	x.Reason = strings.TrimSpace(e.why.text())
	x.Expires = m.now().Add(time.Duration(exceptDays[e.days]) * 24 * time.Hour).Truncate(time.Second)
	return x
}

func (e *exceptForm) make(m *Model) tea.Cmd {
	x := e.exception(m)
	if x.Reason == "" {
		e.no = "say why it is allowed: whoever renews it will want to know"
		return nil
	}
	if _, why := x.Hides(e.now(m)); why != "" {
		e.no = "no exception hides this alert: " + why
		return nil
	}
	if n := len(m.snap.Findings); n >= allOf && fitting(&x, m.snap.Findings) == n {
		e.no = fmt.Sprintf("it would hide all %d alerts: choose a narrower one", n)
		return nil
	}
	m.overlay = nil
	engine := m.config.Engine
	return func() tea.Msg {
		if err := engine.Except(x); err != nil {
			return warned{"no exception was made: " + err.Error()}
		}
		return spoken{done: "hiding what is like it until " + x.Expires.Format(time.DateOnly) + "; 6 lists exceptions", over: true}
	}
}

// now is the alert as it is now, which may have ended meanwhile.
func (e *exceptForm) now(m *Model) *detect.Finding {
	if f, ok := m.snap.Finding(e.finding.ID); ok {
		return f
	}
	return e.finding
}

// lines shows all that fits; where it does not, what is chosen alone and its
// conditions in fewer lines. What it would hide and the reason are always there.
func (e *exceptForm) lines(m *Model, w, h int) []string {
	f, x := e.now(m), e.exception(m)
	b := newBox(m, w, "EXCEPTION for "+what(f)+" on "+f.Host.Name)
	if m.sends(f) {
		b.add(critical, "Now", "STILL SENDING: hiding it does not stop it")
	}
	if g := m.guides.of(f); g != nil && g.Verdict.Word == playbooks.Theft {
		b.add(critical, "Verdict", fmt.Sprintf("%s: %s against", g.Verdict.Word, plural(len(g.Verdict.Against), "fact")))
	}
	foot := e.foot(b, m, f, &x)
	room := h - 2 - len(b.lines) - len(foot)
	choices, conditions := e.listed(b), b.each("Hides", entryTexts(x.Entries))
	if len(choices)+len(conditions) > room {
		choices = b.wrapped(title, fmt.Sprintf("▌ %d of %d", e.at+1, len(e.choices)), e.choices[e.at].Words)
		conditions = b.wrapped(normal, "Hides", strings.Join(entryTexts(x.Entries), " and "))
		conditions = conditions[:max(min(len(conditions), room-len(choices)), 0)]
	}
	b.lines = slices.Concat(b.lines, choices, conditions, foot)
	b.lines = b.lines[min(max(len(b.lines)-h+2, 0), len(b.lines)):]
	return b.close()
}

func (e *exceptForm) listed(b *box) (out []string) {
	for i, c := range e.choices {
		mark, r := "  ", normal
		if i == e.at {
			mark, r = "▌ ", title
		}
		out = append(out, b.wrapped(r, mark+fmt.Sprint(i+1), c.Words)...)
	}
	return out
}

// foot is what it never hides, what it would have hidden, and why it is made.
func (e *exceptForm) foot(b *box, m *Model, f *detect.Finding, x *detect.Exception) (out []string) {
	put := func(r role, label, t string) { out = append(out, b.wrapped(r, label, t)...) }
	put(normal, "Never", "above "+size(x.MaxBytes)+", keys, credentials, what runs from a deleted file")
	put(normal, "Ends", fmt.Sprintf("in %s, %s (tab)", plural(exceptDays[e.days], "day"), x.Expires.Format(time.DateOnly)))
	put(normal, "Of now", fitsWord(x, m.snap.Findings))
	put(e.closed[e.at].role, "Closed", e.closed[e.at].text)
	put(normal, "Before", e.past[e.at])
	if _, why := x.Hides(f); why != "" {
		put(critical, "Not this", why)
	}
	out = append(out, b.line(normal, "Why", e.why.shown(b.inner()-labelWidth, true)))
	if e.no != "" {
		put(critical, "", e.no)
	}
	return out
}

// fitsWord counts what an exception would hide of what is open, and names the first.
func fitsWord(x *detect.Exception, all []*detect.Finding) string {
	n, first := 0, ""
	for _, f := range all {
		if hides, _ := x.Hides(f); !hides {
			continue
		}
		if n++; n == 1 {
			first = ": " + what(f) + " on " + f.Host.Name + " (" + riskWord(f) + ")"
		}
	}
	return fmt.Sprintf("hides %d of %s%s", n, plural(len(all), "alert"), first)
}

// allOf is how many alerts make it refused that an exception hides all of them.
const allOf = 5

func fitting(x *detect.Exception, all []*detect.Finding) (n int) {
	for _, f := range all {
		if x.Fits(f) {
			n++
		}
	}
	return n
}

// closedFor is how far back closed alerts are looked at.
const closedFor = 14 * 24 * time.Hour

// closedWord counts what an exception would have hidden of what was closed, and
// of that what was theft.
func closedWord(e Engine, x *detect.Exception, now time.Time) closedSays {
	n, err := e.ClosedLike(x, now.Add(-closedFor))
	switch {
	case err != nil:
		return closedSays{warning, "not known: " + err.Error()}
	case n.Thefts > 0:
		return closedSays{critical, n.String()}
	}
	return closedSays{normal, n.String()}
}

// samples is how many hidden alerts are drawn each day to be looked at.
const samples = 5

// sampled puts the alerts first that are drawn for the day: the same at every
// console, others tomorrow, and nothing that who hides them could know before.
func sampled(all []*detect.Finding, now time.Time) []*detect.Finding {
	lot := func(f *detect.Finding) uint64 {
		h := fnv.New64a()
		h.Write([]byte(now.UTC().Format(time.DateOnly) + f.ID))
		return h.Sum64()
	}
	byLot := slices.SortedFunc(slices.Values(all), func(a, b *detect.Finding) int { return cmp.Compare(lot(a), lot(b)) })
	drawn := byLot[:min(samples, len(byLot))]
	out := slices.Clone(drawn)
	for _, f := range all {
		if !slices.Contains(drawn, f) {
			out = append(out, f)
		}
	}
	return out
}

// entryTexts are conditions in words.
func entryTexts(entries []detect.Entry) []string {
	var out []string
	for _, e := range entries {
		not := ""
		if e.Not {
			not = " not"
		}
		switch {
		case e.Exists:
			out = append(out, e.Field+" is"+not+" there")
		case e.Wildcard:
			out = append(out, e.Field+" is"+not+" like "+strings.Join(e.Values, " or "))
		default:
			out = append(out, e.Field+" is"+not+" "+strings.Join(e.Values, " or "))
		}
	}
	return out
}

// exceptionWords is an exception in one line.
func exceptionWords(x *detect.Exception) string {
	s := fmt.Sprintf("%q by %s: %s", x.Name, x.Author, x.Reason)
	if !x.Expires.IsZero() {
		s += ", until " + x.Expires.UTC().Format(time.DateOnly)
	}
	return s
}
