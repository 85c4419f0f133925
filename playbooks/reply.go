package playbooks

// reply is what one question came to, with the facts for the verdict.
type reply struct {
	state State
	why   string
	lines []Line

	against, supports, open []string
	// strong: what speaks against it is not explained by an unusual day.
	strong bool
	// routine: a class of routine transfers is proven.
	routine bool
}

func (r *reply) line(label, text string) {
	if text != "" {
		r.lines = append(r.lines, Line{label, text})
	}
}

// openFor leaves the question open.
func openFor(why string) reply { return reply{state: OPEN, why: why} }
