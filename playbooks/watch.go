package playbooks

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"interdict/detect"
)

// Watch is what is said at once, on whatever host it is seen, for a time after a containment.
type Watch struct {
	Case    string    `json:"case"`
	Run     string    `json:"run"`
	Far     []string  `json:"far,omitempty"`    // addresses outside of our networks
	SHA256  string    `json:"sha256,omitempty"` // of a program that nobody vouches for
	User    string    `json:"user,omitempty"`   // with Command
	Command string    `json:"command,omitempty"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
}

// watchOf is what to watch for after a finding.
func watchOf(s *subject) Watch {
	w := Watch{User: s.tool.User, Command: s.tool.CommandLine}
	if h := s.suspect(); h != "none" {
		w.SHA256 = h
	}
	for _, p := range s.far() {
		if a := p.Addr.Unmap().WithZone("").String(); !detect.Internal(p.Addr) && !slices.Contains(w.Far, a) && len(w.Far) < 64 {
			w.Far = append(w.Far, a)
		}
	}
	return w
}

// Hits says in what a finding is what is watched for; "" when it is not.
func (w *Watch) Hits(f *detect.Finding) string {
	s := newSubject(f, f.Last)
	for _, p := range s.far() {
		if a := p.Addr.Unmap().WithZone("").String(); slices.Contains(w.Far, a) {
			return "the same far end, " + a
		}
	}
	switch {
	case w.SHA256 != "" && slices.ContainsFunc(processesOf(f), func(p detect.Process) bool { return p.SHA256 == w.SHA256 }):
		return "the same program, sha256 " + short(w.SHA256, 12)
	case w.Command != "" && w.User == s.tool.User && w.Command == s.tool.CommandLine:
		return "the same user and command"
	}
	return ""
}

// watch begins to watch for what the finding showed.
func (r *Runner) watch(ctx context.Context, s *scene, def BookStep) StepRun {
	w := watchOf(newSubject(s.x.Finding, s.x.At))
	if len(w.Far) == 0 && w.SHA256 == "" && w.Command == "" {
		return failed("too little is known of it to watch for the same")
	}
	w.Case, w.Run, w.Since = s.k.ID, s.run.ID+"/"+def.ID, r.Cases.now().UTC()
	w.Until = w.Since.Add(def.For)
	if err := r.Cases.watch(ctx, w); err != nil {
		return failed("%v", err)
	}
	return doneWith("until %s: far ends %s, program %s, user %s with the same command", w.Until.Format(time.DateOnly), few(w.Far, 3), orElse(short(w.SHA256, 12), "none"), orUnknown(w.User))
}

func (s *Cases) watch(ctx context.Context, w Watch) error {
	number, err := CaseNumber(w.Case)
	if err != nil {
		return err
	}
	body, err := json.Marshal(w)
	if err != nil {
		return err
	}
	return s.inTurn(ctx, func(c *sql.Conn) error {
		_, err := c.ExecContext(ctx, `INSERT INTO case_watches (number, run, until, body) VALUES (?, ?, ?, ?) ON CONFLICT(number, run) DO UPDATE SET until = excluded.until, body = excluded.body`,
			number, w.Run, stamp(w.Until), string(body))
		return err
	})
}

// Watches are those that are in force.
func (s *Cases) Watches(ctx context.Context) ([]Watch, error) {
	return collect(ctx, s.db, func(row scanner) (w Watch, err error) {
		var body string
		var number int64
		if err = row.Scan(&body, &number); err == nil {
			err = json.Unmarshal([]byte(body), &w)
		}
		w.Case = caseID(number)
		return w, err
	}, `SELECT body, number FROM case_watches WHERE until > ? ORDER BY rowid`, stamp(s.now()))
}

const seenAgain = "SEEN AGAIN: "

// SeenThere tells whether a finding is in the case that watches because it was
// seen again, here or at another console.
func (s *Cases) SeenThere(ctx context.Context, w Watch, f *detect.Finding) bool {
	for _, a := range f.Alerts() {
		if _, x, err := exhibitOf(ctx, s.db, a.ID); err == nil && strings.HasPrefix(x.Why, seenAgain) {
			id, err := s.CaseOf(ctx, f)
			return err == nil && id == w.Case
		}
	}
	return false
}

// SeenAgain puts a finding that is watched for into the case that watches. again
// is false when it was said before: when it is in a case already, unless that is
// this one and the finding has begun anew since.
func (s *Cases) SeenAgain(ctx context.Context, w Watch, f *detect.Finding, why string) (again bool, err error) {
	switch id, err := s.CaseOf(ctx, f); {
	case err != nil:
		return false, err
	case id == w.Case:
		if again, err := s.sayAgain(ctx, w, f, why); !again || err != nil {
			return false, err
		}
	case id != "":
		return false, nil
	default:
		if err := s.Join(ctx, w.Case, f, nil, NoPerson, seenAgain+why+": "+beganAs(f)); err != nil {
			return false, err
		}
	}
	if k, err := s.Case(ctx, w.Case); err == nil && !k.IsOpen() {
		return true, s.ReopenCase(ctx, w.Case, NoPerson)
	}
	return true, nil
}

// beganAs names the newest of what a finding is about.
func beganAs(f *detect.Finding) string {
	tool := newSubject(f, f.Last).tool
	return label(tool) + " since " + clock(tool.Started)
}

// sayAgain writes down, once, that a finding of the case runs anew: an alert that
// is raised again is the same alert, and its transfer another one.
func (s *Cases) sayAgain(ctx context.Context, w Watch, f *detect.Finding, why string) (bool, error) {
	if !newSubject(f, f.Last).tool.Started.After(w.Since) {
		return false, nil
	}
	log, err := s.CaseLog(ctx, w.Case)
	said := func(n Note) bool {
		return n.Kind == "alert" && strings.Contains(n.Text, seenAgain) && strings.HasSuffix(n.Text, beganAs(f))
	}
	if err != nil || slices.ContainsFunc(log, said) {
		return false, err
	}
	return true, s.Record(ctx, w.Case, NoPerson, "alert", seenAgain+why+": "+beganAs(f))
}
