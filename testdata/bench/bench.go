// Package bench says what a benchmark measured: one JSON object a line on
// standard output, which `make bench-…` keeps apart from what go test says.
//
// Machines differ and are noisy, so a figure is judged by its ratio to a floor
// or a peer of the same run, and never by itself. Only tests import the package.
package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
)

// Figure is something that was measured, and what it is measured against.
type Figure struct {
	Name      string  `json:"name"`
	Value     float64 `json:"value"`
	Unit      string  `json:"unit"`
	Peer      string  `json:"peer,omitempty"` // a floor, another program, or a size that was stated; "" is none
	PeerValue float64 `json:"peer_value,omitempty"`
	Ratio     float64 `json:"ratio,omitempty"` // of Value to PeerValue; Tell fills it
	Most      float64 `json:"most,omitempty"`  // the ratio may be at most; 0: it is not judged
}

// Wanted skips what only a run of benchmarks should do.
func Wanted(t testing.TB) {
	t.Helper()
	if os.Getenv("INTERDICT_BENCH") != "1" {
		t.Skip("measures for minutes: INTERDICT_BENCH=1 or make bench has it run")
	}
}

// Tell writes a figure down and judges its ratio.
func Tell(t testing.TB, f Figure) {
	t.Helper()
	if f.PeerValue != 0 {
		f.Ratio = f.Value / f.PeerValue
	}
	line, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(string(line))
	if f.Most != 0 && f.Ratio > f.Most {
		t.Errorf("%s is %.3g times %s, at most %.3g is allowed", f.Name, f.Ratio, f.Peer, f.Most)
	}
}

// Quantile is the value that the share q of all is not above; 0 of none.
func Quantile(all []float64, q float64) float64 {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// Median is the value in the middle.
func Median(all []float64) float64 { return Quantile(all, 0.5) }
