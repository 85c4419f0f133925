package ui

import (
	"strings"

	"interdict/ui/text"
)

// helpPane is the keymap, whole, and the commands.
type helpPane struct{ scrolled }

func (p *helpPane) lines(m *Model, w, h int) []string {
	all := p.all(m, w)
	from, to := p.window(len(all), h)
	return all[from:to]
}

func (p *helpPane) all(m *Model, w int) []string {
	var out []string
	where := ""
	for _, b := range m.keys {
		if b.Mode != where {
			where = b.Mode
			out = append(out, m.rule(w, where))
		}
		r := normal
		if b.Danger {
			r = danger
		}
		out = append(out, m.strip(w).add(keycap, "  "+text.Fit(b.Label(), 24)).to(28).add(r, b.Help).String())
	}
	out = append(out, m.rule(w, "commands, behind :"))
	for _, c := range m.commands() {
		name := c.name
		if len(c.args) > 0 {
			name += " …"
		}
		out = append(out, m.strip(w).add(keycap, "  "+name).to(28).add(normal, strings.Join(append([]string{c.help}, c.args...), " · ")).String())
	}
	return append(out, m.rule(w, "words"),
		m.strip(w).add(normal, "  Capital keys change a host, lower-case ones only look. Times are UTC.").String(),
		m.strip(w).add(normal, "  tool ◂ parent ◂ ancestor; ×2: the alert fired twice; PULL: somebody outside fetches.").String(),
		m.strip(w).add(normal, "  \\x1b or <U+202E> stand for characters that a terminal would obey or hide.").String())
}
