package exec

import (
	"cmp"
	"context"
	"errors"
	"testing"

	"interdict/sources/frame"
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

func TestMergingGroupsEndsWithItsContext(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	mine, theirs := newKeySet([]frame.Type{frame.Long}, 0), newKeySet([]frame.Type{frame.Long}, 0)
	for n := range int64(1 << 13) {
		hashes := []uint64{0}
		theirs.use(0, &frame.Column{Type: frame.Long, Ints: []int64{n}}, hashes)
		theirs.number(hashes[0], 0)
	}
	taken := 0
	mine.take(ctx, theirs, func(int, uint32, bool) {
		if taken++; taken == 10 {
			stop()
		}
	})
	if taken == 0 || taken == theirs.len() {
		t.Errorf("%d of %d groups were taken for nobody", taken, theirs.len())
	}
}
