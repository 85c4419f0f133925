package detect

import (
	"cmp"
	"strings"
	"time"

	"interdict/sources/ecs"
)

// Bounds of the hosts that are counted.
const (
	maxHosts    = 1 << 16
	silentAfter = time.Hour
)

type countedHost struct {
	id, name, group string
	seen            int64 // ms, by our clock as far as it came in while we watched
	clock           hostClock
	grouped         int64    // ms, when it came into its group
	values          []uint32 // that were counted of it, once each
}

func (h *countedHost) key() string { return cmp.Or(h.id, h.name) }

// host gives the number of a host and notes that it was heard of.
func (c *counts) host(h Host, group string, at int64) (uint32, bool) {
	key := cmp.Or(h.ID, h.Name)
	n, ok := c.byHost[key]
	if !ok {
		one := countedHost{id: strings.Clone(h.ID), name: strings.Clone(h.Name), group: strings.Clone(group), grouped: at}
		switch last := len(c.vacant) - 1; {
		case last >= 0:
			n, c.vacant = c.vacant[last], c.vacant[:last]
			c.hosts[n] = one
		case len(c.hosts) >= maxHosts:
			return 0, false
		default:
			n = uint32(len(c.hosts))
			c.hosts = append(c.hosts, one)
		}
		c.byHost[one.key()] = n
		c.census.stale = true
	}
	g := &c.hosts[n]
	c.census.stale = c.census.stale || at-g.seen > silentAfter.Milliseconds()
	g.seen = max(g.seen, at)
	if group != "" && group != g.group && (g.group == "" || at-g.grouped >= regroupAfter.Milliseconds()) {
		c.regroup(n, strings.Clone(group), at)
	}
	if g.name == "" {
		g.name = strings.Clone(h.Name)
	}
	return n, true
}

// regroupAfter is how long a host stays in a group at least: what it is counted
// with moves along, which takes a while.
const regroupAfter = time.Hour

// regroup brings a host into another group, with all that was counted of it.
func (c *counts) regroup(n uint32, group string, at int64) {
	h := &c.hosts[n]
	old := h.group
	h.group, h.grouped, c.census.stale = group, at, true
	for _, value := range h.values {
		own := c.tallies[place{value, n}]
		if old != "" {
			c.less(place{value, c.group(old)}, own)
		}
		to := c.tally(place{value, c.group(group)})
		to.hosts++
		for _, d := range own.days {
			to.add(d.day, d.runs, d.most, c.days)
		}
	}
}

// less takes what one host has away from its group, and the group's tally with the last of them.
func (c *counts) less(of place, own *tally) {
	t := c.tallies[of]
	if t == nil {
		return
	}
	if t.less(own); t.hosts <= 0 {
		delete(c.tallies, of)
	}
}

// heard notes of which hosts a batch tells, that came now: when its events
// happened is by the hosts' own clocks.
func (c *counts) heard(v *view, now int64) {
	ids, at := v.cols[ecs.HostID], v.cols[ecs.Timestamp]
	if ids == nil || at == nil || ids.Dict == nil {
		return
	}
	last := make([]int64, ids.Dict.Len())
	rows := make([]int, ids.Dict.Len())
	for row := range v.f.Rows {
		if lo, hi := ids.Range(row); lo < hi {
			if ms, ok := at.Int(row); ok && ms > last[ids.Codes[lo]] {
				last[ids.Codes[lo]], rows[ids.Codes[lo]] = ms, row
			}
		}
	}
	for code, ms := range last {
		if ms == 0 {
			continue
		}
		id := ids.Dict.Value(uint32(code))
		n, ok := c.byHost[id]
		if !ok {
			if n, ok = c.host(Host{ID: id, Name: v.first(rows[code], ecs.HostName, ecs.HostHostname)}, "", now); !ok {
				continue
			}
		}
		h := &c.hosts[n]
		c.census.stale = c.census.stale || now-h.seen > silentAfter.Milliseconds()
		h.seen = now
		h.clock.told(ms, now)
	}
}

func (c *counts) group(name string) uint32 {
	n, ok := c.groups[name]
	if !ok {
		n = c.nGroups | inGroup
		c.nGroups++
		c.groups[name] = n
	}
	return n
}

// Known says what the counts know: without it no count means anything.
type Known struct {
	Since                     time.Time // what is counted began
	Days                      int       // of the baseline
	Hosts, Silent, GroupHosts int       // seen in the baseline; of these not heard of for an hour; of the host's group
	Group                     string
	Partial                   string // why counts may be too low; ""
}

func (c *counts) known(host uint32, since time.Time, now int64) Known {
	if n := &c.census; n.stale || now-n.at >= censusFor || now < n.at {
		c.count(now)
	}
	k := Known{Since: since, Days: int(c.days), Hosts: c.census.hosts, Silent: c.census.silent, Partial: c.partial}
	if !c.began.IsZero() && c.began.Before(since) {
		k.Since = c.began
	}
	if c.seeding {
		k.Partial = "the history is still being counted"
	}
	if int(host) < len(c.hosts) {
		k.Group = c.hosts[host].group
		k.GroupHosts = c.census.groups[k.Group]
	}
	if c.left > 0 {
		k.Partial = "more was seen than can be counted"
	}
	return k
}

// census is how many hosts there are, counted now and then: every finding says it.
type census struct {
	at            int64 // ms
	stale         bool
	hosts, silent int
	groups        map[string]int
}

const censusFor = 10_000 // ms

// count takes the census of the hosts that were heard of in the baseline.
func (c *counts) count(now int64) {
	n := census{at: now, groups: make(map[string]int, len(c.groups))}
	for i := range c.hosts {
		h := &c.hosts[i]
		h.seen = min(h.seen, now) // by a clock that was ahead
		if h.key() == "" || dayOf(h.seen) <= c.today-c.days {
			continue
		}
		n.hosts++
		if now-h.seen > silentAfter.Milliseconds() {
			n.silent++
		}
		if h.group != "" {
			n.groups[h.group]++
		}
	}
	c.census = n
}
