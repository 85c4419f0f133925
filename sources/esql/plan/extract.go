package plan

import (
	"interdict/sources/esql/funcs"
	"interdict/sources/esql/parse"
	"interdict/sources/frame"
)

func (c *checker) dissect(x *parse.Dissect) {
	in := c.textInput(x.Input, "Dissect")
	d, err := funcs.NewDissect(x.Pattern, x.Separator)
	if err != nil {
		c.parseProblem(x.Pos, "%s", err)
		return
	}
	step := &Extract{Name: "DISSECT", Input: in, Source: x.Input.Text(), Pos: x.Pos, Extract: d}
	for _, n := range d.Names {
		step.Outputs = append(step.Outputs, c.slot(n, frame.Keyword))
	}
	c.extract(step)
}

func (c *checker) grok(x *parse.Grok) {
	in := c.textInput(x.Input, "Grok")
	g, err := funcs.NewGrok(x.Patterns)
	if err != nil {
		c.parseProblem(x.Pos, "%s", err)
		return
	}
	step := &Extract{Name: "GROK", Input: in, Source: x.Input.Text(), Pos: x.Pos, Extract: g}
	for i, n := range g.Names {
		step.Outputs = append(step.Outputs, c.slot(n, g.Types[i]))
	}
	c.extract(step)
}

func (c *checker) extract(step *Extract) {
	for _, o := range step.Outputs {
		c.scope = c.scope.put(o)
	}
	c.step(step)
}

func (c *checker) textInput(e parse.Expr, command string) Expr {
	in := c.expr(e)
	if t := in.Type(); t != frame.Keyword && t != frame.Null {
		c.problem(e.At(), "%s only supports KEYWORD or TEXT values, found expression [%s] type [%s]", command, e.Text(), upper(t))
		return Null()
	}
	return in
}
