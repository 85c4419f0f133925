package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"interdict/respond"
	"interdict/respond/evidence"
	"interdict/ui/text"
)

// EvidenceConfig is where evidence goes and who may read it.
type EvidenceConfig struct {
	Store      string   `toml:"store"`      // directory for bundles; contents go nowhere else
	Recipients []string `toml:"recipients"` // age or SSH public keys that bundles are encrypted for
	Signers    []string `toml:"signers"`    // public keys of other consoles that `verify` believes
}

// collectFlags are the options of the command as they were typed.
type collectFlags struct {
	pids, files, recipients, packetsOf              []string
	tree, capture, content, memory                  bool
	packets, window                                 time.Duration
	approver, incident, aware, out, follows, resume string
	fleet                                           fleetFlags
}

func (c *command) collect() *cobra.Command {
	f := &collectFlags{}
	cmd := &cobra.Command{
		Use:   "collect HOST...",
		Short: "Take evidence of a host and its processes into a signed bundle; changes nothing there",
		Long: "Take what a host can say of processes and of itself, the most volatile first, into one signed archive, encrypted where there are recipients.\n" +
			"Nothing is written on the host. Contents of files, memory and packets need recipients, an approver and evidence.store.",
		RunE: func(cmd *cobra.Command, args []string) error {
			several := len(args) > 1 || len(f.fleet.groups) > 0
			switch {
			case f.resume != "" && !several:
				return c.resumeCollect(cmd.Context(), args, f)
			case len(args) == 0 && !several:
				return usage("wants HOST... or --group; HOST is local or a name of the inventory")
			case several && (f.resume != "" || f.out != "" || f.follows != "" || len(f.pids)+len(f.files) > 0):
				return usage("--pid, --file, --out, --follows and --resume are of one HOST")
			}
			o, err := c.collectOptions(f)
			if err != nil {
				return &exit{Usage, err}
			}
			if several {
				return c.onHosts(cmd.Context(), &f.fleet, args, func(string) respond.Action { return evidence.NewCollect(o) })
			}
			host, err := c.Host(cmd.Context(), args[0])
			if err != nil {
				return &exit{Usage, err}
			}
			return c.collectFrom(cmd.Context(), host, o, nil, f.fleet.dry)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.pids, "pid", nil, "process as PID@START, or as the number it has now (repeatable)")
	flags.BoolVar(&f.tree, "tree", false, "and everything that descends from them")
	flags.BoolVar(&f.capture, "capture", false, "only what a kill or an isolation would destroy, in 5 s at most")
	flags.StringVar(&f.follows, "follows", "", "id of the capture that this completes")
	flags.BoolVar(&f.content, "content", false, "and the contents of regular files that they have open")
	flags.StringArrayVar(&f.files, "file", nil, "and the content of this file, as the first process sees it (repeatable)")
	flags.BoolVar(&f.memory, "memory", false, "and the memory of the processes")
	flags.DurationVar(&f.packets, "packets", 0, "and the network traffic for so long, with the host's tcpdump")
	flags.StringSliceVar(&f.packetsOf, "packets-of", nil, "of these addresses alone")
	flags.StringVar(&f.approver, "approved-by", "", "who approved that contents are taken")
	flags.StringArrayVar(&f.recipients, "recipient", nil, "age or SSH public key to encrypt for, besides those of evidence.recipients (repeatable)")
	flags.StringVar(&f.aware, "aware-since", "", "when somebody first knew, as 2026-03-01T03:12:00Z: the law's clocks begin there")
	flags.DurationVar(&f.window, "window", time.Hour, "how far back logs are taken")
	flags.StringVar(&f.incident, "case", "", "noted in the bundle, as INC-0012")
	flags.StringVarP(&f.out, "out", "o", "", "file to write instead of one in the store or the state directory")
	flags.StringVar(&f.resume, "resume", "", "go on with this .partial bundle")
	flags.StringSliceVar(&f.fleet.groups, "group", nil, "all hosts of a group of the inventory, or all")
	flags.IntVar(&f.fleet.parallel, "parallel", 8, "hosts that are looked at at once")
	flags.DurationVar(&f.fleet.limit, "host-limit", 10*time.Minute, "time for each host")
	flags.BoolVar(&f.fleet.dry, "dry-run", false, "show the plan and take nothing")
	flags.BoolVar(&c.yes, "yes", false, "do not ask; a refusal stays a refusal")
	flags.BoolVar(&c.json, "json", false, "JSON documents; of several hosts one a line")
	return cmd
}

// evidenceOptions are those that do not depend on what is collected.
func (c *command) evidenceOptions() evidence.Options {
	dir := c.statePath()
	return evidence.Options{By: respond.CurrentActor().String(), Tool: "interdict " + c.Version, Store: c.config.Evidence.Store,
		Recipients: c.config.Evidence.Recipients, Dir: filepath.Join(dir, "evidence"), Keys: dir}
}

func (c *command) collectOptions(f *collectFlags) (evidence.Options, error) {
	o := c.evidenceOptions()
	o.Recipients = append(append([]string{}, o.Recipients...), f.recipients...)
	o.Tree, o.Capture, o.Content, o.Memory, o.Packets = f.tree, f.capture, f.content, f.memory, f.packets
	o.Follows, o.Approver, o.Case, o.Out = f.follows, f.approver, f.incident, f.out
	o.To = c.Now().UTC()
	o.From = o.To.Add(-f.window)
	for _, p := range f.pids {
		id, err := parseProcess(p)
		if err != nil {
			return o, err
		}
		o.Processes = append(o.Processes, id)
	}
	for _, path := range f.files {
		file := evidence.File{Path: path}
		if len(o.Processes) > 0 {
			file.Process = o.Processes[0]
		}
		o.Files = append(o.Files, file)
	}
	for _, s := range f.packetsOf {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return o, fmt.Errorf("--packets-of: %w", err)
		}
		o.PacketsOf = append(o.PacketsOf, a)
	}
	if f.aware == "" {
		return o, nil
	}
	var err error
	if o.AwareSince, err = time.Parse(time.RFC3339, f.aware); err != nil {
		return o, fmt.Errorf("--aware-since: %q is no time; write 2026-03-01T03:12:00Z", f.aware)
	}
	return o, nil
}

// parseProcess takes a number alone too: to look at the wrong process harms nobody,
// and the plan says which one it is.
func parseProcess(s string) (respond.ProcessID, error) {
	if strings.Contains(s, "@") {
		return respond.ParseProcessID(s)
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 1 {
		return respond.ProcessID{}, fmt.Errorf("--pid %q: is PID@START or a process number", s)
	}
	return respond.ProcessID{PID: int(n)}, nil
}

func (c *command) resumeCollect(ctx context.Context, args []string, f *collectFlags) error {
	plan, err := evidence.PartialPlan(f.resume)
	if err != nil {
		return err
	}
	if len(args) == 1 && args[0] != plan.Host {
		return usage("%s is of %s, not of %s", f.resume, text.Clean(plan.Host), text.Clean(args[0]))
	}
	host, err := c.Host(ctx, plan.Host)
	if err != nil {
		return &exit{Usage, err}
	}
	return c.collectFrom(ctx, host, evidence.Options{}, &plan, f.fleet.dry)
}

// collectFrom plans, unless it goes on with a plan, shows, asks, takes, verifies.
func (c *command) collectFrom(ctx context.Context, host respond.Host, o evidence.Options, plan *respond.Plan, dry bool) error {
	s, err := c.makeState(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	o.Progress = c.progress()
	action, actor := evidence.NewCollect(o), respond.CurrentActor()
	if err = c.vet(ctx, s, host, action.Kind()); err == nil && plan == nil {
		var made respond.Plan
		made, err = action.Plan(ctx, host)
		plan = &made
	}
	if err != nil {
		return errors.Join(err, respond.RecordRefusal(ctx, s.journal, actor, action, host, err))
	}
	c.printPlan(*plan)
	if dry {
		return nil
	}
	if err := c.confirm("Take it?"); err != nil {
		return err
	}
	result, verdict, err := respond.Run(ctx, s.journal, actor, action, host, *plan)
	c.clearProgress()
	if result.Kind == "" {
		return err
	}
	return errors.Join(err, c.printCollected(result, verdict))
}

func (c *command) printCollected(r respond.Result, v respond.Verdict) error {
	if c.json {
		done, err := evidence.ResultOf(r)
		if err != nil {
			return err
		}
		err = c.printJSON(struct {
			evidence.Collected
			Verified respond.State `json:"verified"`
		}{done, v.State})
		if err != nil {
			return err
		}
	} else {
		fmt.Fprintln(c.Stdout, text.Clean(r.Summary))
		for _, l := range r.Lines {
			fmt.Fprintf(c.Stdout, "  %-12s %s\n", text.Clean(l.Label), text.CleanLines(l.Text))
		}
		fmt.Fprintf(c.Stdout, "verified: %s: %s\n", v.State, text.Clean(v.Summary))
	}
	switch {
	case !v.OK():
		return &exit{code: Failed}
	case r.Partial:
		return &exit{code: Degraded}
	}
	return nil
}

// progress shows on a terminal how far it is; nil elsewhere.
func (c *command) progress() func(evidence.Progress) {
	if !onTerminal(c.Stderr) {
		return nil
	}
	last := time.Time{}
	return func(p evidence.Progress) {
		if now := time.Now(); now.Sub(last) > 100*time.Millisecond {
			last = now
			fmt.Fprintf(c.Stderr, "\r\x1b[K%d of %d, %d KB: %s", p.Done, p.Of, p.Bytes/1000, text.Fit(p.Now, 50))
		}
	}
}

func (c *command) clearProgress() {
	if onTerminal(c.Stderr) {
		fmt.Fprint(c.Stderr, "\r\x1b[K")
	}
}
