package ui

import (
	"context"
	"errors"
	"fmt"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/respond"
	"interdict/respond/evidence"
	"interdict/respond/isolate"
	"interdict/respond/process"
	"interdict/ui/text"
)

// runLimit is until a run waits for a person or has ended.
const runLimit = 30 * time.Minute

// runPane is one run of a playbook: its steps, and what waits for a person.
type runPane struct {
	id    string
	run   playbooks.Run
	err   error
	read  bool
	at    int
	moved bool // the cursor was moved: it does not follow what waits
	going bool // this console carries it on now
	asks  []string
	asked string          // the step that asks is for
	kept  *detect.Finding // what the run is about, as the case keeps it
}

type runBegan struct{ id string }

func (r runBegan) take(m *Model) tea.Cmd {
	p := m.panes[inRun].(*runPane)
	*p = runPane{id: r.id}
	return tea.Batch(m.show(inRun), p.goOn(m))
}

// openRun shows the run of the case that waits longest, or the last one.
func (m *Model) openRun(id string) tea.Cmd {
	cases := m.config.Cases
	if cases == nil {
		m.warn(errNoCases.Error())
		return nil
	}
	return m.ask(caseLimit, func(ctx context.Context) tea.Msg {
		all, err := cases.Runs(ctx, id)
		switch {
		case err != nil:
			return warned{"the runs cannot be read: " + err.Error()}
		case len(all) == 0:
			return warned{"no playbook was run in " + id + ": P begins one"}
		}
		chosen := all[len(all)-1]
		for _, r := range all {
			if !r.IsOver() {
				chosen = r
				break
			}
		}
		return runShown{chosen.ID}
	})
}

type runShown struct{ id string }

func (r runShown) take(m *Model) tea.Cmd {
	p := m.panes[inRun].(*runPane)
	if p.id != r.id {
		*p = runPane{id: r.id}
	}
	return m.show(inRun)
}

func (p *runPane) enter(m *Model) tea.Cmd {
	cases, runner, id := m.config.Cases, m.config.Runner, p.id
	if cases == nil || id == "" {
		p.err, p.read = errors.New("no run was chosen"), true
		return nil
	}
	return m.ask(caseLimit, func(ctx context.Context) tea.Msg {
		r, err := cases.Run(ctx, id)
		out := runRead{id: id, run: r, err: err}
		if k, err := cases.Case(ctx, r.Case); err == nil {
			if x := k.Exhibit(r.Alert); x != nil {
				out.kept = x.Finding
			}
		}
		if asks := r.Asks(); err == nil && len(asks) > 0 && runner != nil {
			out.asked = asks[0].ID
			if out.asks, err = runner.Question(ctx, id, out.asked); err != nil {
				out.asks = []string{err.Error()}
			}
		}
		return out
	})
}

type runRead struct {
	id    string
	run   playbooks.Run
	err   error
	asks  []string
	asked string
	kept  *detect.Finding
}

func (r runRead) take(m *Model) tea.Cmd {
	p := m.panes[inRun].(*runPane)
	if r.id != p.id {
		return nil
	}
	p.run, p.err, p.read, p.asks, p.asked, p.kept = r.run, r.err, true, r.asks, r.asked, r.kept
	if !p.moved {
		for i, s := range p.run.Steps {
			if !s.State.Settled() {
				p.at = i
				break
			}
		}
	}
	if m.shown == inRun && p.going {
		return m.waits.after(time.Second/2, runAgain{p.id})
	}
	return nil
}

// runAgain reads a run that is carried on.
type runAgain struct{ id string }

func (r runAgain) take(m *Model) tea.Cmd {
	if p := m.panes[inRun].(*runPane); m.shown == inRun && p.id == r.id && p.going {
		return p.enter(m)
	}
	return nil
}

// goOn carries the run on until it waits for a person or has ended.
func (p *runPane) goOn(m *Model) tea.Cmd {
	runner, id := m.config.Runner, p.id
	if runner == nil || p.going {
		return nil
	}
	p.going = true
	return tea.Batch(p.enter(m), m.ask(runLimit, func(ctx context.Context) tea.Msg {
		_, err := runner.Continue(ctx, id)
		return runWent{id, err}
	}))
}

type runWent struct {
	id  string
	err error
}

func (r runWent) take(m *Model) tea.Cmd {
	p := m.panes[inRun].(*runPane)
	if p.id == r.id {
		p.going = false
	}
	if r.err != nil {
		m.warn("the playbook did not go on: " + r.err.Error())
	}
	return tea.Batch(p.enter(m), m.readStanding())
}

func (p *runPane) act(m *Model, a action) tea.Cmd {
	n := len(p.run.Steps)
	switch a {
	case up, down, first, last, pageUp, pageDown:
		by := map[action]int{up: -1, down: 1, first: -n, last: n, pageUp: -10, pageDown: 10}[a]
		p.at, p.moved = max(min(p.at+by, n-1), 0), true
		return nil
	case again:
		return p.enter(m)
	case caseOf:
		return m.openCase(p.run.Case)
	}
	if m.config.Runner == nil || n == 0 {
		return nil
	}
	step := p.run.Steps[p.at]
	switch a {
	case open:
		return p.press(m, step)
	case skip:
		if step.State != playbooks.StepAsks {
			m.say("only what waits for a person is left out")
			return nil
		}
		return p.answer(m, step.ID, playbooks.StepSkipped, "why it is left out")
	case stopIt:
		m.overlay = newPrompt("why the run ends here", "", func(m *Model, why string) tea.Cmd {
			return p.doing(m, "stopped; what it changed stands until it is taken back", func(ctx context.Context, r *playbooks.Runner) error {
				_, err := r.Stop(ctx, p.id, why)
				return err
			})
		})
	case resume:
		return p.undo(m, step)
	}
	return nil
}

// press does what the step under the cursor waits for.
func (p *runPane) press(m *Model, step playbooks.StepRun) tea.Cmd {
	switch {
	case step.State == playbooks.StepAsks && step.Plans():
		return p.approve(m, step)
	case step.State == playbooks.StepAsks && step.Do == "hand-over":
		return p.answer(m, step.ID, playbooks.StepDone, "hand over to, and what they must know")
	case step.State == playbooks.StepAsks:
		return p.answer(m, step.ID, playbooks.StepDone, "what was done")
	case p.run.IsOver():
		m.say("the run has ended: " + p.run.How)
		return nil
	}
	return p.goOn(m)
}

// stepKinds are the kinds of the actions of steps.
var stepKinds = map[string]string{"freeze": process.KindFreeze, "kill": process.KindKill, "block": isolate.KindBlock, "isolate": isolate.KindIsolate,
	"capture": evidence.KindCollect, "collect": evidence.KindCollect}

// StepKind is the kind of the action of a step, by what the step does.
func StepKind(do string) string { return stepKinds[do] }

// approving carries out one step of a run by the plan that was approved.
type approving struct {
	respond.Action
	runner   *playbooks.Runner
	run      string
	step, do string
}

func (a *approving) Kind() string { return a.do }

func (p *runPane) approve(m *Model, step playbooks.StepRun) tea.Cmd {
	f := p.finding(m)
	if f == nil {
		m.warn("the alert of this run is not there any more: `interdict playbook continue` does it from the case")
		return nil
	}
	h, ok := m.reachable(playbook, f.Host)
	if !ok {
		return nil
	}
	verb := step.Do
	if w, ok := changeWords[action(step.Do)]; ok {
		verb = w.verb
	}
	d := m.newDialog(verb, "Approve", f.Host.Name, f.Host.Environment)
	d.host, d.finding = h, f.ID
	m.overlay = d
	d.typed = m.config.typed(f.Host.Environment, stepKinds[step.Do])
	runner, run, whole := m.config.Runner, p.id, p.run
	d.far = func() string { return m.config.Takings.of(whole.Case, whole.Alert, step.ID) }
	return d.make(m, planLimit, func(ctx context.Context) (respond.Action, respond.Plan, error) {
		plan, err := runner.Plan(ctx, run, step.ID)
		return &approving{runner: runner, run: run, step: step.ID, do: step.Do}, plan, err
	})
}

// finding is what the run is about, as the engine has it or as the case keeps it.
func (p *runPane) finding(m *Model) *detect.Finding {
	if f, ok := m.config.Engine.Finding(p.run.Alert); ok {
		return f
	}
	return p.kept
}

// carry does the approved step and gives what came of it as a change has it.
func (a *approving) carry(ctx context.Context, plan respond.Plan) (respond.Result, respond.Verdict, error) {
	run, err := a.runner.Approve(ctx, a.run, a.step, plan)
	if err != nil {
		return respond.Result{}, respond.Verdict{}, err
	}
	step := run.Step(a.step)
	r := respond.Result{Kind: a.do, Summary: step.Text}
	v := respond.Verdict{State: step.Verdict, Summary: step.Text}
	if step.State != playbooks.StepDone {
		if step.Op == "" {
			r = respond.Result{}
		}
		return r, v, errors.New(step.Text)
	}
	return r, v, nil
}

func (p *runPane) answer(m *Model, step string, state playbooks.StepState, label string) tea.Cmd {
	m.overlay = newPrompt(label, "", func(m *Model, note string) tea.Cmd {
		return p.doing(m, step+" "+string(state), func(ctx context.Context, r *playbooks.Runner) error {
			_, err := r.Answer(ctx, p.id, step, state, note)
			return err
		})
	})
	return nil
}

// undo takes back what a step changed, after it was asked.
func (p *runPane) undo(m *Model, step playbooks.StepRun) tea.Cmd {
	if s, held := heldBy(m.standing, step.Op); held {
		return m.openUndo(s)
	}
	m.say("nothing of this step stands on a host: " + step.ID)
	return nil
}

// doing asks something of the runner and carries the run on.
func (p *runPane) doing(m *Model, done string, what func(context.Context, *playbooks.Runner) error) tea.Cmd {
	runner := m.config.Runner
	return m.ask(caseLimit, func(ctx context.Context) tea.Msg {
		if err := what(ctx, runner); err != nil {
			return warned{"the run is as it was: " + err.Error()}
		}
		return runAnswered{p.id, done}
	})
}

type runAnswered struct{ id, done string }

func (r runAnswered) take(m *Model) tea.Cmd {
	p := m.panes[inRun].(*runPane)
	m.say(r.done)
	if p.id != r.id {
		return nil
	}
	p.moved = false
	return p.goOn(m)
}

func (p *runPane) lines(m *Model, w, h int) []string {
	switch {
	case !p.read:
		return []string{m.strip(w).add(normal, "  the run is being read…").String()}
	case p.err != nil:
		return m.wrapped(w, critical, p.err.Error(), 4)
	}
	head := m.strip(w).add(title, " "+p.run.Book+" ").add(normal, "· "+p.run.Case+" · run "+p.run.ID+" · by "+p.run.By).String()
	status := m.strip(w).add(muted, "  "+p.run.Status()).String()
	out := []string{head, status, m.rule(w, "steps")}
	var below []string
	if p.at < len(p.run.Steps) {
		below = p.under(m, p.run.Steps[p.at], w)
	}
	room := max(h-len(out)-len(below), 1)
	top := max(min(p.at-room/2, len(p.run.Steps)-room), 0)
	for i := top; i < min(top+room, len(p.run.Steps)); i++ {
		out = append(out, p.line(m, i, w))
	}
	return append(exactly(out, h-len(below)), below...)
}

func (p *runPane) line(m *Model, i, w int) string {
	s := p.run.Steps[i]
	mark, r := "  ", normal
	if i == p.at {
		mark, r = "▌ ", title
	}
	at := "        "
	if !s.Ended.IsZero() {
		at = s.Ended.UTC().Format("15:04:05")
	}
	line := m.strip(w).add(r, mark).add(stepRole(s.State), text.Pad(string(s.State), 8)).add(muted, at+" ")
	return line.add(r, text.Pad(fmt.Sprintf("%d %s", i+1, s.ID), 26)).add(muted, " "+s.Text).String()
}

func stepRole(s playbooks.StepState) role {
	switch s {
	case playbooks.StepDone:
		return good
	case playbooks.StepFailed:
		return critical
	case playbooks.StepAsks, playbooks.StepRuns:
		return warning
	}
	return muted
}

// under is the step under the cursor whole, and what it waits for.
func (p *runPane) under(m *Model, s playbooks.StepRun, w int) []string {
	out := []string{m.rule(w, s.ID+": "+s.Do)}
	put := func(r role, t string, most int) {
		for _, l := range text.Wrap(t, w-4, most) {
			out = append(out, m.strip(w).add(r, "  "+l).String())
		}
	}
	if s.Text != "" {
		put(normal, s.Text, 4)
	}
	switch {
	case s.State == playbooks.StepAsks && s.Plans():
		put(warning, "enter shows its plan, to be approved; s leaves it out", 1)
	case s.State == playbooks.StepAsks:
		if p.asked == s.ID {
			for i, t := range p.asks {
				if i == 8 {
					put(muted, fmt.Sprintf("%d more", len(p.asks)-i), 1)
					break
				}
				put(normal, t, 2)
			}
		}
		put(warning, "enter says that it was done, and how; s leaves it out", 1)
	case s.State == playbooks.StepRuns && p.going:
		put(warning, "under way since "+span(m.now().Sub(s.Began)), 1)
		put(normal, m.config.Takings.of(p.run.Case, p.run.Alert, s.ID), 1)
	case s.State == playbooks.StepRuns:
		put(warning, "it was under way when a console ended: enter finds out how far it came and goes on", 1)
	case !p.run.IsOver() && s.State == playbooks.StepWaits && !p.going:
		put(warning, "enter goes on", 1)
	}
	return out
}
