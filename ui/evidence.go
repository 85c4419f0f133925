package ui

import (
	"bytes"
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
	o.Tree = true
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

// capture is what is taken of them in the seconds before a host is cut off.
func capture(c Config, f *detect.Finding, target detect.Process) respond.Action {
	o := evidenceOf(c, f, target)
	o.Capture = true
	return evidence.NewCollect(o)
}

// aim is the process that an action is for: evidence is of the whole tree.
func aim(a action, f *detect.Finding, g *playbooks.Guide) detect.Process {
	if a == collect && g != nil && g.Root.PID != 0 && g.Root.Alive() {
		return g.Root
	}
	return target(f, g)
}
