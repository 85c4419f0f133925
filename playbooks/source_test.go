package playbooks

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

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
