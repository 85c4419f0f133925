//go:build !linux

package respond

import "time"

var programStart = time.Now()

// machineBoot has no boot id to give here; the clock counts from the program's start.
func machineBoot() (id string, since time.Duration) { return "", time.Since(programStart) }
