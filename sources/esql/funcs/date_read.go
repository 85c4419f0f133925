package funcs

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// reading is a date that is being read, by the letters of its pattern.
type reading struct {
	rest              string
	year, month, day  int
	yearDay           int
	hour, minute, sec int
	half              bool // hour is of half a day
	pm                bool
	nanos, ofDay      int64 // ofDay: since midnight, when a letter says it; else -1
	offset            time.Duration
}

// parse reads a text that is all of the pattern.
func (p *datePattern) parse(s string) (time.Time, bool) {
	switch {
	case p.free:
		return ParseDate(s)
	case p.epoch != 0:
		n, err := strconv.ParseInt(s, 10, 64)
		return time.UnixMilli(0).Add(time.Duration(n) * p.epoch).UTC(), err == nil && n < 1<<53/int64(p.epoch.Milliseconds()) && n > -1<<53/int64(p.epoch.Milliseconds())
	}
	r := &reading{rest: s, year: 1970, month: 1, day: 1, ofDay: -1}
	for i, part := range p.parts {
		next := datePart{}
		if i+1 < len(p.parts) {
			next = p.parts[i+1]
		}
		if !r.part(part, next) {
			return time.Time{}, false
		}
	}
	if r.rest != "" {
		return time.Time{}, false
	}
	return r.time()
}

// time puts together what was read; false for a day that there is not.
func (r *reading) time() (time.Time, bool) {
	if r.half {
		r.hour %= 12
		if r.pm {
			r.hour += 12
		}
	}
	if r.month < 1 || r.month > 12 || r.day < 1 || r.day > 31 || r.hour > 23 || r.minute > 59 || r.sec > 59 {
		return time.Time{}, false
	}
	t := time.Date(r.year, time.Month(r.month), r.day, r.hour, r.minute, r.sec, int(r.nanos), time.UTC)
	if t.Day() != r.day {
		return time.Time{}, false
	}
	if r.yearDay > 0 {
		t = time.Date(r.year, 1, r.yearDay, r.hour, r.minute, r.sec, int(r.nanos), time.UTC)
	}
	if r.ofDay >= 0 {
		t = time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Add(time.Duration(r.ofDay))
	}
	return t.Add(-r.offset), true
}

// part reads what one part of the pattern stands for.
func (r *reading) part(d, next datePart) bool {
	switch d.letter {
	case 0:
		rest, ok := strings.CutPrefix(r.rest, d.text)
		r.rest = rest
		return ok
	case 'M', 'L':
		if d.n > 2 {
			n, ok := r.name(d.n, func(i int) string { return time.Month(i + 1).String() }, 12)
			r.month = n + 1
			return ok
		}
	case 'E':
		_, ok := r.name(d.n, func(i int) string { return time.Weekday(i).String() }, 7)
		return ok
	case 'a':
		n, ok := r.name(4, func(i int) string { return [...]string{"AM", "PM"}[i] }, 2)
		r.pm, r.half = n == 1, true
		return ok
	case 'G':
		rest, ok := strings.CutPrefix(r.rest, "AD")
		r.rest = rest
		return ok
	case 'S':
		digits := r.digits(d.n, d.n)
		n, err := strconv.ParseInt(digits+strings.Repeat("0", 9-len(digits)), 10, 64)
		r.nanos = n
		return err == nil && len(digits) == d.n
	case 'X', 'x', 'Z', 'z', 'V', 'O':
		return r.zone(d)
	}
	return r.number(d, next)
}

// name reads one of some names, cut to three letters when n is 3 or less.
func (r *reading) name(n int, name func(i int) string, of int) (int, bool) {
	for i := range of {
		s := name(i)
		if n < 4 {
			s = s[:min(3, len(s))]
		}
		if rest, ok := strings.CutPrefix(r.rest, s); ok {
			r.rest = rest
			return i, true
		}
	}
	return 0, false
}

// digits takes at least and at most so many digits; "" when there are fewer.
func (r *reading) digits(least, most int) string {
	n := 0
	for n < len(r.rest) && n < most && r.rest[n] >= '0' && r.rest[n] <= '9' {
		n++
	}
	if n < least {
		return ""
	}
	digits := r.rest[:n]
	r.rest = r.rest[n:]
	return digits
}

// number reads a number: of as many digits as letters, and where only one
// letter stands as many as there are, unless another number follows.
func (r *reading) number(d, next datePart) bool {
	least, most := d.n, d.n
	adjacent := next.letter != 0 && strings.IndexByte("yuMdDHhKkmsSnNA", next.letter) >= 0
	if d.n == 1 && !adjacent || d.n > 2 && !adjacent && (d.letter == 'y' || d.letter == 'u') {
		most = 10
	}
	n, err := strconv.ParseInt(r.digits(least, most), 10, 64)
	if err != nil {
		return false
	}
	v := int(n)
	switch d.letter {
	case 'y', 'u':
		if r.year = v; d.n == 2 {
			r.year += 2000
		}
	case 'M', 'L':
		r.month = v
	case 'd':
		r.day = v
	case 'D':
		r.yearDay = v
		return v >= 1 && v <= 366
	case 'H':
		r.hour = v
	case 'k':
		r.hour = v % 24
	case 'h', 'K':
		r.hour, r.half = v, true
		return v <= 12
	case 'm':
		r.minute = v
	case 's':
		r.sec = v
	case 'n':
		r.nanos = n
	case 'N':
		r.ofDay = n
	case 'A':
		r.ofDay = n * int64(time.Millisecond)
	default:
		return false // weeks and quarters name no day
	}
	return true
}

// zone reads an offset, or one of the names of UTC.
func (r *reading) zone(d datePart) bool {
	for _, name := range []string{"UTC", "GMT", "Z"} {
		if rest, ok := strings.CutPrefix(r.rest, name); ok && (name != "Z" || d.letter != 'x') {
			r.rest = rest
			if !strings.HasPrefix(rest, "+") && !strings.HasPrefix(rest, "-") {
				return true
			}
			break
		}
	}
	if r.rest == "" || !slices.Contains([]byte("+-"), r.rest[0]) {
		return false
	}
	sign := time.Duration(1)
	if r.rest[0] == '-' {
		sign = -1
	}
	r.rest = r.rest[1:]
	hours, err := strconv.Atoi(r.digits(2, 2))
	if err != nil || hours > 18 {
		return false
	}
	minutes := 0
	rest := strings.TrimPrefix(r.rest, ":")
	if len(rest) >= 2 && rest[0] >= '0' && rest[0] <= '5' && (d.letter != 'X' && d.letter != 'x' || d.n > 1 || len(rest) == len(r.rest)) {
		r.rest = rest
		if minutes, err = strconv.Atoi(r.digits(2, 2)); err != nil {
			return false
		}
	}
	r.offset = sign * (time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute)
	return true
}
