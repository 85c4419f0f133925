package isolate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"interdict/respond"
)

// did is the body of a result.
type did struct {
	ID        string         `json:"id"` // of the change, as the host has it
	Tool      string         `json:"tool"`
	Confirmed bool           `json:"confirmed"`
	Listing   string         `json:"listing"` // what was loaded, as the host listed it when it was confirmed
	Block     []netip.Prefix `json:"block,omitempty"`
	Survive   bool           `json:"survive,omitempty"`
}

const (
	retry  = 500 * time.Millisecond
	margin = 20 * time.Second // after the deadline: 5 s for the host to restore itself, the rest to hear of it
)

// Apply loads the rules behind an armed timer, proves over a new login that the
// host is cut off, and stops the timer. Three outcomes: isolated and proven, the
// host as it was (with the alert's destinations blocked), or unknown, said so.
func (a *isolation) Apply(ctx context.Context, h respond.Host, p respond.Plan) (respond.Result, error) {
	var in intent
	if err := json.Unmarshal(p.Body, &in); err != nil {
		return respond.Result{}, fmt.Errorf("plan: %w", err)
	}
	shell, err := shellOf(h)
	if err != nil {
		return respond.Result{}, err
	}
	t := &attempt{shell: shell, in: in, plan: p, began: time.Now()}
	t.result = respond.Result{Version: respond.Version, Kind: KindIsolate, Host: h.Name(), Identity: p.Identity, Started: t.began.UTC()}
	loaded, err := run(ctx, shell, applyScript, in.message(p.Identity))
	var said *scriptError
	switch {
	case errors.As(err, &said):
		return respond.Result{}, refusedBy(said)
	case err != nil: // it may have been loaded all the same: the new login tells
		t.line("lost", "the connection while the rules were loaded: "+err.Error())
	default:
		t.line("timer", fmt.Sprintf("armed on the host for %s (%s)", in.Within, cmp.Or(loaded.one("timer"), "unknown")))
		t.line("rules", "in, one transaction, "+span(time.Since(t.began))+" after approval")
	}
	return t.finish(t.prove(ctx))
}

func refusedBy(e *scriptError) error {
	switch e.code {
	case "taken":
		return respond.Stale("%s", codes["taken"])
	case "stale":
		return respond.Stale("%s", e.Error())
	}
	return fmt.Errorf("nothing was changed: %w", e)
}

// attempt is one application from the loading to its outcome.
type attempt struct {
	shell  respond.Shell
	in     intent
	plan   respond.Plan
	began  time.Time
	result respond.Result
}

func (t *attempt) line(label, text string) {
	t.result.Lines = append(t.result.Lines, respond.Line{Label: label, Text: text})
}

// passing are the errors of the proof that a moment later may be gone.
var passing = map[string]bool{"busy": true, "write": true, "blind": true, "unheard": true}

// prove logs in anew until that works or the host has restored itself, and has
// the host prove and confirm over that login.
func (t *attempt) prove(ctx context.Context) (facts, error) {
	ctx, cancel := context.WithDeadline(ctx, t.began.Add(t.in.Within+margin))
	defer cancel()
	var last error
	for {
		f, err := t.once(ctx)
		var said *scriptError
		if err == nil || errors.As(err, &said) && !passing[said.code] {
			return f, err
		}
		last = err
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("no new login worked: %w", last)
		case <-time.After(retry):
		}
	}
}

func (t *attempt) once(ctx context.Context) (facts, error) {
	fresh, err := t.shell.Fresh(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = fresh.Close() }() // what counts was said over it
	return run(ctx, fresh, proveScript, t.in.proofMessage(t.plan.Identity))
}

// finish turns what came of the proof into a result.
func (t *attempt) finish(f facts, err error) (respond.Result, error) {
	t.result.Ended = time.Now().UTC()
	d := did{ID: t.in.Note.ID, Tool: t.in.Tool, Survive: t.in.Survive}
	var said *scriptError
	switch {
	case err == nil:
		d.Confirmed, d.Listing = true, strings.Join(f["listing"], "\n")
		t.proven(f)
	case errors.As(err, &said) && said.code == "gone", errors.As(err, &said) && said.code == "stale":
		return respond.Result{}, fmt.Errorf("nothing was changed: %w", err)
	case errors.As(err, &said) && (said.code == "restored" || said.code == "unproven"):
		err = t.rolledBack(f, said, &d)
	case errors.As(err, &said) && said.code == "taken":
		return respond.Result{}, respond.Stale("%s", codes["taken"])
	case t.askedRestored(): // the old connection still answers
		err = t.rolledBack(f, &scriptError{code: "restored", detail: err.Error()}, &d)
	default:
		err = t.unknown(err)
	}
	body, bad := json.Marshal(d)
	t.result.Body = body
	return t.result, errors.Join(err, bad)
}

// proven says step by step what was seen.
func (t *attempt) proven(f facts) {
	if t.shell.Manager().IsValid() {
		t.line("login", "a new one works")
	} else {
		t.line("login", "none was tried: you are on the machine itself")
	}
	for _, place := range f["unreached"] {
		t.line("proof", place+" is unreachable from the host")
	}
	for _, place := range f["untried"] {
		t.line("proof", "nothing on the host could try "+place)
	}
	t.line("proof", f.one("counted")+" packets were dropped by our rule meanwhile")
	if f.has("noss", "yes") {
		t.line("proof", "old connections could not be looked at: ss is missing there")
	} else {
		t.line("proof", f.one("flows")+" old connections are silent")
	}
	for _, flow := range f["moved"] {
		t.line("note", "moves, to a network that is kept: "+flow)
	}
	if s := f.one("survives"); s != "" {
		t.line("survives", map[bool]string{true: "a restart, and whoever flushes the rules", false: s}[s == "yes"])
		t.result.Partial = s != "yes"
	}
	t.line("confirmed", "timer off, "+span(time.Since(t.began))+" after approval")
	t.result.Summary = "isolated and proven"
	t.result.Holds = []respond.Held{held(t.plan.Identity.HostID, t.shell.Name())}
}

// rolledBack says that the host is as it was, and what stays blocked.
func (t *attempt) rolledBack(f facts, said *scriptError, d *did) error {
	t.result.Summary = "ROLLED BACK"
	t.result.Partial = true
	if len(t.in.Block) > 0 && t.in.Tool == "nft" {
		d.Block = t.in.Block
		t.result.Summary += ", " + joinNets(t.in.Block) + " still blocked"
		t.result.Holds = heldBlocks(t.plan.Identity.HostID, t.in.Block, time.Now().UTC().Add(blockTime))
	}
	for _, place := range f["reached"] {
		t.line("no proof", place+" could be reached from the host")
	}
	for _, flow := range f["moved"] {
		t.line("no proof", "an old connection still moves: "+flow)
	}
	if said.detail == "uncounted" {
		t.line("no proof", "our rule dropped nothing while the host tried to get out")
	}
	return fmt.Errorf("%s: %w", t.result.Summary, said)
}

// askedRestored asks over the connection from before whether the host restored itself.
func (t *attempt) askedRestored() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	f, err := run(ctx, t.shell, statusScript, nil)
	return err == nil && f.has("restored", t.in.Note.ID)
}

// unknown is loud, and says what to do by hand.
func (t *attempt) unknown(err error) error {
	t.result.Partial = true
	t.result.Summary = "UNKNOWN: the host was not heard of again"
	t.result.Holds = []respond.Held{held(t.plan.Identity.HostID, t.shell.Name())}
	t.line("by hand", "on the host: `nft list table inet interdict` shows whether it is isolated, `nft delete table inet interdict` ends it; unconfirmed, it restores itself "+
		t.in.Within.String()+" after the rules came in")
	return fmt.Errorf("%s: %w", t.result.Summary, err)
}

// held is the isolation as a change that stands: one a host, whoever made it.
func held(hostID, name string) respond.Held {
	return respond.Held{Key: keyIsolated + hostID, Kind: "isolated", Text: name + " is cut off the network"}
}

// Keys of what is held.
const (
	keyIsolated = "isolated/"
	keyBlocked  = "blocked/"
)

func heldBlocks(hostID string, places []netip.Prefix, until time.Time) []respond.Held {
	var list []respond.Held
	for _, p := range places {
		list = append(list, respond.Held{Key: keyBlocked + hostID + "/" + p.String(), Kind: "blocked", Text: showNet(p), Until: until})
	}
	return list
}

func span(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
}
