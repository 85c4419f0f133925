package ssh

import "sync"

// Network makes hosts and keeps what they share: connections to jump hosts,
// keys that were opened, passwords and answers of this run.
type Network struct {
	options Options

	mu      sync.Mutex
	jumps   map[string]*Host
	keys    map[string]*fileKey
	secrets map[string][]byte
	trusted map[string]bool
	hosts   []*Host
	anew    map[string]*anew
}

// New connects to nothing.
func New(o Options) *Network {
	o.Limits = o.Limits.orDefault()
	return &Network{options: o, jumps: map[string]*Host{}, keys: map[string]*fileKey{}, secrets: map[string][]byte{}, trusted: map[string]bool{}, anew: map[string]*anew{}}
}

// Host is one host; it is connected to when it is first used, or by Warm.
func (n *Network) Host(t Target) *Host {
	h := &Host{net: n, target: t}
	n.mu.Lock()
	n.hosts = append(n.hosts, h)
	n.mu.Unlock()
	return h
}

// Close ends all connections and forgets all secrets.
func (n *Network) Close() error {
	n.mu.Lock()
	hosts := n.hosts
	for _, s := range n.secrets {
		clear(s)
	}
	clear(n.secrets)
	clear(n.keys)
	n.mu.Unlock()
	for i := len(hosts) - 1; i >= 0; i-- { // jump hosts were made before those behind them
		hosts[i].Close()
	}
	return nil
}

// way names how a host is reached.
func way(t Target) string {
	key := t.User + "@" + t.dial()
	for _, j := range t.Jumps {
		key += " via " + j.User + "@" + j.dial()
	}
	return key
}

// jump is the jump host that all connections through it share.
func (n *Network) jump(t Target) *Host {
	key := way(t)
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.jumps[key]
	if h == nil {
		h = &Host{net: n, target: t}
		n.jumps[key] = h
		n.hosts = append([]*Host{h}, n.hosts...)
	}
	return h
}

func (n *Network) key(path string) (*fileKey, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if k := n.keys[path]; k != nil {
		return k, nil
	}
	k, err := loadKey(path)
	if err == nil {
		n.keys[path] = k
	}
	return k, err
}

func (n *Network) secret(of string) []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.secrets[of]
}

func (n *Network) keep(of string, secret []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.secrets[of] = secret
}

func (n *Network) forget(of string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.secrets[of])
	delete(n.secrets, of)
}

func (n *Network) accepted(host, fingerprint string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.trusted[host+" "+fingerprint]
}

func (n *Network) accept(host, fingerprint string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.trusted[host+" "+fingerprint] = true
}
