package plan

import (
	"interdict/sources/esql/funcs"
	"interdict/sources/frame"
)

// pushed moves conditions, sorts and limits before the steps that they do not
// depend on, as Elasticsearch does: less is computed, and no warning is given
// of rows that are left out.
func pushed(steps []Step) []Step {
	var out []Step
	insert := func(at int, s Step) { out = append(out[:at], append([]Step{s}, out[at:]...)...) }
	for _, s := range steps {
		switch x := s.(type) {
		case *Where:
			for _, c := range Conjuncts(x.Cond) {
				insert(earliest(out, true, c), &Where{c})
			}
		case *Sort:
			var keys []Expr
			for _, k := range x.Keys {
				keys = append(keys, k.Expr)
			}
			insert(earliest(out, false, keys...), x)
		case *Limit:
			insert(earliest(out, false), x)
		default:
			out = append(out, s)
		}
	}
	return joinedConditions(out)
}

// joinedConditions makes one step of those that follow one another: rows are gathered once.
func joinedConditions(steps []Step) []Step {
	var out []Step
	for _, s := range steps {
		w, ok := s.(*Where)
		if n := len(out); ok && n > 0 {
			if before, ok := out[n-1].(*Where); ok {
				out[n-1] = &Where{&Call{Def: funcs.Lookup("and"), Args: []Expr{before.Cond, w.Cond}, T: frame.Boolean}}
				continue
			}
		}
		out = append(out, s)
	}
	return out
}

// earliest is the first place at the end of steps where expressions give the
// same as after them. Conditions may also stand before a SORT.
func earliest(steps []Step, condition bool, of ...Expr) int {
	slots := map[int]bool{}
	for _, e := range of {
		for _, s := range Slots(e) {
			slots[s] = true
		}
	}
	at := len(steps)
	for i := len(steps) - 1; i >= 0; i-- {
		switch x := steps[i].(type) {
		case *Eval:
			for _, f := range x.Fields {
				if slots[f.Slot] {
					return at
				}
			}
			at = i
		case *Extract:
			for _, o := range x.Outputs {
				if slots[o.Slot] {
					return at
				}
			}
			at = i
		case *Sort:
			if !condition {
				return at
			}
			at = i
		case *Where:
			if !condition {
				return at
			}
		default:
			return at
		}
	}
	return at
}

// pruned leaves out what is computed and not asked for later.
func (p *Plan) pruned(steps []Step) []Step {
	used := map[int]bool{}
	use := func(list ...Expr) {
		for _, e := range list {
			for _, s := range Slots(e) {
				used[s] = true
			}
		}
	}
	for _, c := range p.Output {
		used[c.Slot] = true
	}
	out := make([]Step, len(steps))
	n := len(steps)
	for i := len(steps) - 1; i >= 0; i-- {
		s := steps[i]
		switch x := s.(type) {
		case *Eval:
			fields := prune(x.Fields, used, use)
			if len(fields) == 0 {
				continue
			}
			s = &Eval{fields}
		case *Stats:
			s = x.pruned(used, use)
		case *Where:
			use(x.Cond)
		case *Sort:
			for _, k := range x.Keys {
				use(k.Expr)
			}
		case *Expand:
			used[x.From] = true
		case *Extract:
			use(x.Input)
		case *Join:
			use(x.Keys...)
		}
		n--
		out[n] = s
	}
	return out[n:]
}

func prune(fields []Assign, used map[int]bool, use func(...Expr)) []Assign {
	var kept []Assign
	for i := len(fields) - 1; i >= 0; i-- {
		if used[fields[i].Slot] {
			use(fields[i].Expr)
			kept = append([]Assign{fields[i]}, kept...)
		}
	}
	return kept
}

func (s *Stats) pruned(used map[int]bool, use func(...Expr)) *Stats {
	out := &Stats{Keys: s.Keys, Inline: s.Inline}
	for i, a := range s.Aggs {
		if !used[a.Slot] && (len(s.Keys) > 0 || len(out.Aggs) > 0 || i < len(s.Aggs)-1) {
			continue
		}
		out.Aggs = append(out.Aggs, a)
		use(a.Call, a.Where)
	}
	for _, k := range s.Keys {
		use(k.Expr)
	}
	return out
}
