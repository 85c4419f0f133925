package ui

import (
	"fmt"
	"slices"
	"strings"

	"interdict/detect"
	"interdict/ui/text"
)

// labelled is one line of the detail; what matters least has the highest rank
// and goes first where there is no room.
type labelled struct {
	rank  int
	label string
	line  string
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
	for _, l := range d.fit(h - 1) {
		out = append(out, l.line)
	}
	return out
}

type detailed struct {
	m     *Model
	f     *detect.Finding
	guide *guide // nil: not answered yet
	width int
	all   []labelled
}

func (d *detailed) heading() string {
	s := d.m.hostHeading(d.f.Host) + " · " + d.f.RuleName
	if n := len(d.f.Also); n > 0 {
		s += fmt.Sprintf(" and %s", plural(n, "other rule"))
	}
	return s
}

// fit drops what matters least until h lines are left.
func (d *detailed) fit(h int) []labelled {
	all := slices.Clone(d.all)
	for len(all) > max(h, 0) {
		worst := 0
		for i, l := range all {
			if l.rank >= all[worst].rank {
				worst = i
			}
		}
		all = slices.Delete(all, worst, worst+1)
	}
	return all
}

const labelWidth = 12

// put adds lines under a label.
func (d *detailed) put(rank int, label string, r role, lines ...string) {
	for i, t := range lines {
		s := d.m.strip(d.width)
		if i == 0 {
			s.add(muted, "  "+label)
		}
		s.to(labelWidth).add(r, t)
		d.all = append(d.all, labelled{rank + 10*i, label, s.String()})
	}
}

func (d *detailed) wrapped(s string, limit int) []string {
	return text.Wrap(s, d.width-labelWidth-1, limit)
}

func (d *detailed) verdict() {
	s := d.m.strip(d.width).add(muted, "  VERDICT").to(labelWidth)
	d.m.verdictWords(s, d.guide, d.f)
	d.all = append(d.all, labelled{0, "VERDICT", s.String()})
}

// verdictWords writes the verdict with its counts, or that it is being found out.
func (m *Model) verdictWords(s *strip, g *guide, f *detect.Finding) {
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
	if sendingNow(f) {
		word += ", STILL SENDING"
	}
	v := g.Verdict
	s.add(r, word).add(normal, fmt.Sprintf("   %d against · %d for · %d open", len(v.Against), len(v.For), len(v.Open)))
}

func (d *detailed) stop() {
	s := "no smaller step is known than: F freezes the tree (R resumes it), K kills it"
	if d.m.config.ReadOnly {
		s = "not from here: this console is read-only"
	} else if d.guide != nil && d.guide.Stop != "" {
		s = d.guide.Stop
	}
	d.put(1, "Stop it", title, d.wrapped(s, 2)...)
}

func (d *detailed) facts() {
	if d.guide == nil {
		d.put(2, "Why", normal, d.wrapped(d.f.Why, 3)...)
		return
	}
	v := d.guide.Verdict
	d.put(2, "Against", normal, d.wrapped(strings.Join(v.Against, " · "), 3)...)
	d.put(4, "For", normal, d.wrapped(strings.Join(v.For, " · "), 1)...)
	d.put(5, "Open", normal, d.wrapped(strings.Join(v.Open, " · "), 1)...)
}

func (d *detailed) left() {
	s := d.m.strip(d.width).add(muted, "  Left").to(labelWidth).add(normal, leftWord(d.f))
	if t := d.f.Transfer; t != nil {
		s.right(normal, spark(t.Spark, 8)+" ")
	}
	d.all = append(d.all, labelled{1, "Left", s.String()})
	if t := d.f.Transfer; t != nil && len(t.Files) > 0 {
		d.put(4, "Read", normal, d.wrapped(readWord(t), 2)...)
	}
}

func readWord(t *detect.Transfer) string {
	s := t.Files[0].Path
	if k := t.Files[0].Sensitive; k != "" {
		s += " (" + k + ")"
	}
	if n := len(t.Files) - 1; n > 0 {
		s += " + " + plural(n, "file")
	}
	return s
}

func (d *detailed) who() { d.put(6, "Who", normal, d.wrapped(whoWord(d.f), 1)...) }

func (d *detailed) tree() {
	t := text.FitLeft(treeWord(d.f), d.width-labelWidth-1)
	d.put(3, "Tree", normal, t)
}

func (d *detailed) blind() {
	all := blindWord(d.f)
	if d.guide != nil {
		for _, b := range d.guide.Blind {
			if !slices.Contains(all, b) {
				all = append(all, b)
			}
		}
	}
	if len(all) == 0 {
		all = []string{"nothing known to be missing around it"}
	}
	if d.f.NoLonger != "" {
		all = append([]string{d.f.NoLonger}, all...)
	}
	d.put(7, "Blind", normal, d.wrapped(strings.Join(all, " · "), 2)...)
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
	d.all = append(d.all, labelled{1, "", s.String()})
}
