package funcs

import (
	"cmp"
	"testing"
)

// What is no version stands behind all that are, in the order of its bytes.
func TestVersionsStandInTheOrderOfElasticsearch(t *testing.T) {
	order := []string{
		"0", "0.9", "0.10", "1-0", "1-1", "1-1.0", "1-2", "1-11", "1--", "1-0a", "1-a", "1-a+b", "1-a-b", "1-a.1", "1-a.b", "1", "1+0.-", "1+b", "1.0-rc", "1.0", "1.0.0", "1.2.3-beta", "1.2.3", "1.2.3+build", "1.10.0", "2",
		"", "+b", "-a", "01", "1+", "1+a+b", "1+a_b", "1-", "1-+b", "1-01", "1-a..b", "1-a_b", "1.", "1..2", "1.02", "1.a", "1.é", "1a", "v1", "é",
	}
	for i, a := range order {
		for j, b := range order {
			if got, want := CompareVersions(a, b), cmp.Compare(i, j); got != want {
				t.Errorf("%q and %q: %d, want %d", a, b, got, want)
			}
		}
	}
}
