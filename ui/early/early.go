// Package early keeps bubbletea from asking the terminal for its background
// colour before main begins. The console has no use for the answer, a terminal
// that gives none (a serial line, an old emulator) would hold up every command
// for five seconds, and what a person typed ahead would be read away.
//
// The question is asked by the initialisation of a package and can only be
// prevented before that: this one imports nothing but os, so it is initialised
// earlier. termenv asks nothing where CI is set.
package early

import "os"

var before, there = os.LookupEnv("CI")

var set = before == "" && os.Setenv("CI", "true") == nil

// Restore gives the environment back as it was; main calls it first.
func Restore() {
	switch {
	case set && there:
		_ = os.Setenv("CI", before)
	case set:
		_ = os.Unsetenv("CI")
	}
}
