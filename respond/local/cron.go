package local

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// cronSpec is when a cron line starts: sets of minutes, hours, days of the
// month, months and days of the week, one bit each.
type cronSpec struct {
	minute, hour, day, month, weekday uint64
	anyDay, anyWeekday                bool // the field began with *
	reboot                            bool
}

var errCron = errors.New("is no cron time")

var cronNames = map[string]string{
	"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
	"@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}

var (
	months   = []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}
	weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
)

// parseCron takes the time off the front of a line and returns the rest.
func parseCron(line string) (cronSpec, string, error) {
	if strings.HasPrefix(line, "@") {
		name, rest := cutField(line)
		if name == "@reboot" {
			return cronSpec{reboot: true}, rest, nil
		}
		text, ok := cronNames[strings.ToLower(name)]
		if !ok {
			return cronSpec{}, "", errCron
		}
		line = text + " " + rest
	}
	var f [5]string
	for i := range f {
		f[i], line = cutField(line)
	}
	s := cronSpec{anyDay: strings.HasPrefix(f[2], "*"), anyWeekday: strings.HasPrefix(f[4], "*")}
	var errs [5]error
	s.minute, errs[0] = cronField(f[0], 0, 59, nil)
	s.hour, errs[1] = cronField(f[1], 0, 23, nil)
	s.day, errs[2] = cronField(f[2], 1, 31, nil)
	s.month, errs[3] = cronField(f[3], 1, 12, months)
	s.weekday, errs[4] = cronField(f[4], 0, 7, weekdays)
	s.weekday |= s.weekday >> 7 & 1 // 7 is Sunday too
	return s, line, errors.Join(errs[:]...)
}

func cutField(s string) (field, rest string) {
	s = strings.TrimLeft(s, " \t")
	i := strings.IndexAny(s, " \t")
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimLeft(s[i:], " \t")
}

// cronField reads "*", "5", "1-5", "*/10", "mon,wed" and their mixtures.
func cronField(s string, low, high int, names []string) (set uint64, err error) {
	for part := range strings.SplitSeq(s, ",") {
		span, step, hasStep := strings.Cut(part, "/")
		every := 1
		if hasStep {
			if every, err = strconv.Atoi(step); err != nil || every < 1 {
				return 0, errCron
			}
		}
		from, to := low, high
		if span != "*" {
			first, last, isRange := strings.Cut(span, "-")
			if from, err = cronValue(first, low, names); err != nil {
				return 0, err
			}
			switch {
			case isRange:
				if to, err = cronValue(last, low, names); err != nil {
					return 0, err
				}
			case !hasStep:
				to = from
			}
		}
		if from < low || to > high || from > to {
			return 0, errCron
		}
		for v := from; v <= to; v += every {
			set |= 1 << v
		}
	}
	return set, nil
}

func cronValue(s string, low int, names []string) (int, error) {
	for i, name := range names {
		if strings.EqualFold(s, name) {
			return low + i, nil
		}
	}
	v, err := strconv.Atoi(s)
	if err != nil || v < 0 {
		return 0, errCron
	}
	return v, nil
}

// starts tells whether it starts in the minute of t, in t's zone. With both
// days given either is enough, as cron has it.
func (s cronSpec) starts(t time.Time) bool {
	has := func(set uint64, v int) bool { return set>>v&1 == 1 }
	if !has(s.minute, t.Minute()) || !has(s.hour, t.Hour()) || !has(s.month, int(t.Month())) {
		return false
	}
	day, weekday := has(s.day, t.Day()), has(s.weekday, int(t.Weekday()))
	if s.anyDay || s.anyWeekday {
		return day && weekday
	}
	return day || weekday
}

// around returns the starts nearest to t on both sides, within reach; zero for none.
func (s cronSpec) around(t time.Time, reach time.Duration) (last, next time.Time) {
	minute := t.Truncate(time.Minute)
	for m := minute; t.Sub(m) <= reach; m = m.Add(-time.Minute) {
		if s.starts(m) {
			last = m
			break
		}
	}
	for m := minute.Add(time.Minute); m.Sub(t) <= reach; m = m.Add(time.Minute) {
		if s.starts(m) {
			next = m
			break
		}
	}
	return last, next
}
