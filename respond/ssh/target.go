package ssh

import (
	"net"
	"strconv"
	"strings"
	"time"

	"interdict/respond"
)

// Target says how one host is reached. It comes from the inventory and the
// user's ssh configuration, never from an event.
type Target struct {
	Name         string // the inventory's
	Address      string // host name or address
	Port         int    // 0: 22
	User         string
	KnownAs      string   // looked up in known_hosts instead of Address and Port
	KnownHosts   []string // files; one that does not exist knows nobody. A new key goes into the first
	Keys         []string // private keys, in order; one that does not exist is passed over
	Certificates []string // besides KEY-cert.pub
	Agent        string   // its socket; "" for none
	KeysOnly     bool     // of the agent's keys only those that Keys and Certificates name
	Jumps        []Target // through which it is reached, the first one first
}

func (t Target) port() int {
	if t.Port == 0 {
		return 22
	}
	return t.Port
}

// dial is what is dialled.
func (t Target) dial() string { return net.JoinHostPort(t.Address, strconv.Itoa(t.port())) }

// known is what known_hosts is asked for.
func (t Target) known() string {
	if t.KnownAs != "" {
		return net.JoinHostPort(t.KnownAs, "22")
	}
	return net.JoinHostPort(strings.ToLower(t.Address), strconv.Itoa(t.port()))
}

// jump is the last host before t; false when it is dialled directly.
func (t Target) jump() (Target, bool) {
	if len(t.Jumps) == 0 {
		return Target{}, false
	}
	last := len(t.Jumps) - 1
	j := t.Jumps[last]
	j.Jumps = t.Jumps[:last]
	return j, true
}

// Limits bound what a host may take. Zero fields have the defaults.
type Limits struct {
	Connect     time.Duration // TCP, or the jump host's answer; 10 s
	Version     time.Duration // until it has said that it speaks SSH; 10 s
	KeyExchange time.Duration // 10 s
	Login       time.Duration // 30 s, an agent's asking for a touch included
	Session     time.Duration // until a session is open, one that is free awaited not included; 10 s
	Alive       time.Duration // between two signs of life, and for the answer; 15 s
	Sessions    int           // at once on one connection; 8, as sshd allows 10
}

func (l Limits) orDefault() Limits {
	set := func(d *time.Duration, otherwise time.Duration) {
		if *d == 0 {
			*d = otherwise
		}
	}
	set(&l.Connect, 10*time.Second)
	set(&l.Version, 10*time.Second)
	set(&l.KeyExchange, 10*time.Second)
	set(&l.Login, 30*time.Second)
	set(&l.Session, 10*time.Second)
	set(&l.Alive, 15*time.Second)
	if l.Sessions == 0 {
		l.Sessions = 8
	}
	return l
}

// Options of a Network.
type Options struct {
	Ask    respond.Asker // nil: nobody can be asked; what would need it is refused
	Limits Limits
}
