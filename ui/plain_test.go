package ui

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"interdict/detect"
	"interdict/respond"
)

// talk is a plain console with somebody typing.
type talk struct {
	*plain
	t       *testing.T
	in      *io.PipeWriter
	ended   chan error
	changes *fakeChanges
	engine  *fakeEngine

	mu   sync.Mutex
	got  bytes.Buffer
	news chan struct{}
	time time.Time
}

func (k *talk) Write(b []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.got.Write(b)
	select {
	case k.news <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (k *talk) heard() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.got.String()
}

func (k *talk) now() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.time
}

func (k *talk) wait(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.time = k.time.Add(d)
}

func startTalk(t *testing.T, change ...func(*Config)) *talk {
	t.Helper()
	w := newWorld(t, 80, 24, change...)
	in, typing := io.Pipe()
	k := &talk{t: t, in: typing, ended: make(chan error, 1), changes: w.changes, engine: w.engine, news: make(chan struct{}, 1), time: noon}
	ctx, stop := context.WithCancel(t.Context())
	k.plain = newPlain(ctx, w.config, k)
	k.plain.clock = k.now
	k.plain.Model.changes, k.plain.Model.action = w.changes, w.Model.action
	go readLines(ctx, in, k.lines, k.now)
	go func() { k.ended <- k.loop(ctx) }()
	t.Cleanup(func() { stop(); typing.Close(); in.Close() })
	return k
}

func (k *talk) until(what string) {
	k.t.Helper()
	limit := time.After(10 * time.Second)
	for !strings.Contains(k.heard(), what) {
		select {
		case <-k.news:
		case <-limit:
			k.t.Fatalf("%q is not said:\n%s", what, k.heard())
		}
	}
}

func (k *talk) types(line string) { io.WriteString(k.in, line+"\n") }

func TestThePlainConsoleTellsAlertsAndAnswers(t *testing.T) {
	k := startTalk(t)
	k.until("ALERT 1: SENDING, high, web-1 prod: scp ◂ .x.sh ◂ php-fpm to 203.0.113.9:22, 48.2 MB")
	f := theft()
	f.Transfer.Live, f.Transfer.Rate = false, 0
	k.engine.put(f, backup(), another(7))
	k.engine.changed <- struct{}{}
	k.until("NOW   1: ended 0")
	k.until("ALERT 3: SENDING, high, new-7")
	k.types("1")
	k.until("Verdict: LIKELY THEFT, 3 against")
	k.types("guide 1")
	k.until("query: FROM logs-endpoint.events.process-*")
	k.types("close 2 benign")
	k.until("Closed alert 2 as benign.")
	k.types("nonsense")
	k.until("freeze N: freeze the process tree")
	k.types("quit")
	if err := <-k.ended; err != nil {
		t.Error(err)
	}
	if !strings.HasSuffix(k.heard(), "Nothing is held on any host.\n") {
		t.Errorf("ends with\n%s", k.heard())
	}
}

func TestThePlainConsoleChangesNothingWithoutTheWords(t *testing.T) {
	k := startTalk(t)
	k.types("freeze 1")
	k.until("type: freeze web-1")
	k.wait(time.Second)
	k.types("freeze")
	k.until("Cancelled: nothing was changed.")
	if len(k.changes.ran) != 0 {
		t.Errorf("ran %v", k.changes.ran)
	}
	k.changes.result = respond.Result{Kind: "process.freeze", Summary: "4 of 4 stopped", Holds: []respond.Held{{Kind: "frozen", Text: "4 processes"}}}
	k.changes.verdict = respond.Verdict{State: respond.Holds, Summary: "all 4 are stopped"}
	k.types("kill 1")
	k.until("type: kill web-1")
	k.wait(time.Second)
	k.types("kill web-1")
	k.until("Verified: holds. all 4 are stopped")
	if len(k.changes.ran) != 1 {
		t.Errorf("ran %v", k.changes.ran)
	}
}

func TestALineThatWasTypedAheadConfirmsNothing(t *testing.T) {
	k := startTalk(t)
	k.types("freeze 1\nfreeze web-1")
	k.until("typed before the plan could be read")
	k.until("Cancelled")
	if len(k.changes.ran) != 0 {
		t.Errorf("ran %v", k.changes.ran)
	}
}

func TestReadOnlyHoldsForLinesToo(t *testing.T) {
	k := startTalk(t, func(c *Config) { c.ReadOnly = true })
	k.types("kill 1")
	k.until("Read-only: kill is not there.")
}

func TestThePlainConsoleEndsWithItsInputOrItsReader(t *testing.T) {
	k := startTalk(t)
	k.until("ALERT 1")
	k.in.Close()
	if err := <-k.ended; err != nil {
		t.Error(err)
	}
	if err := Plain(t.Context(), k.config, strings.NewReader("list\nquit\n"), failing{}); err != nil {
		t.Error(err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestHostileTextIsHarmlessInLines(t *testing.T) {
	f := theft()
	f.Host.Name, f.Why, f.RuleName, f.Transfer.Tool.CommandLine, f.Transfer.Tool.Name = hostile, hostile, hostile, hostile, hostile
	k := startTalk(t)
	k.engine.put(f)
	k.engine.changed <- struct{}{}
	k.act().plan = respond.Plan{Title: hostile, Lines: []respond.Line{{Label: hostile, Text: hostile}}, NoUndo: hostile}
	k.types("1")
	k.types("freeze 1")
	k.until("anything else cancels")
	k.types(hostile)
	k.until("Cancelled")
	for _, r := range k.heard() {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			t.Fatalf("%U is written:\n%s", r, fmt.Sprintf("%q", k.heard()))
		}
	}
}

func (k *talk) act() *fakeAction {
	return k.plain.Model.action(k.config, freeze, &detect.Finding{}, detect.Process{}).(*fakeAction)
}
