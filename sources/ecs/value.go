package ecs

import (
	"math"
	"net/netip"
	"strconv"
	"time"

	"interdict/sources/frame"
)

// addrCache remembers the address that a column had last: hosts repeat theirs.
type addrCache struct{ text, key string }

func (d *Decoder) setText(col int, s []byte) bool {
	if d.sieve != nil {
		return d.sieve.value(col, s)
	}
	switch t := d.fields[col].Type; t {
	case frame.Keyword, frame.Version:
		d.b.KeywordBytes(col, s)
		return true
	case frame.IP:
		return d.setAddr(col, s)
	case frame.Date, frame.DateNanos:
		ns, ok := parseDate(s)
		return ok && d.setDate(col, ns)
	case frame.Boolean:
		if string(s) != "true" && string(s) != "false" {
			return false
		}
		d.b.Bool(col, s[0] == 't')
		return true
	case frame.Null:
		return false
	}
	end, whole := numberEnd(s, 0)
	return end == len(s) && d.setNumber(col, s, whole)
}

func (d *Decoder) setAddr(col int, s []byte) bool {
	if c := &d.addrs[col]; c.text == string(s) && c.key != "" {
		d.b.Keyword(col, c.key)
		return true
	}
	text := string(s)
	a, err := netip.ParseAddr(text)
	if err != nil {
		return false
	}
	d.addrs[col] = addrCache{text, frame.AddrKey(a)}
	d.b.Keyword(col, d.addrs[col].key)
	return true
}

func (d *Decoder) setBool(col int, v bool) bool {
	if d.sieve != nil {
		return d.sieve.value(col, strconv.AppendBool(nil, v))
	}
	switch d.fields[col].Type {
	case frame.Boolean:
		d.b.Bool(col, v)
	case frame.Keyword, frame.Version:
		d.b.Keyword(col, strconv.FormatBool(v))
	default:
		return false
	}
	return true
}

// setNumber takes a number as JSON spells it. Whole-number fields drop a
// fraction, as Elasticsearch's coercion does.
func (d *Decoder) setNumber(col int, s []byte, whole bool) bool {
	if d.sieve != nil {
		return d.sieve.value(col, s)
	}
	switch t := d.fields[col].Type; t {
	case frame.Keyword, frame.Version:
		d.b.KeywordBytes(col, s)
		return true
	case frame.Integer, frame.Long:
		v, ok := parseInt(s, whole)
		if !ok || t == frame.Integer && int64(int32(v)) != v {
			return false
		}
		d.b.Int(col, v)
		return true
	case frame.UnsignedLong:
		v, ok := parseUint(s, whole)
		if ok {
			d.b.Int(col, int64(v))
		}
		return ok
	case frame.Double:
		v, err := strconv.ParseFloat(string(s), 64)
		if err == nil {
			d.b.Float(col, v)
		}
		return err == nil
	case frame.Date, frame.DateNanos:
		v, ok := parseInt(s, whole)
		if !ok {
			return false
		}
		return d.setDate(col, instant{v, 0})
	}
	return false
}

// The years 0000 to 9999, which is what has a spelling.
const minDate, maxDate = -62167219200000, 253402300799999

// setDate adds the shift and stores; out of the type's range is a misfit.
func (d *Decoder) setDate(col int, at instant) bool {
	if d.shift != 0 {
		at = at.add(d.shift)
	}
	if at.ms < minDate || at.ms > maxDate {
		return false
	}
	if d.fields[col].Type == frame.Date {
		d.b.Int(col, at.ms)
		return true
	}
	if at.ms < 0 || at.ms > math.MaxInt64/1_000_000-1 {
		return false
	}
	d.b.Int(col, at.ms*1_000_000+at.ns)
	return true
}

func parseInt(s []byte, whole bool) (int64, bool) {
	if whole && len(s) <= 18 {
		neg := s[0] == '-'
		if neg {
			s = s[1:]
		}
		var v int64
		for _, c := range s {
			v = v*10 + int64(c-'0')
		}
		if neg {
			v = -v
		}
		return v, true
	}
	if whole {
		v, err := strconv.ParseInt(string(s), 10, 64)
		return v, err == nil
	}
	f, err := strconv.ParseFloat(string(s), 64)
	if err != nil || math.Abs(f) >= 1<<63 {
		return 0, false
	}
	return int64(f), true
}

func parseUint(s []byte, whole bool) (uint64, bool) {
	if whole {
		v, err := strconv.ParseUint(string(s), 10, 64)
		return v, err == nil
	}
	f, err := strconv.ParseFloat(string(s), 64)
	if err != nil || f < 0 || f >= 1<<64 {
		return 0, false
	}
	return uint64(f), true
}

// instant is a time as milliseconds since the epoch and the nanoseconds within
// the millisecond, 0 to 999,999.
type instant struct{ ms, ns int64 }

func (t instant) add(ns int64) instant {
	t.ns += ns % 1_000_000
	t.ms += ns / 1_000_000
	if t.ns < 0 {
		t.ns += 1_000_000
		t.ms--
	} else if t.ns >= 1_000_000 {
		t.ns -= 1_000_000
		t.ms++
	}
	return t
}

// ParseDate reads a date as documents spell it: ISO 8601 with what precision
// it likes (UTC unless it says otherwise), or milliseconds since the epoch.
func ParseDate(s string) (time.Time, bool) {
	at, ok := parseDate([]byte(s))
	if !ok {
		return time.Time{}, false
	}
	return time.UnixMilli(at.ms).Add(time.Duration(at.ns)).UTC(), true
}

func parseDate(s []byte) (instant, bool) {
	if end, whole := numberEnd(s, 0); end == len(s) && whole && len(s) > 4 {
		v, ok := parseInt(s, true)
		return instant{v, 0}, ok
	}
	p := dateParser{s: s}
	return p.parse()
}

// dateParser reads yyyy[-MM[-dd[(T| )HH[:mm[:ss[(.|,)f…]]][zone]]]].
type dateParser struct {
	s   []byte
	bad bool
}

func (p *dateParser) parse() (instant, bool) {
	year := p.number(4)
	month, day := int64(1), int64(1)
	if p.take('-') {
		month = p.number(2)
		if p.take('-') {
			day = p.number(2)
		}
	}
	var secs, ns, zone int64
	if !p.bad && len(p.s) > 0 && (p.take('T') || p.take('t') || p.take(' ')) && len(p.s) > 0 {
		secs, ns = p.clock()
		zone = p.zone()
	}
	if p.bad || len(p.s) > 0 || month < 1 || month > 12 || day < 1 || day > monthDays(year, month) {
		return instant{}, false
	}
	secs += days(year, month, day)*86400 - zone
	return instant{secs*1000 + ns/1_000_000, ns % 1_000_000}, true
}

func (p *dateParser) take(c byte) bool {
	if len(p.s) == 0 || p.s[0] != c {
		return false
	}
	p.s = p.s[1:]
	return true
}

func (p *dateParser) number(width int) (v int64) {
	if len(p.s) < width {
		p.bad = true
		return 0
	}
	for _, c := range p.s[:width] {
		if c-'0' > 9 {
			p.bad = true
			return 0
		}
		v = v*10 + int64(c-'0')
	}
	p.s = p.s[width:]
	return v
}

func (p *dateParser) clock() (secs, ns int64) {
	hour := p.number(2)
	var minute, second int64
	if p.take(':') {
		minute = p.number(2)
		if p.take(':') {
			second = p.number(2)
			if p.take('.') || p.take(',') {
				ns = p.fraction()
			}
		}
	}
	if hour > 23 || minute > 59 || second > 59 {
		p.bad = true
	}
	return hour*3600 + minute*60 + second, ns
}

// fraction reads digits after the second; those past nanoseconds are dropped.
func (p *dateParser) fraction() (ns int64) {
	end := digits(p.s, 0)
	if end == 0 {
		p.bad = true
	}
	scale := int64(100_000_000)
	for _, c := range p.s[:end] {
		ns += int64(c-'0') * scale
		scale /= 10
	}
	p.s = p.s[end:]
	return ns
}

// zone reads Z, ±hh, ±hhmm or ±hh:mm as seconds; nothing is UTC.
func (p *dateParser) zone() int64 {
	if len(p.s) == 0 || p.take('Z') || p.take('z') {
		return 0
	}
	sign := int64(1)
	if p.take('-') {
		sign = -1
	} else if !p.take('+') {
		p.bad = true
		return 0
	}
	hours, minutes := p.number(2), int64(0)
	if p.take(':') || len(p.s) > 0 {
		minutes = p.number(2)
	}
	if hours > 18 || minutes > 59 {
		p.bad = true
	}
	return sign * (hours*3600 + minutes*60)
}

func monthDays(year, month int64) int64 {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// days counts from 1970-01-01, proleptic Gregorian; years begin in March here,
// and 400 years (146097 days) later, so that nothing is negative.
func days(year, month, day int64) int64 {
	year += 400
	if month <= 2 {
		year--
		month += 12
	}
	return 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 1 - 719468 - 146097
}
