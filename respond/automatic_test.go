package respond_test

import (
	"testing"
	"time"

	"interdict/respond"
)

func TestWhatNoPersonAskedForIsCounted(t *testing.T) {
	j := open(t, t.TempDir()).journal(t)
	for _, actor := range []respond.Actor{{User: "ana"}, {User: `eve","auto":"x`}, {User: "ana", Auto: "stop-it"}, {User: "ana", Auto: "stop-it"}, {User: "ana", Auto: respond.AutoQueue}} {
		a := &switchAction{}
		if _, _, err := respond.Run(t.Context(), j, actor, a, host{}, plan(t, a)); err != nil {
			t.Fatal(err)
		}
	}
	for ago, want := range map[time.Duration]int{time.Hour: 2, -time.Hour: 0} {
		if n, err := j.Automatic(t.Context(), time.Now().Add(-ago)); n != want || err != nil {
			t.Errorf("since %s ago: %d, %v", ago, n, err)
		}
	}
}
