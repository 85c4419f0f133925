package detect

import "slices"

// lineage is the ancestors of a tool, nearest first, as they were when it
// started, but for their end. It does not change: what ends makes the next one.
// Transfers of one parent share it.
type lineage struct {
	facts []Process
	above []*proc    // the same; nil: it has ended
	as    []*Process // the facts that the copies were made of
	next  *lineage
}

// lineageOf gives that of p: its parent's last one while nothing of it is another by now.
func (t *table) lineageOf(p *proc) *lineage {
	up := t.all[p.up]
	if up == nil || up == p {
		return &lineage{}
	}
	if l := up.line; l != nil && l.is(t, p) {
		return l
	}
	l := &lineage{}
	for range maxAncestors {
		up := t.all[p.up]
		if up == nil || up == p {
			break
		}
		l.facts, l.above, l.as = append(l.facts, t.process(up)), append(l.above, up), append(l.as, up.facts)
		if up.endedAt != 0 {
			l.above[len(l.above)-1] = nil
		}
		p = up
	}
	l.facts = slices.Clip(l.facts)
	up.line = l
	return l
}

// is tells whether l is what would be found above p now.
func (l *lineage) is(t *table, p *proc) bool {
	for i, facts := range l.as {
		up := t.all[p.up]
		if up == nil || up == p || up.facts != facts || (up.endedAt != 0) != (l.above[i] == nil) {
			return false
		}
		p = up
	}
	up := t.all[p.up]
	return len(l.as) == maxAncestors || up == nil || up == p
}

// now is the lineage with the ends that were seen since.
func (l *lineage) now() *lineage {
	for l.next != nil {
		l = l.next
	}
	if !slices.ContainsFunc(l.above, func(p *proc) bool { return p != nil && p.endedAt != 0 }) {
		return l
	}
	n := &lineage{facts: slices.Clone(l.facts), above: slices.Clone(l.above)}
	for i, p := range n.above {
		if p != nil && p.endedAt != 0 {
			n.facts[i].Ended, n.facts[i].ExitCode, n.above[i] = millis(p.endedAt), p.exit, nil
		}
	}
	l.next = n
	return n
}
