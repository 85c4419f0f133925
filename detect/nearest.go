package detect

import (
	"reflect"
	"strings"

	"interdict/sources/esql/parse"
)

// nearest gives ", did you mean X?" when X is a field of a rule that name may
// have been meant to be.
func nearest(name string) string {
	var known []string
	t := reflect.TypeFor[ruleBody]()
	for i := range t.NumField() {
		key, _, _ := strings.Cut(t.Field(i).Tag.Get("toml"), ",")
		known = append(known, key)
	}
	if best := parse.Nearest(name, known); best != "" {
		return ", did you mean " + best + "?"
	}
	return ""
}
