package sources

import (
	"fmt"
	"strings"
)

// Error words the problems as Elasticsearch does.
func (e *QueryError) Error() string {
	lines := make([]string, 0, len(e.Problems))
	for _, p := range e.Problems {
		lines = append(lines, fmt.Sprintf("line %d:%d: %s", p.Line, p.Column, p.Message))
	}
	if e.Type != "verification_exception" {
		return e.Type + ": " + strings.Join(lines, "\n")
	}
	noun := "problems"
	if len(lines) == 1 {
		noun = "problem"
	}
	return fmt.Sprintf("%s: Found %d %s\n%s", e.Type, len(lines), noun, strings.Join(lines, "\n"))
}
