package cli

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"interdict/respond"
)

// outside is a program on a machine without rights: only the recorded incident can be opened.
func outside(stdout, stderr *bytes.Buffer) Program {
	return Program{
		Stdin: strings.NewReader(""), Stdout: stdout, Stderr: stderr, Now: time.Now,
		Env: func(string) string { return "" },
		Open: func(context.Context, OpenOptions) (*Opened, error) {
			return &Opened{Recorded: true, Banner: "no right to watch the kernel", Close: func() error { return nil }}, nil
		},
	}
}

func TestWatchNeverTakesTheRecordedIncidentForThisMachine(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := Main(t.Context(), outside(&stdout, &stderr), []string{"watch"})
	if code != Failed || stdout.Len() > 0 || !strings.Contains(stderr.String(), "no right to watch the kernel") {
		t.Errorf("ended with %d, wrote %q and said %q", code, &stdout, &stderr)
	}
}

func TestWithoutAHomeNothingIsKeptInTheWorkingDirectory(t *testing.T) {
	for _, args := range [][]string{{"standing"}, {"journal", "verify"}, {"query", "FROM logs-*"}, {"kill", "local", "1@0", "--yes"}} {
		var stdout, stderr bytes.Buffer
		p := outside(&stdout, &stderr)
		p.Hosts = func(HostsOptions) Hosts { return noHosts{} }
		if code := Main(t.Context(), p, args); code != Failed || !strings.Contains(stderr.String(), "--state") {
			t.Errorf("%v ended with %d and said %q", args, code, &stderr)
		}
	}
}

// noHosts finds nothing and says nothing.
type noHosts struct{ Hosts }

func (noHosts) Find(context.Context, string) (respond.Host, error) { return nil, nil }
func (noHosts) Close() error                                       { return nil }
