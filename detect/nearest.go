package detect

import (
	"reflect"
	"strings"
)

// nearest gives ", did you mean X?" when X is a field of a rule that is one or
// two letters away from name.
func nearest(name string) string {
	best, at := "", 3
	t := reflect.TypeFor[ruleBody]()
	for i := range t.NumField() {
		known, _, _ := strings.Cut(t.Field(i).Tag.Get("toml"), ",")
		if d := distance(name, known); d < at && d < len(name)/2 {
			best, at = known, d
		}
	}
	if best == "" {
		return ""
	}
	return ", did you mean " + best + "?"
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal, row[j+1] = row[j+1], min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
