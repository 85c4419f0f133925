package funcs

import (
	"fmt"
	"slices"
	"strings"
)

// Dissect is a compiled pattern of DISSECT: keys in the places between
// delimiters. Names are its outputs, each once.
type Dissect struct {
	Names     []string
	lead      string // text before the first key
	parts     []dissectPart
	separator string
}

type dissectPart struct {
	output int // in Names; -1: skipped
	add    bool
	order  int
	padded bool   // -> : the delimiter may repeat
	delim  string // after the key; "" for the last
}

// NewDissect compiles a pattern.
func NewDissect(pattern, separator string) (*Dissect, error) {
	d := &Dissect{separator: separator}
	lead, rest, found := strings.Cut(pattern, "%{")
	d.lead = lead
	for found {
		var key string
		if key, rest, found = strings.Cut(rest, "}"); !found {
			return nil, fmt.Errorf("Invalid pattern for dissect: [%s]", pattern)
		}
		var delim string
		delim, rest, found = strings.Cut(rest, "%{")
		p, err := d.part(key)
		if err != nil {
			return nil, err
		}
		p.delim = delim
		if found && delim == "" {
			return nil, fmt.Errorf("Invalid pattern for dissect: [%s]: two keys need a delimiter between them", pattern)
		}
		d.parts = append(d.parts, p)
	}
	if len(d.Names) == 0 {
		return nil, fmt.Errorf("Invalid pattern for dissect: [%s]", pattern)
	}
	return d, nil
}

func (d *Dissect) part(key string) (dissectPart, error) {
	p := dissectPart{output: -1}
	key, p.padded = strings.CutSuffix(key, "->")
	switch {
	case key == "" || key[0] == '?':
		return p, nil
	case key[0] == '*' || key[0] == '&':
		return p, fmt.Errorf("Reference keys not supported in dissect patterns: [%%{%s}]", key)
	case key[0] == '+':
		p.add = true
		key = key[1:]
		if name, order, ok := strings.Cut(key, "/"); ok {
			if _, err := fmt.Sscanf(order, "%d", &p.order); err == nil {
				key = name
			}
		}
	}
	p.output = slices.Index(d.Names, key)
	if p.output < 0 {
		p.output = len(d.Names)
		d.Names = append(d.Names, key)
	}
	return p, nil
}

// Extract implements [Extractor].
func (d *Dissect) Extract(s string, set func(int, string)) bool {
	rest, ok := strings.CutPrefix(s, d.lead)
	if !ok || rest == "" {
		return false
	}
	values := make([]string, len(d.parts))
	for k := 0; k < len(d.parts); {
		p := d.parts[k]
		if p.delim == "" {
			values[k] = rest
			break
		}
		if values[k], rest, ok = strings.Cut(rest, p.delim); !ok {
			return false
		}
		k++
		// A delimiter that repeats leaves the keys after it empty, unless it is padding.
		for strings.HasPrefix(rest, p.delim) {
			rest = rest[len(p.delim):]
			if d.parts[k-1].padded {
				continue
			}
			if k == len(d.parts) {
				break
			}
			k++
		}
	}
	d.give(values, set)
	return true
}

func (d *Dissect) give(values []string, set func(int, string)) {
	for o := range d.Names {
		var mine []int
		for i, p := range d.parts {
			if p.output == o {
				mine = append(mine, i)
			}
		}
		slices.SortStableFunc(mine, func(a, b int) int { return d.parts[a].order - d.parts[b].order })
		if !d.parts[mine[len(mine)-1]].add && len(mine) > 1 {
			mine = mine[len(mine)-1:]
		}
		joined := make([]string, len(mine))
		for i, m := range mine {
			joined[i] = values[m]
		}
		set(o, strings.Join(joined, d.separator))
	}
}
