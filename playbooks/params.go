package playbooks

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"interdict/sources"
	"interdict/sources/esql/parse"
)

// parameters are what a query of a guide may ask for: the baseline's bounds
// (?from to ?before, which is when the transfer began), ?recent (a day before
// that), ?now, and what the finding is about: ?sha256 is of the program that is
// least trusted, ?far the end that most went to, ?person the account when it is a
// person's, ?here the machine's id; these fit nothing when unknown. ?minute is
// the minute of the day, in UTC, at which the transfer began, ?job when
// the job, login or request began that it belongs to, six hours before it at most,
// ?lately an hour before it.
var parameters = []string{"from", "before", "recent", "now", "name", "tool", "executable", "command",
	"parent", "host_id", "host_name", "agent_id", "user", "entity", "sha256", "far", "person",
	"here", "minute", "job", "lately"}

// use is a named parameter in a query: text[from:to] is "?name".
type use struct {
	name     string
	from, to int
}

// uses finds the named parameters, not looking into strings and comments.
func uses(text string) []use {
	var all []use
	for i := 0; i < len(text); {
		switch {
		case text[i] == '"':
			i = afterString(text, i)
		case text[i] == '`':
			i = after(text, i+1, "`")
		case strings.HasPrefix(text[i:], "//"):
			i = after(text, i+2, "\n")
		case strings.HasPrefix(text[i:], "/*"):
			i = after(text, i+2, "*/")
		case text[i] == '?':
			end := i + 1
			for end < len(text) && nameByte(text[end]) {
				end++
			}
			if end > i+1 {
				all = append(all, use{text[i+1 : end], i, end})
			}
			i = end
		default:
			i++
		}
	}
	return all
}

func nameByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func after(text string, from int, end string) int {
	if i := strings.Index(text[from:], end); i >= 0 {
		return from + i + len(end)
	}
	return len(text)
}

func afterString(text string, i int) int {
	if strings.HasPrefix(text[i:], `"""`) {
		return after(text, i+3, `"""`)
	}
	for i++; i < len(text) && text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// bind gives the parameters that text uses. A value that is not known comes
// back as its name: the question cannot be asked.
func bind(text string, values map[string]any) (params []sources.Param, missing string) {
	done := map[string]bool{}
	for _, u := range uses(text) {
		v, ok := values[u.name]
		if !ok {
			return nil, u.name
		}
		if !done[u.name] {
			params = append(params, sources.Param{Name: u.name, Value: v})
			done[u.name] = true
		}
	}
	return params, ""
}

// writeOut puts the values into the text as literals, for a person to read and
// run again. It is never what is run here.
func writeOut(text string, params []sources.Param) string {
	values := map[string]any{}
	for _, p := range params {
		values[p.Name] = p.Value
	}
	var b strings.Builder
	at := 0
	for _, u := range uses(text) {
		if v, ok := values[u.name]; ok {
			b.WriteString(text[at:u.from] + literal(v))
			at = u.to
		}
	}
	b.WriteString(text[at:])
	return b.String()
}

func literal(v any) string {
	switch v := v.(type) {
	case string:
		return parse.Quote(v)
	case time.Time:
		return parse.Quote(v.UTC().Format("2006-01-02T15:04:05.000Z"))
	case int64:
		return strconv.FormatInt(v, 10)
	case bool:
		return strconv.FormatBool(v)
	}
	return parse.Quote(fmt.Sprint(v))
}
