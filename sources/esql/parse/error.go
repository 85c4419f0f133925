package parse

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The kinds of errors, as Elasticsearch names them.
const (
	Parsing      = "parsing_exception"
	Verification = "verification_exception"
)

// Error is what is wrong with a query's text. Problems is never empty.
type Error struct {
	Type     string
	Problems []Problem
}

// Problem is one thing that is wrong, and where. Line and Column count from 1,
// columns in code points; both are 0 when the problem has no place.
type Problem struct {
	Line, Column int
	Message      string
}

// String is the problem as Elasticsearch prints it.
func (p Problem) String() string {
	if p.Line == 0 {
		return p.Message
	}
	return fmt.Sprintf("line %d:%d: %s", p.Line, p.Column, p.Message)
}

// Error gives Elasticsearch's "reason" text.
func (e *Error) Error() string {
	if e.Type == Parsing || len(e.Problems) == 1 && e.Problems[0].Line == 0 {
		return e.Problems[0].String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Found %d problem%s", len(e.Problems), plural(len(e.Problems)))
	for _, p := range e.Problems {
		b.WriteString("\n" + p.String())
	}
	return b.String()
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// Errorf makes an error with one problem.
func Errorf(kind string, at Pos, format string, args ...any) *Error {
	return &Error{Type: kind, Problems: []Problem{{at.Line, at.Column, fmt.Sprintf(format, args...)}}}
}

// Pos is a place in the text; lines and columns count from 1.
type Pos struct{ Line, Column int }

// At gives the place itself: nodes embed a Pos.
func (p Pos) At() Pos { return p }

// Offset gives the byte of text at the place; past the end, the end.
func (p Pos) Offset(text string) int {
	at := 0
	for line := 1; line < p.Line; line++ {
		n := strings.IndexByte(text[at:], '\n')
		if n < 0 {
			return len(text)
		}
		at += n + 1
	}
	for column := 1; column < p.Column && at < len(text); column++ {
		_, n := utf8.DecodeRuneInString(text[at:])
		at += n
	}
	return at
}
