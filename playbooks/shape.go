package playbooks

import (
	"strings"

	"interdict/detect"
)

// shapeBytes bounds how much of a command line is looked at.
const shapeBytes = 4096

// shapeOf generalises a command line as the counts do.
func shapeOf(command string) string { return detect.Shape(command) }

// likeness of two shapes, 0 to 1: how many words they share.
func likeness(a, b string) float64 {
	x, y := strings.Fields(a), strings.Fields(b)
	if len(x)+len(y) == 0 {
		return 0
	}
	have := make(map[string]int, len(x))
	for _, w := range x {
		have[w]++
	}
	shared := 0
	for _, w := range y {
		if have[w] > 0 {
			have[w]--
			shared++
		}
	}
	return 2 * float64(shared) / float64(len(x)+len(y))
}
