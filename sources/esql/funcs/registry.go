package funcs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"interdict/sources/frame"
)

// families are the lists of scalar functions, aggregates those of aggregates.
var (
	families   = []func() []Def{buckets, comparisons, logic, arithmetic, patterns, conversions, conditionals, dates, dateTexts, datePieces, texts, jsons, decays, timeRanges, encodings, maths, multis, addresses, matches}
	aggregates = []func() []AggDef{counts, sums, quantiles, spreads, tops}
)

type registry struct {
	scalar map[string]*Def
	agg    map[string]*AggDef
}

var all = sync.OnceValue(func() registry {
	r := registry{map[string]*Def{}, map[string]*AggDef{}}
	for _, family := range families {
		for _, d := range family() {
			r.scalar[d.Name] = &d
		}
	}
	for _, family := range aggregates {
		for _, d := range family() {
			r.agg[d.Name] = &d
		}
	}
	return r
})

var aliases = map[string]string{"to_str": "to_string", "to_bool": "to_boolean", "to_int": "to_integer", "to_dt": "to_datetime", "to_dbl": "to_double",
	"to_ver": "to_version", "to_ul": "to_unsigned_long", "to_ulong": "to_unsigned_long", "to_datenanos": "to_date_nanos", "pow": "pow"}

// Lookup finds a scalar function by its name in lower case.
func Lookup(name string) *Def {
	if a, ok := aliases[name]; ok {
		name = a
	}
	return all().scalar[name]
}

// LookupAgg finds an aggregate.
func LookupAgg(name string) *AggDef { return all().agg[name] }

// Names lists all functions that a query can call, sorted.
func Names() []string {
	names := slices.Collect(maps.Keys(all().agg))
	for n := range all().scalar {
		if n[0] >= 'a' && n[0] <= 'z' && !operators[n] {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// operators have entries as functions do, but cannot be called by name.
var operators = map[string]bool{"and": true, "or": true, "not": true, "is null": true, "is not null": true, "like": true, "rlike": true, "in": true, "neg": true, "bucket": true, "any value": true}

// Callable tells whether a name can be called as a function.
func Callable(name string) bool { return !operators[name] && name != "" && name[0] >= 'a' }

var counted = [...]string{"no", "one", "two", "three", "four", "five", "six", "seven"}

// CheckArity gives what is wrong with a number of arguments, "" if nothing.
func CheckArity(params []Param, variadic bool, n int) string {
	least, most := 0, len(params)
	for _, p := range params {
		if !p.Optional {
			least++
		}
	}
	if n >= least && (variadic || n <= most) {
		return ""
	}
	switch {
	case variadic:
		return fmt.Sprintf("expects at least %s argument%s", counted[least], pluralS(least))
	case most == 0:
		return "expects no arguments"
	case least == most:
		return fmt.Sprintf("expects exactly %s argument%s", counted[least], pluralS(least))
	case most-least == 1:
		return fmt.Sprintf("expects %s or %s arguments", counted[least], counted[most])
	}
	return fmt.Sprintf("expects between %s and %s arguments", counted[least], counted[most])
}

func pluralS(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// ParamFor gives the parameter that argument i belongs to.
func ParamFor(params []Param, i int) Param { return params[min(i, len(params)-1)] }

var ordinals = [...]string{"first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"}

// Ordinal is the word for argument i; total is how many there are.
func Ordinal(i, total int) string {
	if total == 1 {
		return ""
	}
	if i < len(ordinals) {
		return ordinals[i] + " "
	}
	return fmt.Sprintf("%dth ", i+1)
}

// CheckType gives what is wrong with an argument's type, "" if nothing.
func CheckType(p Param, t frame.Type, call, arg string, i, total int) string {
	if p.Types.Has(t) {
		return ""
	}
	expect := p.Expect
	if expect == "" {
		expect = p.Types.String()
	}
	if p.Unnumbered {
		total = 1
	}
	return fmt.Sprintf("%sargument of [%s] must be [%s], found value [%s] type [%s]", Ordinal(i, total), call, expect, arg, strings.ToLower(TypeName(t)))
}
