package detect

import (
	"slices"
	"time"
)

// tally is how often one value occurred in one scope, by day.
type tally struct {
	days  []dayCount // ascending
	hosts int32      // with this value, of a group or anywhere
}

type dayCount struct {
	day  int32 // since the epoch
	runs uint32
	most int64 // bytes
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
	if len(t.days) > int(keep) { // not by the newest day: of a clock that was ahead it ages nothing
		t.days = t.days[1:]
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
