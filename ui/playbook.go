package ui

import (
	"context"
	"fmt"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/respond"
)

// dryLimit is for the plans of all steps.
const dryLimit = time.Minute

// bookMenu chooses a playbook for an alert.
type bookMenu struct {
	finding *detect.Finding
	at      int
}

// openBooks shows the playbooks that can be run for an alert, and the runs that are under way.
func (m *Model) openBooks(f *detect.Finding) tea.Cmd {
	switch {
	case m.config.ReadOnly:
		m.warn("read-only: nothing here changes a host")
	case m.config.Runner == nil || m.config.Cases == nil:
		m.warn("no playbook can be run: nothing can be kept in this run")
	case len(m.config.Books) == 0:
		m.warn("there are no playbooks")
	default:
		m.overlay = &bookMenu{finding: f}
	}
	return nil
}

func (*bookMenu) mode() mode { return inBooks }

func (b *bookMenu) key(m *Model, k tea.KeyMsg) tea.Cmd {
	n := len(m.config.Books)
	switch a, _ := m.keys.find(inBooks, k.String()); a {
	case up:
		b.at = max(b.at-1, 0)
	case down:
		b.at = min(b.at+1, n-1)
	case back:
		m.overlay = nil
		m.say("nothing was begun")
	case open:
		return m.dryRun(b.finding, m.config.Books[b.at])
	}
	return nil
}

func (b *bookMenu) lines(m *Model, w, h int) []string {
	out := newBox(m, w, "PLAYBOOK for "+what(b.finding)+" on "+b.finding.Host.Name)
	for i, book := range m.config.Books {
		mark, r := "  ", normal
		if i == b.at {
			mark, r = "▌ ", focus
		}
		out.lines = append(out.lines, out.raw(m.strip(out.inner()).add(r, mark+book.Name).add(muted, "  "+plural(book.Steps(), "step")).String()))
	}
	out.lines = append(out.lines, out.wrapped(muted, "", m.config.Books[b.at].About)...)
	out.lines = append(out.lines, out.wrapped(normal, "", "enter shows what each step would do; nothing is changed by that")...)
	return out.close()
}

// starting begins a playbook: its plan is those of all its steps.
type starting struct {
	respond.Action // of the kind that the dialog wants to know; nothing is called on it
	book           *playbooks.Playbook
	finding        *detect.Finding
}

func (starting) Kind() string { return "playbook" }

func (m *Model) dryRun(f *detect.Finding, book *playbooks.Playbook) tea.Cmd {
	h, ok := m.reachable(playbook, f.Host)
	if !ok {
		return nil
	}
	d := m.newDialog("RUN "+book.Name, "Run", f.Host.Name, f.Host.Environment)
	d.host, d.finding = h, f.ID
	m.overlay = d
	config, g := m.config, m.guides.of(f)
	return d.make(m, dryLimit, func(ctx context.Context) (respond.Action, respond.Plan, error) {
		_, plan, err := config.dry(ctx, f, g, h, book)
		return &starting{book: book, finding: f}, plan, err
	})
}

// dry plans every step of a playbook in the case of an alert, which it opens when there is none.
func (c Config) dry(ctx context.Context, f *detect.Finding, g *playbooks.Guide, h respond.Host, book *playbooks.Playbook) (playbooks.Case, respond.Plan, error) {
	k, err := c.Cases.OpenCase(ctx, f, g, c.Actor.User)
	if err != nil {
		return k, respond.Plan{}, err
	}
	steps, err := c.Runner.Dry(ctx, book, k, f.ID)
	return k, dryPlan(book, k, h.Name(), steps), err
}

// dryPlan is what a person reads before a playbook begins.
func dryPlan(book *playbooks.Playbook, k playbooks.Case, host string, steps []playbooks.DryStep) respond.Plan {
	p := respond.Plan{Version: respond.Version, Kind: "playbook", Host: host, Title: book.Name + " on " + host + ", in " + k.ID, Made: time.Now().UTC(),
		Undo: "step by step: R on a step of the run takes it back; a kill has no undo"}
	for i, d := range steps {
		label := fmt.Sprintf("%d %s", i+1, d.Step.ID)
		ask := ""
		if d.Step.Ask {
			ask = " — asks again when it is due"
		}
		switch {
		case d.Err != nil:
			p.Lines = append(p.Lines, respond.Line{Label: label, Text: "cannot be planned now: " + d.Err.Error()})
		case d.Plan != nil:
			p.Lines = append(p.Lines, respond.Line{Label: label, Text: d.Plan.Title + ask})
			for _, w := range d.Plan.Warnings {
				p.Lines = append(p.Lines, respond.Line{Label: "  beware", Text: w})
			}
			if d.Plan.Undo == "" {
				p.Lines = append(p.Lines, respond.Line{Label: "  no undo", Text: d.Plan.NoUndo})
			}
		default:
			p.Lines = append(p.Lines, respond.Line{Label: label, Text: d.Why})
		}
	}
	return p
}

// begin starts the playbook and goes to its run.
func (s *starting) begin(m *Model) tea.Cmd {
	m.overlay = nil
	runner, books, cases, by, g := m.config.Runner, m.config.Books, m.config.Cases, m.config.Actor.User, m.guides.of(s.finding)
	return m.ask(caseLimit, func(ctx context.Context) tea.Msg {
		k, err := cases.OpenCase(ctx, s.finding, g, by)
		if err != nil {
			return warned{"nothing was begun: " + err.Error()}
		}
		run, err := runner.Start(ctx, books, s.book.ID, k.ID, s.finding.ID, false)
		if err != nil {
			return warned{"nothing was begun: " + err.Error()}
		}
		return runBegan{run.ID}
	})
}
