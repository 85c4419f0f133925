package funcs

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// datePattern is a format of dates in the letters of Java's DateTimeFormatter,
// as far as English and UTC need them.
type datePattern struct {
	source string
	parts  []datePart
	epoch  time.Duration // epoch_millis and epoch_second: the unit of the number
	free   bool          // strict_date_optional_time
}

// datePart is some letters of one kind, or text when letter is 0.
type datePart struct {
	letter byte
	n      int
	text   string
}

// namedFormats are those of Elasticsearch's names that are patterns.
var namedFormats = map[string]string{
	"basic_date": "yyyyMMdd", "basic_date_time": "yyyyMMdd'T'HHmmss.SSSXX", "basic_date_time_no_millis": "yyyyMMdd'T'HHmmssXX",
	"date": "yyyy-MM-dd", "strict_date": "yyyy-MM-dd", "date_time": "yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "strict_date_time": "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
	"date_time_no_millis": "yyyy-MM-dd'T'HH:mm:ssXXX", "strict_date_time_no_millis": "yyyy-MM-dd'T'HH:mm:ssXXX", "hour_minute_second": "HH:mm:ss", "year_month_day": "yyyy-MM-dd",
	"date_hour_minute_second": "yyyy-MM-dd'T'HH:mm:ss", "date_hour_minute_second_millis": "yyyy-MM-dd'T'HH:mm:ss.SSS", "year_month": "yyyy-MM", "year": "yyyy",
}

// mostLetters is how often a letter may stand in a row; one that is not here is unknown.
var mostLetters = map[byte]int{'y': 19, 'u': 19, 'Y': 19, 'M': 5, 'L': 5, 'Q': 5, 'q': 5, 'd': 2, 'D': 3, 'E': 5, 'e': 5, 'c': 5, 'a': 1, 'G': 5, 'H': 2, 'h': 2, 'K': 2, 'k': 2,
	'm': 2, 's': 2, 'S': 9, 'n': 19, 'N': 19, 'A': 19, 'w': 2, 'W': 1, 'X': 5, 'x': 5, 'Z': 5, 'z': 4, 'V': 2, 'O': 4}

func compileDate(source string) (*datePattern, error) {
	p := &datePattern{source: source}
	switch source {
	case "epoch_millis":
		p.epoch = time.Millisecond
		return p, nil
	case "epoch_second":
		p.epoch = time.Second
		return p, nil
	case "", "strict_date_optional_time", "strict_date_optional_time_nanos", "date_optional_time", "iso8601":
		p.free = true
		if source == "" {
			p.source = "strict_date_optional_time"
		}
		return p, nil
	}
	text := source
	if named, ok := namedFormats[source]; ok {
		text = named
	}
	for len(text) > 0 {
		c := text[0]
		n := 1
		for n < len(text) && text[n] == c {
			n++
		}
		switch {
		case c == '\'':
			quoted, rest := quotedText(text)
			p.parts, text = append(p.parts, datePart{text: quoted}), rest
			continue
		case c == '[' || c == ']': // optional: printed, and wanted here
			n = 1
		case c == '{' || c == '}' || c == '#':
			return nil, fmt.Errorf("Invalid format: [%s]: Pattern includes reserved character: '%c'", source, c)
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			most, ok := mostLetters[c]
			if !ok {
				return nil, fmt.Errorf("Invalid format: [%s]: Unknown pattern letter: %c", source, c)
			} else if n > most {
				return nil, fmt.Errorf("Invalid format: [%s]: Too many pattern letters: %c", source, c)
			}
			p.parts = append(p.parts, datePart{letter: c, n: n})
		default:
			p.parts = append(p.parts, datePart{text: text[:n]})
		}
		text = text[n:]
	}
	return p, nil
}

// quotedText reads what stands between ', with two for one.
func quotedText(s string) (text, rest string) {
	if strings.HasPrefix(s, "''") {
		return "'", s[2:]
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return b.String(), s[i+1:]
	}
	return b.String(), ""
}

// format writes a time.
func (p *datePattern) format(t time.Time) string {
	switch {
	case p.free:
		return t.Format("2006-01-02T15:04:05.000Z")
	case p.epoch != 0:
		return strconv.FormatInt(t.UnixMilli()/p.epoch.Milliseconds(), 10)
	}
	var b strings.Builder
	for _, part := range p.parts {
		if part.letter == 0 {
			b.WriteString(part.text)
			continue
		}
		b.WriteString(part.format(t))
	}
	return b.String()
}

func (d datePart) format(t time.Time) string {
	switch d.letter {
	case 'M', 'L':
		return d.named(int(t.Month()), t.Month().String())
	case 'E':
		return d.day(t, d.n)
	case 'e', 'c':
		if d.n > 2 {
			return d.day(t, d.n)
		}
		return pad(int64(t.Weekday())+1, d.n)
	case 'a':
		return t.Format("PM")
	case 'G':
		return map[bool]string{true: "Anno Domini", false: "AD"}[d.n == 4]
	case 'Q', 'q':
		return d.quarter(int(t.Month()+2) / 3)
	case 'S':
		return fmt.Sprintf("%09d", t.Nanosecond())[:d.n]
	case 'X', 'V', 'z':
		return "Z"
	case 'x':
		return [...]string{"+00", "+0000", "+00:00", "+0000", "+00:00"}[d.n-1]
	case 'Z':
		return map[int]string{4: "GMT", 5: "Z"}[d.n] + map[bool]string{true: "+0000"}[d.n < 4]
	case 'O':
		return "GMT"
	case 'y', 'u', 'Y':
		year := t.Year()
		if d.letter == 'Y' {
			year, _ = weekOf(t)
		}
		if d.n == 2 {
			return fmt.Sprintf("%02d", (year%100+100)%100)
		}
		return pad(int64(year), d.n)
	}
	return pad(d.number(t), d.n)
}

// number is the value of a letter that is one.
func (d datePart) number(t time.Time) int64 {
	midnight := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	switch d.letter {
	case 'd':
		return int64(t.Day())
	case 'D':
		return int64(t.YearDay())
	case 'H':
		return int64(t.Hour())
	case 'k':
		return int64((t.Hour()+23)%24 + 1)
	case 'K':
		return int64(t.Hour() % 12)
	case 'h':
		return int64((t.Hour()+11)%12 + 1)
	case 'm':
		return int64(t.Minute())
	case 's':
		return int64(t.Second())
	case 'n':
		return int64(t.Nanosecond())
	case 'N':
		return int64(t.Sub(midnight))
	case 'A':
		return t.Sub(midnight).Milliseconds()
	case 'w':
		_, week := weekOf(t)
		return int64(week)
	}
	first := time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC) // 'W'
	return int64((t.Day()+int(first.Weekday())-1)/7 + 1)
}

// weekOf is the week of the year as in the United States: weeks begin on
// Sunday, and that of the first of January is the first.
func weekOf(t time.Time) (year, week int) {
	saturday := t.AddDate(0, 0, 6-int(t.Weekday()))
	year = saturday.Year()
	first := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	return year, (saturday.YearDay()+int(first.Weekday())-1)/7 + 1
}

func (d datePart) named(n int, name string) string {
	switch d.n {
	case 1, 2:
		return pad(int64(n), d.n)
	case 3:
		return name[:3]
	case 5:
		return name[:1]
	}
	return name
}

func (d datePart) day(t time.Time, n int) string {
	name := t.Weekday().String()
	switch n {
	case 4:
		return name
	case 5:
		return name[:1]
	}
	return name[:3]
}

func (d datePart) quarter(q int) string {
	switch d.n {
	case 1, 2:
		return pad(int64(q), d.n)
	case 3:
		return "Q" + strconv.Itoa(q)
	case 4:
		return strconv.Itoa(q) + [...]string{"st", "nd", "rd", "th"}[q-1] + " quarter"
	}
	return strconv.Itoa(q)
}

func pad(v int64, n int) string {
	if v < 0 {
		return "-" + pad(-v, n)
	}
	return fmt.Sprintf("%0*d", n, v)
}
