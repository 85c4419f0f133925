package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"interdict/respond"
	"interdict/ui"
	"interdict/ui/text"
)

// FleetConfig bounds changes of many hosts at once.
type FleetConfig struct {
	Parallel int     `toml:"parallel"`          // hosts that are worked on at once
	Hosts    int     `toml:"second_hosts"`      // more than so many need a second person; 10
	Percent  float64 `toml:"second_percent"`    // more than so much of the inventory, too; 5
	Groups   bool    `toml:"one_person_groups"` // one person may change all hosts of a group
}

// fleetFlags are the options of everything that may act on many hosts.
type fleetFlags struct {
	groups   []string
	parallel int
	limit    time.Duration
	queue    string
	retry    bool
	save     string
	dry      bool
}

// add adds them to a command. What a group cannot be named for has pairs.
func (f *fleetFlags) add(c *command, cmd *cobra.Command, pairs bool) {
	flags := cmd.Flags()
	flags.BoolVar(&f.dry, "dry-run", false, "show the plan and change nothing")
	flags.BoolVar(&c.yes, "yes", false, "do not ask; a refusal stays a refusal")
	flags.BoolVar(&c.json, "json", false, "what became of each host, one JSON document a line")
	flags.IntVar(&f.parallel, "parallel", 0, "hosts that are worked on at once (default 256)")
	flags.DurationVar(&f.limit, "host-limit", 4*time.Minute, "time for each host's plan, and again for its change")
	flags.BoolVar(&f.retry, "retry", false, "again on the hosts where this was asked for and not done")
	flags.StringVar(&f.save, "save", "", "write the plan to this file, for a second person to approve, and change nothing")
	if !pairs {
		flags.StringSliceVar(&f.groups, "group", nil, "all hosts of a group of the inventory, or all")
		flags.StringVar(&f.queue, "queue", "", "hosts that are down: do it when they are up, for so long (2h); asked otherwise")
	}
}

// names are the hosts that are meant, each once.
func (c *command) names(ctx context.Context, f *fleetFlags, args []string) ([]string, *respond.Inventory, error) {
	inventory := &respond.Inventory{}
	if len(f.groups) > 0 || !slices.Equal(args, []string{respond.Local}) { // this machine is there without one
		var err error
		if inventory, err = c.hostList().Inventory(ctx); err != nil {
			return nil, nil, &exit{Usage, err}
		}
	}
	names := slices.Clone(args)
	for _, g := range f.groups {
		list := inventory.Group(g)
		if g == "all" {
			list = inventory.Entries()
		}
		if len(list) == 0 {
			return nil, nil, usage("no host of the inventory is in the group %q; there are %s", g, cmp.Or(strings.Join(inventory.Groups(), ", "), "none"))
		}
		for _, e := range list {
			names = append(names, e.Name)
		}
	}
	var once []string
	for _, n := range names {
		if _, ok := inventory.Find(n); !ok && n != respond.Local {
			_, err := c.Host(ctx, n) // says what there is
			return nil, nil, &exit{Usage, err}
		}
		if !slices.Contains(once, n) {
			once = append(once, n)
		}
	}
	return once, inventory, nil
}

// rank puts first what is missed least, should the first host go wrong.
func rank(inventory *respond.Inventory, name string) int {
	e, ok := inventory.Find(name)
	if !ok {
		return 100 // the machine that one works on
	}
	return 10*slices.Index([]string{"ci", "staging", "", "production"}, e.Environment) + slices.Index([]string{"low", "", "normal", "high"}, e.Criticality)
}

// onHosts carries an action out on hosts: on one as it is shown, on several at once.
func (c *command) onHosts(ctx context.Context, f *fleetFlags, args []string, action func(name string) respond.Action) error {
	names, inventory, err := c.names(ctx, f, args)
	if err != nil {
		return err
	}
	slices.SortStableFunc(names, func(a, b string) int { return rank(inventory, a) - rank(inventory, b) })
	kind := action(names[0]).Kind()
	c.steps = strings.HasPrefix(kind, "host.")
	level, why := c.rights().Demand(kind, inventory, c.config.Environment, names)
	if level == respond.Second && f.save == "" && !f.dry {
		return c.wantsSecond(why)
	}
	if len(names) == 1 && !c.json && f.save == "" && f.queue == "" {
		host, err := c.Host(ctx, names[0])
		if err != nil {
			return &exit{Usage, err}
		}
		return c.carryOut(ctx, host, action(names[0]), f.dry)
	}
	s, err := c.makeState(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	run := &fleetRun{command: c, flags: f, state: s, inventory: inventory, level: level, why: why}
	for _, name := range names {
		run.members = append(run.members, &respond.Member{Name: name, Action: action(name),
			Find: func(ctx context.Context) (respond.Host, error) { return c.Host(ctx, name) }})
	}
	approve := run.approve
	if c.yes && f.save == "" && !f.dry && (level == respond.Asked || len(f.groups) == 0) {
		approve = nil
	}
	return run.do(ctx, respond.CurrentActor(), approve)
}

// fleetRun is one command on several hosts.
type fleetRun struct {
	*command
	flags     *fleetFlags
	state     *state
	inventory *respond.Inventory
	members   []*respond.Member
	level     respond.Level
	why       []string
	approval  *respond.Approval
	fixed     bool // the plans were made before: what they were asked for is not known here
}

// What approve ends a run with that is to change nothing.
var (
	errDry   = errors.New("nothing was changed: --dry-run")
	errSaved = errors.New("saved for a second person")
)

// do runs it and says what became of each host.
func (r *fleetRun) do(ctx context.Context, actor respond.Actor, approve func([]*respond.Member) error) error {
	progress := newProgress(r.Stderr, r.members)
	fleet := &respond.Fleet{Journal: r.state.journal, Actor: actor, Parallel: cmp.Or(r.flags.parallel, r.config.Fleet.Parallel), Limit: r.flags.limit,
		Told: progress.told, Approval: r.approval, Vet: vetter(r.state, r.inventory)}
	asked := approve
	if approve != nil {
		asked = func(ready []*respond.Member) error {
			progress.pause()
			defer progress.resume()
			return approve(ready)
		}
	}
	progress.resume()
	err := fleet.Run(ctx, r.members, asked)
	progress.pause()
	if errors.Is(err, errDry) || errors.Is(err, errSaved) {
		return r.unplanned()
	}
	shown := r.show()
	kept := r.keep(context.WithoutCancel(ctx), actor)
	return r.outcome(err, errors.Join(shown, kept))
}

// vetter refuses hosts whose machine id is not theirs alone.
func vetter(s *state, inventory *respond.Inventory) func(context.Context, string, respond.Identity, string) error {
	var mu sync.Mutex
	return func(ctx context.Context, name string, id respond.Identity, kind string) error {
		if name == respond.Local || givesBack[kind] {
			return nil
		}
		mu.Lock()
		others, err := s.journal.HostsWithID(ctx, id.HostID)
		mu.Unlock()
		if err != nil {
			return err
		}
		return inventory.Vet(name, id, others)
	}
}

// approve shows what was planned and asks.
func (r *fleetRun) approve(ready []*respond.Member) error {
	r.showPlans(ready)
	switch {
	case r.flags.save != "":
		return r.propose(ready)
	case r.flags.dry:
		return errDry
	case r.level == respond.Typed && len(r.flags.groups) > 0:
		word := strings.Join(r.flags.groups, ",")
		return r.confirmWord(fmt.Sprintf("%s. Type the group's name: ", strings.Join(r.why, "; ")), word)
	}
	return r.confirm(fmt.Sprintf("Do it on %s, %s first?", hostCount(len(ready)), ready[0].Name))
}

func hostCount(n int) string {
	if n == 1 {
		return "1 host"
	}
	return fmt.Sprintf("%d hosts", n)
}

// unplanned is the end of a run that was to change nothing: what got no plan is said.
func (r *fleetRun) unplanned() error {
	var errs []error
	for _, m := range r.members {
		if m.Step != respond.Untouched && m.Step != respond.Ready {
			errs = append(errs, fmt.Errorf("%s: %s: %w", m.Name, m.Step, m.Err))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return &exit{Degraded, errors.Join(errs...)}
}

// outcome chooses the exit code: 0 all done; 4 some done; 3 none done and all
// that were not were refused; else 1.
func (r *fleetRun) outcome(err, also error) error {
	n := map[respond.Step]int{}
	for _, m := range r.members {
		n[m.Step]++
	}
	done, refused := n[respond.Done], n[respond.Denied]
	var e *exit
	switch {
	case also != nil:
		return also
	case errors.As(err, &e):
		return err
	case done == len(r.members):
		return nil
	case err != nil && !errors.Is(err, respond.ErrFirst):
		return err
	case done > 0:
		return &exit{Degraded, fmt.Errorf("done on %d of %d hosts", done, len(r.members))}
	case refused == len(r.members):
		return &exit{Refused, errors.New("refused on all hosts")}
	case err != nil:
		return err
	}
	return &exit{Failed, errors.New("done on none of the hosts")}
}

// keep remembers the hosts where it was not done, and queues those that are
// down when that is wanted; what was done is forgotten there.
func (r *fleetRun) keep(ctx context.Context, actor respond.Actor) error {
	if r.fixed {
		return nil
	}
	until, err := r.queueUntil()
	if err != nil {
		return err
	}
	run := respond.NewOp()
	var open []respond.Order
	for _, m := range r.members {
		a, ok := m.Action.(respond.Ordered)
		if !ok || m.Step == respond.Doubtful { // look there first
			continue
		}
		body, err := a.Order()
		if err != nil {
			return err
		}
		if m.Step == respond.Done {
			if err := r.state.made(ctx, m.Name, m.Action.Kind(), body); err != nil {
				return err
			}
			continue
		}
		o := respond.Order{Host: m.Name, Kind: m.Action.Kind(), Body: body, Actor: actor, Approval: r.approval, Run: run, Why: string(m.Step)}
		if m.Err != nil {
			o.Why += ": " + m.Err.Error()
		}
		if m.Step == respond.Down {
			o.Until = until
		}
		open = append(open, o)
	}
	if len(open) == 0 {
		return nil
	}
	return r.state.orders.Keep(ctx, open...)
}

// queueUntil asks how long hosts that are down are waited for; zero: not at all.
func (r *fleetRun) queueUntil() (time.Time, error) {
	down := 0
	for _, m := range r.members {
		if m.Step == respond.Down {
			down++
		}
	}
	if down == 0 {
		return time.Time{}, nil
	}
	kind := r.members[0].Action.Kind()
	if !ui.Queues(kind) {
		return time.Time{}, nil
	}
	span := r.flags.queue
	if span == "" && !r.yes && !r.json {
		fmt.Fprintf(r.Stderr, "%s could not be reached. ", hostCount(down))
		if r.confirm("Do it there when they are up, for two hours?") == nil {
			span = "2h"
		}
	}
	if span == "" {
		return time.Time{}, nil
	}
	d, err := parseDuration(span)
	if err != nil {
		return time.Time{}, &exit{Usage, err}
	}
	fmt.Fprintf(r.Stderr, "queued on %s until %s: a console that runs does it, or `interdict standing --retry`\n", hostCount(down), time.Now().Add(d).UTC().Format(time.RFC3339))
	return time.Now().Add(d), nil
}

// again carries out the newest orders of a kind that were not made.
func (c *command) again(ctx context.Context, f *fleetFlags, kind string) error {
	s, err := c.openState(ctx, true)
	if err != nil {
		return err
	}
	all, err := s.orders.All(ctx)
	if err = errors.Join(err, s.close()); err != nil {
		return err
	}
	actions := map[string]respond.Action{}
	var names []string
	for _, o := range all {
		if a, ok := ui.FromOrder(o.Kind, o.Body); ok && o.Kind == kind && o.Run == lastRun(all, kind) {
			actions[o.Host] = a
			names = append(names, o.Host)
		}
	}
	if len(names) == 0 {
		return usage("nothing of the kind is to be tried again: `interdict standing` lists what is")
	}
	return c.onHosts(ctx, f, names, func(name string) respond.Action { return actions[name] })
}

func lastRun(all []respond.Order, kind string) string {
	for _, o := range slices.Backward(all) {
		if o.Kind == kind {
			return o.Run
		}
	}
	return ""
}

// memberJSON is what became of one host, for programs.
type memberJSON struct {
	Host    string           `json:"host"`
	State   respond.Step     `json:"state"`
	Kind    string           `json:"kind"`
	Summary string           `json:"summary,omitempty"`
	Verdict *respond.Verdict `json:"verdict,omitempty"`
	Error   string           `json:"error,omitempty"`
	Reasons []respond.Reason `json:"reasons,omitempty"`
	Took    float64          `json:"took_s,omitempty"`
}

// show prints what became of each host.
func (r *fleetRun) show() error {
	if r.json {
		for _, m := range r.members {
			if err := r.showJSON(m); err != nil {
				return err
			}
		}
		return nil
	}
	width := 4
	for _, m := range r.members {
		width = max(width, text.Width(text.Clean(m.Name)))
	}
	for _, m := range r.members {
		fmt.Fprintf(r.Stdout, "%s  %-9s  %s\n", text.Pad(text.Clean(m.Name), width), m.Step, text.Clean(sentence(m)))
	}
	return nil
}

func (r *fleetRun) showJSON(m *respond.Member) error {
	out := memberJSON{Host: m.Name, State: m.Step, Kind: m.Action.Kind(), Summary: m.Result.Summary, Took: m.Took.Seconds()}
	if m.Verdict.State != "" {
		out.Verdict = &m.Verdict
	}
	if m.Err != nil {
		out.Error = m.Err.Error()
		var refusal *respond.Refusal
		if errors.As(m.Err, &refusal) {
			out.Reasons = refusal.Reasons
		}
	}
	return r.printJSON(out)
}

// sentence is what became of a host, in one line.
func sentence(m *respond.Member) string {
	var parts []string
	if m.Result.Summary != "" {
		parts = append(parts, m.Result.Summary)
	}
	if m.Err != nil {
		parts = append(parts, strings.ReplaceAll(m.Err.Error(), "\n", "; "))
	} else if m.Verdict.State != "" {
		parts = append(parts, "verified: "+string(m.Verdict.State)+": "+m.Verdict.Summary)
	}
	if m.Took > 0 {
		parts = append(parts, fmt.Sprintf("%.1f s", m.Took.Seconds()))
	}
	return strings.Join(parts, " · ")
}
