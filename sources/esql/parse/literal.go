package parse

import (
	"math"
	"strconv"
	"strings"
)

// constantKind tells numbers, texts and truths apart.
func constantKind(v any) string {
	switch v.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	}
	return "numeric"
}

// array reads [1, 2, 3].
func (p *parser) array() (Expr, error) {
	t := p.next()
	var values []any
	for {
		e, err := p.negation()
		if err != nil {
			return nil, err
		}
		l, ok := e.(*Literal)
		if !ok || l.Value == nil {
			return nil, Errorf(Parsing, e.At(), "arrays hold constants only")
		}
		if len(values) > 0 && constantKind(l.Value) != constantKind(values[0]) {
			return nil, Errorf(Parsing, e.At(), "arrays hold constants of one type only")
		}
		values = append(values, l.Value)
		if !p.accept(",") {
			break
		}
	}
	if err := p.expect("]"); err != nil {
		return nil, err
	}
	return &Literal{p.node(t), values}, nil
}

// number reads a number, or an amount of time: 1 hour, 7d.
func (p *parser) number() (Expr, error) {
	t := p.next()
	if t.kind == integer {
		if u := p.peek(); u.kind == word && !reserved[strings.ToLower(u.text)] {
			return p.interval(t)
		}
		if n, err := strconv.ParseInt(t.text, 10, 64); err == nil {
			return &Literal{p.node(t), n}, nil
		}
		if n, err := strconv.ParseUint(t.text, 10, 64); err == nil {
			return &Literal{p.node(t), n}, nil
		}
	}
	f, err := strconv.ParseFloat(t.text, 64)
	if err != nil || math.IsInf(f, 0) {
		return nil, Errorf(Parsing, t.pos, "Number [%s] is too large", t.text)
	}
	return &Literal{p.node(t), f}, nil
}

// negativeNumber reads a minus and the number after it.
func (p *parser) negativeNumber() (Expr, error) {
	start := p.next()
	if k := p.peek().kind; k != integer && k != decimal {
		p.at--
		return nil, p.unexpected("an expression")
	}
	e, err := p.number()
	if err != nil {
		return nil, err
	}
	v, ok := negated(e.(*Literal).Value)
	if !ok {
		return nil, Errorf(Parsing, start.pos, "Number [-%s] is too large", e.Text())
	}
	return &Literal{p.node(start), v}, nil
}

func negated(v any) (any, bool) {
	switch n := v.(type) {
	case int64:
		return -n, true
	case uint64:
		if n == 1<<63 {
			return int64(math.MinInt64), true
		}
		return -float64(n), true
	case float64:
		return -n, true
	case Interval:
		return Interval{-n.Amount, n.Unit}, true
	}
	return nil, false
}

// interval reads the unit after a number.
func (p *parser) interval(t token) (Expr, error) {
	u := p.next()
	unit, ok := Unit(u.text)
	if !ok {
		if p.late == nil { // what is no syntax at all is told of first
			p.late = Errorf(Parsing, t.pos, "Unexpected temporal unit: '%s'", strings.ToLower(u.text))
		}
		return &Literal{p.node(t), nil}, nil
	}
	n, err := strconv.ParseInt(t.text, 10, 64)
	if err != nil {
		return nil, Errorf(Parsing, t.pos, "Number [%s] outside of [%s] range", t.text, u.text)
	}
	return &Literal{p.node(t), Interval{n, unit}}, nil
}

// Unit gives the singular of a unit of time as ES|QL writes them.
func Unit(s string) (string, bool) {
	switch strings.ToLower(s) {
	case "millisecond", "milliseconds", "ms":
		return "millisecond", true
	case "second", "seconds", "sec", "s":
		return "second", true
	case "minute", "minutes", "min", "m":
		return "minute", true
	case "hour", "hours", "h":
		return "hour", true
	case "day", "days", "d":
		return "day", true
	case "week", "weeks", "w":
		return "week", true
	case "month", "months", "mo":
		return "month", true
	case "quarter", "quarters", "q":
		return "quarter", true
	case "year", "years", "yr", "y":
		return "year", true
	}
	return "", false
}

// kindOf is the type of a constant.
func kindOf(e Expr) string {
	l, ok := e.(*Literal)
	if !ok {
		return "unknown"
	}
	switch n := l.Value.(type) {
	case string:
		return "keyword"
	case float64:
		return "double"
	case bool:
		return "boolean"
	case uint64:
		return "unsigned_long"
	case int64:
		if n > math.MaxInt32 || n < math.MinInt32 {
			return "long"
		}
		return "integer"
	}
	return "null"
}
