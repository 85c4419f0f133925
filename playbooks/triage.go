package playbooks

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"interdict/detect"
	"interdict/respond"
)

// Cases keep what people said about alerts. Programs on one database see each
// other's, and those that [Cases.Share] a store; it owns the tables case_* and is
// safe for concurrent use.
type Cases struct {
	db    *sql.DB
	local *LocalDocuments
	docs  Documents // local, or what it is shared through
	now   func() time.Time
}

// TriageState is how far people are with an alert.
type TriageState string

// The states.
const (
	New          TriageState = "new"
	Acknowledged TriageState = "acknowledged"
	Closed       TriageState = "closed"
)

// The usual reasons of a closure. Benign is what the rule means to find, done
// by somebody who may; a false positive is what it does not mean to find.
const (
	Benign        = "benign"
	FalsePositive = "false positive"
	TruePositive  = "true positive"
	Duplicate     = "duplicate"
)

// Triage is what was said about one alert.
type Triage struct {
	AlertID  string      `json:"-"`
	Thread   string      `json:"thread"` // the alert's
	UpTo     time.Time   `json:"up_to"`  // the alert's newest event when State was changed
	State    TriageState `json:"state"`
	Reason   string      `json:"reason,omitempty"` // of the closure
	By       string      `json:"by"`
	At       time.Time   `json:"at"`
	Revision int64       `json:"revision"` // grows with every change of State
}

// Note is one entry of an alert's log, the oldest first. Kind is "note", "acknowledged", "closed",
// "reopened" or "answer".
type Note struct {
	By   string    `json:"by"`
	Kind string    `json:"kind"`
	Text string    `json:"text,omitempty"`
	At   time.Time `json:"at"`
}

// Override is an analyst's answer to a question of the guide.
type Override struct {
	State State     `json:"state"`
	Note  string    `json:"note"`
	By    string    `json:"by"`
	At    time.Time `json:"at"`
}

// OpenCases brings the tables up to date. The caller opens and closes the database.
func OpenCases(ctx context.Context, db *sql.DB) (*Cases, error) {
	var mode string
	if err := db.QueryRowContext(ctx, `PRAGMA journal_mode = WAL`).Scan(&mode); err != nil {
		return nil, fmt.Errorf("cases: %w", err)
	}
	if err := respond.Transact(ctx, db, func(c *sql.Conn) error { return respond.Migrate(ctx, c, "case_schema", migrations) }); err != nil {
		return nil, fmt.Errorf("cases: %w", err)
	}
	local, err := OpenDocuments(ctx, db)
	if err != nil {
		return nil, err
	}
	err = respond.Transact(ctx, db, func(c *sql.Conn) error { return respond.Migrate(ctx, c, "triage_schema", triageSteps) })
	if err != nil {
		return nil, fmt.Errorf("cases: %w", err)
	}
	return &Cases{db: db, local: local, docs: local, now: time.Now}, nil
}

// ErrTaken is what Ack answers when somebody else has the alert already.
var ErrTaken = errors.New("somebody else has it")

// Ack takes the alert. Who has it already keeps it: the error then wraps
// ErrTaken and names them. Taking what one has oneself changes nothing.
func (s *Cases) Ack(ctx context.Context, alert detect.Alert, by string) error {
	return s.change(ctx, alert, by, func(c Triage) (Triage, string, error) {
		switch {
		case c.State == Acknowledged && c.By == by:
			return c, "", nil
		case c.State == Acknowledged:
			return c, "", fmt.Errorf("%w: %s since %s", ErrTaken, c.By, c.At.Format(time.RFC3339))
		case c.State == Closed:
			return c, "", fmt.Errorf("closed by %s as %s", c.By, c.Reason)
		}
		c.State = Acknowledged
		return c, "acknowledged", nil
	})
}

// Close ends the case for a reason, which must not be empty. Closing again changes the reason.
func (s *Cases) Close(ctx context.Context, alert detect.Alert, by, reason string) error {
	return s.CloseAbout(ctx, alert, nil, by, reason)
}

// CloseAbout is Close that keeps what the alert was about, see [detect.Finding.Fields].
func (s *Cases) CloseAbout(ctx context.Context, alert detect.Alert, about map[string][]string, by, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return errors.New("closing needs a reason: benign, false positive, true positive, duplicate, or words of your own")
	}
	return s.changeAbout(ctx, alert, about, by, func(c Triage) (Triage, string, error) {
		c.State, c.Reason = Closed, reason
		return c, "closed", nil
	})
}

// Reopen takes a closure back.
func (s *Cases) Reopen(ctx context.Context, alert detect.Alert, by string) error {
	return s.change(ctx, alert, by, func(c Triage) (Triage, string, error) {
		if c.State != Closed {
			return c, "", nil
		}
		c.State, c.Reason = New, ""
		return c, "reopened", nil
	})
}

// change decides on what was said so far. A kind of "" changes nothing.
func (s *Cases) change(ctx context.Context, alert detect.Alert, by string, decide func(Triage) (Triage, string, error)) error {
	return s.changeAbout(ctx, alert, nil, by, decide)
}

func (s *Cases) changeAbout(ctx context.Context, alert detect.Alert, about map[string][]string, by string, decide func(Triage) (Triage, string, error)) error {
	return s.say(ctx, alert.ID, by, func(d *alertDocument) (kind, text string, err error) {
		next, kind, err := decide(d.Triage)
		if err != nil || kind == "" {
			return "", "", err
		}
		next.By, next.At, next.Revision = by, s.now().UTC(), d.Triage.Revision+1
		next.Thread, next.UpTo = alert.Thread, alert.Last.UTC()
		d.Triage = next
		if about != nil {
			d.About = about
		}
		return kind, next.Reason, nil
	})
}

// Note adds to the case's log.
func (s *Cases) Note(ctx context.Context, alert, by, text string) error {
	if strings.TrimSpace(text) == "" {
		return errors.New("an empty note says nothing")
	}
	if err := named(alert, by); err != nil {
		return err
	}
	if strings.HasPrefix(alert, caseMark) {
		return s.inTurn(ctx, func(c *sql.Conn) error { return s.log(ctx, c, alert, by, "note", text) })
	}
	return s.say(ctx, alert, by, func(*alertDocument) (string, string, error) { return "note", text, nil })
}

// Answer puts an analyst's answer in place of the guide's. The note says why.
func (s *Cases) Answer(ctx context.Context, alert, question, by string, state State, note string) error {
	if state != BAD && state != OK && state != OPEN {
		return fmt.Errorf("answer %q: it is BAD, OK or OPEN", state)
	}
	if strings.TrimSpace(note) == "" {
		return errors.New("an answer needs a note that says why")
	}
	return s.say(ctx, alert, by, func(d *alertDocument) (string, string, error) {
		if d.Answers == nil {
			d.Answers = map[string]Override{}
		}
		d.Answers[question] = Override{state, note, by, s.now().UTC()}
		return "answer", fmt.Sprintf("%s: %s: %s", question, state, note), nil
	})
}

// Withdraw gives a question back to the guide.
func (s *Cases) Withdraw(ctx context.Context, alert, question, by string) error {
	return s.say(ctx, alert, by, func(d *alertDocument) (string, string, error) {
		delete(d.Answers, question)
		return "answer", question + ": withdrawn", nil
	})
}

func named(alert, by string) error {
	if alert == "" || by == "" {
		return errors.New("a case needs an alert and somebody who speaks")
	}
	return nil
}

func (s *Cases) log(ctx context.Context, c *sql.Conn, alert, by, kind, text string) error {
	_, err := c.ExecContext(ctx, `INSERT INTO case_notes (alert, by, at, kind, text) VALUES (?, ?, ?, ?, ?)`, alert, by, stamp(s.now()), kind, text)
	return err
}
