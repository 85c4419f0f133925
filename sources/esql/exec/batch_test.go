package exec

import (
	"testing"

	"interdict/sources/frame"
)

// Each slice counted as all of it had many values of many rows refused.
func TestSlicesOfABatchTakeTogetherWhatItTakes(t *testing.T) {
	const rows, each = 8 * chunkRows, 3
	c := &frame.Column{Type: frame.Keyword, Codes: make([]uint32, each*rows)}
	for row := range uint32(rows + 1) {
		c.Offsets = append(c.Offsets, each*row)
	}
	b, sum := &batch{n: rows, cols: []*frame.Column{c, nil, {Type: frame.Long, Ints: make([]int64, rows)}}}, 0
	for at := 0; at < rows; at += chunkRows {
		sum += b.slice(at, at+chunkRows).bytes() - 4 // an offset that two have
	}
	if want := (4*each + 4 + 8) * rows; sum != want || b.bytes()-4 != want {
		t.Errorf("%d bytes, all together %d, want %d", b.bytes(), sum, want)
	}
}
