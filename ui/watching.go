package ui

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/detect"
	"interdict/sources"
	"interdict/ui/text"
)

// watchingPane is how well is watched: every source, every rule, and what was
// heard of every host, what is worst first.
type watchingPane struct {
	scrolled
	hosts []*heardOf // as of a second: there may be thousands, and a key must not wait for them
	asOf  int
}

func (p *watchingPane) enter(m *Model) tea.Cmd {
	p.hear(m)
	return p.scrolled.enter(m)
}

func (p *watchingPane) hear(m *Model) { p.hosts, p.asOf = m.heard(), m.ticks }

func (p *watchingPane) lines(m *Model, w, h int) []string {
	out := append(m.sourceLines(w), m.ruleLines(w)...)
	if p.asOf != m.ticks {
		p.hear(m)
	}
	hosts := p.hosts
	all := len(out) + len(hosts)
	if len(hosts) > 0 {
		out = append(out, m.rule(w, fmt.Sprintf("%s with transfer tools, the longest lag first", plural(len(hosts), "host"))), m.heardTitles(w))
		all += 2
	}
	from, to := p.window(all, h)
	for _, one := range hosts[:max(to-len(out), 0)] { // no more than can be seen
		out = append(out, m.heardLine(one, w))
	}
	return out[from:to]
}

// sourceLines say of each source what it is connected to, how it does, and what is wrong.
func (m *Model) sourceLines(w int) (out []string) {
	out = append(out, m.rule(w, "sources"))
	for _, src := range m.config.Sources {
		st := src.Stats()
		state, r := "ok", good
		switch {
		case st.Blind != "":
			state, r = "CANNOT LOOK", critical
		case len(st.Notes) > 0:
			state, r = "degraded", warning
		}
		facts := fmt.Sprintf("%s read · %s lost · lag %s", count(st.Read), count(st.Lost.Total()), short(st.Lag))
		if st.About != "" {
			facts = st.About + " · " + facts
		}
		out = append(out, m.strip(w).add(title, "  "+src.Name()+"  ").add(r, state).add(normal, "  "+facts).String())
		for _, note := range st.Notes {
			out = append(out, m.wrapped(w, warning, "  "+note, 3)...)
		}
	}
	return out
}

// ruleLines are the rules that see less than all first.
func (m *Model) ruleLines(w int) []string {
	rules := slices.Clone(m.snap.Rules)
	slices.SortStableFunc(rules, func(a, b detect.RuleStatus) int {
		return cmp.Or(cmp.Compare(trouble(b), trouble(a)), cmp.Compare(a.Rule.Name, b.Rule.Name))
	})
	out := []string{m.rule(w, plural(len(rules), "rule"))}
	for _, s := range rules {
		r, state := normal, string(s.Mode)
		switch trouble(s) {
		case 2:
			r, state = critical, state+", DEGRADED"
		case 1:
			r = muted
		}
		line := m.strip(w).add(normal, "  "+s.Rule.Name+"  ").add(r, state)
		if !s.LastRun.IsZero() {
			line.add(muted, "  last run "+s.LastRun.UTC().Format(time.TimeOnly))
		}
		out = append(out, line.String())
		for _, note := range s.Notes {
			out = append(out, m.wrapped(w, map[bool]role{true: warning, false: muted}[note == s.Blind], "  "+note, 3)...)
		}
	}
	return out
}

func trouble(s detect.RuleStatus) int {
	switch {
	case s.Blind != "":
		return 2
	case s.Mode == detect.Off:
		return 1
	}
	return 0
}

// heardOf is what one source heard of one host.
type heardOf struct {
	sources.Heard
	source string
}

func (m *Model) heard() (out []*heardOf) {
	for _, src := range m.config.Sources {
		hosts := src.Stats().Hosts
		if hosts == nil {
			continue
		}
		for _, h := range hosts() {
			out = append(out, &heardOf{h, src.Name()})
		}
	}
	slices.SortStableFunc(out, func(a, b *heardOf) int { return cmp.Compare(b.Lag, a.Lag) })
	return out
}

func (m *Model) heardTitles(w int) string {
	return m.strip(w).add(muted, "  HOST").to(23).add(muted, "LAG").to(31).add(muted, "MOST").to(39).add(muted, "NEWEST").to(48).add(muted, "EVENTS").
		to(58).add(muted, "LATE").to(71).add(muted, "OUT OF ORDER").to(85).add(muted, "AHEAD").to(98).add(muted, "SOURCE").String()
}

// heardLine is one host. A clock that is wrong shows as lag, or as events of the future.
func (m *Model) heardLine(h *heardOf, w int) string {
	out := func(n int64, by time.Duration) string {
		if n == 0 {
			return "0"
		}
		return count(n) + " ≤ " + short(by)
	}
	r := normal
	if h.Late > 0 || h.Ahead > 0 {
		r = warning
	}
	return m.strip(w).add(r, "  "+text.Fit(h.Host, 20)).to(23).add(r, short(h.Lag)).to(31).add(normal, short(h.Most)).to(39).add(normal, span(m.now().Sub(h.Newest))).
		to(48).add(normal, count(h.Events)).to(58).add(r, out(h.Late, h.LateBy)).to(71).add(normal, count(h.Older)).to(85).add(r, out(h.Ahead, h.AheadBy)).to(98).add(muted, h.source).String()
}

// short is a span with tenths of a second where it is one of seconds.
func short(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return span(d)
}

// blindRules says that rules see less than all; "" when none does.
func (m *Model) blindRules() string {
	n, example := 0, ""
	for _, s := range m.snap.Rules {
		if s.Blind != "" {
			if n++; n == 1 {
				example = s.Rule.Name + ": " + s.Blind
			}
		}
	}
	switch n {
	case 0:
		return ""
	case 1:
		return "rule " + example
	}
	return fmt.Sprintf("%d rules do not see all, 8 lists them; %s", n, example)
}
