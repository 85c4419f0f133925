package parse

import "strings"

// expr reads an expression: or, and, not, comparisons, sums, products, casts.
func (p *parser) expr() (Expr, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer p.shallower()
	return p.binary(p.and, "or")
}

// deeper counts nesting, and shallower ends it.
func (p *parser) deeper() error {
	if p.depth++; p.depth > MaxDepth {
		return Errorf(Parsing, p.peek().pos, "ESQL statement exceeded the maximum expression depth allowed (%d)", MaxDepth)
	}
	return nil
}

func (p *parser) shallower() {
	if p.depth--; p.depth == 0 {
		p.operators = 0
	}
}

// operator counts what makes an expression deeper without nesting.
func (p *parser) operator() error {
	if p.operators++; p.operators > MaxOperators {
		return Errorf(Parsing, p.peek().pos, "ESQL statement has an expression of more than %d operators", MaxOperators)
	}
	return nil
}

func (p *parser) and() (Expr, error) { return p.binary(p.not, "and") }

// binary reads left-associative operators over what operand reads.
func (p *parser) binary(operand func() (Expr, error), ops ...string) (Expr, error) {
	start := p.peek()
	left, err := operand()
	for err == nil {
		op := ""
		for _, o := range ops {
			if p.is(o) {
				op = o
			}
		}
		if op == "" {
			return left, nil
		}
		if err := p.operator(); err != nil {
			return nil, err
		}
		p.next()
		var right Expr
		if right, err = operand(); err != nil {
			break
		}
		left = &Binary{Node: p.node(start), Op: op, Left: left, Right: right}
	}
	return nil, err
}

// node is the place and the text from a token to the last one read.
func (p *parser) node(start token) Node {
	to := start.end
	if p.at > 0 {
		to = max(to, p.tokens[p.at-1].end)
	}
	return Node{start.pos, p.src[start.start:to]}
}

func (p *parser) not() (Expr, error) {
	start := p.peek()
	if !p.accept("not") {
		return p.predicate()
	}
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer p.shallower()
	e, err := p.not()
	if err != nil {
		return nil, err
	}
	return &Unary{p.node(start), "not", e}, nil
}

// predicate reads comparisons, LIKE, IN, IS NULL and the match operator.
func (p *parser) predicate() (Expr, error) {
	start := p.peek()
	left, err := p.sum()
	if err != nil {
		return nil, err
	}
	for _, op := range []string{"==", "!=", "<=", ">=", "<", ">", ":"} {
		if !p.accept(op) {
			continue
		}
		if op == ":" && !p.constant() {
			return nil, p.unexpected("a constant")
		}
		right, err := p.sum()
		if err != nil {
			return nil, err
		}
		return &Binary{p.node(start), op, left, right}, nil
	}
	if p.accept("is") {
		not := p.accept("not")
		if err := p.expect("null"); err != nil {
			return nil, err
		}
		return &IsNull{p.node(start), left, not}, nil
	}
	not := p.accept("not")
	if not && !p.is("in") && !p.is("like") && !p.is("rlike") {
		return nil, p.unexpected("in, like or rlike")
	}
	switch {
	case p.accept("in"):
		list, err := p.list()
		if err != nil {
			return nil, err
		}
		return &In{p.node(start), left, list, not}, nil
	case p.is("like") || p.is("rlike"):
		regex := strings.EqualFold(p.next().text, "rlike")
		patterns, err := p.patterns()
		if err != nil {
			return nil, err
		}
		return &Like{p.node(start), left, patterns, regex, not}, nil
	}
	return left, nil
}

// constant tells whether the next token begins a value, as the one that the
// match operator takes.
func (p *parser) constant() bool {
	switch t := p.peek(); t.kind {
	case text, integer, decimal, param:
		return true
	case word:
		return p.is("true") || p.is("false") || p.is("null")
	case symbol:
		return p.is("-") || p.is("+") || p.is("[")
	}
	return false
}

func (p *parser) list() ([]Expr, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	var all []Expr
	for {
		e, err := p.expr()
		if err != nil {
			return nil, err
		}
		all = append(all, e)
		if !p.accept(",") {
			return all, p.expect(")")
		}
	}
}

// patterns reads one text or several in parentheses.
func (p *parser) patterns() ([]Expr, error) {
	if !p.accept("(") {
		e, err := p.text()
		return []Expr{e}, err
	}
	var all []Expr
	for {
		e, err := p.text()
		if err != nil {
			return nil, err
		}
		if all = append(all, e); !p.accept(",") {
			return all, p.expect(")")
		}
	}
}

func (p *parser) text() (Expr, error) {
	if k := p.peek().kind; k != text && k != param {
		return nil, p.unexpected("QUOTED_STRING")
	}
	return p.primary()
}

func (p *parser) sum() (Expr, error) { return p.binary(p.product, "+", "-") }

func (p *parser) product() (Expr, error) { return p.binary(p.negation, "*", "/", "%") }

func (p *parser) negation() (Expr, error) {
	start := p.peek()
	if p.accept("+") {
		e, err := p.negation0()
		if err != nil {
			return nil, err
		}
		if l, ok := e.(*Literal); ok {
			return &Literal{p.node(start), l.Value}, nil
		}
		return &Unary{p.node(start), "+", e}, nil
	}
	if !p.is("-") || p.at+1 < len(p.tokens) && (p.tokens[p.at+1].kind == integer || p.tokens[p.at+1].kind == decimal) {
		return p.cast() // a number has its sign before a cast
	}
	p.next()
	e, err := p.negation0()
	if err != nil {
		return nil, err
	}
	if l, ok := e.(*Literal); ok {
		if v, ok := negated(l.Value); ok {
			return &Literal{p.node(start), v}, nil
		}
	}
	return &Unary{p.node(start), "-", e}, nil
}

func (p *parser) negation0() (Expr, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer p.shallower()
	return p.negation()
}

func (p *parser) cast() (Expr, error) {
	start := p.peek()
	e, err := p.primary()
	for err == nil && p.accept("::") {
		if err := p.operator(); err != nil {
			return nil, err
		}
		t := p.next()
		if t.kind != word {
			p.at--
			return nil, p.unexpected("a type")
		}
		e = &Cast{p.node(start), e, strings.ToLower(t.text), t.pos}
	}
	return e, err
}

func (p *parser) primary() (Expr, error) {
	t := p.peek()
	switch t.kind {
	case text:
		p.next()
		return &Literal{p.node(t), t.text}, nil
	case integer, decimal:
		return p.number()
	case param:
		p.next()
		v, err := p.param(t)
		if err != nil {
			return nil, err
		}
		return &Literal{p.node(t), normal(v)}, nil
	case symbol:
		switch t.text {
		case "(":
			return p.parenthesised()
		case "-":
			return p.negativeNumber()
		case "[":
			return p.array()
		case "*":
			if p.at > 0 && p.tokens[p.at-1].text == "(" {
				p.next()
				return &Literal{p.node(t), nil}, nil
			}
		}
	case word:
		switch strings.ToLower(t.text) {
		case "true", "false":
			p.next()
			return &Literal{p.node(t), strings.EqualFold(t.text, "true")}, nil
		case "null":
			p.next()
			return &Literal{p.node(t), nil}, nil
		}
		if operatorWord(t.text) {
			return nil, p.unexpected("an expression")
		}
		if p.isAfter(1, "(") {
			return p.call()
		}
		return p.column()
	case nameParam:
		if p.isAfter(1, "(") {
			return p.call()
		}
		return p.column()
	case quoted:
		return p.column()
	}
	return nil, p.unexpected("an expression")
}

func (p *parser) parenthesised() (Expr, error) {
	p.next()
	e, err := p.expr()
	if err != nil {
		return nil, err
	}
	return e, p.expect(")")
}

func (p *parser) column() (Expr, error) {
	t := p.peek()
	n, err := p.name(false)
	if err != nil {
		return nil, err
	}
	return &Column{Node{t.pos, p.node(t).Source}, n.Text}, nil
}

// call reads a function, count(*) and options ({"a": 1}) included.
func (p *parser) call() (Expr, error) {
	t := p.next()
	p.next() // (
	name := t.text
	if t.kind == nameParam {
		var err error
		if name, err = p.paramName(t); err != nil {
			return nil, err
		}
	}
	c := &Call{Name: strings.ToLower(name)}
	if p.is("*") && p.isAfter(1, ")") {
		p.next()
		c.Star = true
	}
	for !p.is(")") {
		if p.is("{") {
			m, err := p.options()
			if err != nil {
				return nil, err
			}
			c.Map = m
			break
		}
		e, err := p.expr()
		if err != nil {
			return nil, err
		}
		c.Args = append(c.Args, e)
		if !p.accept(",") {
			break
		}
		if p.is(")") {
			return nil, p.unexpected("an expression")
		}
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	c.Node = p.node(t)
	if of, ok := byTime[c.Name]; ok && len(c.Args) == 1 {
		c.Name, c.Args = of, append(c.Args, &Column{Node{t.pos, "@timestamp"}, "@timestamp"})
	}
	return c, nil
}

// byTime are aggregates that stand for others with the time of the event.
var byTime = map[string]string{"earliest": "first", "latest": "last"}

func (p *parser) options() (map[string]any, error) {
	p.next()
	m := map[string]any{}
	for !p.accept("}") {
		name := p.next()
		if name.kind != text {
			p.back(name)
			return nil, p.unexpected("a quoted option")
		}
		if err := p.expect(":"); err != nil {
			return nil, err
		}
		e, err := p.negation()
		if err != nil {
			return nil, err
		}
		l, ok := e.(*Literal)
		if !ok {
			return nil, Errorf(Parsing, e.At(), "option [%s] must be a constant", name.text)
		}
		m[name.text] = l.Value
		if !p.accept(",") && !p.is("}") {
			return nil, p.unexpected("'}'")
		}
	}
	return m, nil
}

// operatorWord tells whether a word cannot be the name of a column without quotes.
func operatorWord(s string) bool {
	switch strings.ToLower(s) {
	case "and", "or", "in", "is", "like", "rlike", "by", "asc", "desc", "nulls", "where", "on", "with", "true", "false", "null":
		return true
	}
	return false
}

// reserved are the words that may follow an expression.
var reserved = map[string]bool{"and": true, "or": true, "not": true, "in": true, "is": true, "like": true, "rlike": true, "asc": true, "desc": true,
	"nulls": true, "first": true, "last": true, "by": true, "where": true, "with": true, "as": true, "on": true, "metadata": true, "true": true, "false": true, "null": true}
