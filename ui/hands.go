package ui

import (
	"context"
	"errors"
	"fmt"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/respond"
	"interdict/respond/evidence"
	"interdict/respond/isolate"
)

// Hands carry out the steps of playbooks as the console's keys would.
type Hands struct{ Config }

// Prepare gives the action of a step and the host of its finding.
func (h Hands) Prepare(ctx context.Context, step playbooks.BookStep, x *playbooks.Exhibit, incident string) (respond.Action, respond.Host, error) {
	if h.Host == nil {
		return nil, nil, errors.New("no host can be reached from here")
	}
	a, err := h.action(ctx, step, x, incident)
	if err != nil {
		return nil, nil, err
	}
	host, err := h.Host(x.Finding.Host)
	return a, host, err
}

func (h Hands) action(ctx context.Context, step playbooks.BookStep, x *playbooks.Exhibit, incident string) (respond.Action, error) {
	f := x.Finding
	switch step.Do {
	case "freeze":
		return processAction(h.Config, freeze, f, target(f, x.Guide)), nil
	case "kill":
		return processAction(h.Config, kill, f, target(f, x.Guide)), nil
	case "block":
		places := destinations(f)
		if len(places) == 0 {
			return nil, errors.New("where the data goes is not known")
		}
		return isolate.NewBlock(isolate.BlockOptions{By: h.Actor.String(), Case: incident, Places: places, For: step.For, Shared: h.Shared}), nil
	case "isolate":
		o := h.Isolate
		o.By, o.Case, o.Destinations = h.Actor.String(), incident, destinations(f)
		return isolate.NewIsolate(o), nil
	case "capture", "collect":
		if h.Evidence.Dir == "" && h.Evidence.Store == "" {
			return nil, errors.New("there is no place for evidence in this run")
		}
		o := evidenceOf(h.Config, f, aim(collect, f, x.Guide))
		o.Capture, o.Progress = step.Do == "capture", h.Takings.begin(incident, step.ID, f.Alerts())
		o, _ = h.ofCase(ctx, o, incident) // a case that cannot be read keeps no evidence from being taken
		return evidence.NewCollect(o), nil
	}
	return nil, fmt.Errorf("a step that does %s changes no host", step.Do)
}

// Plan plans on the finding's host, proven to be that where it is another machine.
func (h Hands) Plan(ctx context.Context, a respond.Action, host respond.Host, x *playbooks.Exhibit) (respond.Plan, error) {
	if err := h.second(host.Name(), x.Finding.Host.Environment, a.Kind()); err != nil {
		return respond.Plan{}, err
	}
	return planOn(ctx, a, host, x.Finding.Host, target(x.Finding, x.Guide))
}

// Find gives what can verify and undo a journaled operation.
func (h Hands) Find(_ context.Context, o respond.Operation) (respond.Action, respond.Host, error) {
	a, known := ActionOf(o.Kind)
	if !known {
		return nil, nil, fmt.Errorf("this program does not know changes of kind %s", o.Kind)
	}
	if h.Host == nil {
		return nil, nil, errors.New("no host can be reached from here")
	}
	of := detect.Host{Name: o.Host, ID: o.Entries[len(o.Entries)-1].HostID}
	if o.Result != nil {
		of.BootID = o.Result.Identity.BootID
	}
	host, err := h.Host(of)
	return a, host, err
}
