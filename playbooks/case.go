package playbooks

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"interdict/detect"
	"interdict/respond"
)

// Case is alerts that belong together, and who looks after them. What happened
// in it is its [Timeline]; whether it is contained the journal says.
type Case struct {
	ID       string    `json:"id"` // INC-0012
	Title    string    `json:"title"`
	Assignee string    `json:"assignee"` // "": nobody
	Opened   time.Time `json:"opened"`
	OpenedBy string    `json:"opened_by"`
	Closed   time.Time `json:"closed,omitzero"`
	ClosedBy string    `json:"closed_by,omitempty"`
	Reason   string    `json:"reason,omitempty"` // of the closure
	Revision int64     `json:"revision"`

	Exhibits []Exhibit `json:"-"` // the oldest first
}

// Exhibit is one finding of a case as it was seen last.
type Exhibit struct {
	Finding *detect.Finding `json:"finding"`
	Guide   *Guide          `json:"guide,omitempty"` // nil: it was not answered
	Why     string          `json:"why"`             // it belongs here
	By      string          `json:"by"`
	At      time.Time       `json:"at"`
	Flow    []Sample        `json:"flow,omitempty"` // the oldest first
}

// Sample is how much had left at a moment.
type Sample struct {
	At   time.Time `json:"at"`
	Sent int64     `json:"sent"`
}

// mostSamples bounds a flow: beyond it every other one goes.
const mostSamples = 600

// IsOpen tells whether people still work on it.
func (c *Case) IsOpen() bool { return c.Closed.IsZero() }

// First is when the earliest of what it is about began.
func (c *Case) First() time.Time {
	first := c.Opened
	for _, x := range c.Exhibits {
		if at := newSubject(x.Finding, c.Opened).began(); at.Before(first) {
			first = at
		}
	}
	return first
}

// Raised is when its first alert was raised.
func (c *Case) Raised() time.Time {
	first := c.Opened
	for _, x := range c.Exhibits {
		for _, a := range x.Finding.Alerts() {
			if !a.Raised.IsZero() && a.Raised.Before(first) {
				first = a.Raised
			}
		}
	}
	return first
}

// Hosts are the machines of its alerts, each once.
func (c *Case) Hosts() []detect.Host {
	var out []detect.Host
	for _, x := range c.Exhibits {
		if !slices.ContainsFunc(out, func(h detect.Host) bool { return h.ID == x.Finding.Host.ID && h.Name == x.Finding.Host.Name }) {
			out = append(out, x.Finding.Host)
		}
	}
	return out
}

// Has tells whether an alert is in the case.
func (c *Case) Has(alert string) bool { return c.Exhibit(alert) != nil }

// Exhibit is what is kept of the finding that an alert is of; nil: it is not in the case.
func (c *Case) Exhibit(alert string) *Exhibit {
	for i := range c.Exhibits {
		if alertOf(c.Exhibits[i].Finding, alert) != nil {
			return &c.Exhibits[i]
		}
	}
	return nil
}

// Lead is the finding that the case is named after: the one of the highest risk, among equals the first.
func (c *Case) Lead() *Exhibit {
	var lead *Exhibit
	for i := range c.Exhibits {
		if lead == nil || c.Exhibits[i].Finding.Risk > lead.Finding.Risk {
			lead = &c.Exhibits[i]
		}
	}
	return lead
}

// ErrNoCase is that there is no such case.
var ErrNoCase = errors.New("no such case")

const caseMark = "INC-"

func caseID(number int64) string { return fmt.Sprintf("%s%04d", caseMark, number) }

// CaseNumber reads an id as people write it: INC-0012, inc-12 or 12.
func CaseNumber(id string) (int64, error) {
	digits := id
	if len(id) > len(caseMark) && strings.EqualFold(id[:len(caseMark)], caseMark) {
		digits = id[len(caseMark):]
	}
	n, err := strconv.ParseUint(digits, 10, 62)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("case %q: write it as %s", id, caseID(12))
	}
	return int64(n), nil
}

// OpenCase puts a finding into a case: the one that it is in already, else the
// open one that it [Belongs] to, else a new one. guide may be nil.
func (s *Cases) OpenCase(ctx context.Context, f *detect.Finding, g *Guide, by string) (Case, error) {
	if err := named(f.ID, by); err != nil {
		return Case{}, err
	}
	var id int64
	err := s.inTurn(ctx, func(c *sql.Conn) error {
		number, err := caseOf(ctx, c, f)
		if err != nil || number > 0 {
			id = number
			return errors.Join(err, s.exhibit(ctx, c, number, f, g, "", by))
		}
		number, why, err := s.home(ctx, c, f)
		if err == nil && number == 0 {
			why = "opened for it"
			number, err = s.newCase(ctx, c, f, by)
		}
		if err != nil {
			return err
		}
		id = number
		return errors.Join(s.exhibit(ctx, c, number, f, g, why, by), s.log(ctx, c, caseID(number), by, "alert", f.RuleName+" on "+f.Host.Name+": "+why))
	})
	if err != nil {
		return Case{}, fmt.Errorf("case: %w", err)
	}
	return s.Case(ctx, caseID(id))
}

func (s *Cases) newCase(ctx context.Context, c *sql.Conn, f *detect.Finding, by string) (int64, error) {
	body, err := json.Marshal(Case{Title: f.RuleName + " on " + f.Host.Name, Opened: s.now().UTC(), OpenedBy: by, Revision: 1})
	if err != nil {
		return 0, err
	}
	r, err := c.ExecContext(ctx, `INSERT INTO case_cases (body, revision, open) VALUES (?, 1, 1)`, string(body))
	if err != nil {
		return 0, err
	}
	number, err := r.LastInsertId()
	if err != nil {
		return 0, err
	}
	return number, s.log(ctx, c, caseID(number), by, "opened", "")
}

// exhibit keeps the finding as it is now, in the place of what was kept of it
// before: which alert leads may have changed since. An empty why leaves what was said.
func (s *Cases) exhibit(ctx context.Context, c *sql.Conn, number int64, f *detect.Finding, g *Guide, why, by string) error {
	plain := *f
	plain.Exception = nil
	x := Exhibit{Finding: &plain, Guide: g.kept(), Why: why, By: by, At: s.now().UTC()}
	for _, a := range f.Alerts() {
		lead, before, err := exhibitOf(ctx, c, a.ID)
		if err != nil {
			return err
		}
		if lead == "" {
			continue
		}
		x.complete(before)
		if err := dropExhibit(ctx, c, lead); err != nil {
			return err
		}
	}
	x.sample()
	body, err := json.Marshal(x)
	if err != nil {
		return err
	}
	if _, err = c.ExecContext(ctx, `INSERT INTO case_exhibits (lead, number, body) VALUES (?, ?, ?)`, f.ID, number, string(body)); err != nil {
		return err
	}
	return x.enter(ctx, c, number, f.ID)
}

// enter makes its alerts those of the case.
func (x *Exhibit) enter(ctx context.Context, c *sql.Conn, number int64, lead string) error {
	for _, a := range x.Finding.Alerts() {
		if _, err := c.ExecContext(ctx, `INSERT OR REPLACE INTO case_members (alert, number, lead) VALUES (?, ?, ?)`, a.ID, number, lead); err != nil {
			return err
		}
	}
	return nil
}

// complete takes over what is said of an exhibit once, and what was known of it
// before: a console that was started later knows less of what began earlier.
func (x *Exhibit) complete(before Exhibit) {
	if x.Why == "" {
		x.Why, x.By = before.Why, before.By
	}
	if x.Guide.knowsLessThan(before.Guide) {
		x.Guide = before.Guide
	}
	x.Flow = before.Flow
	x.Finding.Also = slices.Clone(x.Finding.Also)
	for _, old := range before.Finding.Alerts() {
		if a := alertOf(x.Finding, old.ID); a == nil {
			x.Finding.Also = append(x.Finding.Also, old)
		} else if !old.Raised.IsZero() && (old.Raised.Before(a.Raised) || a.Raised.IsZero()) {
			a.Raised = old.Raised
		}
	}
	if old := before.Finding.Process; x.Finding.Process.CommandLine == "" && old.CommandLine != "" {
		old.Ended, old.ExitCode = x.Finding.Process.Ended, x.Finding.Process.ExitCode
		x.Finding.Process = old
	}
	if before.Finding.Transfer == nil {
		return
	}
	if x.Finding.Transfer == nil {
		x.Finding.Transfer = before.Finding.Transfer
		return
	}
	t, old := *x.Finding.Transfer, before.Finding.Transfer
	if old.Sent > t.Sent {
		t.Sent, t.Received, t.Peers = old.Sent, old.Received, old.Peers
	}
	if old.Sent > 0 && old.Direction != "" && old.Direction != detect.In { // bytes may show that arguments had lied
		t.Direction = old.Direction // it was told from the arguments or from more of the bytes
	}
	if len(old.Files) > len(t.Files) {
		t.Files = old.Files
	}
	if len(old.Written) > len(t.Written) {
		t.Written = old.Written
	}
	if len(old.Ancestors) > len(t.Ancestors) {
		t.Ancestors = old.Ancestors
	}
	if !old.Started.IsZero() && old.Started.Before(t.Started) {
		t.Started = old.Started
	}
	x.Finding.Transfer = &t
}

// knowsLessThan tells whether a guide was answered with less evidence than one
// before, and no person answered in it: it is then not the one to keep. A theft
// stays one until something speaks for the transfer, and nothing that spoke
// against it is merely not seen any more.
func (g *Guide) knowsLessThan(before *Guide) bool {
	switch {
	case g == nil || before == nil:
		return g == nil
	case slices.ContainsFunc(g.Answers, func(a Answer) bool { return a.Overridden }):
		return false
	}
	v, old := g.Verdict, before.Verdict
	forgot := slices.ContainsFunc(old.Against, func(fact string) bool { return !slices.Contains(v.Against, fact) })
	return len(v.Against)+len(v.For) < len(old.Against)+len(old.For) || old.Word == Theft && v.Word != Theft && (forgot || len(v.For) <= len(old.For))
}

func alertOf(f *detect.Finding, id string) *detect.Alert {
	if f.ID == id {
		return &f.Alert
	}
	for i := range f.Also {
		if f.Also[i].ID == id {
			return &f.Also[i]
		}
	}
	return nil
}

// sample adds how much has left by now to the flow.
func (x *Exhibit) sample() {
	t := x.Finding.Transfer
	if t == nil {
		return
	}
	at := x.At
	if !t.Ended.IsZero() && t.Ended.Before(at) {
		at = t.Ended
	}
	if len(x.Flow) == 0 {
		x.Flow = sparkFlow(t, at)
	}
	if n := len(x.Flow); n > 0 && (x.Flow[n-1].Sent >= t.Sent || !at.After(x.Flow[n-1].At)) {
		return
	}
	x.Flow = append(x.Flow, Sample{at.UTC(), t.Sent})
	if len(x.Flow) > mostSamples {
		kept := x.Flow[:0]
		for i, one := range x.Flow {
			if i%2 == 0 || i == len(x.Flow)-1 {
				kept = append(kept, one)
			}
		}
		x.Flow = kept
	}
}

// sparkFlow is what the last seconds before at say of how bytes left until then.
func sparkFlow(t *detect.Transfer, at time.Time) []Sample {
	if t.Started.IsZero() || !t.Started.Before(at) {
		return nil
	}
	out := []Sample{{t.Started.UTC(), 0}}
	sent := t.Sent
	for _, n := range t.Spark {
		sent -= n
	}
	from := at.Add(-time.Duration(len(t.Spark)) * time.Second)
	for i, n := range t.Spark {
		when := from.Add(time.Duration(i+1) * time.Second)
		if sent += n; n > 0 && when.After(out[len(out)-1].At) && sent > out[len(out)-1].Sent {
			out = append(out, Sample{when.UTC(), sent})
		}
	}
	return out
}

func dropExhibit(ctx context.Context, c *sql.Conn, lead string) error {
	if _, err := c.ExecContext(ctx, `DELETE FROM case_members WHERE lead = ?`, lead); err != nil {
		return err
	}
	_, err := c.ExecContext(ctx, `DELETE FROM case_exhibits WHERE lead = ?`, lead)
	return err
}

// kept is a guide without what only its maker needs.
func (g *Guide) kept() *Guide {
	if g == nil {
		return nil
	}
	out := *g
	out.Answers = slices.Clone(g.Answers)
	for i := range out.Answers {
		out.Answers[i].Params, out.Answers[i].Text = nil, ""
	}
	return &out
}

// See keeps a finding of a case as it is now, so that the case ends with what
// was seen last. A finding of no case is left alone.
func (s *Cases) See(ctx context.Context, f *detect.Finding, g *Guide) error {
	return s.inTurn(ctx, func(c *sql.Conn) error {
		number, err := caseOf(ctx, c, f)
		if err != nil || number == 0 {
			return err
		}
		return s.exhibit(ctx, c, number, f, g, "", "")
	})
}

// Join puts a finding into a named case because a person says that it belongs there.
func (s *Cases) Join(ctx context.Context, id string, f *detect.Finding, g *Guide, by, why string) error {
	return s.edit(ctx, id, by, func(c *sql.Conn, k *Case, number int64) (string, string, error) {
		in, err := caseOf(ctx, c, f)
		if err == nil && in > 0 && in != number {
			err = fmt.Errorf("the alert is in %s already", caseID(in))
		}
		if err != nil {
			return "", "", err
		}
		return "alert", f.RuleName + " on " + f.Host.Name + ": " + why, s.exhibit(ctx, c, number, f, g, why, by)
	})
}

// Leave takes an alert out of its case again.
func (s *Cases) Leave(ctx context.Context, id, alert, by string) error {
	return s.edit(ctx, id, by, func(c *sql.Conn, k *Case, number int64) (string, string, error) {
		if len(k.Exhibits) == 1 {
			return "", "", errors.New("it is the only one: close the case instead")
		}
		x := k.Exhibit(alert)
		if x == nil {
			return "", "", fmt.Errorf("alert %s is not in it", alert)
		}
		return "left", x.Finding.RuleName + " on " + x.Finding.Host.Name, dropExhibit(ctx, c, x.Finding.ID)
	})
}

// Assign says who looks after the case; "" nobody.
func (s *Cases) Assign(ctx context.Context, id, to, by string) error {
	return s.edit(ctx, id, by, func(_ *sql.Conn, k *Case, _ int64) (string, string, error) {
		if k.Assignee == to {
			return "", "", nil
		}
		k.Assignee = to
		return "assigned", to, nil
	})
}

// HandOver gives the case to the next shift with words that say how it stands.
func (s *Cases) HandOver(ctx context.Context, id, to, words, by string) error {
	return s.edit(ctx, id, by, func(_ *sql.Conn, k *Case, _ int64) (string, string, error) {
		k.Assignee = to
		return "handed over", "to " + orNobody(to) + ": " + words, nil
	})
}

func orNobody(s string) string { return orElse(s, "nobody yet") }

// Rename gives the case another title.
func (s *Cases) Rename(ctx context.Context, id, title, by string) error {
	return s.edit(ctx, id, by, func(_ *sql.Conn, k *Case, _ int64) (string, string, error) {
		if strings.TrimSpace(title) == "" {
			return "", "", errors.New("a title says what the case is about")
		}
		k.Title = title
		return "renamed", title, nil
	})
}

// CloseCase ends the case for a reason, which must not be empty. Its alerts are closed by who closes them.
func (s *Cases) CloseCase(ctx context.Context, id, reason, by string) error {
	return s.edit(ctx, id, by, func(_ *sql.Conn, k *Case, _ int64) (string, string, error) {
		if strings.TrimSpace(reason) == "" {
			return "", "", errors.New("closing needs a reason")
		}
		k.Closed, k.ClosedBy, k.Reason = s.now().UTC(), by, reason
		return "closed", reason, nil
	})
}

// ReopenCase takes the closure back.
func (s *Cases) ReopenCase(ctx context.Context, id, by string) error {
	return s.edit(ctx, id, by, func(_ *sql.Conn, k *Case, _ int64) (string, string, error) {
		if k.IsOpen() {
			return "", "", nil
		}
		k.Closed, k.ClosedBy, k.Reason = time.Time{}, "", ""
		return "reopened", "", nil
	})
}

// Record adds an entry of the program's own to the case's log, as what was sent to whom.
func (s *Cases) Record(ctx context.Context, id, by, kind, text string) error {
	return s.edit(ctx, id, by, func(*sql.Conn, *Case, int64) (string, string, error) { return kind, text, nil })
}

// edit reads a case, changes it and writes it with an entry of its log, in one transaction. A kind of "" changes nothing.
func (s *Cases) edit(ctx context.Context, id, by string, change func(*sql.Conn, *Case, int64) (kind, text string, err error)) error {
	number, err := CaseNumber(id)
	if err != nil {
		return err
	}
	if err := named(id, by); err != nil {
		return err
	}
	return s.inTurn(ctx, func(c *sql.Conn) error {
		k, err := readCase(ctx, c, number)
		if err != nil {
			return err
		}
		kind, text, err := change(c, &k, number)
		if err != nil || kind == "" {
			return err
		}
		k.Revision++
		body, err := json.Marshal(k)
		if err != nil {
			return err
		}
		if _, err := c.ExecContext(ctx, `UPDATE case_cases SET body = ?, revision = ?, open = ? WHERE number = ?`, string(body), k.Revision, k.IsOpen(), number); err != nil {
			return err
		}
		return s.log(ctx, c, caseID(number), by, kind, text)
	})
}

func (s *Cases) inTurn(ctx context.Context, f func(*sql.Conn) error) error {
	return respond.Transact(ctx, s.db, f)
}
