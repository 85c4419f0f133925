package detect

import (
	"slices"
	"strings"
	"time"
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
	maxValue        = 512 // bytes of one value
	maxShapes       = 4096
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

// add counts a value on a host: runs more of it, of at most most bytes each.
func (c *counts) add(k Kind, text string, host uint32, at int64, runs uint32, most int64) {
	day := dayOf(at)
	if c.today != 0 {
		day = min(day, c.today) // an event of the future must not age what is known
	}
	if n, ok := c.place(k, text, host, day, runs, most); ok {
		key := pendingKey{n, host, day}
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
	h := &c.hosts[host]
	if first {
		h.values = append(h.values, n)
	}
	scopes := [2]uint32{anywhere, 0}
	all := scopes[:1]
	if h.group != "" {
		scopes[1], all = c.group(h.group), scopes[:2]
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

// turn begins a new day: what left the baseline is forgotten. A clock that was
// set back is followed, and brings none of it back.
func (c *counts) turn(now int64) {
	day, last := dayOf(now), c.today
	if day == last {
		return
	}
	c.today, c.census.stale = day, true
	if day < last {
		return
	}
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
	for i := range c.hosts {
		h := &c.hosts[i]
		h.values = slices.DeleteFunc(h.values, func(v uint32) bool { return c.tallies[place{v, uint32(i)}] == nil })
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
