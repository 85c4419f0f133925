package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/respond"
	"interdict/ui"
	"interdict/ui/text"
)

type consoleFlags struct {
	OpenOptions
	speed    string
	theme    string
	readOnly bool
	plain    bool
}

func (f *consoleFlags) add(cmd *cobra.Command) {
	addSourceFlags(cmd, &f.OpenOptions)
	cmd.Flags().StringVar(&f.speed, "speed", "1", "of a recording: max, or a factor such as 1 or 20")
	cmd.Flags().StringVar(&f.theme, "theme", "", "dark, light, high-contrast or none; the terminal's own sixteen colours otherwise")
	cmd.Flags().BoolVar(&f.readOnly, "read-only", false, "remove everything that changes a host")
	cmd.Flags().BoolVar(&f.plain, "plain", false, "lines instead of a screen: for screen readers, serial lines and scripts")
}

// console opens the screen over live sources. Sources, engine and archive have
// goroutines of their own; the screen pulls.
func (c *command) console(ctx context.Context, f *consoleFlags) error {
	c.asker = nil
	var err error
	if f.Speed, err = parseSpeed(f.speed); err != nil {
		return err
	}
	kept, err := c.consoleState(ctx, f)
	if err != nil {
		return err
	}
	defer kept.close()
	if !f.Demo {
		c.share(ctx, kept)
	}
	memory := newSaid(kept.cases, respond.CurrentActor().User)
	f.Screen = !f.plain
	s, err := c.start(ctx, f.OpenOptions, detect.Options{Past: memory.past})
	if err != nil {
		return err
	}
	memory.Engine, memory.byAlert = s.engine, s.opened.Recorded
	if _, err := memory.recall(ctx); err != nil {
		kept.notes = append(kept.notes, fmt.Sprintf("what was closed and acknowledged before cannot be read: %v", err))
	}
	for i, source := range s.opened.Sources {
		s.opened.Sources[i] = &ending{Source: source}
	}
	feed := ui.NewFeed()
	s.sinks = append(s.sinks, feed)
	running, stop := context.WithCancel(ctx)
	var ended sync.WaitGroup
	var broken error
	ended.Go(func() { broken = s.run(running) })
	if !s.opened.Recorded {
		ended.Go(func() { c.keepWarm(running, s) })
	}
	ended.Go(func() { memory.listen(running) })
	if kept.sharing != nil {
		kept.sharing.Also(func(ctx context.Context) error { kept.present.Look(ctx); return nil })
		ended.Go(func() { kept.sharing.Run(running) })
	}
	notices := &notices{}
	if kept.db != nil && !f.readOnly && !s.opened.Recorded {
		ended.Go(func() { c.keepTrying(running, kept, notices.setter()) })
	}
	config := c.consoleConfig(ctx, f, s, kept, memory, feed)
	config.Notices = notices.all
	if config.Runner != nil && c.automation != nil && !s.opened.Recorded {
		c.automation.degraded, c.automation.note = s.sourcesDegraded, notices.setter()
		ended.Go(func() { c.keepThawing(running, kept, memory, c.automation) })
	}
	if config.Runner != nil {
		ended.Go(func() { c.lookOut(running, memory, config.Runner, config.Books, notices.setter()) })
	}
	show := c.guarded
	if f.plain {
		show = ui.Plain
	}
	if warm, ok := config.Assess.(interface{ Warm(context.Context) }); ok && s.opened.Local {
		ended.Go(func() { warm.Warm(running) })
	}
	err = show(ctx, config, c.Stdin, c.Stdout)
	stop() // first: a look that waits for the store ends
	leave(ctx, kept.present)
	ended.Wait()
	return errors.Join(err, broken, s.opened.Close())
}

// leaveFor is how long the end of a console may wait to say so.
const leaveFor = time.Second

// leave tells other consoles that nobody looks from here any more.
func leave(ctx context.Context, present *playbooks.Presence) {
	if present == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveFor)
	defer cancel()
	present.Leave(ctx)
}

// guarded is the screen on a terminal that is given back however this process ends.
func (c *command) guarded(ctx context.Context, config ui.Config, in io.Reader, out io.Writer) error {
	if c.Guard != nil {
		if release, err := c.Guard(); err == nil { // without one the console works all the same
			defer release()
		}
	}
	return ui.Run(ctx, config, in, out)
}

func (c *command) consoleConfig(ctx context.Context, f *consoleFlags, s *session, kept *state, memory *said, feed *ui.Feed) ui.Config {
	config := ui.Config{
		Engine: memory, Feed: feed, History: s.opened.History, Sources: s.opened.Sources, Kept: s.opened.Kept, Journal: kept.journal, Cases: kept.cases, Tool: "interdict " + c.Version, Actor: respond.CurrentActor(),
		Rights: c.rights(), ReadOnly: f.readOnly, Theme: f.theme, NoColor: c.Env("NO_COLOR") != "", Banner: s.opened.Banner, Now: s.now,
		Host: func(h detect.Host) (respond.Host, error) { return c.hostOf(ctx, s, h) },
	}
	config.Users = playbooks.Users(s.opened.History, s.now)
	if err := c.networkConfig(ctx, &config); err != nil {
		fmt.Fprintln(c.Stderr, "interdict: an isolated host will not keep all that the configuration says: "+text.CleanLines(err.Error()))
	}
	if config.Theme == "" {
		config.Theme = c.config.Theme
	}
	if kept.dir != "" {
		config.Asked = askedFile(filepath.Join(kept.dir, "queries"))
	}
	assess := &playbooks.Assessor{History: s.opened.History, Elastic: s.opened.Fleet, Now: s.now, Watching: c.Now(), Cases: kept.cases,
		Alerts: func(h detect.Host) []*detect.Finding { return onHost(s.engine.Snapshot(), h) }, Note: s.note, Windows: c.windows(), Entry: c.entryOf, Sheets: s.sheets, Secrets: c.secretsOf(s)}
	if s.opened.Fleet {
		assess.Deadline = fleetDeadline
	}
	if several := s.opened.Several; several != nil {
		config.Histories = several.Names()
		config.Source = func(h detect.Host) string { return several.Told(h.ID) }
		assess.Source = config.Source
	}
	if !s.opened.Recorded {
		assess.Names = net.DefaultResolver.LookupAddr
	}
	if s.opened.Local {
		if host, err := c.Host(ctx, respond.Local); err == nil {
			assess.Look, _ = host.(respond.Looker)
			if identity, err := host.Identity(ctx); err == nil {
				assess.Boot = identity.BootID
			}
		}
	}
	if kept.sharing != nil {
		config.Sharing = func() []string { return append(kept.sharing.Notes(), kept.present.Notes()...) }
		config.Presence = kept.present
	}
	config.Assess = &remembered{assess, memory}
	if kept.cases != nil && !f.readOnly {
		c.bookConfig(ctx, &config, kept, memory)
	}
	for _, note := range kept.notes {
		config.Banner = joined(config.Banner, note)
	}
	return config
}

// bookConfig is what the console needs to run playbooks.
func (c *command) bookConfig(ctx context.Context, config *ui.Config, kept *state, memory *said) {
	var err error
	if config.Books, err = c.books(); err != nil {
		kept.notes = append(kept.notes, "not all playbooks can be read: "+text.Clean(err.Error()))
	}
	if _, err := playbooks.FindPlaybook(config.Books, c.config.Playbooks.Automatic); err != nil && c.config.Playbooks.Automatic != "" {
		kept.notes = append(kept.notes, "nothing begins by itself: "+text.Clean(err.Error()))
	}
	r := c.runner(ctx, config, kept)
	r.Assess, r.Finding = config.Assess.Assess, memory.Finding
	config.Runner = r
}

// remembered keeps what was answered about alerts of cases.
type remembered struct {
	*playbooks.Assessor
	said *said
}

// Assess answers, and keeps the answers of an alert that is in a case.
func (r *remembered) Assess(ctx context.Context, f *detect.Finding) *playbooks.Guide {
	return r.keep(f, r.Assessor.Assess(ctx, f))
}

// Soon is Assess for the screen.
func (r *remembered) Soon(ctx context.Context, f *detect.Finding) *playbooks.Guide {
	return r.keep(f, r.Assessor.Soon(ctx, f))
}

// keep keeps a guide that is whole.
func (r *remembered) keep(f *detect.Finding, g *playbooks.Guide) *playbooks.Guide {
	if g.Asking == 0 && r.said.InCase(f.Alert) != "" {
		_ = r.said.write(func(ctx context.Context) error { return r.said.cases.See(ctx, f, g) }) // it is asked again when the alert changes
	}
	return g
}

// fleetDeadline is how long one question of a guide may take a cluster.
const fleetDeadline = 10 * time.Second

// onHost gives the findings of one host.
func onHost(snapshot *detect.Snapshot, h detect.Host) []*detect.Finding {
	var out []*detect.Finding
	for _, f := range snapshot.Findings {
		if f.Host.ID == h.ID {
			out = append(out, f)
		}
	}
	return out
}

func joined(a, b string) string {
	if a == "" {
		return b
	}
	return a + " · " + b
}

// consoleState opens what is kept. Without it the console still shows
// everything, changes nothing, and says why.
func (c *command) consoleState(ctx context.Context, f *consoleFlags) (*state, error) {
	kept, err := c.openState(ctx, true)
	if err == nil {
		f.StateDir = kept.dir
		return kept, nil
	}
	if ctx.Err() != nil {
		return nil, err
	}
	note := fmt.Sprintf("nothing can be kept and no host can be changed: %v; choose a writable directory with --state", err)
	return &state{notes: []string{note}}, nil
}
