package parse

import (
	"strconv"
	"time"
)

// Param is a value for ? (no name, in order) or ?name.
type Param struct {
	Name  string
	Value any
}

// param gives the value for a ? token.
func (p *parser) param(t token) (any, error) {
	if n, err := strconv.Atoi(t.text); err == nil {
		if n < 1 || n > len(p.params) {
			return nil, Errorf(Parsing, t.pos, "No parameter is defined for position %d, did you mean any position between 1 and %d?", n, len(p.params))
		}
		return p.params[n-1].Value, nil
	}
	if t.text == "" {
		if p.used >= len(p.params) {
			return nil, Errorf(Parsing, t.pos, "Not enough actual parameters %d", len(p.params))
		}
		p.used++
		return p.params[p.used-1].Value, nil
	}
	var known []string
	for _, q := range p.params {
		if q.Name == t.text {
			return q.Value, nil
		}
		known = append(known, q.Name)
	}
	return nil, Errorf(Parsing, t.pos, "Unknown query parameter [%s]%s", t.text, didYouMean(t.text, known))
}

func (p *parser) paramName(t token) (string, error) {
	v, err := p.param(t)
	if err != nil {
		return "", err
	}
	s, ok := v.(string)
	if !ok {
		return "", Errorf(Parsing, t.pos, "parameter ?%s is used as a name and is no text", t.text)
	}
	return s, nil
}

// normal turns a parameter's value into what literals hold. A time becomes text
// as ES|QL prints dates.
func normal(v any) any {
	switch x := v.(type) {
	case int:
		return int64(x)
	case time.Time:
		return x.UTC().Format("2006-01-02T15:04:05.000Z")
	case []string:
		return anys(x)
	case []int64:
		return anys(x)
	case []float64:
		return anys(x)
	case []bool:
		return anys(x)
	case []time.Time:
		out := make([]any, len(x))
		for i := range x {
			out[i] = normal(x[i])
		}
		return out
	}
	return v
}

func anys[T any](in []T) []any {
	out := make([]any, len(in))
	for i := range in {
		out[i] = in[i]
	}
	return out
}
