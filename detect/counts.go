package detect

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"interdict/sources/ecs"
)

// Kind is what is counted.
type Kind uint8

// The kinds. A habit is how something that is recognised as routine runs: what
// it is (Habit), where it goes (HabitTo), what it reads (HabitReads).
const (
	Transfers   Kind = iota // all of them: what the others are counted among
	ToolUsed                // which tool, whatever it is called
	ParentUsed              // what started it: a script, else the executable
	ShapeUsed               // the command line without what differs from run to run
	UserUsed                // who ran it
	Destination             // the address at the other end
	HourUsed                // hour of the week, in UTC
	Habit
	HabitTo
	HabitReads
	numKinds
)

var kindNames = [numKinds]string{"transfers", "tool", "parent", "command", "user", "destination", "hour", "habit", "habit to", "habit reads"}

// String is the kind's name in interdict.count.of.
func (k Kind) String() string { return kindNames[k] }

// Bounds of the counts.
const (
	defaultBaseline = 14 // days
	maxTallies      = 1 << 19
	maxHosts        = 1 << 16
	maxValue        = 512 // bytes of one value
	maxShapes       = 4096
	silentAfter     = time.Hour
)

// counts are how often something occurred on each host, on the hosts of each
// group, and anywhere, by day. It is the engine's; e.mu guards it.
type counts struct {
	days    int32 // that count, today included
	limit   int   // of tallies
	values  [numKinds]map[string]uint32
	names   []valueName
	unused  []uint32 // numbers of names that nothing counts any more
	tallies map[place]*tally
	hosts   []countedHost
	vacant  []uint32 // numbers of hosts that were not heard of for the whole baseline
	byHost  map[string]uint32
	groups  map[string]uint32
	nGroups uint32 // that ever were: no number is given twice
	census  census
	shapes  map[string]string
	pending map[pendingKey]dayCount // what no row says yet
	today   int32
	began   time.Time // of what is counted; zero: nothing is yet
	left    int64     // beyond the bounds, not counted
	leftOn  int32     // day of the last of these
	partial string    // why counts may be too low; "" when they are whole
	marked  time.Time // when rows were last written
	seeding bool      // the history is still being asked
}

type valueName struct {
	kind Kind
	text string
}

type countedHost struct {
	id, name, group string
	seen            int64 // ms
	grouped         int64 // ms, when it came into its group
}

func (h *countedHost) key() string { return cmp.Or(h.id, h.name) }

// place is a value on a host, in a group or anywhere.
type place struct{ value, scope uint32 }

const (
	inGroup  = 1 << 30
	anywhere = 1 << 31
)

type pendingKey struct {
	value, host uint32
	day         int32
}

type tally struct {
	days  []dayCount // ascending
	hosts int32      // with this value, of a group or anywhere
}

type dayCount struct {
	day  int32 // since the epoch
	runs uint32
	most int64 // bytes
}

func newCounts(days int) *counts {
	if days <= 0 {
		days = defaultBaseline
	}
	c := &counts{days: int32(days), limit: maxTallies, tallies: make(map[place]*tally), byHost: make(map[string]uint32), groups: make(map[string]uint32),
		shapes: make(map[string]string), pending: make(map[pendingKey]dayCount)}
	for k := range c.values {
		c.values[k] = make(map[string]uint32)
	}
	return c
}

func dayOf(ms int64) int32 { return int32(ms / (24 * 60 * 60 * 1000)) }

// value gives the number of a value; ok is false when it is new and make is not set.
func (c *counts) value(k Kind, text string, make bool) (uint32, bool) {
	if len(text) > maxValue {
		text = text[:maxValue]
	}
	n, ok := c.values[k][text]
	if ok || !make {
		return n, ok
	}
	name := valueName{k, strings.Clone(text)}
	switch last := len(c.unused) - 1; {
	case last >= 0:
		n, c.unused = c.unused[last], c.unused[:last]
		c.names[n] = name
	case len(c.names) >= c.limit:
		return 0, false
	default:
		n = uint32(len(c.names))
		c.names = append(c.names, name)
	}
	c.values[k][name.text] = n
	return n, true
}

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
	g := &c.hosts[n]
	old := g.group
	g.group, g.grouped, c.census.stale = group, at, true
	if old == "" {
		return // it was counted in none
	}
	for p, own := range c.tallies {
		if p.scope != n {
			continue
		}
		if from := c.tallies[place{p.value, c.group(old)}]; from != nil {
			from.less(own)
		}
		to := c.tally(place{p.value, c.group(group)})
		to.hosts++
		for _, d := range own.days {
			to.add(d.day, d.runs, d.most, c.days)
		}
	}
}

// less takes away what one host has: but for the most, which may be another's.
func (t *tally) less(own *tally) {
	t.hosts--
	for _, d := range own.days {
		for i := range t.days {
			if t.days[i].day == d.day {
				t.days[i].runs -= min(d.runs, t.days[i].runs)
			}
		}
	}
	t.days = slices.DeleteFunc(t.days, func(d dayCount) bool { return d.runs == 0 })
}

// heard notes of which hosts a batch tells, and when.
func (c *counts) heard(v *view) {
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
		if n, ok := c.byHost[id]; ok {
			c.census.stale = c.census.stale || ms-c.hosts[n].seen > silentAfter.Milliseconds()
			c.hosts[n].seen = max(c.hosts[n].seen, ms)
		} else {
			c.host(Host{ID: id, Name: v.first(rows[code], ecs.HostName, ecs.HostHostname)}, "", ms)
		}
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

// add counts a value on a host: runs more of it, of at most most bytes each.
func (c *counts) add(k Kind, text string, host uint32, at int64, runs uint32, most int64) {
	if n, ok := c.place(k, text, host, dayOf(at), runs, most); ok {
		key := pendingKey{n, host, dayOf(at)}
		p := c.pending[key]
		c.pending[key] = dayCount{key.day, p.runs + runs, max(p.most, most)}
	}
}

// place counts without a row to be written.
func (c *counts) place(k Kind, text string, host uint32, day int32, runs uint32, most int64) (uint32, bool) {
	if text == "" && k != Transfers {
		return 0, false
	}
	n, ok := c.value(k, text, true)
	if !ok || len(c.tallies) >= c.limit {
		c.leave()
		return 0, false
	}
	own := c.tally(place{n, host})
	first := len(own.days) == 0
	own.add(day, runs, most, c.days)
	scopes := [2]uint32{anywhere, 0}
	all := scopes[:1]
	if g := c.hosts[host].group; g != "" {
		scopes[1], all = c.group(g), scopes[:2]
	}
	for _, scope := range all {
		t := c.tally(place{n, scope})
		t.add(day, runs, most, c.days)
		if first {
			t.hosts++
		}
	}
	return n, true
}

// leave notes that something is not counted.
func (c *counts) leave() { c.left, c.leftOn = c.left+1, c.today }

// knows notes since when something is counted.
func (c *counts) knows(at time.Time) {
	if c.began.IsZero() || at.Before(c.began) {
		c.began = at
	}
}

func (c *counts) tally(p place) *tally {
	t := c.tallies[p]
	if t == nil {
		t = &tally{}
		c.tallies[p] = t
	}
	return t
}

func (t *tally) add(day int32, runs uint32, most int64, keep int32) {
	i := len(t.days) - 1
	for i >= 0 && t.days[i].day > day {
		i--
	}
	if i >= 0 && t.days[i].day == day {
		t.days[i].runs += runs
		t.days[i].most = max(t.days[i].most, most)
		return
	}
	t.days = slices.Insert(t.days, i+1, dayCount{day, runs, most})
	if newest := t.days[len(t.days)-1].day; t.days[0].day <= newest-keep {
		t.days = t.days[1:]
	}
}

// Seen is how often something occurred in the baseline, in one scope.
type Seen struct {
	Runs  int64
	Most  int64 // bytes of the largest, where bytes are counted
	Days  int32
	Hosts int32 // of a group or anywhere: on how many
	first int32 // day
}

// First is the first day, in UTC.
func (s Seen) First() time.Time { return startOf(s.first) }

func startOf(day int32) time.Time { return millis(int64(day) * 24 * 60 * 60 * 1000) }

// settled tells a habit from somebody who repeats himself until it looks like
// one: three times and more, on more than one day.
func (s Seen) settled() bool { return s.Runs >= 3 && s.Days >= 2 }

func (t *tally) seen(today, keep int32) (s Seen) {
	if t == nil {
		return s
	}
	for _, d := range t.days {
		if d.day <= today-keep {
			continue
		}
		if s.Days++; s.Days == 1 {
			s.first = d.day
		}
		s.Runs += int64(d.runs)
		s.Most = max(s.Most, d.most)
	}
	if s.Runs > 0 {
		s.Hosts = t.hosts
	}
	return s
}

// Rarity is how often one thing occurred: on the host, on the hosts of its group, anywhere.
type Rarity struct {
	Kind                  Kind
	Value                 string
	Host, Group, Anywhere Seen
}

// look says how often something occurred on a host and beyond it.
func (c *counts) look(k Kind, text string, host uint32) Rarity {
	r := Rarity{Kind: k, Value: text}
	n, ok := c.value(k, text, false)
	if !ok {
		return r
	}
	r.Host = c.tallies[place{n, host}].seen(c.today, c.days)
	if int(host) < len(c.hosts) {
		if g := c.hosts[host].group; g != "" {
			r.Group = c.tallies[place{n, c.group(g)}].seen(c.today, c.days)
		}
	}
	r.Anywhere = c.tallies[place{n, anywhere}].seen(c.today, c.days)
	return r
}

// shape is [Shape] of a command line, remembered: most lines come again.
func (c *counts) shape(command string) string {
	if s, ok := c.shapes[command]; ok {
		return s
	}
	if len(c.shapes) >= maxShapes {
		clear(c.shapes)
	}
	s := Shape(command)
	c.shapes[command] = s
	return s
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

// turn begins a new day: what left the baseline is forgotten.
func (c *counts) turn(now int64) {
	day := dayOf(now)
	if day <= c.today {
		return
	}
	c.today, c.census.stale = day, true
	if c.leftOn <= day-c.days {
		c.left = 0
	}
	for p, t := range c.tallies {
		for len(t.days) > 0 && t.days[0].day <= day-c.days {
			t.days = t.days[1:]
		}
		if len(t.days) > 0 {
			continue
		}
		delete(c.tallies, p)
		if p.scope >= inGroup {
			continue
		}
		for _, scope := range []uint32{anywhere, c.group(c.hosts[p.scope].group)} {
			if all := c.tallies[place{p.value, scope}]; all != nil {
				all.hosts--
			}
		}
	}
	c.shrink()
}

// shrink lets go of names that nothing counts, and of hosts and groups that were
// not heard of for the whole baseline: their numbers are for others.
func (c *counts) shrink() {
	counted := make(map[uint32]bool, len(c.names))
	for p := range c.tallies {
		counted[p.value] = true
	}
	for p := range c.pending {
		counted[p.value] = true
	}
	for k := range c.values {
		for text, n := range c.values[k] {
			if !counted[n] {
				delete(c.values[k], text)
				c.names[n] = valueName{}
				c.unused = append(c.unused, n)
			}
		}
	}
	owning, groups := make(map[uint32]bool, len(c.hosts)), make(map[string]bool, len(c.groups))
	for p := range c.tallies {
		owning[p.scope] = true
	}
	for p := range c.pending {
		owning[p.host] = true
	}
	for i := range c.hosts {
		h, n := &c.hosts[i], uint32(i)
		if h.key() != "" && dayOf(h.seen) <= c.today-c.days && !owning[n] {
			delete(c.byHost, h.key())
			*h = countedHost{}
			c.vacant = append(c.vacant, n)
		}
		groups[h.group] = true
	}
	for name, n := range c.groups {
		if !groups[name] && !owning[n] {
			delete(c.groups, name)
		}
	}
}
