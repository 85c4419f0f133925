package plan

// pushConditions moves conditions before the steps that they do not depend on,
// as Elasticsearch does: less is computed, and no warning is given of rows that
// are left out.
func pushConditions(steps []Step) []Step {
	var out []Step
	for _, s := range steps {
		w, ok := s.(*Where)
		if !ok {
			out = append(out, s)
			continue
		}
		var stay []Expr
		for _, c := range Conjuncts(w.Cond) {
			if at := earliest(out, c); at < len(out) {
				out = append(out[:at], append([]Step{&Where{c}}, out[at:]...)...)
			} else {
				stay = append(stay, c)
			}
		}
		switch {
		case len(stay) == len(Conjuncts(w.Cond)):
			out = append(out, w)
		default:
			for _, c := range stay {
				out = append(out, &Where{c})
			}
		}
	}
	return out
}

// earliest is the first place at the end of steps where a condition gives the
// same as after them.
func earliest(steps []Step, c Expr) int {
	slots := map[int]bool{}
	for _, s := range Slots(c) {
		slots[s] = true
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
			at = i
		case *Where: // both are asked, in their order
		default:
			return at
		}
	}
	return at
}
