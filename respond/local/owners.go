package local

import "sync"

// owners remember what a package database said of a file, so that guides of many
// alerts do not read it again for each. The zero value is empty.
type owners struct {
	mu    sync.Mutex
	known map[asked]string
}

// asked is a path of one state of one database.
type asked struct {
	dev, ino uint64
	changed  int64
	path     string
}

const maxOwners = 4096

func (o *owners) get(a asked) (owner string, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	owner, ok = o.known[a]
	return owner, ok
}

func (o *owners) put(a asked, owner string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known == nil || len(o.known) >= maxOwners {
		o.known = map[asked]string{}
	}
	o.known[a] = owner
}
