package ui

import (
	"fmt"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"interdict/ui/text"
)

// line is a field for one line of text. What is typed or pasted is cleaned: it
// is text and nothing else.
type line struct {
	runes []rune
	at    int
	most  int // characters; 0: lineMax
}

const lineMax = 500

func (l *line) text() string { return string(l.runes) }

func (l *line) set(s string) { l.runes = []rune(s); l.at = len(l.runes) }

// edit takes a key that edits; false leaves it to somebody else.
func (l *line) edit(k tea.KeyMsg) bool {
	switch k.Type {
	case tea.KeyRunes, tea.KeySpace:
		l.insert(k.Runes)
	case tea.KeyBackspace:
		if l.at > 0 {
			l.runes = slices.Delete(l.runes, l.at-1, l.at)
			l.at--
		}
	case tea.KeyDelete:
		if l.at < len(l.runes) {
			l.runes = slices.Delete(l.runes, l.at, l.at+1)
		}
	case tea.KeyLeft:
		l.at = max(l.at-1, 0)
	case tea.KeyRight:
		l.at = min(l.at+1, len(l.runes))
	case tea.KeyHome, tea.KeyCtrlA:
		l.at = 0
	case tea.KeyEnd, tea.KeyCtrlE:
		l.at = len(l.runes)
	case tea.KeyCtrlU:
		l.runes, l.at = slices.Delete(l.runes, 0, l.at), 0
	case tea.KeyCtrlK: // of several lines, this one
		to := l.at
		for to < len(l.runes) && l.runes[to] != '\n' {
			to++
		}
		l.runes = slices.Delete(l.runes, l.at, to)
	case tea.KeyCtrlW:
		l.word()
	default:
		return false
	}
	return true
}

func (l *line) insert(r []rune) {
	r = []rune(text.Clean(string(r)))
	most := l.most
	if most == 0 {
		most = lineMax
	}
	r = r[:min(len(r), max(most-len(l.runes), 0))]
	l.runes = slices.Insert(l.runes, l.at, r...)
	l.at += len(r)
}

// word deletes the word before the cursor.
func (l *line) word() {
	from := l.at
	for from > 0 && l.runes[from-1] == ' ' {
		from--
	}
	for from > 0 && l.runes[from-1] != ' ' {
		from--
	}
	l.runes, l.at = slices.Delete(l.runes, from, l.at), from
}

// shown gives the field with its cursor in at most w cells.
func (l *line) shown(w int, cursor bool) string {
	mark := "▏"
	if !cursor {
		mark = ""
	}
	before := text.FitLeft(string(l.runes[:l.at])+mark, w)
	return before + text.Fit(string(l.runes[l.at:]), w-text.Width(before))
}

// plainOf is text without the styles that this package put around it.
func plainOf(s string) string { return ansi.Strip(s) }

// filterLine narrows a list as one types.
type filterLine struct {
	line
	before string
	set    func(*Model, string) tea.Cmd
}

func newFilterLine(_ *Model, now string, set func(*Model, string) tea.Cmd) *filterLine {
	f := &filterLine{before: now, set: set}
	f.line.set(now)
	return f
}

func (f *filterLine) mode() mode { return inLine }

func (f *filterLine) key(m *Model, k tea.KeyMsg) tea.Cmd {
	if f.edit(k) {
		return f.set(m, f.text())
	}
	a, _ := m.keys.find(inLine, k.String())
	switch a {
	case open:
		m.overlay = nil
	case back:
		m.overlay = nil
		return f.set(m, f.before)
	}
	return nil
}

func (f *filterLine) lines(m *Model, w, h int) []string {
	out := exactly(m.panes[m.shown].lines(m, w, h), h)
	if h > 0 {
		out[h-1] = m.strip(w).add(title, " / ").add(normal, f.shown(w-4, true)).String()
	}
	return out
}

// promptLine asks for one line of text.
type promptLine struct {
	line
	label string
	do    func(*Model, string) tea.Cmd
}

func newPrompt(label, now string, do func(*Model, string) tea.Cmd) *promptLine {
	p := &promptLine{label: label, do: do}
	p.set(now)
	return p
}

func (p *promptLine) mode() mode { return inLine }

func (p *promptLine) key(m *Model, k tea.KeyMsg) tea.Cmd {
	if p.edit(k) {
		return nil
	}
	switch a, _ := m.keys.find(inLine, k.String()); a {
	case open:
		m.overlay = nil
		return p.do(m, p.text())
	case back:
		m.overlay = nil
	}
	return nil
}

func (p *promptLine) lines(m *Model, w, h int) []string {
	out := exactly(m.panes[m.shown].lines(m, w, h), h)
	if h > 0 {
		label := " " + p.label + ": "
		out[h-1] = m.strip(w).add(title, label).add(normal, p.shown(w-text.Width(label)-1, true)).String()
	}
	return out
}

// commandLine takes a command by name.
type commandLine struct {
	line
	hint string
}

func newCommandLine(*Model) *commandLine { return &commandLine{} }

func (c *commandLine) mode() mode { return inLine }

func (c *commandLine) key(m *Model, k tea.KeyMsg) tea.Cmd {
	c.hint = ""
	if c.edit(k) {
		return nil
	}
	a, _ := m.keys.find(inLine, k.String())
	switch a {
	case back:
		m.overlay = nil
	case next:
		c.complete(m)
	case open:
		m.overlay = nil
		return m.command(c.text())
	}
	return nil
}

// complete goes as far as all candidates agree, and names them if there are several.
func (c *commandLine) complete(m *Model) {
	all := m.candidates(c.text())
	if len(all) == 0 {
		c.hint = "nothing begins like that"
		return
	}
	same := common(all)
	if len(all) == 1 {
		same += " "
	}
	c.set(same)
	if len(all) > 1 {
		c.hint = strings.Join(all, "  ")
	}
}

func (c *commandLine) lines(m *Model, w, h int) []string {
	out := exactly(m.panes[m.shown].lines(m, w, h), h)
	if h > 1 {
		hint := c.hint
		if hint == "" {
			hint = strings.Join(m.candidates(c.text()), "  ")
		}
		out[h-2] = m.strip(w).add(muted, " "+hint).String()
	}
	if h > 0 {
		out[h-1] = m.strip(w).add(title, " : ").add(normal, c.shown(w-4, true)).String()
	}
	return out
}

// candidates are the commands, or the arguments of one, that begin like s.
func (m *Model) candidates(s string) []string {
	name, arg, inArg := strings.Cut(strings.TrimLeft(s, " "), " ")
	var out []string
	for _, c := range m.commands() {
		switch {
		case !inArg && strings.HasPrefix(c.name, name):
			out = append(out, c.name)
		case inArg && c.name == name:
			for _, a := range c.args {
				if strings.HasPrefix(a, arg) {
					out = append(out, name+" "+a)
				}
			}
		}
	}
	return out
}

// command carries out what was typed behind the colon.
func (m *Model) command(s string) tea.Cmd {
	name, arg, _ := strings.Cut(strings.TrimSpace(s), " ")
	if name == "" {
		return nil
	}
	var found []named
	for _, c := range m.commands() {
		if c.name == name {
			return c.do(m, strings.TrimSpace(arg))
		}
		if strings.HasPrefix(c.name, name) {
			found = append(found, c)
		}
	}
	if len(found) == 1 {
		return found[0].do(m, strings.TrimSpace(arg))
	}
	m.warn(fmt.Sprintf("no command %q; tab behind the colon shows them", text.Fit(name, 20)))
	return nil
}
