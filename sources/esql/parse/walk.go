package parse

// Walk calls f for an expression and all expressions in it.
func Walk(e Expr, f func(Expr)) {
	f(e)
	for _, c := range children(e) {
		Walk(*c, f)
	}
}

// Replace gives the expression with parts replaced: f gives what stands for a
// part, nil for the part itself, which is then looked into. The original is
// left as it was.
func Replace(e Expr, f func(Expr) Expr) Expr {
	if other := f(e); other != nil {
		return other
	}
	e = shallow(e)
	for _, c := range children(e) {
		*c = Replace(*c, f)
	}
	return e
}

func children(e Expr) []*Expr {
	switch x := e.(type) {
	case *Call:
		return refs(x.Args)
	case *Unary:
		return []*Expr{&x.Operand}
	case *Binary:
		return []*Expr{&x.Left, &x.Right}
	case *In:
		return append(refs(x.List), &x.Operand)
	case *Like:
		return append(refs(x.Patterns), &x.Operand)
	case *IsNull:
		return []*Expr{&x.Operand}
	case *Cast:
		return []*Expr{&x.Operand}
	}
	return nil
}

func refs(list []Expr) []*Expr {
	out := make([]*Expr, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}

// shallow copies a node and its lists.
func shallow(e Expr) Expr {
	switch x := e.(type) {
	case *Call:
		y := *x
		y.Args = append([]Expr(nil), x.Args...)
		return &y
	case *Unary:
		y := *x
		return &y
	case *Binary:
		y := *x
		return &y
	case *In:
		y := *x
		y.List = append([]Expr(nil), x.List...)
		return &y
	case *Like:
		y := *x
		y.Patterns = append([]Expr(nil), x.Patterns...)
		return &y
	case *IsNull:
		y := *x
		return &y
	case *Cast:
		y := *x
		return &y
	}
	return e
}
