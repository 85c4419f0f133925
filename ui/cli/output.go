package cli

import (
	"bytes"
	"io"

	"github.com/charmbracelet/x/term"

	"interdict/ui/text"
)

// results is where data for programs goes. As it is: what reads it wants every
// byte. Only on a terminal, where a person reads it, it is cleaned, since values
// are what attackers chose and a terminal obeys some of them.
func (c *command) results() io.Writer {
	if f, ok := c.Stdout.(term.File); ok && term.IsTerminal(f.Fd()) {
		return &shown{to: c.Stdout}
	}
	return c.Stdout
}

// shown writes whole lines, cleaned. What ends without a newline is not written.
type shown struct {
	to   io.Writer
	rest []byte
}

func (s *shown) Write(b []byte) (int, error) {
	s.rest = append(s.rest, b...)
	end := bytes.LastIndexByte(s.rest, '\n') + 1
	if end == 0 {
		return len(b), nil
	}
	_, err := io.WriteString(s.to, text.CleanLines(string(s.rest[:end])))
	s.rest = append(s.rest[:0], s.rest[end:]...)
	return len(b), err
}
