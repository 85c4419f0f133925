package respond

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Level is what an environment asks before a host is changed. A higher one
// asks for all that a lower one does.
type Level int

// The levels, the lowest first.
const (
	Asked  Level = iota // a person's yes to the plan
	Typed               // the name of the host or of its group typed
	Second              // the signature of a second person
)

var levelNames = []string{"asked", "typed", "second"}

// String is the word of the configuration.
func (l Level) String() string { return levelNames[l] }

// ParseLevel reads that word.
func ParseLevel(s string) (Level, error) {
	if i := slices.Index(levelNames, s); i >= 0 {
		return Level(i), nil
	}
	return 0, fmt.Errorf("%q: is %s", s, strings.Join(levelNames, ", "))
}

// Changes are the verbs that rights are given for. What gives back is asked for only.
var Changes = []string{"freeze", "block", "isolate", "kill"}

// Verb is the word for a kind of change: "freeze" of "process.freeze".
func Verb(kind string) string {
	_, verb, _ := strings.Cut(kind, ".")
	return verb
}

// Rights are what is asked before a change, by environment and verb.
type Rights struct {
	Levels  map[string]map[string]Level // an environment that is not there: typed in production, else asked
	Hosts   int                         // more than so many at once need a second person; 0: ten
	Percent float64                     // more than so much of the inventory, too; 0: five
	Groups  bool                        // all hosts of one group need none
}

const (
	secondHosts   = 10
	secondPercent = 5
)

// Level is what one host of the environment asks for.
func (r Rights) Level(environment, kind string) Level {
	verb := Verb(kind)
	if !slices.Contains(Changes, verb) {
		return Asked
	}
	if l, ok := r.Levels[environment][verb]; ok {
		return l
	}
	if environment == "production" {
		return Typed
	}
	return Asked
}

// Demand is what a change of these hosts asks for, and why.
func (r Rights) Demand(kind string, inventory *Inventory, own string, names []string) (level Level, why []string) {
	for _, name := range names {
		environment := own // of this machine
		if e, ok := inventory.Find(name); ok {
			environment = e.Environment
		}
		if l := r.Level(environment, kind); l > level {
			level, why = l, []string{fmt.Sprintf("%s is in %s, where %s is %q", name, cmp.Or(environment, "none"), Verb(kind), l)}
		}
	}
	if many := r.many(kind, inventory, names); len(many) > 0 {
		if level < Second {
			why = nil
		}
		level, why = Second, append(why, many...)
	}
	return level, why
}

// many says in what way these are too many hosts for one person.
func (r Rights) many(kind string, inventory *Inventory, names []string) (why []string) {
	if !slices.Contains(Changes, Verb(kind)) || len(names) < 2 {
		return nil
	}
	if most := cmp.Or(r.Hosts, secondHosts); len(names) > most {
		why = append(why, fmt.Sprintf("%d hosts are more than %d", len(names), most))
	}
	all := inventory.Entries()
	share := cmp.Or(r.Percent, secondPercent)
	if of := 100 * float64(len(names)) / float64(max(len(all), 1)); of > share {
		why = append(why, fmt.Sprintf("%d of %d hosts are %.0f %% of the inventory, more than %g %%", len(names), len(all), of, share))
	}
	if r.Groups {
		return why
	}
	groups := map[string]int{}
	for _, e := range all {
		for _, g := range e.Groups {
			groups[g]++
			if !slices.Contains(names, e.Name) {
				groups[g] -= 1 << 20
			}
		}
	}
	for _, e := range all {
		for _, g := range e.Groups {
			if groups[g] > 1 {
				why = append(why, fmt.Sprintf("they are all %d hosts of the group %s", groups[g], g))
				groups[g] = 0
			}
		}
	}
	return why
}
