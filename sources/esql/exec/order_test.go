package exec

import (
	"cmp"
	"context"
	"errors"
	"testing"
)

func TestOrderingEndsWithItsContext(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	looked := 0
	_, err := ordered(ctx, allRows(runRows/2), func(x, y uint32) int {
		if looked++; looked == 100 {
			stop()
		}
		return cmp.Compare(y, x)
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	_, err = ordered(ctx, allRows(64*runRows), func(x, y uint32) int {
		t.Fatal("rows are compared for nobody")
		return 0
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
