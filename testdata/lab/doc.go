// Package lab makes real Linux hosts on one machine for tests: each with its own
// root, processes, network, cgroup, machine id, boot id and SSH host key, systemd
// as first process, sshd, nft and iptables, on a network with a manager's place
// and a receiver outside of it.
//
//	manager 10.77.0.2 fd77::2 ─┐
//	web-1   10.77.0.11 fd77::11┼ switch and router .1 ─ outside 203.0.113.10 2001:db8::10
//	db-3 .12   ci-17 .13  …   ─┘
//
// A test starts one, and it is gone with the test, however that ends: all of its
// processes are in a process namespace whose first process ends when the test
// program does.
//
//	l := lab.Start(t, lab.Options{Hosts: 3, Container: true})
//	out, err := l.Host("web-1").Sh("systemctl is-active nftables")
//	l.Console("isolate", "web-1", "--config", l.Config())
//
// It is no boundary: what runs in a host is root on the machine if it wants to be.
// Nothing of the machine's own network, firewall, clock or services is touched.
package lab
