package cli

import (
	"errors"
	"fmt"
	"strings"
)

// checkTables says what is wrong with the hosts and changes of a file that was
// read into c, by the line where each begins.
func (c *Config) checkTables(path, text string) error {
	var wrong []error
	at, seen := linesOf(text, "[[host]]"), map[string]int{}
	for i, h := range c.Hosts {
		if len(at) != len(c.Hosts) {
			break // they are of another file, or written in another way
		}
		if first := seen[strings.ToLower(h.Name)]; first > 0 {
			wrong = append(wrong, fmt.Errorf("%s:%d: host %q is listed in line %d already", path, at[i], h.Name, first))
		}
		seen[strings.ToLower(h.Name)] = at[i]
	}
	at = linesOf(text, "[[change]]")
	for i, change := range c.Changes {
		if _, err := change.window(); err != nil && len(at) == len(c.Changes) {
			wrong = append(wrong, fmt.Errorf("%s:%d: %w", path, at[i], err))
		}
	}
	return errors.Join(wrong...)
}

// linesOf are the lines on which a table begins.
func linesOf(text, table string) (out []int) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		if head, _, _ := strings.Cut(line, "#"); strings.Join(strings.Fields(head), "") == table {
			out = append(out, n)
		}
	}
	return out
}
