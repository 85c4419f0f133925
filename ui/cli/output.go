package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/charmbracelet/x/term"

	"interdict/ui/text"
)

// results is where data for programs goes. As it is: what reads it wants every
// byte. Only on a terminal, where a person reads it, it is cleaned, since values
// are what attackers chose and a terminal obeys some of them.
func (c *command) results() io.Writer {
	if onTerminal(c.Stdout) {
		return &shown{to: c.Stdout}
	}
	return c.Stdout
}

func onTerminal(to io.Writer) bool {
	f, ok := to.(term.File)
	return ok && term.IsTerminal(f.Fd())
}

// printJSON prints a document on a line of its own.
func (c *command) printJSON(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.results(), string(b))
	return err
}

// table aligns lines of cells with tabs between; it is flushed at the end.
func (c *command) table() *tabwriter.Writer { return tabwriter.NewWriter(c.Stdout, 0, 0, 2, ' ', 0) }

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
