package playbooks

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"interdict/detect"
)

// How near in time two alerts are about one incident.
const (
	sameHour = time.Hour
	sameDay  = 24 * time.Hour
)

// Suggestion is a finding that may belong to a case, and why.
type Suggestion struct {
	Finding *detect.Finding
	Why     string
	Strong  bool // a new finding of this kind is put into the case by itself
}

// Belongs says why a finding belongs to a case without anybody asking; "" when
// it does not: the same program that nobody vouches for, the same far end
// outside within a day, or the same host within an hour.
func Belongs(k *Case, f *detect.Finding) string {
	for _, x := range k.Exhibits {
		if s, ok := relate(x.Finding, f); ok && s.Strong {
			return s.Why
		}
	}
	return ""
}

// Related are the findings that are in no case and may belong to k, what says most first.
func Related(k *Case, all []*detect.Finding) []Suggestion {
	var out []Suggestion
	for _, f := range all {
		if k.Has(f.ID) {
			continue
		}
		var best *Suggestion
		for _, x := range k.Exhibits {
			if s, ok := relate(x.Finding, f); ok && (best == nil || s.Strong && !best.Strong) {
				best = &s
			}
		}
		if best != nil {
			out = append(out, *best)
		}
	}
	slices.SortStableFunc(out, func(a, b Suggestion) int {
		if a.Strong != b.Strong {
			return map[bool]int{true: -1, false: 1}[a.Strong]
		}
		return cmp.Compare(b.Finding.Risk, a.Finding.Risk)
	})
	return out
}

// relate says what two findings have in common.
func relate(a, b *detect.Finding) (Suggestion, bool) {
	x, y := newSubject(a, a.Last), newSubject(b, b.Last)
	apart := x.before.Sub(y.before).Abs()
	say := func(strong bool, why string) (Suggestion, bool) {
		return Suggestion{Finding: b, Why: why, Strong: strong}, true
	}
	if h := x.suspect(); h != "none" && h == y.suspect() {
		return say(true, "the same program, sha256 "+short(h, 12))
	}
	far, outside := shared(x, y)
	switch {
	case far.IsValid() && outside && apart <= sameDay:
		return say(true, "the same far end, "+far.String())
	case sameHost(a.Host, b.Host) && apart <= sameHour:
		return say(true, "the same host within "+span(max(apart, time.Second)))
	case far.IsValid():
		return say(false, "the same far end, "+far.String())
	case sameHost(a.Host, b.Host) && apart <= sameDay:
		return say(false, "the same host, "+span(apart)+" apart")
	case x.tool.CommandLine != "" && x.tool.CommandLine == y.tool.CommandLine:
		return say(false, "the same command line")
	case x.tool.LoginUID >= 1000 && x.tool.User != "" && x.tool.User == y.tool.User && apart <= sameDay:
		return say(false, "the same user, "+x.tool.User)
	}
	return Suggestion{}, false
}

func sameHost(a, b detect.Host) bool {
	if a.ID != "" && b.ID != "" {
		return a.ID == b.ID
	}
	return a.Name != "" && a.Name == b.Name
}

// shared is a far end of both, an outside one if there is.
func shared(x, y *subject) (addr netip.Addr, outside bool) {
	theirs := map[netip.Addr]bool{}
	for _, p := range y.far() {
		theirs[p.Addr.Unmap()] = true
	}
	for _, p := range x.far() {
		if a := p.Addr.Unmap(); theirs[a] && (!addr.IsValid() || !detect.Internal(a)) {
			addr, outside = a, !detect.Internal(a)
		}
	}
	return addr, outside
}
