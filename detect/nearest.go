package detect

import (
	"reflect"
	"strings"
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
	return meant(name, known)
}
