package isolate

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"interdict/respond"
)

// Status is what a host itself says of our changes to its network.
type Status struct {
	Identity  respond.Identity
	State     State
	Why       string        // of partly and tampered
	Isolation Note          // who and since when; zero: not isolated
	Armed     time.Duration // until the host restores itself; 0: confirmed, or not isolated
	Survives  bool
	Blocks    []Block
	Listing   string // what of ours is loaded
}

// State of an isolation.
type State string

// The states.
const (
	Isolated State = "isolated"
	Partly   State = "partly"   // some of it is missing
	Tampered State = "tampered" // it is not what was loaded
	Not      State = "not isolated"
)

// Block is one destination that a host blocks.
type Block struct {
	Note
	Place netip.Prefix
	Until time.Time // zero: until it is taken out
	Rate  int       // kB/s let through; 0: none
}

// Look asks a host what of ours stands there: one round trip, no state of the
// console is needed. Nothing is changed.
func Look(ctx context.Context, h respond.Host) (Status, error) {
	shell, err := shellOf(h)
	if err != nil {
		return Status{}, err
	}
	f, err := run(ctx, shell, statusScript, nil)
	if err != nil {
		return Status{}, err
	}
	switch {
	case f.one("end") == "":
		return Status{}, fmt.Errorf("the answer of %s was cut off", h.Name())
	case f.one("uid") != "0":
		return Status{}, fmt.Errorf("the login on %s is not root: what is loaded there cannot be seen", h.Name())
	}
	if blind := f["blind"]; len(blind) > 0 {
		return Status{}, fmt.Errorf("could not tell: what is loaded on %s could not be seen (%s)", h.Name(), blind[0])
	}
	return readStatus(f), nil
}

func readStatus(f facts) Status {
	s := Status{Identity: identityOf(f), State: Not, Listing: strings.Join(f["listing"], "\n"), Survives: f.has("survives", "yes")}
	s.Isolation = readNotes(comments(f["listing"]))
	if n, err := strconv.Atoi(f.one("armed")); err == nil {
		s.Armed = time.Duration(max(n, 1)) * time.Second
	}
	now, _ := strconv.ParseInt(f.one("now"), 10, 64)
	s.Blocks = readBlocks(strings.Join(f["blocks"], ""), time.Unix(now, 0).UTC())
	standing := f.one("standing")
	switch missing := missing(s.Listing, f["tool"]); {
	case standing == "" && len(f["missing"]) > 0:
		s.State, s.Why = Tampered, "it was confirmed as isolated, and the rules are gone"
	case standing == "":
	case missing != "":
		s.State, s.Why = Partly, missing
	case f.one("intact") == "no":
		s.State, s.Why = Tampered, "the rules are not those that were confirmed"
	case standing == "unknown":
		s.State, s.Why = Tampered, "the rules do not say who loaded them"
	case f.has("survives", "stopped"):
		s.State, s.Why = Partly, "the timer that puts the rules back does not run"
	default:
		s.State = Isolated
	}
	return s
}

// missing says which part of an isolation is not loaded.
func missing(listing string, tools []string) string {
	if len(tools) == 1 {
		for _, hook := range []string{"input", "output", "forward"} {
			if !strings.Contains(listing, "hook "+hook+" priority -320; policy drop;") {
				return "the " + hook + " chain does not drop"
			}
		}
		return ""
	}
	for _, tool := range tools {
		for _, c := range chains {
			if tool != "" && !strings.Contains(listing, tool+" -A "+c.from+" -j "+c.ours) {
				return tool + ": nothing leads to the chain " + c.ours
			}
		}
	}
	return ""
}

// readBlocks reads what `nft -j list table` says of the block table.
func readBlocks(text string, now time.Time) []Block {
	var listing struct {
		Nftables []struct {
			Set struct {
				Name string            `json:"name"`
				Elem []json.RawMessage `json:"elem"`
			} `json:"set"`
		} `json:"nftables"`
	}
	if json.Unmarshal([]byte(text), &listing) != nil {
		return nil
	}
	var blocks []Block
	for _, object := range listing.Nftables {
		for _, raw := range object.Set.Elem {
			if b, ok := readBlock(raw, now); ok {
				b.Rate = rateOf(object.Set.Name)
				blocks = append(blocks, b)
			}
		}
	}
	return blocks
}

func readBlock(raw json.RawMessage, now time.Time) (Block, bool) {
	var e struct {
		Elem struct {
			Val     json.RawMessage `json:"val"`
			Expires int64           `json:"expires"`
			Comment string          `json:"comment"`
		} `json:"elem"`
	}
	var text string
	var net struct {
		Prefix struct {
			Addr string `json:"addr"`
			Len  int    `json:"len"`
		} `json:"prefix"`
	}
	val := raw
	if json.Unmarshal(raw, &e) == nil && e.Elem.Val != nil {
		val = e.Elem.Val
	}
	if json.Unmarshal(val, &text) != nil {
		if json.Unmarshal(val, &net) != nil {
			return Block{}, false
		}
		text = net.Prefix.Addr + "/" + strconv.Itoa(net.Prefix.Len)
	}
	place, err := ParseNet(text)
	if err != nil {
		return Block{}, false
	}
	b := Block{Note: readNote(e.Elem.Comment), Place: place}
	if e.Elem.Expires > 0 {
		b.Until = now.Add(time.Duration(e.Elem.Expires) * time.Second)
	}
	return b, true
}

// Verify asks the host what stands, and compares it with what was confirmed.
func (a *isolation) Verify(ctx context.Context, h respond.Host, r respond.Result) (respond.Verdict, error) {
	var d did
	if err := json.Unmarshal(r.Body, &d); err != nil {
		return respond.Verdict{}, fmt.Errorf("result: %w", err)
	}
	s, err := Look(ctx, h)
	if err != nil {
		return respond.Verdict{}, err
	}
	v := respond.Verdict{Checked: time.Now().UTC()}
	switch {
	case s.Identity.HostID != r.Identity.HostID:
		return respond.Verdict{}, respond.Stale("this is another machine: id %s, not %s", s.Identity.HostID, r.Identity.HostID)
	case s.State == Not && !d.Confirmed:
		v.State, v.Summary = respond.Not, "not isolated"
	case s.State == Not:
		v.State, v.Summary = respond.Not, "not isolated any more"
	case s.State == Partly:
		v.State, v.Summary = respond.Partly, "partly: "+s.Why
	case s.State == Tampered, d.Listing != "" && s.Isolation.ID == d.ID && s.Listing != d.Listing:
		v.State, v.Summary = respond.Partly, "tampered: "+cmp.Or(s.Why, "the rules are not those that were confirmed")
	case s.Armed > 0:
		v.State, v.Summary = respond.Partly, fmt.Sprintf("not confirmed: it restores itself in %s", s.Armed)
	default:
		v.State, v.Summary = respond.Holds, "isolated by "+s.who()
	}
	if s.Isolation.ID != "" && s.Isolation.ID != d.ID {
		v.Lines = append(v.Lines, respond.Line{Label: "by", Text: "another isolation: of " + s.who()})
	}
	return v, nil
}

func (s Status) who() string {
	return cmp.Or(s.Isolation.By, "somebody") + " since " + s.Isolation.At.UTC().Format("2006-01-02 15:04:05Z")
}
