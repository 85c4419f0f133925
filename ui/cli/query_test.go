package cli

import (
	"context"
	"errors"
	"io"
	"testing"

	"interdict/sources"
)

func TestAQuestionThatIsCalledOffIsNotWaitedFor(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	never := make(chan struct{})
	defer close(never)
	c := &command{stateDir: t.TempDir(), Program: Program{Env: func(string) string { return "" }, History: func(context.Context, HistoryOptions) (sources.History, io.Closer, error) {
		stop()
		<-never // as standard input does that gives nothing
		return noHistory{}, noHistory{}, nil
	}}}
	if _, _, err := c.answerOf(ctx, HistoryOptions{From: []string{"-"}}, sources.Query{}); !errors.Is(err, errCalledOff) {
		t.Error(err)
	}
}
