package playbooks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Merge puts together what two made of one document, each without the other's
// writing. base is what both began with, empty when there was none. What only one
// of them changed is taken from that one. Logs keep the elements of both. An
// object is merged name by name, save one with an "at": it is a statement and is
// taken whole. Where both say something else, theirs holds, which was there first,
// and dropped tells what of mine does not hold.
func Merge(base, mine, theirs []byte) (merged []byte, dropped []string, err error) {
	m := merging{}
	out := m.value("", base, mine, theirs)
	return out, m.dropped, m.err
}

type merging struct {
	dropped []string
	err     error
}

func (m *merging) value(path string, base, mine, theirs json.RawMessage) json.RawMessage {
	switch {
	case same(mine, theirs), same(mine, base):
		return theirs
	case same(theirs, base):
		return mine
	}
	a, b, t := object(base), object(mine), object(theirs)
	if b != nil && t != nil && (path == "" || b["at"] == nil && t["at"] == nil) {
		return m.object(path, a, b, t)
	}
	if l, mineToo := list(mine); mineToo {
		if k, theirsToo := list(theirs); theirsToo {
			return m.encode(together(k, l))
		}
	}
	m.dropped = append(m.dropped, fmt.Sprintf("%s: %s", path, said(mine)))
	return theirs
}

func (m *merging) object(path string, base, mine, theirs map[string]json.RawMessage) json.RawMessage {
	names := map[string]bool{}
	for _, from := range []map[string]json.RawMessage{mine, theirs} {
		for name := range from {
			names[name] = true
		}
	}
	out := map[string]json.RawMessage{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		inner := name
		if path != "" {
			inner = path + "." + name
		}
		if v := m.value(inner, base[name], mine[name], theirs[name]); v != nil {
			out[name] = v
		}
	}
	return m.encode(out)
}

// together are their elements, and behind them those of mine that they lack.
func together(theirs, mine []json.RawMessage) []json.RawMessage {
	known := map[string]bool{}
	for _, e := range theirs {
		known[elementID(e)] = true
	}
	for _, e := range mine {
		if !known[elementID(e)] {
			theirs = append(theirs, e)
		}
	}
	return theirs
}

// elementID is what an element of a log is called; one without an id is its own text.
func elementID(e json.RawMessage) string {
	var named struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(e, &named) == nil && named.ID != "" {
		return named.ID
	}
	return string(e)
}

func (m *merging) encode(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		m.err = err
	}
	return b
}

func object(raw json.RawMessage) (out map[string]json.RawMessage) {
	if json.Unmarshal(raw, &out) != nil {
		return nil
	}
	return out
}

func list(raw json.RawMessage) (out []json.RawMessage, ok bool) {
	return out, json.Unmarshal(raw, &out) == nil && out != nil
}

// same tells whether two texts are the same value, but for blanks.
func same(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

// said is what a person reads of a value.
func said(raw json.RawMessage) string {
	const most = 200
	if raw == nil {
		return "removed"
	}
	if len(raw) > most {
		return string(bytes.ToValidUTF8(raw[:most], nil)) + "…"
	}
	return string(raw)
}
