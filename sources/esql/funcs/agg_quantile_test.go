package funcs

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestQuantilesOfManyValuesStayNearTheTrueOnes holds the sketch to a thousandth
// of all values in rank, merged from parts as a query's parts are.
func TestQuantilesOfManyValuesStayNearTheTrueOnes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var all []float64
	var whole tdigest
	for range 7 {
		var part tdigest
		for range 10_000 + r.IntN(40_000) {
			v := math.Exp(r.NormFloat64() * 3)
			all = append(all, v)
			part.add(v)
		}
		whole.merge(&part)
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1} {
		got := whole.at(q)
		rank, _ := slices.BinarySearch(all, got)
		if off := math.Abs(float64(rank)/float64(len(all)-1) - q); off > 0.001 {
			t.Errorf("quantile %v is off by %v of all values", q, off)
		}
	}
	if whole.at(0) != all[0] || whole.at(1) != all[len(all)-1] {
		t.Errorf("%v to %v, want %v to %v", whole.at(0), whole.at(1), all[0], all[len(all)-1])
	}
	if n := len(whole.centroids); n > 4*compression {
		t.Errorf("%d centroids", n)
	}
}

func TestFewValuesAreExactHoweverTheyAreMerged(t *testing.T) {
	var whole, left, right tdigest
	for i := range 1000 {
		whole.add(float64(i))
		if i%3 == 0 {
			left.add(float64(i))
		} else {
			right.add(float64(i))
		}
	}
	left.merge(&right)
	for q := 0.0; q <= 1; q += 0.01 {
		if whole.at(q) != left.at(q) {
			t.Fatalf("quantile %v: %v and %v", q, whole.at(q), left.at(q))
		}
	}
}
