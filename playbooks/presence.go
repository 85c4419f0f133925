package playbooks

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Presence tells who else looks at which alert or case at this moment, through a
// store that consoles share. Each state directory has one document, in which each
// of its consoles has an entry with a number that grows as long as it lives. When
// somebody was last alive is judged by the clock of who reads: an entry whose
// number did not grow for presenceEnds is over, whatever its console's clock
// says, and one that was there at the first look counts once it has grown.
//
// It is a courtesy. Without the store nothing is known of others, and nothing waits for it.
type Presence struct {
	store Documents
	id    string // of this state directory's document
	me    string // this console in it
	by    string
	host  string
	now   func() time.Time

	mu      sync.Mutex
	open    []string // alerts and cases on the screen here
	lookers map[entry]*looker
	trouble error // of the last look

	looking sync.Mutex // one look at a time, however long the store takes; guards what follows
	told    []string   // open, as the store has it
	beat    int64
	due     time.Time // of the next beat
	next    time.Time // of the next look
	mark    string
}

// PresenceDocuments say who looks at what, by state directory.
const PresenceDocuments = "presence"

const (
	presenceBeat  = 10 * time.Second
	presenceEnds  = 35 * time.Second
	presenceLook  = 4 * time.Second
	presenceAgain = time.Minute      // after a look that failed
	presenceGone  = 10 * time.Minute // then an entry is taken out of its document
	presenceMost  = 16               // ids of one console
)

// present is a console's entry.
type present struct {
	By   string   `json:"by"`
	Host string   `json:"host"`
	Beat int64    `json:"beat"`
	Open []string `json:"open,omitempty"`
}

type presenceDocument struct {
	V        int                `json:"v"`
	Consoles map[string]present `json:"consoles"`
}

// entry names a console: its document and its name in that.
type entry struct{ document, console string }

// looker is a console as it was heard of last.
type looker struct {
	present
	at    time.Time // by our clock, when its number grew
	alive bool      // it grew since it was first seen
}

// NewPresence makes one for a console of somebody on a host with a state directory.
func NewPresence(store Documents, host, dir, by string) *Presence {
	return &Presence{store: store, id: nameOf(host, dir), me: NewID(), by: by, host: host, now: time.Now, lookers: map[entry]*looker{}}
}

// Show says which alerts and cases are on the screen here. It only notes them.
func (p *Presence) Show(ids ...string) {
	ids = ids[:min(len(ids), presenceMost)]
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Equal(p.open, ids) {
		p.open = slices.Clone(ids)
	}
}

// Lookers names the others that look at one of these now.
func (p *Presence) Lookers(ids ...string) (who []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.lookers {
		if !l.alive || p.now().Sub(l.at) > presenceEnds || !slices.ContainsFunc(l.Open, func(id string) bool { return slices.Contains(ids, id) }) {
			continue
		}
		name := l.By
		if name == p.by {
			name += " at " + l.Host
		}
		if !slices.Contains(who, name) {
			who = append(who, name)
		}
	}
	slices.Sort(who)
	return who
}

// Notes say why it is not known who looks at what; none: it is.
func (p *Presence) Notes() []string {
	if err := p.failed(); err != nil {
		return []string{fmt.Sprintf("who else looks at what is not known: %v", err)}
	}
	return nil
}

func (p *Presence) failed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.trouble
}

// Look tells the store what is on the screen here, if that has changed or a beat
// is due, and reads what others look at. It never fails: see [Presence.Notes].
func (p *Presence) Look(ctx context.Context) {
	p.looking.Lock()
	defer p.looking.Unlock()
	p.mu.Lock()
	open := p.open
	p.mu.Unlock()
	now := p.now()
	changed := !slices.Equal(open, p.told)
	if now.Before(p.next) && (!changed || p.failed() != nil) {
		return
	}
	p.next = now.Add(presenceLook)
	err := p.look(ctx, open, changed)
	if ctx.Err() != nil {
		return // it was called off, which says nothing of the store
	}
	if err != nil {
		p.next = now.Add(presenceAgain)
	}
	p.mu.Lock()
	p.trouble = err
	p.mu.Unlock()
}

func (p *Presence) look(ctx context.Context, open []string, changed bool) error {
	if now := p.now(); changed || len(open) > 0 && !now.Before(p.due) {
		if err := p.tell(ctx, open); err != nil {
			return err
		}
		p.told, p.due = open, now.Add(presenceBeat)
	}
	mark, err := p.store.Changes(ctx, PresenceDocuments, p.mark, func(id, _ string, body []byte) error {
		p.hear(id, body)
		return nil
	})
	if err == nil {
		p.mark = mark
	}
	return err
}

// tell writes this console's entry, and takes out those of its directory that are long gone.
func (p *Presence) tell(ctx context.Context, open []string) error {
	p.beat++
	return Change(ctx, p.store, PresenceDocuments, p.id, func(body []byte) ([]byte, error) {
		d := presenceDocument{V: documentVersion, Consoles: map[string]present{}}
		if body != nil {
			p.hear(p.id, body)
			if json.Unmarshal(body, &d) != nil || d.Consoles == nil {
				d.Consoles = map[string]present{}
			}
		}
		for id := range d.Consoles {
			if p.gone(entry{p.id, id}) {
				delete(d.Consoles, id)
			}
		}
		if d.Consoles[p.me] = (present{p.by, p.host, p.beat, open}); len(open) == 0 {
			delete(d.Consoles, p.me)
		}
		return json.Marshal(d)
	})
}

func (p *Presence) gone(key entry) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.lookers[key]
	return l != nil && p.now().Sub(l.at) > presenceGone
}

// hear takes one document over. One that cannot be read says nothing of anybody.
func (p *Presence) hear(id string, body []byte) {
	var d presenceDocument
	_ = json.Unmarshal(body, &d)
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, one := range d.Consoles {
		key := entry{id, name}
		switch l := p.lookers[key]; {
		case name == p.me:
		case l == nil:
			p.lookers[key] = &looker{one, p.now(), p.mark != ""} // after the first look it came just now
		case l.Beat != one.Beat:
			*l = looker{one, p.now(), true}
		}
	}
	for key, l := range p.lookers {
		if _, there := d.Consoles[key.console]; key.document == id && !there || p.now().Sub(l.at) > 2*presenceGone {
			delete(p.lookers, key)
		}
	}
}

// Leave takes this console's entry out, if there is one.
func (p *Presence) Leave(ctx context.Context) {
	p.looking.Lock()
	defer p.looking.Unlock()
	if len(p.told) > 0 && p.failed() == nil {
		_ = p.tell(ctx, nil) // else it is over by itself in a moment
	}
}
