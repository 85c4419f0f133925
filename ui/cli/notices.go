package cli

import "sync"

// notices are what parts of this program say above every pane, each its own line.
type notices struct {
	mu   sync.Mutex
	said []string
}

// setter gives what sets one part's line; "" takes it away.
func (n *notices) setter() func(string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	at := len(n.said)
	n.said = append(n.said, "")
	return func(text string) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.said[at] = text
	}
}

// all are the lines that there are.
func (n *notices) all() (out []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.said {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}
