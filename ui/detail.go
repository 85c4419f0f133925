package ui

import (
	"fmt"
	"slices"
	"strings"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/ui/text"
)

// section is one statement of the detail; what matters least has the highest
// rank and gives way first where there is no room.
type section struct {
	rank        int
	label, text string
	role        role
	limit       int    // lines at most
	line        string // a line that was built already, in place of text
}

// detail gives the lines for the alert under the cursor: within a second, is it
// still going on, how bad, where, what can be done, what is not known.
func (m *Model) detail(f *detect.Finding, w, h int) []string {
	if f == nil || h <= 0 {
		return nil
	}
	d := &detailed{m: m, f: f, width: w, guide: m.guides.of(f)}
	d.verdict()
	d.stop()
	d.facts()
	d.left()
	d.who()
	d.tree()
	d.blind()
	d.commandLine()
	out := []string{m.rule(w, d.heading())}
	return append(out, d.fit(h-1)...)
}

type detailed struct {
	m     *Model
	f     *detect.Finding
	guide *playbooks.Guide // nil: not answered yet
	width int
	all   []section
}

func (d *detailed) heading() string {
	s := d.m.hostHeading(d.f.Host) + " · " + d.f.RuleName
	if n := len(d.f.Also); n > 0 {
		s += fmt.Sprintf(" and %s", plural(n, "other rule"))
	}
	if n := d.f.Others; n > 0 {
		s += fmt.Sprintf(" · %s of the same form: v finds them", plural(n, "other transfer"))
	}
	if by := d.m.config.Engine.Taken(d.f.Alert); by != "" {
		s = "taken by " + by + " · " + s
	}
	if who := d.m.lookersWord(d.f); who != "" {
		s = who + " · " + s
	}
	return s
}

const labelWidth = 12

// lines gives a section in as many lines as it has and may take.
func (d *detailed) lines(s section) []string {
	if s.line != "" {
		return []string{s.line}
	}
	var out []string
	for i, t := range text.Wrap(s.text, d.width-labelWidth-1, s.limit) {
		l := d.m.strip(d.width)
		if i == 0 {
			l.add(muted, "  "+s.label)
		}
		out = append(out, l.to(labelWidth).add(s.role, t).String())
	}
	return out
}

// fit shortens and then drops what matters least until there are h lines.
func (d *detailed) fit(h int) []string {
	for {
		var out []string
		worst, rank := -1, -1
		for i, s := range d.all {
			lines := d.lines(s)
			out = append(out, lines...)
			if r := s.rank + 3*(len(lines)-1); len(lines) > 0 && r >= rank {
				worst, rank = i, r
			}
		}
		if len(out) <= h || worst < 0 {
			return out
		}
		if n := len(d.lines(d.all[worst])); n > 1 {
			d.all[worst].limit = n - 1
		} else {
			d.all = slices.Delete(d.all, worst, worst+1)
		}
	}
}

// put adds a statement of at most limit lines.
func (d *detailed) put(rank int, label string, r role, limit int, t string) {
	d.all = append(d.all, section{rank: rank, label: label, text: t, role: r, limit: limit})
}

// add adds a line that was built already.
func (d *detailed) add(rank int, s *strip) {
	d.all = append(d.all, section{rank: rank, line: s.String()})
}

func (d *detailed) verdict() {
	s := d.m.strip(d.width).add(muted, "  VERDICT").to(labelWidth)
	d.m.verdictWords(s, d.guide, d.f)
	d.add(0, s)
}

// verdictWords writes the verdict with its counts, or that it is being found out.
func (m *Model) verdictWords(s *strip, g *playbooks.Guide, f *detect.Finding) {
	if g == nil {
		s.add(title, "being assessed…").add(normal, "  "+f.Why)
		return
	}
	word, r := g.Verdict.Word, warning
	switch {
	case strings.Contains(word, "THEFT"):
		r = critical
	case strings.Contains(word, "ROUTINE"):
		r = good
	}
	switch {
	case m.sends(f):
		word += ", STILL SENDING"
	case m.isFrozen(f):
		word += ", FROZEN"
	}
	v := g.Verdict
	s.add(r, word).add(normal, fmt.Sprintf("   %d against · %d for · %d open", len(v.Against), len(v.For), len(v.Open)))
	if g.Asking > 0 {
		s.add(title, fmt.Sprintf(" · %s still being asked", plural(g.Asking, "question")))
	}
}

func (d *detailed) stop() {
	d.put(1, "Stop it", title, 2, d.m.stopWord(d.f, d.guide))
}

// stopWord is the smallest step that ends it, from here and now.
func (m *Model) stopWord(f *detect.Finding, g *playbooks.Guide) string {
	switch {
	case m.config.ReadOnly:
		return "not from here: this console is read-only"
	case m.isFrozen(f):
		return "it is frozen: K kills the tree, R lets it go on"
	case g != nil && g.Stop != "":
		return g.Stop
	}
	return "no smaller step is known than: F freezes the tree (R resumes it), K kills it"
}

func (d *detailed) facts() {
	if x := d.f.Exception; x != nil {
		d.put(1, "Hidden by", normal, 2, exceptionWords(x))
	}
	d.put(1, "Exception", warning, 2, d.f.Breach)
	r := normal
	if d.f.Routine != nil && d.f.Routine.Breach != "" {
		r = warning
	}
	d.put(2, "Routine", r, 2, routineSays(d.f))
	d.put(3, "Risk", normal, 3, reasonsWord(d.f))
	if d.guide == nil {
		d.put(2, "Why", normal, 3, d.f.Why)
		return
	}
	v := d.guide.Verdict
	d.put(2, "Against", normal, 3, strings.Join(v.Against, " · "))
	d.put(4, "For", normal, 1, strings.Join(v.For, " · "))
	d.put(5, "Open", normal, 1, strings.Join(v.Open, " · "))
}

func (d *detailed) left() {
	s := d.m.strip(d.width).add(muted, "  Left").to(labelWidth).add(normal, d.m.left(d.f))
	if t := d.f.Transfer; t != nil {
		s.right(normal, spark(t.Spark, 8)+" ")
	}
	d.add(1, s)
	d.put(5, "Named", normal, 1, aimsWord(d.f))
	if t := d.f.Transfer; t != nil && len(t.Files) > 0 {
		d.put(4, "Read", normal, 2, readWord(t))
	}
	if t := d.f.Transfer; t != nil && t.Direction == detect.In && len(t.Written) > 0 {
		d.put(4, "Wrote", normal, 2, wroteWord(t))
	}
}

func readWord(t *detect.Transfer) string {
	first := append(t.Payload(), t.Files...)[0]
	s := first.Path
	if k := first.Sensitive; k != "" {
		s += " (" + k + ")"
	}
	if n := len(t.Files) - 1; n > 0 {
		s += " + " + plural(n, "file")
	}
	return s
}

func wroteWord(t *detect.Transfer) string {
	s := t.Written[0].Path
	if n := len(t.Written) - 1; n > 0 {
		s += " + " + plural(n, "file")
	}
	return s
}

func (d *detailed) who() { d.put(6, "Who", normal, 1, whoWord(d.f)) }

func (d *detailed) tree() {
	d.put(3, "Tree", normal, 1, text.FitLeft(treeWord(d.f), d.width-labelWidth-1))
}

func (d *detailed) blind() {
	all := d.f.Unseen()
	if d.guide != nil {
		all = append(all, d.guide.Blind...)
	}
	if len(all) == 0 {
		all = []string{"nothing known to be missing around it"}
	}
	if d.f.NoLonger != "" {
		all = append([]string{d.f.NoLonger}, all...)
	}
	d.put(3, "Blind", normal, 2, strings.Join(all, " · "))
}

// commandLine shows it as it was, and how long it really was.
func (d *detailed) commandLine() {
	p := tool(d.f)
	size := fmt.Sprintf("%s bytes", count(max(p.ArgsBytes, int64(len(p.CommandLine)))))
	if p.Truncated {
		size += ", cut"
	}
	cmd := p.CommandLine
	if cmd == "" {
		cmd = "(no arguments were seen)"
	}
	s := d.m.strip(d.width)
	s.add(title, "  "+text.FitMiddle(cmd, d.width-len(size)-5)).right(muted, size+" ")
	d.add(1, s)
}
