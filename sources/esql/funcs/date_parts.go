package funcs

import (
	"fmt"
	"strings"
	"time"

	"interdict/sources/frame"
)

// dateTexts are the functions between dates and what people write.
func dateTexts() []Def {
	return []Def{
		{Name: "date_extract", Params: []Param{{Name: "datePart", Types: String}, {Name: "date", Types: Dates, Expect: "datetime or date_nanos"}}, Result: Fixed(frame.Long), New: extractDate},
		{Name: "date_format", Params: []Param{{Name: "dateFormat", Types: Any}, {Name: "date", Types: Dates, Optional: true, Expect: "datetime or date_nanos"}},
			Check: formatted, Result: Fixed(frame.Keyword), New: formatDate},
		{Name: "date_parse", Params: []Param{{Name: "datePattern", Types: String}, {Name: "dateString", Types: String, Optional: true}}, Result: Fixed(frame.Date), New: readDate},
		{Name: "day_name", Params: []Param{{Name: "date", Types: Dates}}, Result: Fixed(frame.Keyword),
			Row: func(r *Row) { r.SetStr(ToTime(r.Int(0), r.Type(0)).Weekday().String()) }},
		{Name: "month_name", Params: []Param{{Name: "date", Types: Dates}}, Result: Fixed(frame.Keyword),
			Row: func(r *Row) { r.SetStr(ToTime(r.Int(0), r.Type(0)).Month().String()) }},
	}
}

// datePieces are DATE_EXTRACT of one part, by that part's name.
func datePieces() []Def {
	var defs []Def
	for name, part := range map[string]string{"day": "day_of_month", "hour": "hour_of_day", "month": "month_of_year", "year": "year"} {
		defs = append(defs, Def{Name: name, Params: []Param{{Name: "date", Types: Dates, Expect: "datetime or date_nanos"}}, Result: Fixed(frame.Long), Row: func(r *Row) {
			n, _ := chronoField(part, ToTime(r.Int(0), r.Type(0)))
			r.SetInt(n)
		}})
	}
	return defs
}

// chronoField gives a part of a time, by the names of java.time.temporal.ChronoField.
func chronoField(name string, t time.Time) (int64, bool) {
	midnight := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	ofDay := t.Sub(midnight)
	weekday := int64(t.Weekday()+6)%7 + 1
	switch strings.ToLower(name) {
	case "nano_of_second":
		return int64(t.Nanosecond()), true
	case "nano_of_day":
		return int64(ofDay), true
	case "micro_of_second":
		return int64(t.Nanosecond() / 1000), true
	case "micro_of_day":
		return ofDay.Microseconds(), true
	case "milli_of_second":
		return int64(t.Nanosecond() / 1_000_000), true
	case "milli_of_day":
		return ofDay.Milliseconds(), true
	case "second_of_minute":
		return int64(t.Second()), true
	case "second_of_day":
		return int64(ofDay / time.Second), true
	case "minute_of_hour":
		return int64(t.Minute()), true
	case "minute_of_day":
		return int64(ofDay / time.Minute), true
	case "hour_of_ampm":
		return int64(t.Hour() % 12), true
	case "clock_hour_of_ampm":
		return int64((t.Hour()+11)%12 + 1), true
	case "hour_of_day":
		return int64(t.Hour()), true
	case "clock_hour_of_day":
		return int64((t.Hour()+23)%24 + 1), true
	case "ampm_of_day":
		return int64(t.Hour() / 12), true
	case "day_of_week":
		return weekday, true
	case "aligned_day_of_week_in_month":
		return int64((t.Day()-1)%7 + 1), true
	case "aligned_day_of_week_in_year":
		return int64((t.YearDay()-1)%7 + 1), true
	case "day_of_month":
		return int64(t.Day()), true
	case "day_of_year":
		return int64(t.YearDay()), true
	case "epoch_day":
		return int64(floorDiv(int(t.Unix()), 86400)), true
	case "aligned_week_of_month":
		return int64((t.Day()-1)/7 + 1), true
	case "aligned_week_of_year":
		return int64((t.YearDay()-1)/7 + 1), true
	case "month_of_year":
		return int64(t.Month()), true
	case "proleptic_month":
		return int64(t.Year())*12 + int64(t.Month()) - 1, true
	case "year_of_era":
		return max(int64(t.Year()), 1-int64(t.Year())), true
	case "year":
		return int64(t.Year()), true
	case "era":
		return int64(map[bool]int{true: 1}[t.Year() > 0]), true
	case "instant_seconds":
		return t.Unix(), true
	case "offset_seconds":
		return 0, true
	}
	return 0, false
}

func extractDate(c *Call) (func(*Row), error) {
	if s, ok := c.ConstStr(0); ok {
		if _, known := chronoField(s, time.Time{}); !known {
			return nil, fmt.Errorf("invalid date field for [%s]: %s", c.Source, s)
		}
	}
	return func(r *Row) {
		n, ok := chronoField(r.Str(0), ToTime(r.Int(1), r.Type(1)))
		if !ok {
			r.Fail("java.lang.IllegalArgumentException: No enum constant java.time.temporal.ChronoField.%s", strings.ToUpper(r.Str(0)))
			return
		}
		r.SetInt(n)
	}, nil
}

func formatted(args []frame.Type) string {
	fit, words := String, "string"
	if len(args) == 1 {
		fit, words = Dates, "datetime or date_nanos"
	}
	if fit.Has(args[0]) {
		return ""
	}
	return "first argument of [%s] must be [" + words + "], found value [%0] type [" + strings.ToLower(TypeName(args[0])) + "]"
}

// patternOf gives the pattern of the first of two arguments: compiled once when
// it is constant, else kept by its text. A row whose pattern is none fails; nil then.
func patternOf(c *Call) (func(*Row) *datePattern, error) {
	text := ""
	if len(c.Args) > 1 {
		s, constant := c.ConstStr(0)
		if !constant {
			known := map[string]*datePattern{}
			return func(r *Row) *datePattern {
				if p := known[r.Str(0)]; p != nil {
					return p
				}
				p, err := compileDate(r.Str(0))
				switch {
				case err != nil:
					r.Fail("java.lang.IllegalArgumentException: %s", err)
				case len(known) < 100:
					known[r.Str(0)] = p
				}
				return p
			}, nil
		}
		text = s
	}
	p, err := compileDate(text)
	return func(*Row) *datePattern { return p }, err
}

func formatDate(c *Call) (func(*Row), error) {
	pattern, err := patternOf(c)
	at := len(c.Args) - 1
	return func(r *Row) {
		if p := pattern(r); p != nil {
			r.SetStr(p.format(ToTime(r.Int(at), r.Type(at))))
		}
	}, err
}

func readDate(c *Call) (func(*Row), error) {
	pattern, err := patternOf(c)
	if err != nil {
		return nil, fmt.Errorf("invalid date pattern for [%s]: %w", c.Source, err)
	}
	at := len(c.Args) - 1
	return func(r *Row) {
		p := pattern(r)
		if p == nil {
			return
		}
		if r.Str(at) == "" {
			r.Fail("%s", errEmptyDate)
			return
		}
		t, ok := p.parse(r.Str(at))
		if !ok {
			r.Fail("java.lang.IllegalArgumentException: failed to parse date field [%s] with format [%s]", r.Str(at), p.source)
			return
		}
		r.SetInt(t.UnixMilli())
	}, nil
}
