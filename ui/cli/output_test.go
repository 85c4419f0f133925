package cli

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

func TestDataOnATerminalCannotSteerIt(t *testing.T) {
	var screen bytes.Buffer
	w := &shown{to: &screen}
	for _, part := range []string{"a,\x1b]52;c;ZXZ", "pbA==\x07,\u202eb\n\xc2", "\x9b31m\nlast"} {
		if n, err := io.WriteString(w, part); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	got := screen.String()
	if strings.ContainsAny(got, "\x1b\x07\u202e\u009b") || strings.Count(got, "\n") != 2 || !strings.Contains(got, "52;c;ZXZpbA==") {
		t.Errorf("the terminal gets %q", got)
	}
}

func TestDataForAProgramIsLeftAlone(t *testing.T) {
	var pipe bytes.Buffer
	c := &command{Program: Program{Stdout: &pipe}}
	io.WriteString(c.results(), "\x1b]52\x07\u202e")
	if pipe.String() != "\x1b]52\x07\u202e" {
		t.Errorf("it gets %q", &pipe)
	}
}
