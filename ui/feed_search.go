package ui

import (
	"strings"

	"interdict/ui/text"
)

// Match gives the numbers of the rows from number from on in which the needle
// stands somewhere, whatever its case, and the number to go on from. It looks
// at each text once, not at each row's.
func (f *Feed) Match(needle string, from uint64) (found []uint64, next uint64) {
	words := strings.Fields(strings.ToLower(needle))
	f.mu.RLock()
	defer f.mu.RUnlock()
	for i, c := range f.chunks {
		end := f.next
		if i+1 < len(f.chunks) {
			end = f.chunks[i+1].first
		}
		if end <= from {
			continue
		}
		found = c.match(words, int(max(from, c.first)-c.first), found)
	}
	return found, f.next
}

// match appends the rows in which every word stands in one of the texts.
func (c *chunk) match(words []string, from int, found []uint64) []uint64 {
	hits := make([]uint32, len(c.texts)) // bit w: word w stands in this text
	words = words[:min(len(words), 32)]
	all := uint32(1)<<len(words) - 1
	for code, t := range c.texts {
		hits[code] = has(t, words)
	}
	for i := from; i < len(c.rows); i++ {
		var got uint32
		for _, code := range c.rows[i].text {
			got |= hits[code]
		}
		if got&all == all {
			found = append(found, c.first+uint64(i))
		}
	}
	return found
}

// has gives the words that stand in t as it is shown.
func has(t string, lower []string) (bits uint32) {
	if t == "" {
		return 0
	}
	t = strings.ToLower(text.Clean(t))
	for w, word := range lower {
		if strings.Contains(t, word) {
			bits |= 1 << w
		}
	}
	return bits
}
