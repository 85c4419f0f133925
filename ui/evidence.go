package ui

import (
	"bytes"
	"context"
	"io"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/respond"
	"interdict/respond/evidence"
)

// evidenceOf takes what there is of a process and its tree, and of the other
// members of the transfer; when all have ended, of the host alone.
func evidenceOf(c Config, f *detect.Finding, target detect.Process) evidence.Options {
	o := c.Evidence
	o.Tree, o.HostAnyway = true, true // a transfer may end while its plan is made
	if c.Engine != nil {
		o.Case = c.Engine.InCase(f.Alert)
	}
	add := func(p detect.Process) {
		if p.PID != 0 && p.Alive() {
			o.Processes = append(o.Processes, identity(f.Host, p))
		}
	}
	add(target)
	add(tool(f))
	if f.Transfer != nil {
		for _, p := range f.Transfer.Members {
			add(p)
		}
	}
	alert := f.AppendJSON(nil)
	o.Extra = []evidence.Extra{{Name: "alert.json", Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(alert)), nil }}}
	return o
}

// ofCase adds what a case knows: since when a person is aware, which starts the
// clocks of the law, and of the rest which capture it completes.
func (c Config) ofCase(ctx context.Context, o evidence.Options, incident string) (evidence.Options, error) {
	o.Case = incident
	b, err := c.Cases.BriefOf(ctx, c.Journal, incident)
	if err != nil {
		return o, err
	}
	o.AwareSince = b.Aware()
	if !o.Capture {
		o.Follows = b.Captured()
	}
	return o, nil
}

// asKnown is c for evidence by a key, with what is known of the alert: from its case,
// or without one from who took the alert. The person at the key knows of it now at
// the latest. What cannot be read keeps no evidence from being taken.
func (c Config) asKnown(ctx context.Context, f *detect.Finding, tell func(evidence.Progress)) Config {
	c.Evidence.Progress = tell
	if c.Cases == nil {
		return c
	}
	ctx, cancel := context.WithTimeout(ctx, caseLimit)
	defer cancel()
	var err error
	if incident := c.Engine.InCase(f.Alert); incident != "" {
		c.Evidence, err = c.ofCase(ctx, c.Evidence, incident)
	} else {
		var m playbooks.Metrics
		m, err = c.Cases.Measure(ctx, &playbooks.Case{Exhibits: []playbooks.Exhibit{{Finding: f}}}, playbooks.Doings{})
		c.Evidence.AwareSince = m.Acknowledged
	}
	if err == nil && c.Evidence.AwareSince.IsZero() {
		c.Evidence.AwareSince = c.now()
	}
	return c
}

// capture is what is taken of them in the seconds before a host is cut off.
func capture(c Config, f *detect.Finding, target detect.Process) respond.Action {
	o := evidenceOf(c, f, target)
	o.Capture, o.Follows = true, ""
	return evidence.NewCollect(o)
}

// aim is the process that an action is for: evidence is of the whole tree.
func aim(a action, f *detect.Finding, g *playbooks.Guide) detect.Process {
	if a == collect && g != nil && g.Root.PID != 0 && g.Root.Alive() {
		return g.Root
	}
	return target(f, g)
}
