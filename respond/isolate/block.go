package isolate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"interdict/respond"
)

// KindBlock cuts one or several destinations off a host.
const KindBlock = "host.block"

// BlockOptions of a block.
type BlockOptions struct {
	By, Case  string         // noted on the host
	Places    []netip.Prefix // at least one
	For       time.Duration  // then the host's kernel ends it; 0: a day
	Rate      int            // in kB/s: what is sent there is held to it instead of dropped
	Shared    []Shared       // networks of many, besides the built-in ones
	Overrides []string       // what a person typed against refusals
	Used      Users          `json:"-"` // who else uses Places; nil: not known
}

const (
	blockMax  = 90 * 24 * time.Hour
	mostRate  = 1_000_000 // kB/s
	mostPlace = 64
)

// NewBlock drops what goes to the places and what comes from them, IPv4 and
// IPv6, established connections included, for a time.
func NewBlock(o BlockOptions) respond.Action { return &block{options: o} }

type block struct{ options BlockOptions }

// Order is what was asked for.
func (a *block) Order() ([]byte, error) { return json.Marshal(a.options) }

// Kind is KindBlock.
func (*block) Kind() string { return KindBlock }

// blockIntent is the body of a plan.
type blockIntent struct {
	Note   Note           `json:"note"`
	Places []netip.Prefix `json:"places"`
	For    time.Duration  `json:"for"`
	Rate   int            `json:"rate,omitempty"`
}

// Plan looks and changes nothing.
func (a *block) Plan(ctx context.Context, h respond.Host) (respond.Plan, error) {
	in := blockIntent{Note: newNote(a.options.By, a.options.Case), For: a.options.For, Rate: a.options.Rate}
	if in.For == 0 {
		in.For = blockTime
	}
	for _, p := range a.options.Places {
		if !slices.Contains(in.Places, p) {
			in.Places = append(in.Places, p)
		}
	}
	switch {
	case len(in.Places) == 0 || len(in.Places) > mostPlace:
		return respond.Plan{}, fmt.Errorf("block: %d places; one to %d can be blocked at once", len(in.Places), mostPlace)
	case in.For < time.Second || in.For > blockMax:
		return respond.Plan{}, fmt.Errorf("block: for %s: between a second and %s", in.For, hours(blockMax))
	case in.Rate < 0 || in.Rate > mostRate:
		return respond.Plan{}, fmt.Errorf("block: %d kB/s is no rate", in.Rate)
	}
	shell, err := shellOf(h)
	if err != nil {
		return respond.Plan{}, err
	}
	users := a.options.Used.ask(ctx, in.Places)
	s, err := look(ctx, shell)
	if err != nil {
		return respond.Plan{}, err
	}
	if reasons := overridable(a.refusals(s, in.Places), a.options.Overrides); len(reasons) > 0 {
		return respond.Plan{}, &respond.Refusal{Reasons: reasons}
	}
	body, err := json.Marshal(in)
	return respond.Plan{Version: respond.Version, Kind: KindBlock, Host: h.Name(), Identity: s.identity, Made: time.Now().UTC(),
		Title: in.title(h.Name()), Lines: append(in.lines(s), users()...), Warnings: in.warnings(s),
		Undo: "unblock takes out these places alone; after " + hours(in.For) + " the host's kernel does", Body: body}, err
}

// refusals are why a place must not be blocked there.
func (a *block) refusals(s *survey, places []netip.Prefix) []respond.Reason {
	var all []respond.Reason
	refuse := func(code, override, format string, args ...any) {
		all = append(all, respond.Reason{Code: code, Text: fmt.Sprintf(format, args...), Override: override})
	}
	switch {
	case s.facts.one("uid") != "0":
		refuse("no-root", "", "the login is not root there and could not become it: rules need root")
		return all
	case !s.facts.has("works", "nft"):
		refuse("no-nft", "", "a block with an end needs nft there: %s", s.whyNoTool())
		return all
	}
	for _, p := range places {
		if covers([]netip.Prefix{p}, s.manager.Addr()) {
			refuse("manager", "", "%s is where you come from: you would cut yourself off", showNet(p))
		}
		if p.Addr().IsLoopback() || s.owns(p) {
			refuse("own-address", "", "%s is an address of the host itself", showNet(p))
		}
		for _, own := range s.needs() {
			if covers([]netip.Prefix{p}, own.addr) {
				refuse(own.what, own.what, "%s is the host's %s: nearly everything there needs it", own.addr, own.what)
			}
		}
		for _, owner := range owners(p, a.options.Shared) {
			refuse("shared", owner, "%s is shared by many (%s): what has nothing to do with the alert would be cut too", showNet(p), owner)
		}
		if p.Addr().Is4() && p.Bits() < 16 || p.Addr().Is6() && p.Bits() < 32 {
			refuse("large", showNet(p), "%s is a large part of the network", showNet(p))
		}
	}
	return all
}

// owns tells whether a place takes in an address of the host.
func (s *survey) owns(p netip.Prefix) bool {
	for _, line := range s.facts["addr"] {
		f := strings.Fields(line)
		for i := 0; i+1 < len(f); i++ {
			if f[i] != "inet" && f[i] != "inet6" {
				continue
			}
			if own, err := netip.ParsePrefix(f[i+1]); err == nil && p.Contains(own.Addr()) {
				return true
			}
		}
	}
	return false
}

type need struct {
	addr netip.Addr
	what string
}

// needs are addresses without which a host hardly works.
func (s *survey) needs() []need {
	var list []need
	for _, line := range s.facts["gateway"] {
		f := strings.Fields(line)
		for i := 0; i+1 < len(f); i++ {
			if f[i] == "via" {
				if a, err := netip.ParseAddr(f[i+1]); err == nil {
					list = append(list, need{a, "gateway"})
				}
			}
		}
	}
	for _, e := range s.resolvers() {
		if e.Proto == "udp" {
			list = append(list, need{e.Net.Addr(), "resolver"})
		}
	}
	for _, e := range s.login() {
		list = append(list, need{e.Net.Addr(), "login server"})
	}
	return list
}

func (in blockIntent) title(host string) string {
	if in.Rate > 0 {
		return fmt.Sprintf("Hold %s to %d kB/s on %s", joinNets(in.Places), in.Rate, host)
	}
	return fmt.Sprintf("Block %s on %s", joinNets(in.Places), host)
}

func (in blockIntent) lines(s *survey) []respond.Line {
	var lines []respond.Line
	add := func(label, format string, args ...any) {
		lines = append(lines, respond.Line{Label: label, Text: fmt.Sprintf(format, args...)})
	}
	add("Host", "%s · boot %s · machine id %s", s.identity.Hostname, short(s.identity.BootID), short(s.identity.HostID))
	for _, p := range in.Places {
		n := s.connectionsTo(p)
		if in.Rate > 0 {
			add("Holds up", "what is sent to %s: %d connections at this moment", showNet(p), n)
		} else {
			add("Cuts", "%s in and out, also for containers: %d connections at this moment", showNet(p), n)
		}
	}
	add("Until", "%s, then the host's kernel ends it by itself; a restart of the host ends it too", hours(in.For))
	add("By", "nft, one transaction: table inet interdict_block")
	return lines
}

func (in blockIntent) warnings(s *survey) []string {
	var all []string
	if n := s.facts.one("raw"); n != "" && n != "0" {
		all = append(all, n+" raw sockets are open there: what they send is not stopped by a block, only by an isolation")
	}
	if s.standing != "" {
		all = append(all, "the host is isolated by "+cmp.Or(s.about.By, "somebody")+": the block stays when that is released")
	}
	return append(all, "the thief can send to another address: the isolation stops that, this does not")
}

// connectionsTo counts the established TCP connections to a place.
func (s *survey) connectionsTo(p netip.Prefix) int {
	total := 0
	for _, line := range s.facts["far"] {
		f := strings.Fields(line)
		if len(f) != 2 {
			continue
		}
		n, err := strconv.Atoi(f[1])
		if far := hexAddrPort(f[0] + ":0000"); err == nil && far.IsValid() && p.Contains(far.Addr()) {
			total += n
		}
	}
	return total
}

// blocked is the body of a result.
type blocked struct {
	blockIntent
	Before []Block `json:"before,omitempty"` // what of these places was blocked already, and by whom
}

// Apply adds the places; those that are blocked already get the new time.
func (a *block) Apply(ctx context.Context, h respond.Host, p respond.Plan) (respond.Result, error) {
	var in blockIntent
	if err := json.Unmarshal(p.Body, &in); err != nil {
		return respond.Result{}, fmt.Errorf("plan: %w", err)
	}
	shell, err := shellOf(h)
	if err != nil {
		return respond.Result{}, err
	}
	r := respond.Result{Version: respond.Version, Kind: KindBlock, Host: h.Name(), Identity: p.Identity, Started: time.Now().UTC()}
	f, err := run(ctx, shell, blockScript, in.message(p.Identity))
	var said *scriptError
	if errors.As(err, &said) {
		return respond.Result{}, refusedBy(said)
	}
	r.Ended = time.Now().UTC()
	r.Holds = in.holds(p.Identity.HostID, r.Ended.Add(in.For))
	r.Summary = map[bool]string{true: "held to a rate: ", false: "blocked: "}[in.Rate > 0] + joinNets(in.Places) + " for " + hours(in.For)
	d := blocked{blockIntent: in}
	if err != nil { // it may have been loaded all the same
		r.Partial, r.Summary = true, "UNKNOWN: the connection was lost while the block was loaded"
	} else {
		d.Before = in.among(readBlocks(strings.Join(f["before"], ""), r.Started))
	}
	for _, b := range d.Before {
		r.Lines = append(r.Lines, respond.Line{Label: "already", Text: b.describe() + ": has the new time now"})
	}
	body, bad := json.Marshal(d)
	r.Body = body
	return r, errors.Join(err, bad)
}

// among picks those of the blocks that this one changes.
func (in blockIntent) among(all []Block) []Block {
	var list []Block
	for _, b := range all {
		if b.Rate == in.Rate && slices.Contains(in.Places, b.Place) {
			list = append(list, b)
		}
	}
	return list
}

func (in blockIntent) holds(hostID string, until time.Time) []respond.Held {
	list := heldBlocks(hostID, in.Places, until)
	if in.Rate > 0 {
		for i, p := range in.Places {
			list[i].Key, list[i].Kind = capKey(hostID, p, in.Rate), "rate-capped"
			list[i].Text += fmt.Sprintf(" held to %d kB/s", in.Rate)
		}
	}
	return list
}

func (in blockIntent) message(identity respond.Identity) []byte {
	var m message
	m.value("id", in.Note.ID)
	m.value("tool", "nft")
	m.value("boot", identity.BootID)
	m.value("machine", identity.HostID)
	m.value("seconds", strconv.Itoa(in.Rate)) // names the sets of a rate
	m.file("blocktable", blockTable)
	m.file("rate", "")
	if in.Rate > 0 {
		m.file("rate", rateTable(in.Rate))
	}
	m.file("block", blockElements(in.Note, in.Places, in.For, in.Rate))
	return m.Bytes()
}

// Verify asks the host which of the places it blocks.
func (a *block) Verify(ctx context.Context, h respond.Host, r respond.Result) (respond.Verdict, error) {
	var d blocked
	if err := json.Unmarshal(r.Body, &d); err != nil {
		return respond.Verdict{}, fmt.Errorf("result: %w", err)
	}
	s, err := Look(ctx, h)
	if err != nil {
		return respond.Verdict{}, err
	}
	v := respond.Verdict{Checked: time.Now().UTC()}
	stand := d.among(s.Blocks)
	for _, b := range stand {
		v.Lines = append(v.Lines, respond.Line{Label: "stands", Text: b.describe()})
	}
	switch {
	case len(stand) == len(d.Places):
		v.State, v.Summary = respond.Holds, fmt.Sprintf("all %d places", len(stand))
	case len(stand) == 0:
		v.State, v.Summary = respond.Not, "none of the places: its time is over, or it was taken out"
	default:
		v.State, v.Summary = respond.Partly, fmt.Sprintf("%d of %d places", len(stand), len(d.Places))
	}
	return v, nil
}

// Undo takes out the places that this block holds still, and brings back for
// its remaining time what it had replaced.
func (a *block) Undo(ctx context.Context, h respond.Host, r respond.Result) (respond.Result, error) {
	var d blocked
	if err := json.Unmarshal(r.Body, &d); err != nil {
		return respond.Result{}, fmt.Errorf("result: %w", err)
	}
	var lines, back strings.Builder
	for _, p := range d.Places {
		fmt.Fprintf(&lines, "%s %s %s\n", setOf(p, d.Rate), showNet(p), d.Note.ID)
	}
	for _, b := range d.Before {
		if left := time.Until(b.Until); left > time.Second && b.ID != "" {
			back.WriteString(blockElements(b.Note, []netip.Prefix{b.Place}, left, b.Rate))
		}
	}
	undone, err := remove(ctx, h, KindBlock, r.Identity, lines.String(), back.String())
	for _, held := range r.Holds {
		undone.Releases = append(undone.Releases, held.Key)
	}
	return undone, err
}
