package parse

import (
	"fmt"
	"strings"
)

// What bounds a query: how deep expressions may nest, the bytes of the text,
// its commands (Elasticsearch's number), the operators in a row of one
// expression, and the columns that it names or makes.
const (
	MaxDepth     = 200
	MaxLength    = 1 << 20
	MaxCommands  = 500
	MaxOperators = 10_000
	MaxNames     = 10_000
)

type parser struct {
	src    string
	tokens []token
	at     int
	depth  int
	params []Param
	used   int // positional parameters so far

	operators int // of the expression at hand
	named     int // columns so far
	late      error
}

// Parse reads a whole query. The error is an *Error.
func Parse(src string, params ...Param) (*Query, error) {
	if len(src) > MaxLength {
		return nil, Errorf(Parsing, Pos{1, 1}, "query has %d characters, more than %d", len(src), MaxLength)
	}
	p := &parser{src: src, tokens: lex(src), params: params}
	q, err := p.query()
	if err == nil {
		err = p.late
	}
	if err != nil {
		return nil, err
	}
	return q, nil
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if !t.last() {
		p.at++
	}
	return t
}

// back gives back the token that next gave.
func (p *parser) back(t token) {
	if !t.last() {
		p.at--
	}
}

// is tells whether the next token is this symbol or keyword (any case).
func (p *parser) is(s string) bool {
	t := p.peek()
	return t.kind == symbol && t.text == s || t.kind == word && strings.EqualFold(t.text, s)
}

func (p *parser) isAfter(n int, s string) bool {
	if p.at+n >= len(p.tokens) {
		return false
	}
	t := p.tokens[p.at+n]
	return t.kind == symbol && t.text == s || t.kind == word && strings.EqualFold(t.text, s)
}

func (p *parser) accept(s string) bool {
	if p.is(s) {
		p.at++
		return true
	}
	return false
}

func (p *parser) expect(s string) error {
	if p.accept(s) {
		return nil
	}
	return p.unexpected("'" + s + "'")
}

func (p *parser) unexpected(wanted string) error {
	t := p.peek()
	if t.kind == bad {
		return t.wrong
	}
	what := "'" + p.src[t.start:t.end] + "'"
	if t.kind == end {
		what = "'<EOF>'"
	}
	return Errorf(Parsing, t.pos, "mismatched input %s expecting %s", what, wanted)
}

func (p *parser) query() (*Query, error) {
	q := &Query{}
	c, err := p.source()
	if err != nil {
		return nil, err
	}
	q.Commands = append(q.Commands, c)
	for p.accept("|") {
		if len(q.Commands) >= MaxCommands {
			return nil, Errorf(Parsing, p.peek().pos, "ESQL statement exceeded the maximum query depth allowed (%d)", MaxCommands)
		}
		c, err := p.command()
		if err != nil {
			return nil, err
		}
		q.Commands = append(q.Commands, c)
	}
	if p.peek().kind != end {
		return nil, p.unexpected("'|', <EOF>")
	}
	return q, nil
}

func (p *parser) source() (Command, error) {
	t := p.next()
	switch strings.ToLower(t.text) {
	case "from":
		return p.from(t.pos)
	case "row":
		fields, err := p.fields(false)
		return &Row{t.pos, fields}, err
	case "show":
		return &Show{t.pos}, p.expect("info")
	case "ts", "promql", "explain":
		return &Refused{t.pos, strings.ToUpper(t.text)}, p.skipCommand()
	}
	p.at = 0
	return nil, p.unexpected("{'from', 'row', 'show'}")
}

// refused are commands that are known and not answered here.
var refused = map[string]bool{"completion": true, "rerank": true, "fork": true, "fuse": true, "sample": true, "change_point": true, "insist": true, "user_agent": true, "uri_parts": true, "registered_domain": true, "mmr": true, "metrics_info": true}

func (p *parser) command() (Command, error) {
	t := p.next()
	name := strings.ToLower(t.text)
	if t.kind != word {
		p.back(t)
		return nil, p.unexpected("a command")
	}
	switch name {
	case "where":
		e, err := p.expr()
		return &Where{t.pos, e}, err
	case "eval":
		fields, err := p.fields(false)
		return &Eval{t.pos, fields}, err
	case "keep":
		names, err := p.names()
		return &Keep{t.pos, names}, err
	case "drop":
		names, err := p.names()
		return &Drop{t.pos, names}, err
	case "rename":
		return p.rename(t.pos)
	case "stats":
		return p.stats(t.pos, false)
	case "inline":
		if err := p.expect("stats"); err != nil {
			return nil, err
		}
		return p.stats(t.pos, true)
	case "inlinestats":
		return p.stats(t.pos, true)
	case "sort":
		return p.sort(t.pos)
	case "limit":
		return p.limit(t.pos)
	case "mv_expand":
		n, err := p.name(true)
		return &MVExpand{t.pos, n}, err
	case "dissect":
		return p.dissect(t.pos)
	case "grok":
		return p.grok(t.pos)
	case "lookup":
		return p.join(t.pos)
	case "enrich":
		return p.enrich(t.pos)
	}
	if refused[name] {
		return &Refused{t.pos, strings.ToUpper(name)}, p.skipCommand()
	}
	p.at--
	return nil, p.unexpected("{'dissect', 'drop', 'enrich', 'eval', 'grok', 'inline stats', 'keep', 'limit', 'lookup join', 'mv_expand', 'rename', 'sort', 'stats', 'where'}")
}

// skipCommand moves to the next | that is in no brackets.
func (p *parser) skipCommand() error {
	depth := 0
	for t := p.peek(); !t.last(); t = p.peek() {
		if t.kind == symbol {
			switch t.text {
			case "(", "[", "{":
				depth++
			case ")", "]", "}":
				depth--
			case "|":
				if depth <= 0 {
					return nil
				}
			}
		}
		p.next()
	}
	return nil
}

// from reads index patterns, which are no ordinary tokens: logs-*, -old:x,"a b".
func (p *parser) from(at Pos) (Command, error) {
	f := &From{Pos: at}
	if p.is("metadata") {
		return nil, p.unexpected("an index pattern")
	}
	var patterns []string
	for {
		s, err := p.indices()
		if err != nil {
			return nil, err
		}
		patterns = append(patterns, s)
		if !p.accept(",") {
			break
		}
	}
	f.Patterns = strings.Join(patterns, ",")
	bracket := p.is("[") && p.isAfter(1, "metadata") && p.accept("[")
	if p.accept("metadata") {
		if p.is("metadata") {
			return nil, p.unexpected("a field")
		}
		names, err := p.names()
		if err != nil {
			return nil, err
		}
		f.Metadata = names
	}
	if bracket {
		return f, p.expect("]")
	}
	return f, nil
}

// pattern takes what touches up to a comma, a | or white space.
func (p *parser) pattern() string {
	first := p.peek()
	if first.last() || first.kind == symbol && strings.Contains("|,=:()[]", first.text) {
		return ""
	}
	to := first.end
	p.next()
	for t := p.peek(); !t.last() && t.start == to; t = p.peek() {
		if t.kind == symbol && strings.Contains("|,=()[]", t.text) || t.kind == text {
			break
		}
		to = t.end
		p.next()
	}
	return p.src[first.start:to]
}

func (p *parser) names() ([]Name, error) {
	var all []Name
	for {
		n, err := p.name(true)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
		if !p.accept(",") {
			return all, nil
		}
	}
}

// name reads a dotted name; parts may be quoted, and with stars * may stand anywhere else.
func (p *parser) name(stars bool) (Name, error) {
	t := p.peek()
	if p.named++; p.named > MaxNames {
		return Name{}, Errorf(Parsing, t.pos, "ESQL statement names more than %d columns", MaxNames)
	}
	n := Name{Pos: t.pos}
	to := t.start
	for {
		t := p.peek()
		dotted := t.kind == symbol && t.text == "." && n.Text != "" || strings.HasSuffix(n.Text, ".") // spaces may stand around it
		if t.start != to && (!dotted || n.Pattern) {
			break
		}
		switch {
		case t.kind == quoted, t.kind == word, n.Text != "" && (t.kind == integer || t.kind == decimal): // decimal: the .0 of a.0
			n.Text += t.text
		case t.kind == symbol && (t.text == "." || t.text == "*" && stars):
			n.Text += t.text
			n.Pattern = n.Pattern || t.text == "*"
		case t.kind == symbol && t.text == "-" && n.Text != "" && p.at+1 < len(p.tokens) && p.tokens[p.at+1].start == t.end && n.Pattern:
			n.Text += t.text
		case t.kind == nameParam || t.kind == param && n.Text == "":
			name, err := p.paramName(t)
			if err != nil {
				return n, err
			}
			n.Text += name
		default:
			to = -1
		}
		if to == -1 {
			break
		}
		to = t.end
		p.next()
	}
	if n.Text == "" {
		return n, p.unexpected("a name")
	}
	return n, nil
}

func (p *parser) fields(anyWord bool) ([]Field, error) {
	var all []Field
	for {
		f, err := p.field(anyWord)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
		if !p.accept(",") {
			return all, nil
		}
	}
}

// field reads [name =] expression; with anyWord a name may be a word that is an operator elsewhere.
func (p *parser) field(anyWord bool) (Field, error) {
	start := p.at
	f := Field{Pos: p.peek().pos}
	if p.named++; p.named > MaxNames {
		return f, Errorf(Parsing, f.Pos, "ESQL statement names more than %d columns", MaxNames)
	}
	first := p.peek()
	if n, err := p.name(true); err == nil && p.is("=") && !n.Pattern && (anyWord || first.kind != word || !operatorWord(first.text)) {
		p.next()
		f.Name, f.Named = n.Text, true
	} else {
		p.at = start
	}
	e, err := p.expr()
	if err != nil {
		return f, err
	}
	f.Expr = e
	if !f.Named {
		f.Name = nameOf(e)
	}
	return f, nil
}

// nameOf is the column name of an expression that was given none.
func nameOf(e Expr) string {
	if c, ok := e.(*Column); ok {
		return c.Name
	}
	return e.Text()
}

func (p *parser) rename(at Pos) (Command, error) {
	r := &Rename{Pos: at}
	for {
		if p.is("as") {
			return nil, p.unexpected("a column")
		}
		a, err := p.name(true)
		if err != nil {
			return nil, err
		}
		assigned := p.accept("=")
		if !assigned {
			if err := p.expect("as"); err != nil {
				return nil, err
			}
		}
		b, err := p.name(true)
		if err != nil {
			return nil, err
		}
		if assigned { // new = old
			a, b = b, a
		}
		r.From, r.To = append(r.From, a), append(r.To, b)
		if !p.accept(",") {
			return r, nil
		}
	}
}

func (p *parser) stats(at Pos, inline bool) (Command, error) {
	s := &Stats{Pos: at, Inline: inline}
	text := p.src[p.tokens[p.at-1].start:p.tokens[p.at-1].end]
	for more := !p.is("by") && !p.is("|") && !p.peek().last(); more; more = p.accept(",") {
		f, err := p.field(false)
		if err != nil {
			return nil, err
		}
		a := Aggregate{Field: f}
		if p.accept("where") {
			if a.Where, err = p.expr(); err != nil {
				return nil, err
			}
			if !f.Named {
				a.Name = f.Name + " WHERE " + a.Where.Text()
			}
		}
		s.Aggregates = append(s.Aggregates, a)
	}
	if p.accept("by") {
		by, err := p.fields(false)
		if err != nil {
			return nil, err
		}
		s.By = by
	}
	if len(s.Aggregates)+len(s.By) == 0 {
		if p.late == nil {
			p.late = Errorf(Parsing, at, "At least one aggregation or grouping expression required in [%s]", text)
		}
	}
	return s, nil
}

func (p *parser) sort(at Pos) (Command, error) {
	s := &Sort{Pos: at}
	for {
		e, err := p.expr()
		if err != nil {
			return nil, err
		}
		k := SortKey{Expr: e}
		if p.accept("desc") {
			k.Descending = true
		} else {
			p.accept("asc")
		}
		k.NullsFirst = k.Descending
		if p.accept("nulls") {
			switch {
			case p.accept("first"):
				k.NullsFirst = true
			case p.accept("last"):
				k.NullsFirst = false
			default:
				return nil, p.unexpected("{'first', 'last'}")
			}
		}
		s.Keys = append(s.Keys, k)
		if !p.accept(",") {
			return s, nil
		}
	}
}

func (p *parser) limit(at Pos) (Command, error) {
	start := p.tokens[p.at-1]
	switch p.peek().kind {
	case word, quoted, end:
		if !p.is("true") && !p.is("false") && !p.is("null") {
			return nil, p.unexpected("a number")
		}
	}
	e, err := p.expr()
	if err != nil {
		return nil, err
	}
	l, ok := e.(*Literal)
	if ok {
		if n, isInt := l.Value.(int64); isInt && n >= 0 && n <= 1<<31-1 {
			return &Limit{at, int(n)}, nil
		}
	}
	return nil, Errorf(Parsing, at, "value of [%s] must be a non negative integer, found value [%s] type [%s]", p.node(start).Source, e.Text(), kindOf(e))
}

func (p *parser) dissect(at Pos) (Command, error) {
	e, err := p.primary()
	if err != nil {
		return nil, err
	}
	t := p.next()
	if t.kind != text {
		p.back(t)
		return nil, p.unexpected("a quoted pattern")
	}
	d := &Dissect{Pos: at, Input: e, Pattern: t.text}
	if p.accept("append_separator") {
		if err := p.expect("="); err != nil {
			return nil, err
		}
		s := p.next()
		if s.kind != text {
			p.back(s)
			return nil, p.unexpected("a quoted separator")
		}
		d.Separator = s.text
	}
	return d, nil
}

func (p *parser) grok(at Pos) (Command, error) {
	e, err := p.primary()
	if err != nil {
		return nil, err
	}
	g := &Grok{Pos: at, Input: e}
	for {
		t := p.next()
		if t.kind != text {
			p.back(t)
			return nil, p.unexpected("a quoted pattern")
		}
		g.Patterns = append(g.Patterns, t.text)
		if !p.accept(",") {
			return g, nil
		}
	}
}

func (p *parser) join(at Pos) (Command, error) {
	if err := p.expect("join"); err != nil {
		return nil, err
	}
	j := &Join{Pos: at, Table: Name{Pos: p.peek().pos}}
	if p.is("on") || p.is("join") || p.is("|") {
		return nil, p.unexpected("a table")
	}
	var err error
	if j.Table.Text, err = p.indices(); err != nil {
		return nil, err
	}
	switch name := j.Table; {
	case strings.Contains(name.Text, ":"):
		return nil, Errorf(Parsing, name.Pos, "invalid index pattern [%s], remote clusters are not supported in LOOKUP JOIN", name.Text)
	case strings.Contains(name.Text, "*"):
		return nil, Errorf(Parsing, name.Pos, "invalid index pattern [%s], * is not allowed in LOOKUP JOIN", name.Text)
	}
	if err := p.expect("on"); err != nil {
		return nil, err
	}
	names, err := p.names()
	j.On = names
	return j, err
}

func (p *parser) enrich(at Pos) (Command, error) {
	t := p.peek()
	e := &Enrich{Pos: at, Policy: Name{Pos: t.pos, Text: p.pattern()}}
	if e.Policy.Text == "" {
		return nil, p.unexpected("a policy")
	}
	if p.accept("on") {
		n, err := p.name(true)
		if err != nil {
			return nil, err
		}
		e.On = &n
	}
	if p.accept("with") {
		fields, err := p.fields(true)
		if err != nil {
			return nil, err
		}
		e.With = fields
	}
	return e, nil
}

func didYouMean(word string, among []string) string {
	if near := Nearest(word, among); near != "" {
		return fmt.Sprintf(", did you mean [%s]?", near)
	}
	return ""
}
