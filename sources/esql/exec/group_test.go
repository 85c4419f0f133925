package exec

import "testing"

// A query would be refused for the room that it might need.
func TestRoomForExpectedGroupsIsAQuarterOfTheMemoryInAllWorkersTogether(t *testing.T) {
	for _, workers := range []int{1, 2, 16} {
		set := &keySet{keys: make([]*key, 2), hashes: make([]uint64, 1<<20), rows: 1 << 20}
		g := &grouped{grouping: &grouping{ev: &evaluator{run: &run{o: Options{Workers: workers}}}, set: set, keys: make([]expr, 2)},
			memory: &memory{most: DefaultBytes}, parts: 1000}
		if n := g.expected(1); n == 0 || n*(8+8+2*4+8)*workers > DefaultBytes/4 {
			t.Errorf("%d workers expect %d groups each", workers, n)
		}
	}
}
