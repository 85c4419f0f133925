package ui

import (
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/sources/ecs"
	"interdict/sources/esql"
	"interdict/ui/text"
)

// editor is a field for a query: several lines, a history, completion.
type editor struct {
	line
	pane  *queryPane
	past  int    // how far back in the history; 0 is what is being written
	draft string // that
	hint  string
}

// editorMax bounds a query, in characters: far more than anybody writes.
const editorMax = 20_000

func newEditor(p *queryPane, s string) *editor {
	e := &editor{pane: p}
	e.most = editorMax
	e.set(s)
	return e
}

func (e *editor) mode() mode { return inEditor }

func (e *editor) key(m *Model, k tea.KeyMsg) tea.Cmd {
	e.hint = ""
	if k.Type == tea.KeyRunes && strings.ContainsAny(string(k.Runes), "\r\n") { // a paste of several lines
		for i, part := range strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(k.Runes)), "\n") {
			if i > 0 {
				e.breakLine()
			}
			e.insert([]rune(part))
		}
		return nil
	}
	if e.edit(k) {
		return nil
	}
	a, _ := m.keys.find(inEditor, k.String())
	switch a {
	case open:
		return e.pane.run(m, e.text())
	case newLine:
		e.breakLine()
	case whose:
		e.pane.choose(m)
	case next:
		e.complete()
	case up, down:
		e.vertical(a)
	case back:
		e.pane.text, m.overlay = e.text(), nil
		if len(e.runes) == 0 && e.pane.answer == nil {
			return m.back()
		}
	}
	return nil
}

// breakLine is the only way of a line end into the text.
func (e *editor) breakLine() {
	if len(e.runes) < editorMax {
		e.runes = slices.Insert(e.runes, e.at, '\n')
		e.at++
	}
}

// vertical moves between lines, and beyond the first and last through the history.
func (e *editor) vertical(a action) {
	before := strings.Split(string(e.runes[:e.at]), "\n")
	lines := strings.Split(e.text(), "\n")
	row, column := len(before)-1, len([]rune(before[len(before)-1]))
	switch {
	case a == up && row > 0:
		row--
	case a == down && row < len(lines)-1:
		row++
	case a == up:
		e.history(1)
		return
	default:
		e.history(-1)
		return
	}
	e.at = min(column, len([]rune(lines[row])))
	for _, l := range lines[:row] {
		e.at += len([]rune(l)) + 1
	}
}

func (e *editor) history(by int) {
	asked := e.pane.asked
	to := e.past + by
	if to < 0 || to > len(asked) {
		return
	}
	if e.past == 0 {
		e.draft = e.text()
	}
	if e.past = to; to == 0 {
		e.set(e.draft)
		return
	}
	e.set(asked[len(asked)-to])
}

// complete goes as far as all candidates agree, and names them if there are several.
func (e *editor) complete() {
	begun, all := candidatesAt(string(e.runes[:e.at]))
	if len(all) == 0 {
		e.hint = "nothing begins like that"
		return
	}
	same := common(all)
	rest := []rune(same)[len([]rune(begun)):]
	if len(begun) > 0 && !strings.HasPrefix(same, begun) { // in capitals where the person wrote small letters
		e.runes = slices.Delete(e.runes, e.at-len([]rune(begun)), e.at)
		e.at -= len([]rune(begun))
		rest = []rune(same)
	}
	e.insert(rest)
	if len(all) > 1 {
		e.hint = strings.Join(all[:min(len(all), 60)], "  ")
	}
}

// common is what all begin with.
func common(all []string) string {
	same := all[0]
	for _, s := range all[1:] {
		for !strings.HasPrefix(s, same) {
			same = same[:len(same)-1]
		}
	}
	return same
}

// candidatesAt gives the word that a query ends with and what it may become:
// commands at the beginning and behind |, indices behind FROM, else fields,
// functions and the names that the query has made itself.
func candidatesAt(query string) (begun string, all []string) {
	at := len(query)
	for at > 0 && wordByte(query[at-1]) {
		at--
	}
	begun = query[at:]
	before := strings.TrimRight(query[:at], " \n")
	var words []string
	switch {
	case before == "":
		words = esql.Commands[:3]
	case strings.HasSuffix(before, "|"):
		words = esql.Commands[3:]
	case strings.HasSuffix(strings.ToUpper(before), "FROM"):
		words = []string{ecs.Process.Index(), ecs.Network.Index(), ecs.File.Index()}
	default:
		for _, f := range ecs.Fields() {
			words = append(words, f.Name)
		}
		for _, f := range esql.Functions() {
			words = append(words, f+"(")
		}
		words = append(words, made(before)...)
	}
	for _, w := range words {
		if len(w) > len(begun) && strings.EqualFold(w[:len(begun)], begun) {
			all = append(all, w)
		}
	}
	slices.Sort(all)
	return begun, slices.Compact(all)
}

// made finds the names before a single = in a query.
func made(query string) (names []string) {
	for i := 1; i < len(query)-1; i++ {
		if query[i] != '=' || query[i+1] == '=' || strings.IndexByte("=!<>", query[i-1]) >= 0 {
			continue
		}
		to := len(strings.TrimRight(query[:i], " "))
		from := to
		for from > 0 && wordByte(query[from-1]) {
			from--
		}
		names = append(names, query[from:to])
	}
	return names
}

func wordByte(c byte) bool {
	return c == '_' || c == '.' || c == '@' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// lines shows the query with its cursor above the pane.
func (e *editor) lines(m *Model, w, h int) []string { return e.pane.draw(m, w, h, e) }

// field gives the query in at most h lines, those around the cursor.
func (e *editor) field(m *Model, w, h int, cursor bool) []string {
	row := strings.Count(string(e.runes[:e.at]), "\n")
	at := e.at
	var out []string
	for i, l := range strings.Split(e.text(), "\n") {
		s := m.strip(w).add(keycap, prompt(i))
		if i == row {
			part := line{runes: []rune(l), at: at}
			s.add(normal, part.shown(w-4, cursor))
		} else {
			s.add(normal, text.Fit(l, w-4))
		}
		if i < row {
			at -= len([]rune(l)) + 1
		}
		out = append(out, s.String())
	}
	from := max(min(row-h/2, len(out)-h), 0)
	return out[from:min(from+h, len(out))]
}

func prompt(i int) string {
	if i == 0 {
		return " ? "
	}
	return "   "
}
