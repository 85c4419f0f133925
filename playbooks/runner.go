package playbooks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"interdict/detect"
	"interdict/respond"
)

// Hands carry changes to hosts: what a step does is planned and made by them.
type Hands interface {
	// Prepare gives the action of a step that is called do, and the host of the finding.
	Prepare(ctx context.Context, step BookStep, x *Exhibit, incident string) (respond.Action, respond.Host, error)
	// Plan plans it, a host over a network being proven first.
	Plan(ctx context.Context, a respond.Action, h respond.Host, x *Exhibit) (respond.Plan, error)
	// Find gives the host of a journaled operation, and the action that can verify and undo it.
	Find(ctx context.Context, o respond.Operation) (respond.Action, respond.Host, error)
}

// Messenger sends words to people; see [Notifier].
type Messenger interface {
	// Send sends to the named channels, or to the usual ones when there is no name,
	// and says whom it reached.
	Send(ctx context.Context, to []string, subject, text string) (reached string, err error)
}

// Runner carries out playbooks: one step after the other, each written down
// before it begins. Everything that is nil is not there, and the steps that need it fail with that reason.
type Runner struct {
	Cases   *Cases
	Journal *respond.Journal
	Actor   respond.Actor
	Hands   Hands
	Assess  func(ctx context.Context, f *detect.Finding) *Guide // anew, for a sweep
	Finding func(alert string) (*detect.Finding, bool)          // as it is now
	Notify  Messenger
	Owner   func(detect.Host) string   // whom to call; "" unknown
	Allowed func(detect.Host) []string // what may be done there without a person
	Alive   func(program string) bool  // whether a program that is named PID@START still runs; nil: none does

	mu    sync.Mutex
	mine  map[string]int       // RUN/STEP that this program carries out now, or is about to: by how many
	books map[string]*Playbook // by run: its text never changes
}

// Start puts a playbook of all under way for a finding that is in a case. The
// run keeps the playbook's text: it is read from that until it ends, whatever
// becomes of the files. What the start's approval covers is done by Continue.
func (r *Runner) Start(ctx context.Context, all []*Playbook, book, id, alert string, auto bool) (Run, error) {
	b, err := FindPlaybook(all, book)
	if err != nil {
		return Run{}, err
	}
	k, err := r.Cases.Case(ctx, id)
	if err != nil {
		return Run{}, err
	}
	x := k.Exhibit(alert)
	if x == nil {
		return Run{}, fmt.Errorf("alert %s is not in %s", alert, k.ID)
	}
	run := Run{ID: respond.NewOp(), Case: k.ID, Alert: x.Finding.ID, Book: b.ID, Source: b.sources(all), By: r.Actor.User, Auto: auto, Began: r.Cases.now().UTC()}
	if auto {
		run.By = NoPerson
	}
	for n, stage := range b.Stages {
		for _, s := range stage {
			run.Steps = append(run.Steps, StepRun{ID: s.ID, Stage: n, Do: s.Do, State: StepWaits})
		}
	}
	return run, r.Cases.addRun(ctx, &run)
}

// NoPerson stands where a person's name would.
const NoPerson = "no person (automatic)"

// FindPlaybook finds a playbook by its id.
func FindPlaybook(all []*Playbook, id string) (*Playbook, error) {
	var names []string
	for _, b := range all {
		if b.ID == id {
			return b, nil
		}
		names = append(names, b.ID)
	}
	return nil, fmt.Errorf("there is no playbook %q%s", id, meant(id, names))
}

// sources are the texts of a playbook and of all that it includes, each once.
func (b *Playbook) sources(all []*Playbook) []string {
	out := []string{b.Source}
	for _, name := range b.includes {
		if other, err := FindPlaybook(all, name.text); err == nil {
			for _, text := range other.sources(all) {
				if !slices.Contains(out, text) {
					out = append(out, text)
				}
			}
		}
	}
	return out
}

// BookOf reads the playbook of a run as it was when the run began.
func BookOf(run *Run) (*Playbook, error) {
	texts := map[string][]byte{}
	for i, text := range run.Source {
		texts[fmt.Sprintf("%d.yaml", i)] = []byte(text)
	}
	all, err := AddPlaybooks(nil, texts)
	for _, b := range all {
		if b.ID == run.Book {
			return b, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("the playbook of run %s cannot be read any more", run.ID), err)
}

// mostBooks bounds the playbooks of runs that are kept read.
const mostBooks = 32

func (r *Runner) bookOf(run *Run) (*Playbook, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b := r.books[run.ID]; b != nil {
		return b, nil
	}
	b, err := BookOf(run)
	if err != nil {
		return nil, err
	}
	if r.books == nil || len(r.books) >= mostBooks {
		r.books = map[string]*Playbook{}
	}
	r.books[run.ID] = b
	return b, nil
}

// scene is what the steps of a run work on.
type scene struct {
	run  Run
	book *Playbook
	k    Case
	x    *Exhibit
}

func (r *Runner) scene(ctx context.Context, id string) (*scene, error) {
	run, err := r.Cases.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	s := &scene{run: run}
	if s.book, err = r.bookOf(&run); err != nil {
		return nil, err
	}
	if s.k, err = r.Cases.Case(ctx, run.Case); err != nil {
		return nil, err
	}
	if s.x = s.k.Exhibit(run.Alert); s.x == nil {
		return nil, fmt.Errorf("alert %s is not in %s any more", run.Alert, run.Case)
	}
	s.x = r.lately(s.x, run.Alert)
	return s, nil
}

// lately is an exhibit as it is now, where that is known.
func (r *Runner) lately(x *Exhibit, alert string) *Exhibit {
	if r.Finding == nil {
		return x
	}
	f, ok := r.Finding(alert)
	if !ok {
		return x
	}
	now := *f
	out := Exhibit{Finding: &now, Why: x.Why, By: x.By, At: r.Cases.now().UTC()}
	out.complete(*x) // a console that was started meanwhile may know less of it than the case does
	return &out
}

// facts are what conditions may ask of the scene now.
func (r *Runner) facts(s *scene) Facts {
	f := FactsOf(s.x, r.Owner)
	for _, step := range s.run.Steps {
		f.yes(step.ID+".done", step.State == StepDone)
		f.yes(step.ID+".failed", step.State == StepFailed)
		f.yes(step.ID+".skipped", step.State == StepSkipped)
		f.yes(step.ID+".verified", step.Verdict == respond.Holds)
	}
	return f
}

// FactsOf are the facts of a finding.
func FactsOf(x *Exhibit, owner func(detect.Host) string) Facts {
	s := newSubject(x.Finding, x.At)
	f := Facts{"direction": "unknown", "environment": "unknown", "verdict": "unknown", "risk": number(int64(x.Finding.Risk))}
	_, root := s.stop()
	f.yes("sending", s.sending())
	f.yes("live", x.Finding.Live())
	f.yes("running", root.PID != 0 || s.tool.PID != 0 && s.tool.Alive())
	f.yes("destination", len(s.far()) > 0)
	f.yes("outside", slices.ContainsFunc(s.far(), func(p detect.Peer) bool { return !detect.Internal(p.Addr) }))
	class, _ := s.transfer.Content()
	f.yes("sensitive", detect.Grave(class))
	f.yes("container", s.tool.Container != "")
	f.yes("local", x.Finding.Host.Name == respond.Local)
	f.yes("owner", owner != nil && owner(x.Finding.Host) != "")
	if d := s.transfer.Direction; d != "" {
		f["direction"] = string(d)
	}
	if e := x.Finding.Host.Environment; e != "" {
		f["environment"] = e
	}
	if x.Guide != nil {
		f["verdict"] = map[string]string{Theft: "theft", Unclear: "unclear", Routine: "routine"}[x.Guide.Verdict.Word]
	}
	return f
}

// Continue carries on with a run until it has ended or waits for a person. After
// a crash it goes on at the step that was under way, by what the journal says of
// it. A step that another program that still runs is at work on is left to that.
func (r *Runner) Continue(ctx context.Context, id string) (Run, error) {
	for {
		s, err := r.scene(ctx, id)
		if err != nil || s.run.IsOver() {
			return s.orZero(), err
		}
		stage := s.run.stage()
		if stage < 0 {
			run, err := r.end(ctx, id, RunDone, "")
			return run, err
		}
		moved, err := r.advance(ctx, s, stage)
		if err != nil {
			return s.run, err
		}
		if !moved {
			return r.Cases.Run(ctx, id)
		}
	}
}

func (s *scene) orZero() Run {
	if s == nil {
		return Run{}
	}
	return s.run
}

// stage is the first one with a step that is not settled; -1: none is left.
func (r *Run) stage() int {
	for _, s := range r.Steps {
		if !s.State.Settled() {
			return s.Stage
		}
	}
	return -1
}

// advance carries out what of one stage can be, side by side. moved tells whether anything changed.
func (r *Runner) advance(ctx context.Context, s *scene, stage int) (moved bool, err error) {
	facts := r.facts(s)
	var work sync.WaitGroup
	errs := make([]error, len(s.run.Steps))
	did := make([]bool, len(s.run.Steps))
	for i, step := range s.run.Steps {
		if step.Stage != stage || step.State.Settled() || step.State == StepAsks {
			continue
		}
		def, ok := s.book.Step(step.ID)
		if !ok {
			return false, fmt.Errorf("run %s has a step %q that its playbook does not have", s.run.ID, step.ID)
		}
		work.Go(func() { did[i], errs[i] = r.step(ctx, s, def, step, facts) })
	}
	work.Wait()
	return slices.Contains(did, true), errors.Join(errs...)
}

// step brings one step as far as it goes without a person.
func (r *Runner) step(ctx context.Context, s *scene, def BookStep, step StepRun, facts Facts) (moved bool, err error) {
	if step.State == StepRuns {
		if r.isMine(s.run.ID, step.ID) || r.Alive != nil && step.Program != r.Actor.Program && r.Alive(step.Program) {
			return false, nil
		}
		return true, r.recover(ctx, s, def, step)
	}
	if due, why := def.When.Holds(facts); !due {
		return true, r.settle(ctx, s, step.ID, StepRun{State: StepSkipped, Text: "not due: " + why})
	}
	if def.Ask || s.run.Auto && !r.may(s, def) {
		return true, r.askFor(ctx, s, step.ID, step.Text)
	}
	return true, r.do(ctx, s, def, nil)
}

// may tells whether a run that no person began may do a step.
func (r *Runner) may(s *scene, def BookStep) bool {
	switch def.Do {
	case "freeze", "block":
		return r.Allowed != nil && slices.Contains(r.Allowed(s.x.Finding.Host), def.Do)
	}
	return !doings[def.Do].changes && !doings[def.Do].ask && def.Do != "collect"
}

func (r *Runner) askFor(ctx context.Context, s *scene, step, why string) error {
	_, err := r.Cases.changeRun(ctx, s.run.ID, r.by(s), func(n *Run) (string, error) {
		one := n.Step(step)
		if one.State.Settled() {
			return "", nil
		}
		one.State, one.Text, one.Program = StepAsks, why, ""
		return "", nil
	})
	return err
}

func (r *Runner) by(s *scene) string {
	if s.run.Auto {
		return s.run.By
	}
	return r.Actor.User
}

// do carries a step out: it is claimed first, with the name that its change will
// have in the journal. plan is what a person approved; nil: it is made now.
func (r *Runner) do(ctx context.Context, s *scene, def BookStep, plan *respond.Plan) error {
	op := ""
	if changing(def.Do) {
		op = respond.NewOp()
	}
	defer r.hold(s.run.ID, def.ID)() // before the claim: who sees it would take the step for one that a crash left
	claimed := false
	_, err := r.Cases.changeRun(ctx, s.run.ID, r.by(s), func(n *Run) (string, error) {
		one := n.Step(def.ID)
		if n.IsOver() || one.State != StepWaits && one.State != StepAsks {
			return "", nil // somebody else was faster
		}
		one.State, one.Op, one.Program, one.By, one.Began, one.Text = StepRuns, op, r.Actor.Program, r.by(s), r.Cases.now().UTC(), ""
		claimed = true
		return "", nil
	})
	if err != nil || !claimed {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, def.Timeout)
	defer cancel()
	came := r.carry(limited, s, def, op, plan)
	if came.State == StepFailed && limited.Err() != nil && ctx.Err() == nil {
		came.Text = fmt.Sprintf("not done within %s: %s", span(def.Timeout), came.Text)
	}
	if came.State == StepAsks {
		return r.askFor(context.WithoutCancel(ctx), s, def.ID, came.Text)
	}
	return r.settle(context.WithoutCancel(ctx), s, def.ID, came)
}

func changing(do string) bool { return doings[do].changes || do == "capture" || do == "collect" }

func (r *Runner) hold(run, step string) (release func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mine == nil {
		r.mine = map[string]int{}
	}
	key := run + "/" + step
	r.mine[key]++
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.mine[key]--; r.mine[key] == 0 {
			delete(r.mine, key)
		}
	}
}

func (r *Runner) isMine(run, step string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mine[run+"/"+step] > 0
}

// settle writes down what came of a step, and what that means for the rest.
func (r *Runner) settle(ctx context.Context, s *scene, id string, came StepRun) error {
	def, _ := s.book.Step(id)
	undo := false
	_, err := r.Cases.changeRun(ctx, s.run.ID, r.by(s), func(n *Run) (string, error) {
		one := n.Step(id)
		if one.State.Settled() {
			return "", nil
		}
		one.State, one.Text, one.Verdict, one.Ended, one.Program = came.State, came.Text, came.Verdict, r.Cases.now().UTC(), ""
		if came.State == StepFailed && def.OnFail != OnContinue {
			undo = def.OnFail == OnUndo
			n.Ended, n.How = r.Cases.now().UTC(), RunStopped
			return strings.TrimSuffix(id+" failed, which ends it: "+came.Text, ": "), nil
		}
		return strings.TrimSuffix(fmt.Sprintf("%s %s: %s", id, came.State, came.Text), ": "), nil
	})
	if err == nil && undo {
		_, err = r.UndoAll(ctx, s.run.ID)
	}
	return err
}

func (r *Runner) end(ctx context.Context, id, how, why string) (Run, error) {
	return r.Cases.changeRun(ctx, id, r.Actor.User, func(n *Run) (string, error) {
		if n.IsOver() {
			return "", nil
		}
		n.Ended, n.How = r.Cases.now().UTC(), how
		for i := range n.Steps {
			if !n.Steps[i].State.Settled() && n.Steps[i].State != StepRuns {
				n.Steps[i].State, n.Steps[i].Text = StepSkipped, "the run was ended before it"
			}
		}
		return strings.TrimSuffix(how+": "+why, ": "), nil
	})
}

// Stop ends a run. What it changed stays until it is taken back.
func (r *Runner) Stop(ctx context.Context, id, why string) (Run, error) {
	return r.end(ctx, id, RunStopped, why)
}
