package isolate

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	"interdict/respond"
)

// refusals are why this host must not be cut off. Most can be overridden by
// typing what the host is.
func (a *isolation) refusals(s *survey) []respond.Reason {
	var all []respond.Reason
	refuse := func(code, override, format string, args ...any) {
		all = append(all, respond.Reason{Code: code, Text: fmt.Sprintf(format, args...), Override: override})
	}
	if s.facts.one("uid") != "0" {
		refuse("no-root", "", "the login is not root there and could not become it: rules need root")
		return all
	}
	if s.tool == "" {
		refuse("no-firewall", "", "nothing there can write rules: %s", s.whyNoTool())
	}
	if !s.facts.has("has", "run") {
		refuse("no-room", "", "/run is full or read-only there: the host could not restore itself")
	}
	for _, tool := range []string{"awk", "sed"} {
		if !s.facts.has("has", tool) {
			refuse("no-"+tool, "", "%s is missing there, which the host needs to restore itself", tool)
		}
	}
	if s.armed {
		refuse("under-way", "", "it is being isolated by %s at this moment, and not confirmed yet", cmp.Or(s.about.By, "somebody"))
	}
	if s.operatorUnknown() && len(a.options.Keep) == 0 {
		refuse("operator-unknown", "console", "somebody is logged in over SSH there, and which of them is you cannot be told (a terminal multiplexer hides it): keep your address, or you may be cut off")
	}
	if by := s.tunnelled(); by != "" {
		refuse("tunnel", "tunnel", "you reach it through %s, of which the outer packets would be cut: allow its far end, or come another way", by)
	}
	for _, r := range s.roles() {
		if r.sure {
			refuse("role-"+strings.ReplaceAll(r.name, " ", "-"), r.name, "%s", r.text)
		}
	}
	return all
}

func (s *survey) whyNoTool() string {
	var parts []string
	if v := s.facts.one("nft"); v == "" {
		parts = append(parts, "nft is not installed")
	} else {
		parts = append(parts, v+" may not (a container without rights, or a kernel without nf_tables)")
	}
	if no6 := s.facts.one("no6"); no6 != "" {
		parts = append(parts, no6+" has no IPv6 half, and IPv6 is on")
	} else {
		parts = append(parts, "no iptables-restore that works")
	}
	return strings.Join(parts, "; ")
}

func (a *isolation) title(s *survey, host string) string {
	if s.standing != "" {
		return fmt.Sprintf("Isolate %s again: replaces the rules of %s", host, cmp.Or(s.about.By, "somebody"))
	}
	return "Isolate " + host + " from the network"
}

// lines are what a person decides from.
func (a *isolation) lines(s *survey, in intent) []respond.Line {
	var lines []respond.Line
	add := func(label, format string, args ...any) {
		lines = append(lines, respond.Line{Label: label, Text: fmt.Sprintf(format, args...)})
	}
	add("Host", "%s · boot %s · machine id %s", s.identity.Hostname, short(s.identity.BootID), short(s.identity.HostID))
	if s.standing != "" {
		add("Already", "isolated by %s since %s", cmp.Or(s.about.By, "somebody"), s.about.At.Format("2006-01-02 15:04:05Z"))
	}
	add("Breaks", "%s", s.breaks())
	add("Role", "%s", s.roleText())
	add("Keeps in", "%s", in.keepsIn(s))
	add("Keeps out", "%s", in.keepsOut())
	add("Cuts", "all else, IPv4 and IPv6, in, out and forwarded, established too: %d connections%s%s", s.total, s.containerText(), map[bool]string{true: "", false: ", DNS"}[a.options.DNS])
	add("By", "%s", in.by(s))
	add("No proof", "in %s: the host restores itself%s", in.Within, stays(in))
	add("Not stopped", "a stolen cloud role or key that is used elsewhere; what has left; root on this host, who can undo it")
	if in.Survive {
		add("Survives", "a restart and whoever flushes the rules: a unit and a timer put them back within 4 s, at once when a firewall service starts or stops")
	}
	if s.facts.has("comm", "kubelet") {
		add("Kubernetes", "its pods start elsewhere. Beside this: kubectl cordon %s; for one workload a NetworkPolicy with an empty podSelector, policyTypes Ingress and Egress and no rules", plain(s.identity.Hostname, 63))
	}
	return lines
}

func stays(in intent) string {
	switch {
	case len(in.Block) == 0:
		return ""
	case in.Tool != "nft":
		return "; blocks need nft, so nothing stays blocked"
	}
	return ", " + joinNets(in.Block) + " STAYS blocked for " + hours(blockTime)
}

func (s *survey) breaks() string {
	var parts []string
	for _, v := range s.services {
		if v.clients > 0 && v.port != s.server.Port() {
			parts = append(parts, fmt.Sprintf("port %d: %d clients now", v.port, v.clients))
		}
	}
	if len(parts) == 0 {
		return fmt.Sprintf("nobody is connected to its %d listening ports but over SSH", len(s.services))
	}
	return strings.Join(parts, " · ")
}

func (s *survey) roleText() string {
	all := s.roles()
	if len(all) == 0 {
		return "no database, quorum, fencing, kubernetes, storage or jump host was found"
	}
	var parts []string
	for _, r := range all {
		if r.sure {
			parts = append(parts, "OVERRIDDEN "+r.name+": "+r.text)
		} else {
			parts = append(parts, "could not tell: "+r.text)
		}
	}
	return strings.Join(parts, " · ")
}

func (in intent) keepsIn(s *survey) string {
	if len(in.Kept.Managers) == 0 {
		return "nothing: you are on the machine itself"
	}
	text := fmt.Sprintf("SSH (port %d) from %s", in.Kept.SSHPort, joinNets(in.Kept.Managers))
	if len(in.Kept.Cut) > 0 {
		text += fmt.Sprintf("; %d other sessions from there are cut: %s", len(in.Kept.Cut), strings.Join(s.facts["who"], ", "))
	}
	if len(in.Kept.DHCP) > 0 || in.Kept.DHCP6 {
		text += "; DHCP"
	}
	return text
}

func (in intent) keepsOut() string {
	var parts []string
	for _, e := range in.Kept.Out {
		parts = append(parts, strings.TrimSpace(e.Why+" "+e.String()))
	}
	if len(parts) == 0 {
		return "nothing but answers to that, neighbour discovery and the lease"
	}
	return strings.Join(parts, " · ")
}

func (in intent) by(s *survey) string {
	if in.Tool != "nft" {
		return in.Tool + "-restore: IPv4, then IPv6; nft cannot be used there"
	}
	text := "nft, one transaction: table inet interdict"
	if len(in.Devices) > 0 {
		text += fmt.Sprintf(" and netdev egress of %s, so that raw sockets are stopped too", strings.Join(in.Devices, ", "))
	}
	return text
}

func (s *survey) containerText() string {
	if n := s.facts.one("containers"); n != "" && n != "0" {
		return ", " + n + " containers"
	}
	return ""
}

// warnings are what may go wrong or is not covered.
func (a *isolation) warnings(s *survey, in intent) []string {
	var all []string
	warn := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if !s.manager.IsValid() {
		warn("no SSH connection of yours was found: nobody is kept but who was named")
	}
	if s.onMachine {
		warn("you are on the machine itself: no new login can be tried from here, the proof is what the machine sees")
	}
	if len(in.Devices) == 0 {
		warn("netdev egress is not used here (%s): raw sockets and macvlan, ipvlan or SR-IOV children of containers are not stopped", s.whyNoEgress())
	}
	if len(s.skipped) > 0 && len(in.Devices) > 0 {
		warn("raw sockets are not stopped on %s", strings.Join(s.skipped, ", "))
	}
	if n := s.facts.one("raw"); n != "" && n != "0" && len(in.Devices) == 0 {
		warn("%s raw sockets are open at this moment", n)
	}
	for _, line := range s.facts["ipd"] {
		if strings.Contains(line, " xdp") || strings.Contains(line, "prog/xdp") {
			warn("an XDP program is loaded on an interface: it can send packets before any rule sees them")
			break
		}
	}
	if n := s.facts.one("drops"); n != "" && n != "0" {
		warn("other rules there drop packets too (%s chains): should they cut SSH, the proof fails and the host restores itself", n)
	}
	if s.facts.one("legacy") == "yes" && in.Tool == "nft" {
		warn("iptables-legacy rules are loaded there too: they stay in force beside ours")
	}
	if usesNetwork(s.facts.one("nss")) && len(s.login()) == 0 {
		warn("logins there ask a directory (%s) of which no server was found: keep it with an allow-list if the new login fails", s.facts.one("nss"))
	}
	if in.Survive && !s.facts.has("has", "systemd") {
		warn("there is no systemd there: it will not survive a restart")
	}
	if servers, six := s.leases(); six && len(servers) == 0 {
		warn("a DHCP client runs, of which no IPv4 server was found: the lease may end after some hours")
	}
	if len(in.Block) < len(a.options.Destinations) {
		warn("a destination of the alert covers your own address: it does not stay blocked when the host restores itself")
	}
	return all
}

func usesNetwork(nss string) bool {
	for _, w := range []string{"sss", "ldap", "winbind"} {
		if strings.Contains(" "+nss+" ", " "+w+" ") {
			return true
		}
	}
	return false
}

func (s *survey) whyNoEgress() string {
	switch {
	case s.tool != "nft":
		return "no nft"
	case !s.facts.has("works", "egress"):
		return "this kernel or nft does not have it: Linux 5.16 and nft 1.0.1"
	case s.tunnelled() != "":
		return "you come through " + s.tunnelled()
	}
	return "no device"
}

func joinNets(nets []netip.Prefix) string {
	parts := make([]string, len(nets))
	for i, n := range nets {
		parts[i] = showNet(n)
	}
	return strings.Join(parts, ", ")
}

func short(id string) string {
	if len(id) > 8 {
		return id[:8]
	}
	return cmp.Or(id, "unknown")
}
