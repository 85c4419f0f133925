package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/ui/text"
)

// Room is a cgroup of its own for one command.
type Room interface {
	// Path is the cgroup's, absolute.
	Path() string
	// Run runs a command in it and gives its pid as soon as it has one, and its
	// exit code when it ends. An error means that it never ran.
	Run(ctx context.Context, args []string, started func(pid int)) (code int, err error)
	// Left are the processes that are still there.
	Left() []int
	Close() error
}

type ciFlags struct {
	failOn string
	allow  []string
	report string
}

// ci runs a command of a build job watched.
func (c *command) ci() *cobra.Command {
	var f ciFlags
	cmd := &cobra.Command{
		Use:   "ci -- COMMAND...",
		Short: "Run a command of a build job watched; 10 when it transfers files",
		Long: "ci runs COMMAND in a cgroup of its own and watches all that it starts. It ends with 10 when there was an alert,\n" +
			"and names the job, the commit and the script line that brought the tool in; else with the command's own code.",
		Args: atLeast(1, "a command after --"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.runCI(cmd.Context(), f, args) },
	}
	cmd.Flags().StringVar(&f.failOn, "fail-on", "low", "least severity of an alert to fail for: low, medium, high, critical")
	cmd.Flags().StringArrayVar(&f.allow, "allow", nil, "TOOL=ADDRESS[/BITS]: this tool may transfer to there alone; repeatable")
	cmd.Flags().StringVar(&f.report, "report", "", "write the alerts into this file as ECS NDJSON")
	cmd.AddCommand(c.ciAudit())
	return cmd
}

func (c *command) runCI(ctx context.Context, f ciFlags, args []string) error {
	allowed, err := parseAllowed(f.allow)
	if err != nil {
		return err
	}
	if severityRank(f.failOn) < 0 {
		return usage("--fail-on %q: is one of %s", f.failOn, strings.Join(severities, ", "))
	}
	if c.Room == nil {
		return errors.New("a command can be watched on Linux only")
	}
	room, err := c.Room()
	if err != nil {
		return fmt.Errorf("nothing was run: %w", err)
	}
	defer func() { _ = room.Close() }() // a cgroup that stays behind holds nothing
	c.config.Environment = "ci"
	var mu sync.Mutex
	var alerts []detect.Alert
	s, err := c.start(ctx, OpenOptions{Sources: []string{"ebpf"}, Scope: room.Path()}, detect.Options{OnAlert: func(a detect.Alert, change detect.Change) {
		if change == detect.Raised {
			mu.Lock()
			defer mu.Unlock()
			alerts = append(alerts, a)
		}
	}})
	if err != nil {
		return fmt.Errorf("nothing was run, for it would not have been watched: %w", err)
	}
	code, err := c.watched(ctx, s, room, args)
	findings := s.engine.Snapshot().Findings
	lost := s.lost().Total()
	if err = errors.Join(err, s.opened.Close()); err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	return c.judgeCI(ctx, f, allowed, judged{code: code, alerts: alerts, findings: findings, lost: lost, left: room.Left()})
}

// watched runs the command and watches until all that it told is in.
func (c *command) watched(ctx context.Context, s *session, room Room, args []string) (code int, err error) {
	end := &endOf{seen: make(chan struct{})}
	s.sinks = append(s.sinks, end)
	watching, stop := context.WithCancel(ctx)
	var run sync.WaitGroup
	var broken error
	run.Go(func() { broken = s.run(watching) })
	code, err = room.Run(ctx, args, end.of)
	if err == nil {
		err = s.settle(ctx, end.seen)
	}
	stop()
	run.Wait()
	return code, errors.Join(err, broken)
}

// How long a command's end may take to be told, and how long nothing must
// happen for all to be in.
const (
	endTold   = 10 * time.Second
	quietness = 300 * time.Millisecond
)

// settle waits until the end of the command was told and nothing more comes.
func (s *session) settle(ctx context.Context, ended <-chan struct{}) error {
	deadline, cancel := context.WithTimeout(ctx, endTold)
	defer cancel()
	select {
	case <-ended:
	case <-deadline.Done():
		return errors.New("the sensor did not tell of the command's end: what it did is not known whole")
	}
	for before := uint64(0); ; {
		select {
		case <-time.After(quietness):
		case <-deadline.Done():
			return nil
		}
		now := s.engine.Snapshot().Version
		if now == before {
			return nil
		}
		before = now
	}
}

// endOf tells when a process has ended.
type endOf struct {
	mu   sync.Mutex
	pid  int64
	over bool
	past map[int64]bool // that ended before pid was known
	seen chan struct{}
}

func (e *endOf) of(pid int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pid = int64(pid)
	e.check()
}

// Put looks for the end.
func (e *endOf) Put(_ context.Context, b sources.Batch) error {
	action, pids := b.Events.Column(ecs.EventAction.Name()), b.Events.Column(ecs.ProcessPID.Name())
	if action == nil || pids == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for r := range b.Events.Rows {
		if action.Text(r) == "end" {
			if e.past == nil {
				e.past = map[int64]bool{}
			}
			pid, _ := pids.Int(r)
			e.past[pid] = true
		}
	}
	e.check()
	return nil
}

func (e *endOf) check() {
	if e.pid != 0 && e.past[e.pid] && !e.over {
		e.over = true
		close(e.seen)
	}
}

// judged is what came of a run.
type judged struct {
	code     int
	alerts   []detect.Alert
	findings []*detect.Finding
	lost     int64
	left     []int
}

func (c *command) judgeCI(ctx context.Context, f ciFlags, allowed []allowance, j judged) error {
	if err := writeAlerts(f.report, j.alerts); err != nil {
		return err
	}
	var bad, fine []*detect.Finding
	for _, found := range j.findings {
		switch {
		case slices.ContainsFunc(allowed, func(a allowance) bool { return a.covers(found) }):
			fine = append(fine, found)
		case slices.ContainsFunc(found.Alerts(), func(a detect.Alert) bool { return severityRank(a.Severity) >= severityRank(f.failOn) }):
			bad = append(bad, found)
		}
	}
	p := &prose{to: bufio.NewWriter(c.Stderr)}
	for _, found := range fine {
		p.say("allowed: %s", transferWords(found))
	}
	if len(bad) > 0 {
		c.tellCI(ctx, p, bad)
	}
	if len(j.left) > 0 {
		p.say("%d processes of the command are still running, and no longer watched: %v", len(j.left), j.left)
	}
	if j.lost > 0 {
		p.say("%d events were lost: what the command did is not known whole", j.lost)
	}
	if err := p.to.Flush(); err != nil {
		return err
	}
	switch {
	case len(bad) > 0:
		return &exit{code: Alerted}
	case j.code != 0:
		return &exit{code: j.code}
	case j.lost > 0:
		return &exit{code: Degraded}
	}
	return nil
}

// tellCI names the job and commit once, and of each finding the line of a script.
func (c *command) tellCI(ctx context.Context, p *prose, bad []*detect.Finding) {
	pipeline := playbooks.PipelineOf(os.Environ())
	if len(bad) == 1 {
		p.say("a file transfer by this job")
	} else {
		p.say("%d file transfers by this job", len(bad))
	}
	if words := pipeline.String(); words != "" {
		p.say("job: %s (as its environment says)", words)
	}
	changed, err := c.changedLines(ctx, "", pipeline)
	for _, found := range bad {
		p.say("%s: %s", found.Severity, transferWords(found))
		p.say("  rule: %s. %s", found.RuleName, found.Why)
		at := scriptLine(found)
		if at != "" {
			p.say("  started by %s", at)
		}
		for _, line := range changed {
			if line.brought(found) {
				line.commit = commitOf(ctx, line.file, line.number)
				p.say("  brought in by %s", line)
			}
		}
	}
	if err != nil {
		p.say("which change brought it in is not known: %v", err)
	}
}

// prose is lines for a person; what is hostile in them is made visible.
type prose struct{ to *bufio.Writer }

func (p *prose) say(format string, args ...any) {
	fmt.Fprintln(p.to, "interdict ci: "+text.Clean(fmt.Sprintf(format, args...)))
}

// transferWords is "scp -q x deploy@h: → 203.0.113.9:22, 12 kB sent".
func transferWords(f *detect.Finding) string {
	tool := f.Process
	if f.Transfer != nil && f.Transfer.Tool.PID != 0 {
		tool = f.Transfer.Tool
	}
	s := text.Fit(tool.CommandLine, 300)
	if f.Transfer == nil {
		return s
	}
	for _, peer := range f.Transfer.Peers {
		s += fmt.Sprintf(" → %s", netip.AddrPortFrom(peer.Addr.Unmap(), uint16(peer.Port)))
	}
	return s + fmt.Sprintf(", %d bytes sent, %d received", f.Transfer.Sent, f.Transfer.Received)
}

func writeAlerts(path string, alerts []detect.Alert) error {
	if path == "" {
		return nil
	}
	var b []byte
	for _, a := range alerts {
		b = append(a.AppendJSON(b), '\n')
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return fmt.Errorf("alerts: %w", err)
	}
	return nil
}

// allowance is a tool and where it may transfer to.
type allowance struct {
	tool string
	far  netip.Prefix
}

func parseAllowed(all []string) (out []allowance, err error) {
	for _, s := range all {
		tool, where, _ := strings.Cut(s, "=")
		far, err := netip.ParsePrefix(where)
		if err != nil {
			var a netip.Addr
			if a, err = netip.ParseAddr(where); err == nil {
				far = netip.PrefixFrom(a, a.BitLen())
			}
		}
		if err != nil || tool == "" {
			return nil, usage("--allow %q: is TOOL=ADDRESS or TOOL=NETWORK/BITS", s)
		}
		out = append(out, allowance{tool, far.Masked()})
	}
	return out, nil
}

// covers needs the kernel's word for where it went: what no far end was seen of
// may have gone anywhere.
func (a allowance) covers(f *detect.Finding) bool {
	t := f.Transfer
	if t == nil || len(t.Peers) == 0 || len(t.Unseen) > 0 {
		return false
	}
	return t.Tool.Tool == a.tool && !slices.ContainsFunc(t.Peers, func(p detect.Peer) bool { return !a.far.Contains(p.Addr.Unmap()) })
}

// scriptLine finds in the script nearest to the tool the line that names it.
func scriptLine(f *detect.Finding) string {
	if f.Transfer == nil {
		return ""
	}
	tool := f.Transfer.Tool
	for _, p := range f.Transfer.Ancestors {
		if program := playbooks.Inline(p, tool.Name); program != "" {
			return fmt.Sprintf("%s -c: %s", p.Name, text.Fit(program, 200))
		}
		if p.Script == "" {
			continue
		}
		file := p.Script
		if !filepath.IsAbs(file) {
			file = filepath.Join(p.Dir, file)
		}
		return lineNaming(file, tool.Name)
	}
	return ""
}

const maxScript = 4 << 20

// lineNaming is "FILE:LINE: text" of the first line with a word.
func lineNaming(file, word string) string {
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxScript {
		return file
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return file
	}
	if number, line := playbooks.LineNaming(string(b), word); number > 0 {
		return fmt.Sprintf("%s:%d: %s", file, number, text.Fit(line, 200))
	}
	return file
}
