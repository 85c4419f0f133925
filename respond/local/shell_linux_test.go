package local

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"interdict/respond"
)

func TestAScriptGetsItsDataOnStandardInputAndNothingElse(t *testing.T) {
	t.Setenv("SECRET", "token")
	o, err := New().Run(t.Context(), respond.Script{Name: "test", Text: `cat; echo "$SECRET" >&2; exit 7`}, []byte("$(id)\n"))
	if err != nil || o.Status != 7 || string(o.Stdout) != "$(id)\n" || string(o.Stderr) != "\n" || o.Cut {
		t.Errorf("%+v %v", o, err)
	}
	o, err = New().Run(t.Context(), respond.Script{Name: "test", Text: `kill -TERM $$`}, nil)
	if err != nil || o.Status != 128+15 {
		t.Errorf("%+v %v", o, err)
	}
}

func TestAScriptThatWritesWithoutEndIsCut(t *testing.T) {
	o, err := New().Run(t.Context(), respond.Script{Name: "test", Text: `head -c 3000000 /dev/zero`}, nil)
	if err != nil || len(o.Stdout) != respond.MaxOutput || !o.Cut {
		t.Errorf("%d bytes, cut %v, %v", len(o.Stdout), o.Cut, err)
	}
}

func TestAScriptThatDoesNotEndIsKilledWithItsChildren(t *testing.T) {
	marker := filepath.Join(t.TempDir(), "pid")
	_, err := New().Run(t.Context(), respond.Script{Name: "test", Text: `read f; sleep 1000 & echo $! >"$f"; wait`, Limit: 500 * time.Millisecond}, []byte(marker+"\n"))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	pid, err := os.ReadFile(marker)
	if err != nil {
		t.Fatal(err)
	}
	var stat []byte
	for range 400 { // it was killed, and takes a moment to go
		stat, _ = os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/stat")
		if len(stat) == 0 || strings.Contains(string(stat), ") Z ") {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
	t.Error("its child lives:", string(stat))
}
