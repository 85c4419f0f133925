package exec

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"interdict/sources/esql/parse"
)

// maxFailures is how many different failures of one place are told.
const maxFailures = 20

// warnings collects what went wrong in rows, each thing once, by place.
type warnings struct {
	mu     sync.Mutex
	places map[string]*place
}

type place struct {
	at       parse.Pos
	header   string
	messages []string
}

func (w *warnings) add(at parse.Pos, source, message, as string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	header := fmt.Sprintf("Line %d:%d: evaluation of [%s] failed, treating result as %s. Only first %d failures recorded.", at.Line, at.Column, source, as, maxFailures)
	p := w.places[header]
	if p == nil {
		p = &place{at: at, header: header}
		if w.places == nil {
			w.places = map[string]*place{}
		}
		w.places[header] = p
	}
	if len(p.messages) < maxFailures && !slices.Contains(p.messages, message) {
		p.messages = append(p.messages, message)
	}
}

// list gives all of it, in the order of the query's text.
func (w *warnings) list() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []*place
	for _, p := range w.places {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *place) int {
		return cmp.Or(cmp.Compare(a.at.Line, b.at.Line), cmp.Compare(a.at.Column, b.at.Column), cmp.Compare(a.header, b.header))
	})
	var out []string
	for _, p := range all {
		out = append(out, p.header)
		slices.Sort(p.messages)
		for _, m := range p.messages {
			out = append(out, fmt.Sprintf("Line %d:%d: %s", p.at.Line, p.at.Column, m))
		}
	}
	return out
}
