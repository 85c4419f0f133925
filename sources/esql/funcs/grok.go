package funcs

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"sync"

	grok "github.com/elastic/go-grok/patterns"

	"interdict/sources/frame"
)

// Grok is the compiled patterns of GROK. They are tried in order, and each may
// match anywhere in the text. Names and Types are its outputs.
type Grok struct {
	Names []string
	Types []frame.Type
	exprs []grokExpr
}

type grokExpr struct {
	re     *regexp.Regexp
	output []int  // by group; -1: none
	single []bool // by group: has the precision of a float
}

var grokPatterns = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for _, m := range []map[string]string{grok.AWS, grok.Bind9, grok.Bro, grok.Exim, grok.Firewalls, grok.HAProxy, grok.Httpd, grok.Java,
		grok.Junos, grok.Maven, grok.MCollective, grok.MongoDB, grok.PostgreSQL, grok.Rails, grok.Redis, grok.Ruby, grok.Squid, grok.Syslog, grok.Default} {
		maps.Copy(all, m)
	}
	return all
})

// bounds of what patterns may expand to.
const (
	grokDepth = 20
	grokSize  = 1 << 16
)

// NewGrok compiles patterns.
func NewGrok(list []string) (*Grok, error) {
	g := &Grok{}
	for _, p := range list {
		b := &grokBuilder{grok: g}
		text, err := b.expand(p, 0)
		if err != nil {
			if errors.Is(err, errTwoTypes) {
				return nil, fmt.Errorf("Invalid GROK pattern [%s]: %w", p, err)
			}
			return nil, fmt.Errorf("Invalid pattern [%s] for grok: %w", p, err)
		}
		re, err := regexp.Compile(text)
		if err != nil {
			return nil, fmt.Errorf("Invalid grok pattern [%s]: [%s]", p, grokProblem(err))
		}
		g.exprs = append(g.exprs, b.finish(re))
	}
	g.sort()
	return g, nil
}

// grokProblem says in Elasticsearch's words what is most often wrong.
func grokProblem(err error) string {
	var e *syntax.Error
	if errors.As(err, &e) && e.Code == syntax.ErrMissingParen {
		return "end pattern with unmatched parenthesis"
	}
	return err.Error()
}

// sort puts the outputs in the order of their names.
func (g *Grok) sort() {
	order := make([]int, len(g.Names))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(g.Names[a], g.Names[b]) })
	place := make([]int, len(order))
	names, types := make([]string, len(order)), make([]frame.Type, len(order))
	for to, from := range order {
		place[from], names[to], types[to] = to, g.Names[from], g.Types[from]
	}
	for _, e := range g.exprs {
		for i, out := range e.output {
			if out >= 0 {
				e.output[i] = place[out]
			}
		}
	}
	g.Names, g.Types = names, types
}

var errTwoTypes = errors.New("is defined multiple times with different types")

type grokBuilder struct {
	grok   *Grok
	groups map[string]int // group name → output
	floats []string       // groups of the type float
	size   int
}

var (
	grokRef   = regexp.MustCompile(`%\{(\w+)(?::([\w.@\[\]-]+))?(?::(\w+))?\}`)
	grokNamed = regexp.MustCompile(`\(\?<([A-Za-z_][\w.@-]*)>`)
)

// expand replaces %{NAME:field:type} and (?<field>…) by groups.
func (b *grokBuilder) expand(p string, depth int) (string, error) {
	if depth > grokDepth {
		return "", fmt.Errorf("patterns nest too deep")
	}
	var failed error
	p = grokNamed.ReplaceAllStringFunc(p, func(m string) string {
		name, err := b.group(grokNamed.FindStringSubmatch(m)[1], "")
		if err != nil {
			failed = err
		}
		return "(?P<" + name + ">"
	})
	out := grokRef.ReplaceAllStringFunc(p, func(m string) string {
		parts := grokRef.FindStringSubmatch(m)
		text, err := b.reference(parts[1], parts[2], parts[3], depth)
		if err != nil && failed == nil {
			failed = err
		}
		return text
	})
	if b.size += len(out); b.size > grokSize {
		return "", fmt.Errorf("pattern is too large")
	}
	return out, failed
}

func (b *grokBuilder) reference(pattern, field, typ string, depth int) (string, error) {
	def, ok := grokPatterns()[pattern]
	if !ok {
		return "", fmt.Errorf("Unable to find pattern [%s] in Grok's pattern dictionary", pattern)
	}
	inner, err := b.expand(def, depth+1)
	if err != nil || field == "" {
		return "(?:" + inner + ")", err
	}
	name, err := b.group(field, typ)
	return "(?P<" + name + ">" + inner + ")", err
}

// group makes a group for an output, as Go's groups have no dots in their names.
func (b *grokBuilder) group(field, typ string) (string, error) {
	t, ok := map[string]frame.Type{"": frame.Keyword, "string": frame.Keyword, "int": frame.Integer, "long": frame.Long, "float": frame.Double, "double": frame.Double, "boolean": frame.Boolean}[typ]
	if !ok {
		t = frame.Keyword
	}
	at := -1
	for i, n := range b.grok.Names {
		if n == field {
			at = i
		}
	}
	switch {
	case at < 0:
		at = len(b.grok.Names)
		b.grok.Names, b.grok.Types = append(b.grok.Names, field), append(b.grok.Types, t)
	case b.grok.Types[at] != t:
		return "", fmt.Errorf("the attribute [%s] %w", field, errTwoTypes)
	}
	if b.groups == nil {
		b.groups = map[string]int{}
	}
	name := fmt.Sprintf("g%d_%d", at, len(b.groups))
	b.groups[name] = at
	if typ == "float" {
		b.floats = append(b.floats, name)
	}
	return name, nil
}

func (b *grokBuilder) finish(re *regexp.Regexp) grokExpr {
	e := grokExpr{re: re}
	for _, n := range re.SubexpNames() {
		e.single = append(e.single, slices.Contains(b.floats, n))
		if out, ok := b.groups[n]; ok {
			e.output = append(e.output, out)
		} else {
			e.output = append(e.output, -1)
		}
	}
	return e
}

// value is what a group found, at the precision of its type.
func (e grokExpr) value(group int, s string) string {
	if e.single[group] {
		if f, err := strconv.ParseFloat(s, 32); err == nil {
			return strconv.FormatFloat(f, 'g', -1, 64)
		}
	}
	return s
}

// Extract implements [Extractor].
func (g *Grok) Extract(s string, set func(int, string)) bool {
	for _, e := range g.exprs {
		m := e.re.FindStringSubmatchIndex(s)
		if m == nil {
			continue
		}
		for group, out := range e.output {
			if out >= 0 && m[2*group] >= 0 {
				set(out, e.value(group, s[m[2*group]:m[2*group+1]]))
			}
		}
		return true
	}
	return false
}
