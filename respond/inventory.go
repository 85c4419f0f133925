package respond

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"
)

// HostEntry is one host that may be acted on. What says how it is reached may be
// empty: the ssh configuration has it then.
type HostEntry struct {
	Name    string // what people type
	Address string
	Port    int
	User    string
	Jump    []string // "[user@]host[:port]", the first one first; a name of the inventory or of the ssh configuration
	Keys    []string // private key files

	Groups      []string
	Labels      map[string]string
	Environment string   // "ci", "staging", "production"; "" unknown
	Owner       string   // whom to call
	Criticality string   // "low", "normal", "high"; "" unknown
	Allow       []string // what may be done without a person: "freeze", "block"
	AgentIDs    []string // of the sensors on it
	HostID      string   // its machine id, where somebody wrote it down

	Source string // where it was read first
}

// Local is the name of this machine; no entry has it.
const Local = "local"

// check says why an entry cannot be one.
func (e HostEntry) check() error {
	odd := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }
	in := func(s string, all ...string) bool { return s == "" || slices.Contains(all, s) }
	switch {
	case e.Name == "" || strings.HasPrefix(e.Name, "-") || strings.ContainsFunc(e.Name, odd) || e.Name == Local:
		return fmt.Errorf("%s: %q cannot be the name of a host", e.Source, e.Name)
	case strings.HasPrefix(e.Address, "-") || strings.ContainsFunc(e.Address, odd):
		return fmt.Errorf("%s: host %s: %q is no address", e.Source, e.Name, e.Address)
	case e.Port < 0 || e.Port > 65535:
		return fmt.Errorf("%s: host %s: %d is no port", e.Source, e.Name, e.Port)
	case !in(e.Environment, "ci", "staging", "production"):
		return fmt.Errorf("%s: host %s: environment %q: is ci, staging or production", e.Source, e.Name, e.Environment)
	case !in(e.Criticality, "low", "normal", "high"):
		return fmt.Errorf("%s: host %s: criticality %q: is low, normal or high", e.Source, e.Name, e.Criticality)
	}
	for _, a := range e.Allow {
		if a != "freeze" && a != "block" {
			return fmt.Errorf("%s: host %s: allow %q: only freeze and block may ever be done without a person", e.Source, e.Name, a)
		}
	}
	return nil
}

// Inventory is the hosts that may be acted on. It does not change once made.
type Inventory struct {
	entries []HostEntry
	byName  map[string]int
}

// NewInventory takes the entries over. One name in several sources is one host:
// what an earlier source says of it stands, a later one completes it.
func NewInventory(sources ...[]HostEntry) (*Inventory, error) {
	v := &Inventory{byName: map[string]int{}}
	for _, source := range sources {
		for _, e := range source {
			if err := e.check(); err != nil {
				return nil, err
			}
			if i, ok := v.byName[e.Name]; ok {
				v.entries[i].complete(e)
				continue
			}
			v.byName[e.Name] = len(v.entries)
			v.entries = append(v.entries, e)
		}
	}
	return v, nil
}

func (e *HostEntry) complete(more HostEntry) {
	text := func(to *string, from string) {
		if *to == "" {
			*to = from
		}
	}
	list := func(to *[]string, from []string) {
		if len(*to) == 0 {
			*to = from
		}
	}
	text(&e.Address, more.Address)
	text(&e.User, more.User)
	text(&e.Environment, more.Environment)
	text(&e.Owner, more.Owner)
	text(&e.Criticality, more.Criticality)
	text(&e.HostID, more.HostID)
	list(&e.Jump, more.Jump)
	list(&e.Keys, more.Keys)
	list(&e.Groups, more.Groups)
	list(&e.Allow, more.Allow)
	list(&e.AgentIDs, more.AgentIDs)
	if e.Port == 0 {
		e.Port = more.Port
	}
	labels := map[string]string{}
	for _, from := range []map[string]string{more.Labels, e.Labels} {
		for k, v := range from {
			labels[k] = v
		}
	}
	e.Labels = labels
}

// Entries are all hosts, in the order they were read.
func (v *Inventory) Entries() []HostEntry { return slices.Clone(v.entries) }

// Group are the hosts of one group.
func (v *Inventory) Group(name string) []HostEntry {
	return slices.DeleteFunc(v.Entries(), func(e HostEntry) bool { return !slices.Contains(e.Groups, name) })
}

// Groups are the names of all groups, sorted.
func (v *Inventory) Groups() (names []string) {
	for _, e := range v.entries {
		for _, g := range e.Groups {
			if !slices.Contains(names, g) {
				names = append(names, g)
			}
		}
	}
	slices.Sort(names)
	return names
}

// Find gives the host with exactly this name.
func (v *Inventory) Find(name string) (HostEntry, bool) {
	if i, ok := v.byName[name]; ok {
		return v.entries[i], true
	}
	return HostEntry{}, false
}

// Claim is what an alert says about the machine it is of. None of it is
// believed: an attacker on that machine may have written it.
type Claim struct {
	AgentID   string
	HostID    string
	BootID    string
	Name      string
	Addresses []netip.Addr
	Process   ProcessID // zero: none
	Exe       string    // of the process
}

// Codes of refusals that concern which host is meant.
const (
	CodeNotListed = "host-not-listed"
	CodeAmbiguous = "host-ambiguous"
	CodeCloned    = "machine-id-cloned"
	CodeWrongHost = "wrong-host"
	CodeUnproven  = "host-unproven"
)

// Match finds the host that an alert means: by agent id, else by machine id, else
// by name. What comes out is still to be proven. A name that is not listed is
// not dialled, whatever it resolves to.
func (v *Inventory) Match(c Claim) (HostEntry, error) {
	for _, by := range []struct {
		what, value string
		has         func(HostEntry) bool
	}{
		{"agent id", c.AgentID, func(e HostEntry) bool { return slices.Contains(e.AgentIDs, c.AgentID) }},
		{"machine id", c.HostID, func(e HostEntry) bool { return e.HostID == c.HostID }},
		{"name", c.Name, func(e HostEntry) bool { return strings.EqualFold(e.Name, c.Name) }},
	} {
		if by.value == "" {
			continue
		}
		found := slices.DeleteFunc(v.Entries(), func(e HostEntry) bool { return !by.has(e) })
		switch {
		case len(found) > 1:
			return HostEntry{}, Refuse(CodeAmbiguous, "the %s %q belongs to %d hosts of the inventory: %s", by.what, by.value, len(found), names(found))
		case len(found) == 1 && c.HostID != "" && found[0].HostID != "" && found[0].HostID != c.HostID:
			return HostEntry{}, Refuse(CodeWrongHost, "%s has this %s, but the alert is of machine %s and the inventory says that %s is %s",
				found[0].Name, by.what, c.HostID, found[0].Name, found[0].HostID)
		case len(found) == 1:
			return found[0], nil
		}
	}
	return HostEntry{}, Refuse(CodeNotListed, "host %q of the alert is not in the inventory, and a name that an event carries is never dialled: list it, with host_id = %q", c.Name, c.HostID)
}

func names(entries []HostEntry) string {
	var all []string
	for _, e := range entries {
		all = append(all, e.Name)
	}
	return strings.Join(all, ", ")
}

// Vet refuses a host whose machine id says that it is another than the
// inventory means, or that another one has too: images are cloned with their
// id. others are hosts that showed the same id before; only those that are still
// listed count, since a host may be given a new name.
func (v *Inventory) Vet(name string, id Identity, others []string) error {
	e, _ := v.Find(name)
	if e.HostID != "" && e.HostID != id.HostID {
		return Refuse(CodeWrongHost, "%s shows machine id %s, the inventory says %s: this is another machine, or it was installed anew", name, cmp.Or(id.HostID, "none"), e.HostID)
	}
	if id.HostID == "" {
		return nil
	}
	for _, other := range v.entries {
		if other.Name != name && (other.HostID == id.HostID || slices.Contains(others, other.Name)) {
			return Refuse(CodeCloned, "the machine id %s of %s is that of %s too: one is a copy of the other, and which of them an alert means cannot be told; give one a new id (systemd-machine-id-setup after emptying /etc/machine-id)",
				id.HostID, name, other.Name)
		}
	}
	return nil
}

// Sighting is what a host showed after it was connected to.
type Sighting struct {
	Identity Identity
	Reach    Reach
	Process  ProcessID // the claim's, as it is found there; zero: it is not there
	Exe      string    // of that process
}

// Prove says by what a host is proven to be the one that the claim is of, or
// refuses. The process proves it while it lives: number, start, boot and
// executable. After that machine id, host key and address must agree together.
func (c Claim) Prove(name string, s Sighting) (by string, err error) {
	switch {
	case c.HostID != "" && s.Identity.HostID != "" && c.HostID != s.Identity.HostID:
		return "", Refuse(CodeWrongHost, "%s is machine %s, the alert is of %s", name, s.Identity.HostID, c.HostID)
	case c.BootID != "" && c.BootID == s.Identity.BootID && s.Process.PID > 0 && s.Process.Same(c.Process) && c.Exe != "" && c.Exe == s.Exe:
		return "the process of the alert runs there: " + s.Process.String(), nil
	}
	var missing []string
	if c.HostID == "" || c.HostID != s.Identity.HostID {
		missing = append(missing, "its machine id is not known")
	}
	if s.Reach.Key == "" || s.Reach.Asked {
		missing = append(missing, "nothing vouches for its host key but an answer of a person")
	}
	if !s.Reach.Address.IsValid() || !slices.Contains(c.Addresses, s.Reach.Address) {
		missing = append(missing, "the alert is from none of the addresses that it was reached at")
	}
	if len(missing) > 0 {
		return "", Refuse(CodeUnproven, "%s cannot be proven to be the host of the alert: its process is not there any more, and %s", name, strings.Join(missing, ", and "))
	}
	return "machine id, host key and address agree", nil
}
