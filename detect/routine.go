package detect

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Routine is what a transfer is that runs like this again and again: recognised
// by what the kernel told of it, held to the limits that its runs before have set.
type Routine struct {
	Class  string   // ansible, backup, log shipping, git, ci, sftp user, mirror, update, copies in
	Proof  string   // what recognised it
	Limits []string // that it is held to, in words
	Breach string   // the limit that it broke; "" when it is inside of all
	Known  bool     // often enough, on enough days, to be a habit

	key      string
	wide     string // habit of all who bring data in like this; ""
	opposite string // habit of the same who brings data in; ""
	inside   bool   // data comes in from inside: it does not matter from where
	before   int64  // bytes that it sent at most on days before, of whose habit it is
}

// Folds tells whether the transfer is shown in the one line of all that is routine.
func (r *Routine) Folds() bool { return r != nil && r.Known && r.Breach == "" }

// least is what any run of a class may send before its limit of bytes counts.
const (
	least   = handshake // and some listings
	leastIn = 256 << 10 // of what git says that it has
)

// maxKey is how long the text may be that a habit is counted under.
const maxKey = 300

func keyed(parts ...string) string {
	key := strings.Join(parts, " | ")
	if len(key) <= maxKey {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return strings.ToValidUTF8(key[:maxKey-40], "") + " … " + hex.EncodeToString(sum[:8])
}

// What a habit goes to and reads stands behind its key.
func habitTo(key string, to netip.Addr) string { return key + farMark + to.String() }

const farMark = " → "

func habitReads(key, what string) string { return key + " ← " + what }

// habitStolen is noted when what was no habit yet was closed as theft: it never becomes one.
func habitStolen(key string) string { return key + " was theft" }

func habitAllowed(key string, to netip.Addr) string { return key + " allowed → " + to.String() }

// routine recognises a transfer and holds it to its limits; nil: it is of no class.
func (c *counts) routine(t *transfer, s *Transfer) *Routine {
	r := recognise(s)
	if r == nil {
		return nil
	}
	if c.look(Habit, habitStolen(r.key), t.tally.host).Host.Runs > 0 {
		r.Breach = "the same was theft before"
		return r
	}
	habit := c.look(Habit, r.key, t.tally.host)
	l := &limits{c: c, r: r, s: s, key: r.key, known: habit.Host}
	l.whose(habit, t.tally.host)
	r.Known = len(l.scopes) > 0
	if !r.Known {
		r.Limits = []string{fmt.Sprintf("no habit yet: %s on %s, of 3 on 2 days", times(int(habit.Host.Runs)), plural(int(habit.Host.Days), "day"))}
		r.Breach = r.forbidden(s)
		if before := c.look(Habit, r.opposite, t.tally.host).Host; r.opposite != "" && before.settled() {
			r.Class, r.Breach = "copies in", fmt.Sprintf("%s went out: in %d runs data only came in", humanSize(s.Sent), before.Runs)
		}
		return r
	}
	l.today, l.busiest, r.before = c.daily(l.key, l.scopes[0])
	l.check()
	return r
}

// limits holds one transfer to what its habit has been.
type limits struct {
	c       *counts
	r       *Routine
	s       *Transfer
	key     string
	scopes  []uint32 // where it is one, the nearest first; none: it is nobody's
	known   Seen
	today   int64 // runs
	busiest int64 // runs on the busiest day before
}

// whose finds out whose habit it is: this host's; that of its group, where three
// hosts have it; and, for what comes in from inside, that of all, whoever brings
// it: a host loses nothing by it.
func (l *limits) whose(habit Rarity, host uint32) {
	if habit.Host.settled() {
		l.scopes = append(l.scopes, host)
	}
	if habit.Group.settled() && habit.Group.Hosts >= 3 {
		if l.scopes == nil {
			l.known = habit.Group
		}
		l.scopes = append(l.scopes, l.c.group(l.c.hosts[host].group))
	}
	if l.scopes == nil && l.r.wide != "" && fromInside(l.s) {
		if all := l.c.look(Habit, l.r.wide, host).Anywhere; all.settled() && all.Hosts >= 3 {
			l.key, l.known, l.scopes = l.r.wide, all, []uint32{anywhere}
		}
	}
}

// daily says how often a habit has run today and on its busiest day before, and
// how much it sent at most then.
func (c *counts) daily(key string, scope uint32) (today, busiest, most int64) {
	n, ok := c.value(Habit, key, false)
	t := c.tallies[place{n, scope}]
	if !ok || t == nil {
		return 0, 0, 0
	}
	for _, d := range t.days {
		switch {
		case d.day == c.today:
			today = int64(d.runs)
		case d.day > c.today-c.days:
			busiest, most = max(busiest, int64(d.runs)), max(most, d.most)
		}
	}
	return today, busiest, most
}

func (l *limits) check() {
	l.say("%d runs on %d days since %s", l.known.Runs, l.known.Days, l.known.First().Format("2006-01-02"))
	if why := l.r.forbidden(l.s); why != "" {
		l.breach("%s", why)
	}
	l.bytes()
	l.runs()
	l.addresses()
	l.places()
	if unseen := blinding(l.s); unseen != "" {
		l.breach("not all of it could be seen: %s", unseen)
	}
}

func (l *limits) say(format string, args ...any) {
	l.r.Limits = append(l.r.Limits, fmt.Sprintf(format, args...))
}

// breach keeps the first.
func (l *limits) breach(format string, args ...any) {
	if l.r.Breach == "" {
		l.r.Breach = fmt.Sprintf(format, args...)
	}
}

// outgoing is what a transfer sent, or, where its bytes go through a connection
// outside of it, what it read to be sent.
func outgoing(s *Transfer) int64 {
	if s.Master == "" {
		return s.Sent
	}
	sum := s.Sent
	for _, f := range s.Payload() {
		sum += f.Size
	}
	return sum
}

func (l *limits) bytes() {
	most := max(2*l.known.Most, least)
	if l.r.Class == "git" {
		most = max(2*l.known.Most, leastIn)
	}
	sent := outgoing(l.s)
	l.say("at most %s out, twice the most before", humanSize(most))
	if sent > most {
		l.breach("%s went out, of at most %s: twice the most before", humanSize(sent), humanSize(most))
	}
}

// fewRuns is how often a day any habit may run.
const fewRuns = 20

// runs holds what sends to the number of its runs: much leaves in many small ones.
func (l *limits) runs() {
	if l.r.fetches() || l.r.Class == "mirror" {
		return
	}
	most := max(3*l.busiest, fewRuns)
	l.say("at most %d times a day", most)
	if l.today >= most {
		l.breach("it ran %d times today already, of at most %d", l.today, most)
	}
}

// fetches tells whether the class brings data in.
func (r *Routine) fetches() bool {
	return r.Class == "git" || r.Class == "update" || r.Class == "copies in"
}

// seen tells whether a habit has it in one of the scopes.
func (l *limits) seen(k Kind, text string, scopes []uint32) bool {
	n, ok := l.c.value(k, text, false)
	return ok && slices.ContainsFunc(scopes, func(scope uint32) bool {
		return l.c.tallies[place{n, scope}].seen(l.c.today, l.c.days).Runs > 0
	})
}

// manyHosts is to how many a controller goes whose work it is to go to all.
const manyHosts = 20

// everywhere tells whether a controller goes to a new host of ours as to the others.
func (l *limits) everywhere(to netip.Addr) bool {
	if l.r.Class != "ansible" || l.r.fetches() || l.s.Direction == In || !Internal(to) {
		return false
	}
	n := 0
	for text, value := range l.c.values[HabitTo] {
		if strings.HasPrefix(text, l.key+farMark) && l.c.tallies[place{value, l.scopes[0]}] != nil {
			n++
		}
	}
	return n >= manyHosts
}

// fromInside tells whether all far ends of a transfer are addresses of our own.
func fromInside(s *Transfer) bool {
	return !slices.ContainsFunc(s.Peers, func(p Peer) bool { return !Internal(p.Addr) })
}

func (l *limits) addresses() {
	if l.r.Class == "mirror" || l.r.inside {
		return // whoever may fetch; wherever it comes from
	}
	var known int
	for _, p := range l.s.Peers {
		addr := p.Addr.Unmap()
		if !addr.IsValid() || addr.IsLoopback() {
			continue
		}
		scopes := l.scopes[:1]
		if Internal(addr) {
			scopes = l.scopes
		}
		if !l.seen(HabitTo, habitTo(l.key, addr), scopes) && !l.everywhere(addr) {
			l.breach("%s is not where it goes: never in %d runs", addr, l.known.Runs)
			continue
		}
		known++
	}
	l.say("%s that it, or the same on hosts of its group, has gone to before", plural(known, "address"))
	if known == 0 && l.s.Master == "" && l.s.Sent > 0 {
		l.breach("its far end was not seen")
	}
}

func (l *limits) places() {
	for _, place := range l.r.placesOf(l.s) {
		if !l.seen(HabitReads, habitReads(l.key, place), l.scopes[:1]) {
			l.breach("it reads %s, never in %d runs", place, l.known.Runs)
		}
	}
	l.say("reads only where it has read before")
}

// maxPlaces bounds what is learned of one run.
const maxPlaces = 64

// placesOf are the directories that a transfer reads, as far as they are the same
// from run to run, and the classes of what matters most.
func (r *Routine) placesOf(s *Transfer) (out []string) {
	add := func(place string) {
		if !slices.Contains(out, place) && len(out) < maxPlaces {
			out = append(out, place)
		}
	}
	for _, f := range s.Payload() {
		file, below := strings.CutPrefix(f.Path, s.Tool.Dir+"/")
		switch {
		case r.Class == "ci" && below: // all jobs of a runner are below the same three
			add("." + placeOf("/"+file))
		default:
			add(placeOf(f.Path))
		}
		if Grave(f.Sensitive) {
			add(f.Sensitive)
		}
	}
	if len(out) == maxPlaces {
		add("more places than are told apart")
	}
	return out
}

// placeOf is the upper three directories of a file, without what differs from run to run.
func placeOf(file string) string {
	parts := strings.Split(strings.TrimPrefix(file, "/"), "/")
	parts = parts[:min(max(len(parts)-1, 0), 3)]
	for i, p := range parts {
		if digits := strings.Trim(p, "0123456789-_.T:"); digits == "" || looksRandom(p) {
			parts[i] = "N"
		}
	}
	return "/" + strings.Join(parts, "/")
}

// forbidden is what no routine may do, whatever its habit.
func (r *Routine) forbidden(s *Transfer) string {
	for _, a := range s.Tool.Args {
		if r.Class == "git" && strings.Contains(a, "receive-pack") {
			return "it pushes"
		}
	}
	if r.fetches() && s.Direction != In && s.Sent > leastIn && s.Sent > s.Received {
		return fmt.Sprintf("%s went out, %s came in", humanSize(s.Sent), humanSize(s.Received))
	}
	return ""
}

// blinding is what of a transfer was not seen and could hide a breach.
func blinding(s *Transfer) string {
	for _, u := range s.Unseen {
		if strings.Contains(u, "not listed") || strings.Contains(u, "bytes are missing") || strings.Contains(u, "not known") || strings.Contains(u, "is cut") {
			return u
		}
	}
	return ""
}

// has tells whether the number of a transfer's host is still that host's.
func (c *counts) has(t *tallied) bool {
	return int(t.host) < len(c.hosts) && t.key != "" && c.hosts[t.host].key() == t.key
}

// slowly is what a habit learns of a run that sent so much: who sends a little more
// each day is soon far beyond.
func slowly(sent, before int64) int64 { return min(sent, max(before+before/4, least)) }

// learn makes a run that has ended part of its habit. A run that broke a limit
// is not, unless somebody said that it was allowed; nor is one that sends to the
// internet before somebody did so once. Its limit of bytes, and that of all who bring
// data in, grow by a quarter a day at most, unless somebody allowed more.
func (c *counts) learn(t *transfer, allowed bool) {
	s, r := t.shown, t.tally.routine
	if r == nil || s == nil || !t.tally.counted || t.tally.learned || !allowed && r.Breach != "" || !c.has(&t.tally) {
		return
	}
	if !allowed && !r.fetches() && r.Class != "mirror" && c.unknownOutside(r, t, s) != "" {
		return
	}
	t.tally.learned = true
	at, sent := s.Started.UnixMilli(), outgoing(s)
	wide := sent
	if !allowed {
		at = startOf(c.today).UnixMilli() // who waits for midnight, or begins in an old process, counts today too
		if _, _, before := c.daily(r.wide, anywhere); before > 0 {
			wide = slowly(sent, before)
		}
		if r.Known {
			sent = slowly(sent, r.before)
		}
	}
	c.add(Habit, r.key, t.tally.host, at, 1, sent)
	c.add(Habit, r.wide, t.tally.host, at, 1, wide)
	for _, addr := range t.tally.met {
		c.add(HabitTo, habitTo(r.key, addr), t.tally.host, at, 1, 0)
		if r.wide != "" {
			c.add(HabitTo, habitTo(r.wide, addr), t.tally.host, at, 1, 0)
		}
		if allowed && !Internal(addr) {
			c.add(HabitTo, habitAllowed(r.key, addr), t.tally.host, at, 1, 0)
		}
	}
	for _, place := range r.placesOf(s) {
		c.add(HabitReads, habitReads(r.key, place), t.tally.host, at, 1, 0)
	}
}

// unknownOutside is an address on the internet that nobody has allowed this to go to.
func (c *counts) unknownOutside(r *Routine, t *transfer, s *Transfer) string {
	if s.Direction == In {
		return ""
	}
	for _, addr := range t.tally.met {
		if !Internal(addr) && c.look(HabitTo, habitAllowed(r.key, addr), t.tally.host).Host.Runs == 0 {
			return addr.String()
		}
	}
	return ""
}
