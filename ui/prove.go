package ui

import (
	"context"

	"interdict/detect"
	"interdict/respond"
	"interdict/respond/process"
)

// planOn makes a plan for the host of an alert. A host over a network is proven
// to be that host first, and the plan says by what; this machine needs no proof.
func planOn(ctx context.Context, act respond.Action, h respond.Host, of detect.Host, p detect.Process) (respond.Plan, error) {
	if _, far := h.(respond.Reacher); !far {
		return act.Plan(ctx, h)
	}
	by, err := process.Prove(ctx, h, respond.Claim{AgentID: of.AgentID, HostID: of.ID, BootID: of.BootID, Name: of.Name, Addresses: of.Addresses,
		Process: identity(of, p), Exe: p.Executable})
	if err != nil {
		return respond.Plan{}, err
	}
	plan, err := act.Plan(ctx, h)
	plan.Lines = append([]respond.Line{{Label: "Right host", Text: h.Name() + ": " + by}}, plan.Lines...)
	return plan, err
}
