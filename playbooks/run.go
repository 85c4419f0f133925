package playbooks

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"interdict/respond"
)

// Run is a playbook under way in a case, or one that has ended. It is kept after
// every step and before every change, so that whoever comes later goes on at the
// right step.
type Run struct {
	ID       string    `json:"id"`
	Case     string    `json:"case"`
	Alert    string    `json:"alert"` // the finding that it is about
	Book     string    `json:"book"`  // id of the playbook
	Source   []string  `json:"source"`
	By       string    `json:"by"`
	Auto     bool      `json:"auto,omitempty"` // it began without a person
	Began    time.Time `json:"began"`
	Ended    time.Time `json:"ended,omitzero"`
	How      string    `json:"how,omitempty"` // it ended: RunDone, RunStopped, RunUndone
	Steps    []StepRun `json:"steps"`         // all, in the playbook's order
	Revision int64     `json:"revision"`
}

// How a run ended.
const (
	RunDone    = "done"
	RunStopped = "stopped"
	RunUndone  = "taken back"
)

// StepRun is how far one step is.
type StepRun struct {
	ID      string        `json:"id"`
	Stage   int           `json:"stage"`
	Do      string        `json:"do"`
	State   StepState     `json:"state"`
	Op      string        `json:"op,omitempty"`      // of its change, written down before it is begun
	Program string        `json:"program,omitempty"` // that carries it out
	Began   time.Time     `json:"began,omitzero"`
	Ended   time.Time     `json:"ended,omitzero"`
	By      string        `json:"by,omitempty"`
	Text    string        `json:"text,omitempty"` // what came of it, or what is in the way
	Verdict respond.State `json:"verdict,omitempty"`
}

// Plans tells whether the step is an action, which is planned before it is carried out.
func (s StepRun) Plans() bool { return changing(s.Do) }

// StepState is how far a step is.
type StepState string

// The states.
const (
	StepWaits   StepState = "waits"   // for the steps before it
	StepAsks    StepState = "asks"    // for a person: to approve a plan, or to do it
	StepRuns    StepState = "runs"    //
	StepDone    StepState = "done"    //
	StepFailed  StepState = "failed"  //
	StepSkipped StepState = "skipped" // its condition does not hold, or a person said so
	StepUndone  StepState = "undone"  //
)

// Settled tells whether nothing more will become of the step by itself.
func (s StepState) Settled() bool {
	return s == StepDone || s == StepFailed || s == StepSkipped || s == StepUndone
}

// IsOver tells whether it has ended.
func (r *Run) IsOver() bool { return !r.Ended.IsZero() }

// Step finds a step of the run.
func (r *Run) Step(id string) *StepRun {
	if i := slices.IndexFunc(r.Steps, func(s StepRun) bool { return s.ID == id }); i >= 0 {
		return &r.Steps[i]
	}
	return nil
}

// Asks are the steps that wait for a person.
func (r *Run) Asks() []StepRun {
	return slices.DeleteFunc(slices.Clone(r.Steps), func(s StepRun) bool { return s.State != StepAsks })
}

// Status is the run in a few words.
func (r *Run) Status() string {
	settled := 0
	for _, s := range r.Steps {
		if s.State.Settled() {
			settled++
		}
	}
	of := fmt.Sprintf("%d of %d steps", settled, len(r.Steps))
	switch asks := r.Asks(); {
	case r.IsOver():
		return r.How + ", " + of
	case len(asks) > 0:
		return "waits for a person at " + asks[0].ID + ", " + of
	}
	return "under way, " + of
}

// ErrNoRun is that there is no such run.
var ErrNoRun = errors.New("no such run of a playbook")

// Runs reads the runs of a case, the oldest first; "" reads those of all cases that have not ended.
func (s *Cases) Runs(ctx context.Context, id string) ([]Run, error) {
	if id == "" {
		return collect(ctx, s.db, scanRun, `SELECT body, revision, number FROM case_runs WHERE NOT ended ORDER BY rowid`)
	}
	number, err := CaseNumber(id)
	if err != nil {
		return nil, err
	}
	return collect(ctx, s.db, scanRun, `SELECT body, revision, number FROM case_runs WHERE number = ? ORDER BY rowid`, number)
}

// Run reads one run.
func (s *Cases) Run(ctx context.Context, id string) (Run, error) { return readRun(ctx, s.db, id) }

func readRun(ctx context.Context, q querier, id string) (Run, error) {
	r, err := scanRun(q.QueryRowContext(ctx, `SELECT body, revision, number FROM case_runs WHERE id = ?`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return r, fmt.Errorf("%w: %s", ErrNoRun, id)
	}
	return r, err
}

func scanRun(row scanner) (r Run, err error) {
	var body string
	var revision, number int64
	if err = row.Scan(&body, &revision, &number); err != nil {
		return r, err
	}
	if err = json.Unmarshal([]byte(body), &r); err != nil {
		return r, fmt.Errorf("a run of a playbook cannot be read: %w", err)
	}
	r.Revision, r.Case = revision, caseID(number) // a case may have been given another number
	return r, nil
}

// addRun keeps a new run. A playbook runs once at a time for one alert.
func (s *Cases) addRun(ctx context.Context, r *Run) error {
	number, err := CaseNumber(r.Case)
	if err != nil {
		return err
	}
	return s.inTurn(ctx, func(c *sql.Conn) error {
		var other string
		err := c.QueryRowContext(ctx, `SELECT id FROM case_runs WHERE number = ? AND NOT ended AND json_extract(body, '$.book') = ? AND json_extract(body, '$.alert') = ?`, number, r.Book, r.Alert).Scan(&other)
		if err == nil {
			return fmt.Errorf("%s is under way for this alert already: run %s", r.Book, other)
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		r.Revision = 1
		body, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if _, err := c.ExecContext(ctx, `INSERT INTO case_runs (id, number, body, revision, ended) VALUES (?, ?, ?, 1, 0)`, r.ID, number, string(body)); err != nil {
			return err
		}
		return s.log(ctx, c, r.Case, r.By, "playbook", r.Book+" began")
	})
}

// changeRun reads a run, changes it and writes it, in one transaction. note goes to the case's log; "" writes none.
func (s *Cases) changeRun(ctx context.Context, id, by string, change func(*Run) (note string, err error)) (Run, error) {
	var out Run
	err := s.inTurn(ctx, func(c *sql.Conn) error {
		r, err := readRun(ctx, c, id)
		if err != nil {
			return err
		}
		note, err := change(&r)
		if err != nil {
			return err
		}
		r.Revision++
		body, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if _, err := c.ExecContext(ctx, `UPDATE case_runs SET body = ?, revision = ?, ended = ? WHERE id = ?`, string(body), r.Revision, r.IsOver(), id); err != nil {
			return err
		}
		out = r
		if note == "" {
			return nil
		}
		return s.log(ctx, c, r.Case, by, "playbook", r.Book+": "+note)
	})
	return out, err
}
