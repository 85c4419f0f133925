package funcs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"interdict/sources/frame"
)

// jsons are the functions of text that is JSON.
func jsons() []Def {
	return []Def{
		{Name: "json_extract", Params: strs("string", "path"), Result: Fixed(frame.Keyword), New: extractJSON},
		{Name: "json_string", Params: []Param{{Name: "key", Types: String}, {Name: "value", Types: Any}}, Variadic: true, Check: jsonPairs,
			Result: Fixed(frame.Keyword), Row: jsonObject, Multi: true, Nulls: true},
	}
}

func extractJSON(*Call) (func(*Row), error) {
	paths := memo[jsonPath]{make: readPath}
	return func(r *Row) {
		path := paths.at(r, 1, 0)
		if path.wrong != nil {
			r.Fail("java.lang.IllegalArgumentException: %s", path.wrong)
			return
		}
		value := json.RawMessage(r.Str(0))
		if !json.Valid(value) {
			r.Fail("java.lang.IllegalArgumentException: invalid JSON input")
			return
		}
		for _, step := range path.steps {
			var err error
			if value, err = step.of(value); err != nil {
				r.Fail("java.lang.IllegalArgumentException: path [%s] does not exist", r.Str(1))
				return
			}
		}
		if text, ok := jsonText(value); ok {
			r.SetStr(text)
		}
	}, nil
}

// jsonText is a value as a keyword; false for null.
func jsonText(value json.RawMessage) (string, bool) {
	value = bytes.TrimSpace(value)
	switch {
	case bytes.Equal(value, []byte("null")):
		return "", false
	case value[0] == '"':
		var s string
		err := json.Unmarshal(value, &s)
		return s, err == nil
	}
	var b bytes.Buffer
	err := json.Compact(&b, value)
	return b.String(), err == nil
}

// jsonStep leads from a value to one of its own: by key, or by place.
type jsonStep struct {
	key   string
	place int // -1: by key
}

var errNoSuchValue = errors.New("no such value")

func (s jsonStep) of(value json.RawMessage) (json.RawMessage, error) {
	if s.place < 0 {
		var object map[string]json.RawMessage
		if err := json.Unmarshal(value, &object); err != nil {
			return nil, err
		}
		if v, ok := object[s.key]; ok {
			return v, nil
		}
		return nil, errNoSuchValue
	}
	var array []json.RawMessage
	if err := json.Unmarshal(value, &array); err != nil {
		return nil, err
	}
	if s.place >= len(array) {
		return nil, errNoSuchValue
	}
	return array[s.place], nil
}

// jsonPath leads to a value, or is none.
type jsonPath struct {
	steps []jsonStep
	wrong error
}

// readPath reads a path: a.b, ['a.b'], a[0], with or without $ before it.
func readPath(s string) jsonPath {
	wrong := jsonPath{wrong: fmt.Errorf("invalid path [%s]", s)}
	rest := strings.TrimPrefix(s, "$")
	if s == "" {
		return wrong
	}
	var path []jsonStep
	for first := true; rest != ""; first = false {
		if rest[0] == '[' {
			step, after, ok := bracketed(rest)
			if !ok {
				return wrong
			}
			path, rest = append(path, step), after
			continue
		}
		name, dotted := strings.CutPrefix(rest, ".")
		if dotted == first && len(rest) == len(s) || !dotted && !first {
			return wrong
		}
		n := strings.IndexAny(name, ".[")
		if n < 0 {
			n = len(name)
		}
		if n == 0 || strings.ContainsAny(name[:n], "*]") {
			return wrong
		}
		path, rest = append(path, jsonStep{name[:n], -1}), name[n:]
	}
	return jsonPath{steps: path}
}

// bracketed reads [0], ['key'] or ["key"].
func bracketed(s string) (step jsonStep, rest string, ok bool) {
	inner := strings.TrimLeft(s[1:], " ")
	if inner != "" && (inner[0] == '\'' || inner[0] == '"') {
		key, after, closed := strings.Cut(inner[1:], inner[:1])
		rest, ok = strings.CutPrefix(strings.TrimLeft(after, " "), "]")
		return jsonStep{key, -1}, rest, ok && closed
	}
	number, rest, closed := strings.Cut(inner, "]")
	n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 31)
	return jsonStep{"", int(n)}, rest, closed && err == nil
}
