package detect

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"interdict/sources"
	"interdict/sources/frame"
)

// lacking is a history of which a part does not answer.
type lacking struct{ *memory }

func (l lacking) Query(ctx context.Context, q sources.Query) (*frame.Frame, sources.Quality, error) {
	f, quality, err := l.memory.Query(ctx, q)
	quality.Partial, quality.Reasons = true, []string{"2 shards failed"}
	return f, quality, err
}

func TestWhatAPartialAnswerLeftOutIsSaidOfTheRuleAndOfEachAlertThatItMade(t *testing.T) {
	past := &memory{}
	r := rule(t, "rare-transfer-tool")
	one := newDesk(t, Options{Rules: r})
	if err := past.Put(t.Context(), one.exec(100, 1, "scp a h:").batch()); err != nil {
		t.Fatal(err)
	}
	alerts, _, err := Once(t.Context(), r[0], lacking{past}, one.scene.now, nil)
	if err != nil || len(alerts) != 1 || !strings.Contains(strings.Join(alerts[0].Degraded, "\n"), "2 shards failed") {
		t.Errorf("on its schedule: %v, %+v", err, alerts)
	}
	two := newDesk(t, Options{Rules: r, History: lacking{past}})
	two.scene.now = one.scene.now.Add(time.Minute)
	two.exec(101, 1, "scp b h:")
	f := two.put(t).Findings
	for _, one := range f {
		if !strings.Contains(strings.Join(one.Degraded, "\n"), "2 shards failed") {
			t.Errorf("live: %+v", one)
		}
	}
	if s := two.Snapshot().Rules[0]; len(f) == 0 || !strings.Contains(s.Blind, "2 shards failed") {
		t.Errorf("live: %d, %+v", len(f), s)
	}
	two.scene.now = two.scene.now.Add(r[0].Lookback + time.Minute)
	two.tick(t.Context())
	if s := two.Snapshot().Rules[0]; s.Blind != "" {
		t.Errorf("what it did not know has left the window: %q", s.Blind)
	}
}

func TestEventsBehindARowAreThoseOfItsAddressesToo(t *testing.T) {
	b := frame.NewBuilder([]frame.Field{{Name: "destination.ip", Type: frame.IP}, {Name: "process.name", Type: frame.Keyword}, {Name: "n", Type: frame.Long}})
	b.Row()
	b.IP(0, netip.MustParseAddr("203.0.113.9"))
	b.Keyword(1, "ssh")
	b.Int(2, 59)
	got := keysOf(b.Build(), 0)
	if len(got) != 2 || got["destination.ip"][0] != "203.0.113.9" || got["process.name"][0] != "ssh" {
		t.Errorf("got %v", got)
	}
}
