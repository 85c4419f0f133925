package archive

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"interdict/sources"
)

var errBusy = errors.New("another program writes the history here; what it had written until now is shown")

// heir goes on writing when the program that wrote has ended.
type heir struct {
	recent []sources.Batch // of the last moments: the other one may have ended before it wrote them
}

// recentFor is how long the end of a program takes at most, from its last write
// until it lets go of the directory.
const recentFor = 2 * time.Second

// inherit takes the directory over, if it is free by now: what this archive
// holds in memory gives way to what is written there, and what came after that
// is written behind it. The caller holds the mutex, and b was added.
func (a *Archive) inherit(b sources.Batch) {
	if a.heir == nil {
		return
	}
	h := a.heir
	for len(h.recent) > 0 && b.Read.Sub(h.recent[0].Read) > recentFor {
		h.recent = h.recent[1:]
	}
	if free(a.config.Dir) {
		next, err := Open(context.Background(), a.config)
		if err == nil && next.disk != nil {
			a.sets, a.gaps, a.stats, a.notes, a.newest = next.sets, next.gaps, next.stats, next.notes, next.newest
			a.disk, a.began, a.heir = next.disk, next.began, nil
			a.catchUp(h.recent, b)
			return
		}
	}
	h.recent = append(h.recent, b)
}

// catchUp writes what the other program did not; last is written by whoever puts it.
func (a *Archive) catchUp(recent []sources.Batch, last sources.Batch) {
	wrote := a.newest
	for _, b := range recent {
		if !b.Read.After(wrote) {
			continue
		}
		a.add(b)
		if a.disk != nil {
			if err := a.disk.append(b); err != nil {
				a.degrade(err)
			}
		}
	}
	a.add(last)
}

// free tells whether no program writes in dir.
func free(dir string) bool {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR, 0o600)
	if err != nil {
		return false
	}
	defer f.Close() // lets go of the lock
	ok, err := tryLock(f)
	return ok && err == nil
}
