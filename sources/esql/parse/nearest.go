package parse

import (
	"slices"
	"strings"
)

// Nearest gives the word that the given one may have been meant to be: the one
// with the fewest changed characters, at most a third of its own; "" if none.
func Nearest(word string, among []string) string {
	best, least := "", len(word)/3+1
	for _, w := range among {
		if d := len(w) - len(word); d > least || -d > least {
			continue
		}
		if d := distance(word, w); d < least || d == least && best == "" {
			best, least = w, d
		}
	}
	return best
}

// distance is Levenshtein's, in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// Near gives up to five words that the given one may have been meant to be,
// the nearest first.
func Near(word string, among []string) []string {
	type found struct {
		word string
		d    int
	}
	var all []found
	for _, w := range among {
		longer, shorter := max(len(w), len(word)), min(len(w), len(word))
		if 2*(longer-shorter) > longer {
			continue
		}
		if d := distance(strings.ToLower(word), strings.ToLower(w)); longer > 0 && 2*d <= longer {
			all = append(all, found{w, d})
		}
	}
	slices.SortStableFunc(all, func(a, b found) int { return a.d - b.d })
	var out []string
	for _, f := range all {
		if len(out) < 5 && f.d <= all[0].d+1 {
			out = append(out, f.word)
		}
	}
	return out
}
