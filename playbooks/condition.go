package playbooks

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Condition says when a step is due: alternatives, each of facts that must all
// hold. The zero value always holds.
type Condition struct {
	text string
	any  [][]term
}

// String is the condition as it was written.
func (c Condition) String() string { return c.text }

// term is one fact and what it must be.
type term struct {
	fact  string
	op    string // "is", "is not", ">=", "<"
	value string
}

// Facts are what is known of a finding and of the steps so far, as text:
// "yes" and "no" for what is true or not.
type Facts map[string]string

// factKinds says what each fact can be: nil stands for a number from 0 to 100.
var factKinds = map[string][]string{
	"sending":     yesNo,
	"live":        yesNo,
	"running":     yesNo, // there is a process to act on
	"destination": yesNo, // a far end is known
	"outside":     yesNo, // a far end is outside of our networks
	"sensitive":   yesNo,
	"container":   yesNo,
	"local":       yesNo,
	"owner":       yesNo,
	"direction":   {"out", "pulled", "in", "unknown"},
	"environment": {"ci", "staging", "production", "unknown"},
	"verdict":     {"theft", "unclear", "routine", "unknown"},
	"risk":        nil,
}

var (
	yesNo = []string{"yes", "no"}
	// stepFacts are what can be asked of an earlier step, as freeze.done.
	stepFacts = []string{"done", "failed", "skipped", "verified"}
)

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// ParseCondition reads "sending and environment is production or not freeze.done".
// earlier are the steps that may be asked about. What can never hold is an error.
func ParseCondition(text string, earlier map[string]int) (Condition, error) {
	c := Condition{text: strings.Join(strings.Fields(text), " ")}
	if c.text == "" {
		return c, nil
	}
	var impossible error
	for _, alternative := range splitWords(c.text, "or") {
		var all []term
		for _, part := range splitWords(alternative, "and") {
			t, err := parseTerm(part, earlier)
			if err != nil {
				return c, err
			}
			all = append(all, t)
		}
		if err := contradiction(all); err != nil {
			impossible = err
			continue
		}
		c.any = append(c.any, all)
	}
	if len(c.any) == 0 {
		return c, impossible
	}
	return c, nil
}

func splitWords(s, word string) (out []string) {
	for _, part := range strings.Split(" "+s+" ", " "+word+" ") {
		out = append(out, strings.TrimSpace(part))
	}
	return out
}

func parseTerm(s string, earlier map[string]int) (term, error) {
	words := strings.Fields(s)
	no := false
	if len(words) > 0 && words[0] == "not" {
		no, words = true, words[1:]
	}
	if len(words) == 0 {
		return term{}, fmt.Errorf("something is missing beside and, or, not")
	}
	values, err := factOf(words[0], earlier)
	if err != nil {
		return term{}, err
	}
	t := term{fact: words[0], op: "is", value: "yes"}
	switch {
	case len(words) == 1 && !slices.Equal(values, yesNo):
		return t, fmt.Errorf("%s is compared with something: %s", t.fact, valuesWord(values))
	case len(words) == 1:
	case len(words) == 3 && slices.Contains([]string{"is", ">=", "<"}, words[1]):
		t.op, t.value = words[1], words[2]
	case len(words) == 4 && words[1] == "is" && words[2] == "not":
		t.op, t.value = "is not", words[3]
	default:
		return t, fmt.Errorf("%q is no condition: write FACT, not FACT, FACT is VALUE, FACT is not VALUE, or of a number FACT >= N, FACT < N", s)
	}
	if no {
		t.op = map[string]string{"is": "is not", "is not": "is", ">=": "<", "<": ">="}[t.op]
	}
	return t, t.check(values)
}

func valuesWord(values []string) string {
	if values == nil {
		return "a number from 0 to 100"
	}
	return strings.Join(values, ", ")
}

func (t term) check(values []string) error {
	if values == nil {
		n, err := strconv.Atoi(t.value)
		if err != nil || n < 0 || n > 100 || t.op == "is not" || t.op == "is" {
			return fmt.Errorf("%s is a number from 0 to 100, compared with >= or <", t.fact)
		}
		return nil
	}
	if t.op == ">=" || t.op == "<" {
		return fmt.Errorf("%s is no number", t.fact)
	}
	if !slices.Contains(values, t.value) {
		return fmt.Errorf("%s is never %q%s", t.fact, t.value, meant(t.value, values))
	}
	return nil
}

// factOf gives what a fact can be.
func factOf(name string, earlier map[string]int) ([]string, error) {
	if values, ok := factKinds[name]; ok {
		return values, nil
	}
	step, what, ofStep := strings.Cut(name, ".")
	if !ofStep {
		return nil, fmt.Errorf("there is no fact %q%s", name, meant(name, sortedNames(factKinds)))
	}
	if earlier[step] == 0 {
		return nil, fmt.Errorf("no step before this one is called %q%s", step, meant(step, sortedNames(earlier)))
	}
	if !slices.Contains(stepFacts, what) {
		return nil, fmt.Errorf("a step is never %q%s", what, meant(what, stepFacts))
	}
	return yesNo, nil
}

// contradiction says why terms cannot hold together; nil if they can.
func contradiction(all []term) error {
	for i, a := range all {
		for _, b := range all[:i] {
			if a.excludes(b) {
				return fmt.Errorf("it can never hold: %s and %s", b, a)
			}
		}
	}
	// What is excluded value by value.
	for name, values := range factKinds {
		left := slices.DeleteFunc(slices.Clone(values), func(v string) bool {
			return slices.ContainsFunc(all, func(t term) bool { return t.fact == name && t.op == "is not" && t.value == v })
		})
		if values != nil && len(left) == 0 {
			return fmt.Errorf("it can never hold: %s is left no value", name)
		}
	}
	return nil
}

// excludes tells whether two terms can never both hold.
func (t term) excludes(o term) bool {
	if t.fact != o.fact {
		step, what, of := strings.Cut(t.fact, ".")
		other, whatOther, ofOther := strings.Cut(o.fact, ".")
		both := t.op == "is" && o.op == "is" && t.value == "yes" && o.value == "yes"
		end := []string{"done", "failed", "skipped"}
		return of && ofOther && step == other && both && what != whatOther && slices.Contains(end, what) && slices.Contains(end, whatOther)
	}
	switch {
	case t.op == "is" && o.op == "is":
		return t.value != o.value
	case t.op == "is" && o.op == "is not", t.op == "is not" && o.op == "is":
		return t.value == o.value
	case t.op == ">=" && o.op == "<":
		return number0(t.value) >= number0(o.value)
	case t.op == "<" && o.op == ">=":
		return number0(o.value) >= number0(t.value)
	}
	return false
}

func number0(s string) int {
	n, _ := strconv.Atoi(s) // was checked
	return n
}

// String is the term as a person writes it.
func (t term) String() string { return t.fact + " " + t.op + " " + t.value }

// Holds tells whether the step is due; why names what is in the way.
func (c Condition) Holds(f Facts) (due bool, why string) {
	if len(c.any) == 0 {
		return true, ""
	}
	for _, all := range c.any {
		bad := slices.IndexFunc(all, func(t term) bool { return !t.holds(f) })
		if bad < 0 {
			return true, ""
		}
		if why == "" {
			why = fmt.Sprintf("%s is %s", all[bad].fact, f.of(all[bad].fact))
		}
	}
	return false, why
}

// yes sets what is true or not.
func (f Facts) yes(name string, is bool) {
	if f[name] = "no"; is {
		f[name] = "yes"
	}
}

func (f Facts) of(name string) string {
	if v := f[name]; v != "" {
		return v
	}
	if strings.Contains(name, ".") || slices.Equal(factKinds[name], yesNo) {
		return "no"
	}
	return "unknown"
}

func (t term) holds(f Facts) bool {
	v := f.of(t.fact)
	switch t.op {
	case "is":
		return v == t.value
	case "is not":
		return v != t.value
	case ">=":
		return v != "unknown" && number0(v) >= number0(t.value)
	}
	return v != "unknown" && number0(v) < number0(t.value)
}

// and is both conditions.
func (c Condition) and(o Condition) Condition {
	switch {
	case len(c.any) == 0:
		return o
	case len(o.any) == 0:
		return c
	}
	out := Condition{text: "(" + c.text + ") and (" + o.text + ")"}
	for _, a := range c.any {
		for _, b := range o.any {
			out.any = append(out.any, append(slices.Clone(a), b...))
		}
	}
	return out
}

// within is the condition with its steps named as those of an included playbook.
func (c Condition) within(name string) Condition {
	out := Condition{text: c.text}
	for _, all := range c.any {
		all = slices.Clone(all)
		for i := range all {
			if strings.Contains(all[i].fact, ".") {
				all[i].fact = name + "/" + all[i].fact
			}
		}
		out.any = append(out.any, all)
	}
	return out
}
