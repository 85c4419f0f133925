package isolate

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"interdict/respond"
)

// KindUnblock takes blocks out, whoever made them.
const KindUnblock = "host.unblock"

// NewUnblock lets places be reached again. It needs nothing but the host.
func NewUnblock(places []netip.Prefix) respond.Action { return &unblock{places: places} }

type unblock struct{ places []netip.Prefix }

// Order is what was asked for.
func (a *unblock) Order() ([]byte, error) { return json.Marshal(a.places) }

// Kind is KindUnblock.
func (*unblock) Kind() string { return KindUnblock }

// unblockIntent is the body of a plan.
type unblockIntent struct {
	Blocks []Block `json:"blocks"`
}

// Plan says whose blocks they are.
func (a *unblock) Plan(ctx context.Context, h respond.Host) (respond.Plan, error) {
	s, err := Look(ctx, h)
	if err != nil {
		return respond.Plan{}, err
	}
	p := respond.Plan{Version: respond.Version, Kind: KindUnblock, Host: h.Name(), Identity: s.Identity, Made: time.Now().UTC(),
		Title: fmt.Sprintf("Unblock %s on %s", joinNets(a.places), h.Name()), NoUndo: "block it again instead"}
	var in unblockIntent
	for _, b := range s.Blocks {
		if slices.Contains(a.places, b.Place) {
			in.Blocks = append(in.Blocks, b)
			p.Lines = append(p.Lines, respond.Line{Label: "Takes out", Text: b.describe()})
		} else {
			p.Lines = append(p.Lines, respond.Line{Label: "Stays", Text: b.describe()})
		}
	}
	if len(in.Blocks) == 0 {
		p.Title += ": nothing of it is blocked"
	}
	if s.State != Not {
		p.Warnings = append(p.Warnings, "the host is isolated: that stays")
	}
	p.Body, err = json.Marshal(in)
	return p, err
}

// Apply takes out the blocks of the plan, if they are still the same.
func (*unblock) Apply(ctx context.Context, h respond.Host, p respond.Plan) (respond.Result, error) {
	var in unblockIntent
	if err := json.Unmarshal(p.Body, &in); err != nil {
		return respond.Result{}, fmt.Errorf("plan: %w", err)
	}
	lines := ""
	for _, b := range in.Blocks {
		lines += fmt.Sprintf("%s %s %s\n", setOf(b.Place, b.Rate), showNet(b.Place), cmp.Or(b.ID, "-"))
	}
	r, err := remove(ctx, h, KindUnblock, p.Identity, lines, "")
	for _, b := range in.Blocks {
		r.Releases = append(r.Releases, b.key(p.Identity.HostID))
	}
	return r, err
}

// remove runs the unblock script.
func remove(ctx context.Context, h respond.Host, kind string, identity respond.Identity, places, back string) (respond.Result, error) {
	shell, err := shellOf(h)
	if err != nil {
		return respond.Result{}, err
	}
	r := respond.Result{Version: respond.Version, Kind: kind, Host: h.Name(), Identity: identity, Started: time.Now().UTC()}
	var m message
	m.value("id", newNote("", "").ID)
	m.value("tool", "nft")
	m.value("boot", identity.BootID)
	m.value("machine", identity.HostID)
	m.file("places", places)
	m.file("block", back)
	f, err := run(ctx, shell, unblockScript, m.Bytes())
	if err != nil {
		return respond.Result{}, err
	}
	r.Ended = time.Now().UTC()
	for _, c := range []struct{ name, text string }{
		{"removed", "can be reached again"}, {"absent", "was not blocked any more"}, {"other", "is blocked by somebody else by now: left as it is"},
	} {
		for _, place := range f[c.name] {
			r.Lines = append(r.Lines, respond.Line{Label: place, Text: c.text})
		}
	}
	r.Summary = fmt.Sprintf("%d unblocked, %d were not blocked any more, %d are blocked by others", len(f["removed"]), len(f["absent"]), len(f["other"]))
	if f.one("emptied") == "yes" {
		r.Lines = append(r.Lines, respond.Line{Label: "table", Text: "inet interdict_block is gone: nothing else was in it"})
	}
	r.Body, err = json.Marshal(struct{}{})
	return r, err
}

// Verify looks whether any of the places is still blocked.
func (a *unblock) Verify(ctx context.Context, h respond.Host, r respond.Result) (respond.Verdict, error) {
	s, err := Look(ctx, h)
	if err != nil {
		return respond.Verdict{}, err
	}
	v := respond.Verdict{State: respond.Holds, Summary: "nothing of it is blocked", Checked: time.Now().UTC()}
	for _, b := range s.Blocks {
		if slices.Contains(r.Releases, b.key(r.Identity.HostID)) {
			v.State, v.Summary = respond.Not, "still blocked"
			v.Lines = append(v.Lines, respond.Line{Label: "stands", Text: b.describe()})
		}
	}
	return v, nil
}

// Undo is not there: blocking again needs a new look.
func (*unblock) Undo(context.Context, respond.Host, respond.Result) (respond.Result, error) {
	return respond.Result{}, fmt.Errorf("%w: block it again instead", respond.ErrNoUndo)
}
