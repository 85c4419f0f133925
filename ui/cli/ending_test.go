package cli

import (
	"context"
	"errors"
	"strings"
	"testing"

	"interdict/sources"
)

type broken struct{ err error }

func (broken) Name() string                              { return "ebpf" }
func (b broken) Run(context.Context, sources.Sink) error { return b.err }
func (broken) Stats() sources.Stats                      { return sources.Stats{Notes: []string{"slow"}} }
func notes(t *testing.T, ctx context.Context, err error) string {
	t.Helper()
	e := &ending{Source: broken{err}}
	_ = e.Run(ctx, nil)
	return strings.Join(e.Stats().Notes, "|")
}

func TestASourceThatEndsSaysSo(t *testing.T) {
	if got := notes(t, t.Context(), errors.New("the ring is gone")); got != "STOPPED, nothing new is seen: the ring is gone|slow" {
		t.Error(got)
	}
	if got := notes(t, t.Context(), nil); got != "it has ended|slow" {
		t.Error(got)
	}
	over, stop := context.WithCancel(t.Context())
	stop()
	if got := notes(t, over, nil); got != "slow" {
		t.Error("the program ends, not the source: " + got)
	}
}
