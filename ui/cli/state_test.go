package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestWhatWasSetAsideSilencesNoError(t *testing.T) {
	dir := t.TempDir()
	var said bytes.Buffer
	p := Program{Stdout: &said, Stderr: &said, Env: func(string) string { return "" }, Now: time.Now}
	c := &command{Program: p, stateDir: dir}
	s, err := c.openState(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "interdict.db.corrupt-20260101T000000Z"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]int{"show INC-0009": Failed, "list": Degraded} {
		said.Reset()
		config := filepath.Join(dir, "config.toml")
		if err := os.WriteFile(config, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		code := Main(t.Context(), p, append([]string{"--config", config, "--state", dir, "case"}, strings.Fields(args)...))
		if code != want || (code == Failed) != strings.Contains(said.String(), "INC-0009") {
			t.Errorf("case %s: %d\n%s", args, code, said.String())
		}
	}
}
