package ecs

import (
	"slices"
	"strings"

	"interdict/sources/frame"
)

// maxInferred bounds how many fields are made of a document's keys.
const maxInferred = 10_000

// Inference finds the fields of documents and their types, as Elasticsearch's
// dynamic mapping does, but from all that it sees and not from the first value:
// whole numbers are long, others double, text that is a date throughout is a
// date, true and false are boolean, and all else, mixtures too, is a keyword.
// Fields of the catalogue have the catalogue's type.
type Inference struct {
	kinds map[string]*kinds
	path  []byte
	key   []byte
	buf   []byte
}

type kinds uint8

const (
	sawBool kinds = 1 << iota
	sawLong
	sawUnsigned // beyond long
	sawDouble
	sawDate
	sawText
)

// NewInference makes one that has seen nothing.
func NewInference() *Inference { return &Inference{kinds: map[string]*kinds{}} }

// Document looks at one JSON object. Its fields are taken as far as it can be read.
func (n *Inference) Document(doc []byte) error {
	n.buf, n.path = doc, n.path[:0]
	i := skipSpace(doc, 0)
	if i >= len(doc) || doc[i] != '{' {
		return syntaxError(doc, i)
	}
	if i = n.object(i, maxDepth-1); i < 0 {
		return syntaxError(doc, ^i)
	}
	if i = skipSpace(doc, i); i < len(doc) {
		return syntaxError(doc, i)
	}
	return nil
}

// Text looks at a value that is text where types are not told apart, as in CSV.
func (n *Inference) Text(field, value string) {
	if value == "" {
		return
	}
	k := n.field([]byte(field))
	if k == nil {
		return
	}
	b := []byte(value)
	end, whole := numberEnd(b, 0)
	switch {
	case value == "true" || value == "false":
		*k |= sawBool
	case end == len(b):
		*k |= numberKind(b, whole)
	default:
		*k |= textKind(b)
	}
}

// Fields gives the fields that had a value, by name.
func (n *Inference) Fields() []frame.Field {
	out := make([]frame.Field, 0, len(n.kinds))
	for name, k := range n.kinds {
		f := frame.Field{Name: name, Type: k.fieldType()}
		if c, ok := Lookup(name); ok {
			f.Type = c.Type()
		}
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b frame.Field) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (k kinds) fieldType() frame.Type {
	switch {
	case k == sawBool:
		return frame.Boolean
	case k == sawLong:
		return frame.Long
	case k&^(sawLong|sawUnsigned) == 0:
		return frame.UnsignedLong
	case k&^(sawLong|sawUnsigned|sawDouble) == 0:
		return frame.Double
	case k == sawDate:
		return frame.Date
	}
	return frame.Keyword
}

func (n *Inference) field(path []byte) *kinds {
	k := n.kinds[string(path)]
	if k == nil {
		if len(n.kinds) >= maxInferred {
			return nil
		}
		k = new(kinds)
		n.kinds[string(path)] = k
	}
	return k
}

func (n *Inference) object(i, depth int) int {
	b, before := n.buf, len(n.path)
	if i = skipSpace(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		key, next, flags := member(b, i)
		if next < 0 {
			return next
		}
		if flags&hasEscape != 0 {
			n.key = unescape(n.key[:0], key)
			key = n.key
		}
		n.push(key)
		if i = n.value(next, depth); i < 0 {
			return i
		}
		n.path = n.path[:before]
		i = skipSpace(b, i)
		switch {
		case i < len(b) && b[i] == ',':
			i = skipSpace(b, i+1)
		case i < len(b) && b[i] == '}':
			return i + 1
		default:
			return ^i
		}
	}
}

// push goes to a key; a search hit's _source is the document itself.
func (n *Inference) push(key []byte) {
	if len(n.path) > 0 {
		n.path = append(n.path, '.')
	} else if string(key) == "_source" {
		return
	}
	n.path = append(n.path, key...)
}

func (n *Inference) value(i, depth int) int {
	b := n.buf
	if i >= len(b) {
		return ^len(b)
	}
	switch b[i] {
	case '{':
		if depth == 0 {
			return ^i
		}
		return n.object(i, depth-1)
	case '[':
		if depth == 0 {
			return ^i
		}
		return n.list(i, depth-1)
	case 'n':
		return literalEnd(b, i)
	case 't', 'f':
		n.saw(sawBool)
		return literalEnd(b, i)
	case '"':
		end, _ := stringEnd(b, i+1)
		if end < 0 {
			return end
		}
		n.saw(textKind(b[i+1 : end]))
		return end + 1
	}
	end, whole := numberEnd(b, i)
	if end >= 0 {
		n.saw(numberKind(b[i:end], whole))
	}
	return end
}

func (n *Inference) list(i, depth int) int {
	b := n.buf
	if i = skipSpace(b, i+1); i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		if i = n.value(i, depth); i < 0 {
			return i
		}
		i = skipSpace(b, i)
		switch {
		case i < len(b) && b[i] == ',':
			i = skipSpace(b, i+1)
		case i < len(b) && b[i] == ']':
			return i + 1
		default:
			return ^i
		}
	}
}

// saw notes a value at the path; what a search hit says about itself is no field.
func (n *Inference) saw(k kinds) {
	if len(n.path) == 0 || n.path[0] == '_' {
		return
	}
	if known := n.field(n.path); known != nil {
		*known |= k
	}
}

func textKind(s []byte) kinds {
	if len(s) >= 10 && s[4] == '-' && s[7] == '-' {
		if _, ok := parseDate(s); ok {
			return sawDate
		}
	}
	return sawText
}

func numberKind(s []byte, whole bool) kinds {
	if !whole {
		return sawDouble
	}
	if _, ok := parseInt(s, true); ok {
		return sawLong
	}
	if _, ok := parseUint(s, true); ok {
		return sawUnsigned
	}
	return sawDouble
}
