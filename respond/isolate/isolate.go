package isolate

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"interdict/respond"
)

// KindIsolate cuts a host off.
const KindIsolate = "host.isolate"

// Options of an isolation.
type Options struct {
	By, Case     string         // noted on the host
	Destinations []netip.Prefix // of the alert: tried as proof, and blocked if the host restores itself
	Keep         []netip.Prefix // may open SSH besides the operator's own address
	Allow        []Endpoint     // the host may still talk to these
	DNS          bool           // and ask its resolvers
	Survive      bool           // reboots, and whoever flushes the rules
	Within       time.Duration  // for the proof, else the host restores itself; 0: two minutes
	Overrides    []string       // names of roles that a person typed
	Used         Users          `json:"-"` // who else uses Destinations; nil: not known
}

// Users says who else used places, a sentence each. It is asked while a plan is
// made, and bounds itself.
type Users func(ctx context.Context, places []netip.Prefix) []string

// Once asks once for the same places, for a change of many hosts.
func Once(u Users) Users {
	var mu sync.Mutex
	var last string
	var said []string
	return func(ctx context.Context, places []netip.Prefix) []string {
		mu.Lock()
		defer mu.Unlock()
		if key := fmt.Sprint(places); key != last {
			last, said = key, u(ctx, places)
		}
		return said
	}
}

// ask begins to ask; the answer is waited for by calling what it gives.
func (u Users) ask(ctx context.Context, places []netip.Prefix) func() []respond.Line {
	if u == nil || len(places) == 0 {
		return func() []respond.Line { return nil }
	}
	answer := make(chan []string, 1)
	go func() { answer <- u(ctx, places) }()
	return func() (lines []respond.Line) {
		for i, text := range <-answer {
			lines = append(lines, respond.Line{Label: []string{"Others", ""}[min(i, 1)], Text: text})
		}
		return lines
	}
}

// FromOrder makes an action again from its Order; false for a kind of another package.
func FromOrder(kind string, order []byte) (respond.Action, bool) {
	a, ok := ActionOf(kind)
	if !ok {
		return nil, false
	}
	var into any = &struct{}{}
	switch a := a.(type) {
	case *isolation:
		into = &a.options
	case *block:
		into = &a.options
	case *unblock:
		into = &a.places
	}
	return a, json.Unmarshal(order, into) == nil
}

// Order is what was asked for.
func (a *isolation) Order() ([]byte, error) { return json.Marshal(a.options) }

const (
	proofTime = 2 * time.Minute
	proofMin  = 10 * time.Second
	proofMax  = time.Hour
	blockTime = 24 * time.Hour // of what stays blocked after a restore
)

// NewIsolate cuts the host off but for its manager.
func NewIsolate(o Options) respond.Action { return &isolation{options: o} }

// ActionOf returns a zero action that can verify or undo what the journal
// holds; false for a kind of another package.
func ActionOf(kind string) (respond.Action, bool) {
	switch kind {
	case KindIsolate:
		return &isolation{}, true
	case KindRelease:
		return &release{}, true
	case KindBlock:
		return &block{}, true
	case KindUnblock:
		return &unblock{}, true
	}
	return nil, false
}

type isolation struct{ options Options }

// Kind is KindIsolate.
func (*isolation) Kind() string { return KindIsolate }

// intent is the body of a plan.
type intent struct {
	Note    Note           `json:"note"`
	Tool    string         `json:"tool"`
	Expect  string         `json:"expect,omitempty"` // the isolation that stands already
	Kept    kept           `json:"kept"`
	Devices []string       `json:"devices,omitempty"`
	Targets []netip.Addr   `json:"targets,omitempty"` // tried as proof
	Ports   []uint16       `json:"ports,omitempty"`   // of Targets
	Block   []netip.Prefix `json:"block,omitempty"`   // stays when the host restores itself
	Within  time.Duration  `json:"within"`
	Survive bool           `json:"survive,omitempty"`
}

// Plan looks and changes nothing.
func (a *isolation) Plan(ctx context.Context, h respond.Host) (respond.Plan, error) {
	shell, err := shellOf(h)
	if err != nil {
		return respond.Plan{}, err
	}
	users := a.options.Used.ask(ctx, a.options.Destinations)
	s, err := look(ctx, shell)
	if err != nil {
		return respond.Plan{}, err
	}
	if reasons := overridable(a.refusals(s), a.options.Overrides); len(reasons) > 0 {
		return respond.Plan{}, &respond.Refusal{Reasons: reasons}
	}
	in := a.intend(s)
	body, err := json.Marshal(in)
	if err != nil {
		return respond.Plan{}, err
	}
	return respond.Plan{Version: respond.Version, Kind: KindIsolate, Host: h.Name(), Identity: s.identity, Made: time.Now().UTC(),
		Title: a.title(s, h.Name()), Lines: append(a.lines(s, in), users()...), Warnings: a.warnings(s, in),
		Undo: "release takes out our rules alone, and shows that what stood before is what stands then", Body: body}, nil
}

func shellOf(h respond.Host) (respond.Shell, error) {
	shell, ok := h.(respond.Shell)
	if !ok {
		return nil, fmt.Errorf("scripts on %s: %w", h.Name(), respond.ErrUnsupported)
	}
	return shell, nil
}

func newNote(by, incident string) Note {
	var b [8]byte
	rand.Read(b[:]) // never fails since Go 1.24
	return Note{ID: hex.EncodeToString(b[:]), By: plain(by, noteField), At: time.Now().UTC(), Case: incident}
}

// intend decides what is kept, from what the probe found.
func (a *isolation) intend(s *survey) intent {
	o := a.options
	in := intent{Note: newNote(o.By, o.Case), Tool: s.tool, Expect: s.standing, Within: within(o.Within), Survive: o.Survive}
	if s.manager.IsValid() {
		in.Kept.Managers = []netip.Prefix{netip.PrefixFrom(s.manager.Addr(), s.manager.Addr().BitLen())}
	}
	in.Kept.Managers = append(in.Kept.Managers, o.Keep...)
	in.Kept.SSHPort = s.server.Port()
	if in.Kept.SSHPort == 0 {
		in.Kept.SSHPort = 22
	}
	for _, c := range s.sessions {
		if c.far != s.manager && covers(in.Kept.Managers, c.far.Addr()) {
			in.Kept.Cut = append(in.Kept.Cut, c.far)
		}
	}
	in.Kept.Out = append(append(in.Kept.Out, o.Allow...), s.login()...)
	if o.DNS {
		in.Kept.Out = append(in.Kept.Out, s.resolvers()...)
	}
	in.Kept.DHCP, in.Kept.DHCP6 = s.leases()
	if s.tool == "nft" && s.facts.has("works", "egress") && s.tunnelled() == "" {
		in.Devices = s.devices
	}
	for _, d := range o.Destinations {
		if !covers([]netip.Prefix{d}, s.manager.Addr()) {
			in.Block = append(in.Block, d)
		}
	}
	a.targets(s, &in)
	return in
}

// targets are the places that the host tries to reach as proof: the alert's
// destinations, and a port of the manager that nothing keeps, to which there
// surely is a way.
func (a *isolation) targets(s *survey, in *intent) {
	add := func(addr netip.Addr, port uint16) {
		if len(in.Targets) < 4 {
			in.Targets, in.Ports = append(in.Targets, addr), append(in.Ports, port)
		}
	}
	if s.manager.IsValid() {
		add(s.manager.Addr(), 9)
	}
	for _, d := range a.options.Destinations {
		if d.IsSingleIP() && !covers(in.Kept.Managers, d.Addr()) {
			add(d.Addr(), 22)
		}
	}
	if len(in.Targets) == 0 {
		add(netip.MustParseAddr("192.0.2.1"), 443) // nobody's: RFC 5737
	}
}

func within(d time.Duration) time.Duration {
	if d == 0 {
		return proofTime
	}
	return min(max(d, proofMin), proofMax)
}

func covers(nets []netip.Prefix, a netip.Addr) bool {
	for _, n := range nets {
		if a.IsValid() && n.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

// login is what a new login needs of others: where the daemons that answer for
// users are connected to, and the servers that their configuration names.
func (s *survey) login() []Endpoint {
	var list []Endpoint
	seen := map[string]bool{}
	add := func(e Endpoint) {
		if !seen[e.String()] && len(list) < 64 {
			seen[e.String()] = true
			list = append(list, e)
		}
	}
	for _, line := range s.facts["loginflow"] {
		f := strings.Fields(line)
		if len(f) == 2 {
			if far, err := netip.ParseAddrPort(f[1]); err == nil && !far.Addr().IsLoopback() {
				if p, err := single(far.Addr().WithZone("")); err == nil {
					add(Endpoint{Net: p, Proto: "tcp", Port: far.Port(), Why: "login"})
				}
			}
		}
	}
	for _, text := range s.facts["login"] {
		a, err := netip.ParseAddr(text)
		if err != nil || a.IsLoopback() {
			continue
		}
		if p, err := single(a); err == nil {
			for _, port := range []uint16{88, 389, 636, 3268, 3269} {
				add(Endpoint{Net: p, Proto: "tcp", Port: port, Why: "login"})
			}
			add(Endpoint{Net: p, Proto: "udp", Port: 88, Why: "login"})
		}
	}
	return list
}

func (s *survey) resolvers() []Endpoint {
	var list []Endpoint
	for _, text := range s.facts["resolver"] {
		a, err := netip.ParseAddr(text)
		if err != nil || a.IsLoopback() {
			continue
		}
		if p, err := single(a); err == nil {
			list = append(list, Endpoint{Net: p, Proto: "udp", Port: 53, Why: "DNS"}, Endpoint{Net: p, Proto: "tcp", Port: 53, Why: "DNS"})
		}
	}
	return list
}

var dhcpClients = []string{"dhclient", "dhcpcd", "systemd-network", "NetworkManager", "udhcpc", "wicked", "connmand"}

// leases are the DHCP servers, if a client runs.
func (s *survey) leases() (servers []netip.Addr, six bool) {
	runs := false
	for _, name := range dhcpClients {
		runs = runs || s.facts.has("comm", name)
	}
	if !runs {
		return nil, false
	}
	for _, text := range s.facts["dhcp"] {
		if a, err := netip.ParseAddr(text); err == nil && a.Is4() && !a.IsUnspecified() && !a.IsMulticast() {
			servers = append(servers, a)
		}
	}
	return servers, true
}

// message is what the apply script reads.
func (in intent) message(identity respond.Identity) []byte {
	var m message
	m.value("id", in.Note.ID)
	m.value("expect", in.Expect)
	m.value("tool", in.Tool)
	m.value("seconds", strconv.Itoa(int(in.Within.Seconds())))
	m.value("boot", identity.BootID)
	m.value("machine", identity.HostID)
	if in.Tool == "nft" {
		m.file("rules", nftRules(in.Note, in.Kept, in.Devices))
	} else {
		m.file("rules4", iptablesRules(in.Note, in.Kept, 4))
		m.file("rules6", iptablesRules(in.Note, in.Kept, 6))
	}
	m.file("block", "")
	if len(in.Block) > 0 && in.Tool == "nft" {
		m.file("blocktable", blockTable)
		m.file("block", blockElements(in.Note, in.Block, blockTime, 0))
	}
	m.file("restore", restoreFile)
	return m.Bytes()
}

// proofMessage is what the prove script reads.
func (in intent) proofMessage(identity respond.Identity) []byte {
	var m message
	m.value("id", in.Note.ID)
	m.value("tool", in.Tool)
	m.value("boot", identity.BootID)
	m.value("machine", identity.HostID)
	m.file("targets", "")
	for i, t := range in.Targets {
		fmt.Fprintf(&m, "%s %d\n", t, in.Ports[i])
	}
	m.file("keep", "")
	for _, p := range in.Kept.places() {
		if p.IsSingleIP() {
			fmt.Fprintln(&m, p.Addr())
		} else {
			fmt.Fprintln(&m, "*") // flows to a network are told, not judged
		}
	}
	if in.Survive {
		m.file("unit", unitFile)
		m.file("timerunit", timerFile)
		m.file("dropin", dropInFile)
		m.file("assert", assertFile)
	}
	return m.Bytes()
}

// places are those that connections may go on with.
func (k kept) places() []netip.Prefix {
	list := append([]netip.Prefix{}, k.Managers...)
	for _, e := range k.Out {
		list = append(list, e.Net)
	}
	return list
}
