package playbooks

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"interdict/detect"
)

// maxNamed bounds the far ends that are looked up by name, nameLimit how long
// that may take: a name is worth no wait.
const (
	maxNamed  = 3
	nameLimit = 400 * time.Millisecond
)

// lookUpNames asks what far ends inside are called. Those outside are never asked
// for: whoever owns the address would see that somebody looks.
func (a *Assessor) lookUpNames(ctx context.Context, g *gathering) {
	if a.Names == nil {
		return
	}
	g.e.names = map[netip.Addr]string{}
	for _, p := range g.e.far()[:min(len(g.e.far()), maxNamed)] {
		addr := p.Addr.Unmap()
		if !detect.Internal(addr) {
			continue
		}
		g.begin(func() func() {
			ctx, cancel := context.WithTimeout(ctx, nameLimit)
			defer cancel()
			all, err := a.Names(ctx, addr.String())
			return func() {
				if err == nil && len(all) > 0 {
					g.e.names[addr] = strings.TrimSuffix(all[0], ".")
				}
			}
		})
	}
}
