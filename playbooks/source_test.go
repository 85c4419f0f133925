package playbooks

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"interdict/detect"
	"interdict/sources"
	"interdict/sources/frame"
)

func TestOfSeveralHistoriesTheHostsOwnIsAskedAndAllOfThemAboutOtherHosts(t *testing.T) {
	a, f := theft()
	inner := a.History
	var mu sync.Mutex
	asked := map[string][]string{} // by source, the ids of questions
	a.History = historyFunc(func(ctx context.Context, q sources.Query) (*frame.Frame, sources.Quality, error) {
		sheet, err := BuiltinSheet()
		if err != nil {
			return nil, sources.Quality{}, err
		}
		id := "other"
		for _, question := range sheet.Questions {
			if strings.TrimSpace(question.Query) == q.Text {
				id = question.ID
			}
		}
		mu.Lock()
		asked[q.Source] = append(asked[q.Source], id)
		mu.Unlock()
		return inner.Query(ctx, q)
	})
	a.Source = func(h detect.Host) string { return "elasticsearch:" + h.Name }
	g := assess(t, a, f)
	own := "elasticsearch:" + f.Host.Name
	for id, want := range map[string]string{"left": own, "expected": own, "system": own, "others": "", "credentials": ""} {
		if !slices.Contains(asked[want], id) || answerOf(t, g, id).Source != want {
			t.Errorf("%s did not go to %q: %v", id, want, asked)
		}
	}
	if len(asked) != 2 {
		t.Errorf("asked %v", asked)
	}
}

func TestAGuideFillsAsItsAnswersComeAndIsNeverCalledRoutineBefore(t *testing.T) {
	a, f := theft()
	inner, slow := a.History, make(chan struct{})
	a.History = historyFunc(func(ctx context.Context, q sources.Query) (*frame.Frame, sources.Quality, error) {
		if strings.HasPrefix(q.Text, "FROM logs-endpoint.events.network-*\n| WHERE @timestamp >= ?from") { // what left
			select {
			case <-slow:
			case <-ctx.Done():
				return nil, sources.Quality{}, ctx.Err()
			}
		}
		return inner.Query(ctx, q)
	})
	a.Deadline = time.Minute
	g := a.Soon(t.Context(), f)
	told := fmt.Sprint(answerOf(t, g, "left"))
	if g.Asking != 1 || !strings.Contains(told, stillAsked) || strings.Contains(fmt.Sprint(answerOf(t, g, "command")), stillAsked) || g.Verdict.Word == Routine {
		t.Fatalf("after a moment: %d are asked, %s", g.Asking, told)
	}
	close(slow)
	for g.Asking > 0 {
		g = a.Soon(t.Context(), f)
	}
	again, want := theft()
	if got, want := g, assess(t, again, want); got.Verdict.Word != want.Verdict.Word || answerOf(t, got, "left").Why != answerOf(t, want, "left").Why {
		t.Errorf("when all is answered it is %s: %s", got.Verdict.Word, answerOf(t, got, "left").Why)
	}
}
