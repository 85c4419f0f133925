package isolate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"interdict/respond"
)

// role is what a host is for others. A sure one refuses the isolation, until
// its name is typed; one that is not sure is shown.
type role struct {
	name string // what is typed to go on all the same
	text string
	sure bool
}

// programs tell a role by the name of a process, of which the kernel keeps 15 bytes.
var programs = []struct {
	names []string
	role  role
}{
	{[]string{"kubelet", "k3s-server", "k3s-agent", "k3s", "rke2", "microk8s"}, role{"kubernetes node", "a kubernetes node: its pods are started again on other nodes, what runs in them goes on there", true}},
	{[]string{"etcd"}, role{"etcd", "a member of an etcd cluster: without it the cluster may lose its quorum", true}},
	{[]string{"consul", "zookeeper", "nomad"}, role{"quorum", "a member of a cluster that votes (consul, zookeeper or nomad): it may lose its quorum", true}},
	{[]string{"patroni"}, role{"patroni", "a patroni database node: cut off, another node is made primary", true}},
	{[]string{"ceph-mon", "ceph-mgr", "ceph-osd", "ceph-mds"}, role{"ceph", "a ceph node: monitors vote, and storage is rebuilt elsewhere", true}},
	{[]string{"keepalived", "ucarp", "vrrpd"}, role{"virtual ip", "it may hold a virtual address (keepalived): another host takes that over", true}},
	{[]string{"pacemakerd", "corosync", "pacemaker-fence", "sbd"}, role{"fencing", "a node of a pacemaker cluster: the others may cut its power, and evidence in memory is gone", true}},
	{[]string{"nfsd", "tgtd", "glusterfsd", "smbd"}, role{"storage", "it serves files or disks (NFS, iSCSI, gluster, SMB) to others, which hang without it", true}},
	{[]string{"mongod", "redis-server", "mysqld", "mariadbd"}, role{"database", "a database runs here; whether others follow it cannot be told without its password", false}},
	{[]string{"haproxy", "nginx", "envoy", "traefik"}, role{"proxy", "it may be the way to other hosts (a proxy or load balancer runs)", false}},
	{[]string{"dockerd", "containerd", "podman", "crio", "lxcfs"}, role{"container host", "it runs containers, which are cut off with it", false}},
	{[]string{"libvirtd", "virtqemud", "qemu-system-x86", "qemu-kvm"}, role{"hypervisor", "virtual machines run here; those bridged to the network are not cut off where netdev egress is missing", false}},
	{[]string{"named", "unbound", "dnsmasq", "kea-dhcp4", "dhcpd", "slapd", "krb5kdc", "samba"}, role{"name service", "it serves names, addresses or logins to other hosts", false}},
}

// galera and its like are told by the port that they vote over.
var votingPorts = map[uint16]role{
	4567: {"galera", "a galera node (port 4567): without it the cluster may lose its quorum", true},
	2380: {"etcd", "a member of an etcd cluster (port 2380): without it the cluster may lose its quorum", true},
	3300: {"ceph", "a ceph monitor (port 3300): it votes", true},
	3260: {"storage", "an iSCSI target (port 3260): others hang without it", true},
	2049: {"storage", "an NFS server (port 2049): others hang without it", true},
}

// roles are those that the probe shows, the sure ones first.
func (s *survey) roles() []role {
	var all []role
	for _, p := range programs {
		for _, name := range p.names {
			if s.facts.has("comm", name) {
				all = append(all, p.role)
				break
			}
		}
	}
	for _, v := range s.services {
		if r, ok := votingPorts[v.port]; ok {
			all = append(all, r)
		}
	}
	all = append(all, s.database()...)
	if n, _ := strconv.Atoi(s.facts.one("sshout")); n > 0 && s.throughSSH() {
		all = append(all, role{"jump host", "others may reach hosts through it: " + counted(n, "SSH connection leads", "SSH connections lead") + " on from here", true})
	}
	if mounts := s.facts["mount"]; len(mounts) > 0 {
		all = append(all, role{"network file systems", fmt.Sprintf("%d file systems come over the network (%s): programs that use them hang, logins with a home there too", len(mounts), mounts[0]), true})
	}
	if len(s.facts["iscsi"]) > 0 {
		all = append(all, role{"iscsi client", "its disks come over iSCSI: they fail when it is cut off", true})
	}
	if name := s.cloud(); name != "" {
		all = append(all, role{"cloud instance", "it runs at " + name + ": an autoscaling group may replace it when its health check fails, which cannot be told from here", false})
	}
	return distinct(all)
}

// distinct keeps one of each name, sure before unsure.
func distinct(all []role) []role {
	var list []role
	for _, sure := range []bool{true, false} {
		for _, r := range all {
			if r.sure == sure && !slices.ContainsFunc(list, func(o role) bool { return o.name == r.name }) {
				list = append(list, r)
			}
		}
	}
	return list
}

// database tells a postgres primary by its process titles.
func (s *survey) database() []role {
	if len(s.facts["postgres"]) == 0 {
		return nil
	}
	senders := 0
	for _, title := range s.facts["postgres"] {
		switch {
		case strings.Contains(title, "walreceiver"):
			return []role{{"database", "a postgres standby: it follows another host", false}}
		case strings.Contains(title, "walsender"):
			senders++
		}
	}
	if senders > 0 {
		return []role{{"database primary", "a postgres primary: " + counted(senders, "standby follows it", "standbys follow it"), true}}
	}
	return []role{{"database", "a postgres server: nobody follows it at this moment, it may be a primary all the same", false}}
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// throughSSH tells whether more comes in over SSH than the operator: what goes
// on from here may be theirs.
func (s *survey) throughSSH() bool {
	for _, c := range s.sessions {
		if c.far != s.manager {
			return true
		}
	}
	return false
}

func (s *survey) cloud() string {
	known := map[string]string{"Amazon EC2": "AWS", "Google": "Google Cloud", "Google Compute Engine": "Google Cloud", "Microsoft Corporation": "Azure",
		"7783-7084-3265-9085-8269-3286-77": "Azure", "DigitalOcean": "DigitalOcean", "Hetzner": "Hetzner", "OpenStack Foundation": "OpenStack"}
	for _, v := range s.facts["dmi"] {
		if name := known[strings.TrimSpace(v)]; name != "" {
			return name
		}
	}
	return ""
}

// overridable turns roles into reasons, leaving out those whose name was typed.
func overridable(reasons []respond.Reason, typed []string) []respond.Reason {
	var left []respond.Reason
	for _, r := range reasons {
		if r.Override == "" || !slices.Contains(typed, r.Override) {
			left = append(left, r)
		}
	}
	return left
}
