package ui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/respond"
	"interdict/ui/grid"
	"interdict/ui/report"
	"interdict/ui/text"
)

// casePane is one case: how it stands, what is related, and its timeline.
type casePane struct {
	id    string
	brief playbooks.Brief
	rows  momentRows
	grid  *grid.Grid[int]
	whole bool
	err   error
	read  bool
}

// momentRows are a timeline, the newest first.
type momentRows []playbooks.Moment

func (r momentRows) Len() int                  { return len(r) }
func (r momentRows) ID(i int) int              { return len(r) - 1 - i }
func (r momentRows) Index(id int) (int, bool)  { i := len(r) - 1 - id; return i, i >= 0 && i < len(r) }
func (r momentRows) at(i int) playbooks.Moment { return r[len(r)-1-i] }

func newCasePane() *casePane {
	p := &casePane{}
	p.grid = grid.New[int](p.rows, grid.Top)
	return p
}

func (m *Model) openCase(id string) tea.Cmd {
	p := m.panes[inCase].(*casePane)
	if p.id != id {
		*p = *newCasePane()
		p.id = id
	}
	return m.show(inCase)
}

func (p *casePane) enter(m *Model) tea.Cmd {
	cases, j, id := m.config.Cases, m.config.Journal, p.id
	if cases == nil || id == "" {
		p.err, p.read = errNoCases, true
		return nil
	}
	return m.ask(caseLimit, func(ctx context.Context) tea.Msg {
		b, err := cases.BriefOf(ctx, j, id)
		if err != nil {
			return caseRead{id: id, err: err}
		}
		all, err := cases.Timeline(ctx, &b.Case, b.Done)
		return caseRead{id, b, all, err}
	})
}

type caseRead struct {
	id    string
	brief playbooks.Brief
	all   []playbooks.Moment
	err   error
}

func (r caseRead) take(m *Model) tea.Cmd {
	p := m.panes[inCase].(*casePane)
	if r.id != p.id {
		return nil
	}
	p.brief, p.rows, p.err, p.read = r.brief, r.all, r.err, true
	p.grid.SetRows(p.rows)
	return nil
}

func (p *casePane) act(m *Model, a action) tea.Cmd {
	if moves(p.grid, a) {
		return nil
	}
	switch a {
	case open:
		p.whole = !p.whole
	case again:
		return p.enter(m)
	case handOver:
		m.overlay = newPrompt("hand over to, and what they must know", "", func(m *Model, s string) tea.Cmd {
			to, words, _ := strings.Cut(strings.TrimSpace(s), " ")
			return p.change(m, "handed over", func(ctx context.Context, c *playbooks.Cases, by string) error {
				return c.HandOver(ctx, p.id, to, strings.TrimSpace(words), by)
			})
		})
	case noteIt:
		m.overlay = newPrompt("note", "", func(m *Model, s string) tea.Cmd {
			return p.change(m, "noted", func(ctx context.Context, c *playbooks.Cases, by string) error { return noteCase(ctx, c, p.id, by, s) })
		})
	case ack:
		return p.change(m, "yours", func(ctx context.Context, c *playbooks.Cases, by string) error { return c.Assign(ctx, p.id, by, by) })
	case join:
		return p.join(m)
	case runs:
		return m.openRun(p.id)
	case playbook:
		if x := p.brief.Lead(); x != nil {
			return m.openBooks(x.Finding)
		}
	case closeIt:
		m.overlay = &caseReason{p}
	case export:
		m.overlay = newPrompt("write the report to (.md or .html)", p.id+".html", p.write)
	}
	return nil
}

func noteCase(ctx context.Context, c *playbooks.Cases, id, by, text string) error {
	if strings.TrimSpace(text) == "" {
		return errors.New("an empty note says nothing")
	}
	return c.Record(ctx, id, by, "note", text)
}

// change says something about the case and reads it anew.
func (p *casePane) change(m *Model, done string, what func(ctx context.Context, c *playbooks.Cases, by string) error) tea.Cmd {
	cases, by := m.config.Cases, m.config.Actor.User
	if cases == nil {
		return nil
	}
	return m.ask(caseLimit, func(ctx context.Context) tea.Msg {
		if err := what(ctx, cases, by); err != nil {
			return warned{p.id + " is as it was: " + err.Error()}
		}
		return caseChanged{p.id + ": " + done}
	})
}

type caseChanged struct{ done string }

func (c caseChanged) take(m *Model) tea.Cmd {
	m.say(c.done)
	return m.panes[m.shown].enter(m)
}

// write puts the report of the case into a new file; the end of its name says how.
func (p *casePane) write(m *Model, path string) tea.Cmd {
	put, ok := report.Formats[strings.TrimPrefix(filepath.Ext(path), ".")]
	if !ok {
		m.warn("a report is written to a name that ends in .md or .html")
		return nil
	}
	id, ctx := p.id, m.ctx
	return m.writeFile(path, func() (string, []byte, error) {
		ctx, cancel := context.WithTimeout(ctx, caseLimit)
		defer cancel()
		r, err := m.report(ctx, id)
		if err != nil {
			return "", nil, err
		}
		var out bytes.Buffer
		err = put(&out, r)
		return reportNote, out.Bytes(), err
	})
}

const reportNote = "read it before it is sent: secrets are hidden by their form alone"

// report makes the report of a case. It reads nothing of the screen's.
func (m *Model) report(ctx context.Context, id string) (*playbooks.Report, error) {
	c := m.config
	b, err := c.Cases.BriefOf(ctx, c.Journal, id)
	if err != nil {
		return nil, err
	}
	held, doubt := standingIn(ctx, m.changes)
	return c.Cases.Report(ctx, b, byOperation(held), doubt, c.Actor.User, c.Tool)
}

// standingIn is what the journal says is held, and why that may not be all.
func standingIn(ctx context.Context, c changes) (all []respond.Standing, doubt string) {
	if c == nil {
		return nil, "there is no journal"
	}
	all, err := c.Standing(ctx)
	if err != nil {
		doubt = err.Error()
	}
	return all, doubt
}

// related are the findings in no case that have something in common with one.
func (m *Model) related(k *playbooks.Case) []playbooks.Suggestion {
	return playbooks.Related(k, slices.DeleteFunc(slices.Clone(m.snap.Findings), func(f *detect.Finding) bool {
		return m.config.Engine.InCase(f.Alert) != ""
	}))
}

// join puts the first of the related alerts into the case.
func (p *casePane) join(m *Model) tea.Cmd {
	all := m.related(&p.brief.Case)
	if len(all) == 0 {
		m.say("no alert that is in no case has anything in common with this one")
		return nil
	}
	s, g := all[0], m.guides.of(all[0].Finding)
	return p.change(m, "joined by "+what(s.Finding), func(ctx context.Context, c *playbooks.Cases, by string) error {
		return c.Join(ctx, p.id, s.Finding, g, by, s.Why)
	})
}

func (p *casePane) lines(m *Model, w, h int) []string {
	switch {
	case !p.read:
		return []string{m.strip(w).add(normal, "  the case is being read…").String()}
	case p.err != nil:
		return m.wrapped(w, critical, p.err.Error(), 4)
	}
	out := p.head(m, w)
	var below []string
	if p.whole && len(p.rows) > 0 {
		below = p.entry(m, w)
	}
	p.grid.SetHeight(max(h-len(out)-len(below), 1))
	lo, hi := p.grid.Visible()
	for i := lo; i < hi; i++ {
		out = append(out, p.line(m, i, w))
	}
	return append(exactly(out, h-len(below)), below...)
}

func (p *casePane) head(m *Model, w int) []string {
	b := &p.brief
	out := []string{m.strip(w).add(title, " "+b.ID+" ").add(normal, " "+b.Title).right(muted, m.whoHas(b)+" ").String()}
	put := func(r role, label, t string, most int) {
		for i, l := range text.Wrap(t, w-labelWidth-2, most) {
			if i > 0 {
				label = ""
			}
			out = append(out, m.strip(w).add(muted, "  "+label).to(labelWidth+1).add(r, l).String())
		}
	}
	r := normal
	if b.IsOpen() && b.Metrics.Contained.IsZero() {
		r = warning
	}
	put(r, "State", b.Status(), 1)
	put(normal, "Left", strings.TrimSuffix(b.Left()+" · "+b.Verdict(), " · "), 1)
	if held := b.Held(m.standing); len(held) > 0 {
		put(warning, "Held", holds(held, m.now()), 1)
	}
	if open := b.OpenQuestions(); len(open) > 0 {
		put(warning, "Open", strings.Join(open, " · "), 2)
	}
	if b.Done.Blind != "" {
		put(warning, "Blind", b.Done.Blind, 2)
	}
	if all := m.related(&p.brief.Case); len(all) > 0 && b.IsOpen() {
		put(normal, "Related", fmt.Sprintf("%s on %s: %s%s (+ takes it in)", what(all[0].Finding), all[0].Finding.Host.Name, all[0].Why, moreOf(len(all)-1)), 2)
	}
	return append(out, m.rule(w, fmt.Sprintf("timeline, newest first · %s", plural(len(p.rows), "moment"))))
}

func moreOf(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(" · %d more", n)
}

func (p *casePane) line(m *Model, i, w int) string {
	t := p.rows.at(i)
	mark, r := "  ", normal
	if i == p.grid.Index() {
		mark, r = "▌ ", title
	}
	s := m.strip(w).add(r, mark+t.At.UTC().Format("01-02 15:04:05")).add(kindRole(t.Kind), " "+text.Pad(t.Kind, 7))
	if m.layout.wide {
		s.add(muted, text.Pad(text.Fit(t.Source, 22), 23))
	}
	return s.add(r, t.Text).String()
}

func kindRole(kind string) role {
	switch kind {
	case "alert":
		return critical
	case "action":
		return good
	case "answer", "note":
		return keycap
	}
	return muted
}

// entry is the moment under the cursor whole.
func (p *casePane) entry(m *Model, w int) []string {
	t := p.rows.at(p.grid.Index())
	out := []string{m.rule(w, t.At.UTC().Format("2006-01-02 15:04:05.000Z")+" · "+t.Source)}
	for _, l := range text.Wrap(t.Text, w-4, 8) {
		out = append(out, m.strip(w).add(normal, "  "+l).String())
	}
	return out
}

// caseReason closes a case and its alerts with one key.
type caseReason struct{ p *casePane }

func (*caseReason) mode() mode { return inReason }

func (r *caseReason) key(m *Model, k tea.KeyMsg) tea.Cmd {
	if a, _ := m.keys.find(inReason, k.String()); a == back {
		m.overlay = nil
		m.say("it stays open")
		return nil
	}
	for _, reason := range Reasons {
		if k.String() == reason.Key {
			m.overlay = nil
			return r.close(m, reason)
		}
	}
	return nil
}

func (r *caseReason) close(m *Model, reason Reason) tea.Cmd {
	ending := m.endingOf(&r.p.brief.Case, reason)
	return r.p.change(m, "closed as "+reason.said(), ending)
}

// endingOf closes a case and those of its alerts that are open.
func (m *Model) endingOf(k *playbooks.Case, reason Reason) func(context.Context, *playbooks.Cases, string) error {
	engine, id := m.config.Engine, k.ID
	var open []*detect.Finding
	for _, f := range m.snap.Findings {
		if k.Has(f.ID) {
			open = append(open, f)
		}
	}
	return func(ctx context.Context, c *playbooks.Cases, by string) error {
		var errs []error
		for _, f := range open {
			errs = append(errs, closeAll(engine, f, reason))
		}
		return errors.Join(append(errs, c.CloseCase(ctx, id, reason.said(), by))...)
	}
}

func (r *caseReason) lines(m *Model, w, h int) []string {
	b := newBox(m, w, "CLOSE  "+r.p.id+" and its alerts")
	if r.p.brief.Metrics.Contained.IsZero() {
		b.add(warning, "Beware", "no containment was verified in this case")
	}
	if held := r.p.brief.Held(m.standing); len(held) > 0 {
		b.add(warning, "Held", holds(held, m.now())+": closing takes nothing back")
	}
	for _, reason := range Reasons {
		b.add(normal, "  "+reason.Key, fmt.Sprintf("%-15s %s", reason.Word, reason.Text))
	}
	return b.close()
}

// writeFile writes what is made beside the loop into a new file.
func (m *Model) writeFile(path string, make func() (note string, body []byte, err error)) tea.Cmd {
	return func() tea.Msg {
		note, body, err := make()
		if err == nil {
			err = WriteNew(path, func(w io.Writer) error {
				_, err := w.Write(body)
				return err
			})
		}
		if err != nil {
			return warned{"not written: " + err.Error()}
		}
		return written{strings.TrimSuffix("written to "+path+"; "+note, "; ")}
	}
}
