package ui

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"interdict/detect"
	"interdict/respond"
	"interdict/respond/process"
)

// distant is a host over a network with one process.
type distant struct {
	process.Machine // what a proof does not need
	boot            string
	process         process.Process
	reach           respond.Reach
}

func (d distant) Name() string           { return "web-1" }
func (d distant) Reached() respond.Reach { return d.reach }
func (d distant) Identity(context.Context) (respond.Identity, error) {
	return respond.Identity{HostID: "machine", BootID: d.boot}, nil
}
func (d distant) Processes(context.Context) (*process.Table, error) {
	return process.NewTable([]process.Process{d.process}), nil
}

// noted is an action whose plan is only that it was asked for.
type noted struct{ respond.Action }

func (noted) Plan(context.Context, respond.Host) (respond.Plan, error) {
	return respond.Plan{Title: "planned"}, nil
}

func TestAPlanForAnotherHostSaysByWhatItIsTheRightOne(t *testing.T) {
	scp := detect.Process{PID: 42, Start: 700 * respond.Tick, Executable: "/usr/bin/scp"}
	of := detect.Host{Name: "web-1", ID: "machine", BootID: "boot", Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.5")}}
	there := process.Process{ID: respond.ProcessID{BootID: "boot", PID: 42, Start: 700 * respond.Tick}, State: 'S', Exe: "/usr/bin/scp"}
	other := there
	other.ID.Start += respond.Tick
	right := respond.Reach{Address: of.Addresses[0], Key: "SHA256:x"}
	for what, x := range map[string]struct {
		host distant
		want bool
	}{
		"the process runs there":                       {distant{boot: "boot", process: there}, true},
		"it ended, and all else agrees":                {distant{boot: "boot", process: other, reach: right}, true},
		"it ended, and the key was accepted just now":  {distant{boot: "boot", process: other, reach: respond.Reach{Address: right.Address, Key: "SHA256:x", Asked: true}}, false},
		"a copy of the machine":                        {distant{boot: "another", process: there}, false},
		"another program has the number and the start": {distant{boot: "boot", process: process.Process{ID: there.ID, State: 'S', Exe: "/bin/sh"}}, false},
	} {
		plan, err := planOn(t.Context(), noted{}, x.host, of, scp)
		if x.want != (err == nil) || !x.want && (!errors.Is(err, respond.ErrRefused) || plan.Title != "") {
			t.Errorf("%s: %+v, %v", what, plan, err)
		}
		if x.want && (len(plan.Lines) != 1 || plan.Title != "planned") {
			t.Errorf("%s: %+v", what, plan)
		}
	}
}
