package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"interdict/respond"
	"interdict/ui/text"
)

// showPlans shows the plan of the first host whole, and of the others what
// differs from it.
func (r *fleetRun) showPlans(ready []*respond.Member) {
	first := ready[0]
	r.printPlan(first.Plan)
	common := map[string]bool{}
	for _, l := range first.Plan.Lines {
		common[l.Label+"\x00"+l.Text] = true
	}
	if len(ready) > 1 {
		fmt.Fprintf(r.Stderr, "The same on %s, once %s is proven; what is different there:\n", hostCount(len(ready)-1), text.Clean(first.Name))
	}
	for _, m := range ready[1:] {
		fmt.Fprintf(r.Stderr, "  %s\n", text.Clean(m.Name))
		for _, l := range m.Plan.Lines {
			if l.Label != "Host" && !common[l.Label+"\x00"+l.Text] {
				fmt.Fprintf(r.Stderr, "    %-12s %s\n", text.Clean(l.Label), text.CleanLines(l.Text))
			}
		}
		for _, w := range m.Plan.Warnings {
			if !slices.Contains(first.Plan.Warnings, w) {
				fmt.Fprintln(r.Stderr, "    WARNING      "+text.CleanLines(w))
			}
		}
	}
	for _, m := range r.members {
		if m.Step.Ended() {
			fmt.Fprintf(r.Stderr, "NOT on %s: %s: %s\n", text.Clean(m.Name), m.Step, text.Clean(sentence(m)))
		}
	}
}

// progress is one line on a terminal that counts hosts by their step; nothing
// where there is no terminal.
type progress struct {
	to    io.Writer // nil: no terminal
	began time.Time

	mu    sync.Mutex
	steps map[string]respond.Step
	on    bool
	drawn time.Time
}

const redraw = 100 * time.Millisecond

func newProgress(to io.Writer, members []*respond.Member) *progress {
	p := &progress{began: time.Now(), steps: map[string]respond.Step{}}
	if onTerminal(to) {
		p.to = to
	}
	for _, m := range members {
		p.steps[m.Name] = respond.Waiting
	}
	return p
}

func (p *progress) told(m respond.Member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.steps[m.Name] = m.Step
	if p.on && time.Since(p.drawn) > redraw {
		p.draw()
	}
}

func (p *progress) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.on = p.to != nil
	if p.on {
		p.draw()
	}
}

// pause takes the line away, for what is printed in its place.
func (p *progress) pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.on {
		fmt.Fprint(p.to, "\r\x1b[K")
	}
	p.on = false
}

var inOrder = []respond.Step{respond.Waiting, respond.Planning, respond.Ready, respond.Changing, respond.Done, respond.Denied, respond.Down, respond.Unchanged, respond.Doubtful, respond.Untouched}

func (p *progress) draw() {
	n := map[respond.Step]int{}
	for _, s := range p.steps {
		n[s]++
	}
	var parts []string
	for _, s := range inOrder {
		if n[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[s], s))
		}
	}
	p.drawn = time.Now()
	fmt.Fprintf(p.to, "\r\x1b[K%s: %s, %.0f s", hostCount(len(p.steps)), strings.Join(parts, " · "), time.Since(p.began).Seconds())
}
