package funcs

import (
	"strings"

	"interdict/sources/frame"
)

// Types of constants that no column can have.
const (
	DatePeriod   frame.Type = 100 // months and days: Value.Str is not used, see Interval
	TimeDuration frame.Type = 101 // a fixed length
)

// TypeName is the type as Elasticsearch's messages write it.
func TypeName(t frame.Type) string {
	switch t {
	case DatePeriod:
		return "date_period"
	case TimeDuration:
		return "time_duration"
	case frame.Date:
		return "datetime"
	}
	return t.String()
}

// Types is a set of types.
type Types uint32

// Sets that signatures are made of.
const (
	String   = Types(1 << frame.Keyword)
	Bool     = Types(1 << frame.Boolean)
	Int      = Types(1 << frame.Integer)
	Long     = Types(1 << frame.Long)
	ULong    = Types(1 << frame.UnsignedLong)
	Double   = Types(1 << frame.Double)
	DateMS   = Types(1 << frame.Date)
	DateNS   = Types(1 << frame.DateNanos)
	IP       = Types(1 << frame.IP)
	Version  = Types(1 << frame.Version)
	Temporal = Types(1 << 30) // date_period and time_duration

	Whole   = Int | Long | ULong
	Numeric = Whole | Double
	Dates   = DateMS | DateNS
	Any     = String | Bool | Numeric | Dates | IP | Version
)

// Has tells whether the set has a type; null is in every set.
func (s Types) Has(t frame.Type) bool {
	switch t {
	case frame.Null:
		return true
	case DatePeriod, TimeDuration:
		return s&Temporal != 0
	}
	return s&(1<<t) != 0
}

// String lists the set as Elasticsearch's messages do.
func (s Types) String() string {
	switch s {
	case Any:
		return "any type"
	case Numeric:
		return "numeric"
	case Whole:
		return "whole number except counter types"
	case Int:
		return "integer"
	}
	var names []string
	for _, g := range []struct {
		set  Types
		name string
	}{{Bool, "boolean"}, {IP, "ip"}, {String, "string"}, {Version, "version"}, {Numeric, "numeric"}, {DateMS, "datetime"}, {DateNS, "date_nanos"},
		{Int, "integer"}, {Long, "long"}, {ULong, "unsigned_long"}, {Double, "double"}, {Temporal, "dateperiod or timeduration"}} {
		if s&g.set == g.set {
			names = append(names, g.name)
			s &^= g.set
		}
	}
	switch n := len(names); n {
	case 0:
		return ""
	case 1:
		return names[0]
	case 2:
		return names[0] + " or " + names[1]
	default:
		return strings.Join(names[:n-1], ", ") + " or " + names[n-1]
	}
}

// IsNumeric tells whether arithmetic works on a type.
func IsNumeric(t frame.Type) bool { return Numeric.Has(t) && t != frame.Null }

// IsDate tells whether a type is one of dates.
func IsDate(t frame.Type) bool { return Dates.Has(t) && t != frame.Null }

// Widest is the type in which numbers of both types are computed.
func Widest(a, b frame.Type) frame.Type {
	switch {
	case a == frame.Null:
		return b
	case b == frame.Null:
		return a
	case a == frame.Double || b == frame.Double:
		return frame.Double
	case a == frame.UnsignedLong || b == frame.UnsignedLong:
		return frame.UnsignedLong
	case a == frame.Long || b == frame.Long:
		return frame.Long
	}
	return a
}

// Fixed is a result type that arguments do not change.
func Fixed(t frame.Type) func([]frame.Type) frame.Type {
	return func([]frame.Type) frame.Type { return t }
}

// Same is the type of the first argument, null also.
func Same(args []frame.Type) frame.Type { return args[0] }

// SameAs is the type of argument i, or of the first later one that is not null.
func SameAs(i int) func([]frame.Type) frame.Type {
	return func(args []frame.Type) frame.Type {
		for _, t := range args[min(i, len(args)):] {
			if t != frame.Null {
				return t
			}
		}
		return frame.Null
	}
}
