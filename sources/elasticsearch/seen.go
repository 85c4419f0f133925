package elasticsearch

import (
	"bytes"
	"encoding/json"
	"hash/maphash"
	"strings"
	"time"
)

// seen remembers which documents were delivered, by 64 bits each.
type seen struct {
	seed maphash.Seed
	when map[uint64]int64 // seconds
}

func newSeen() *seen { return &seen{maphash.MakeSeed(), map[uint64]int64{}} }

// add tells whether a document is new.
func (s *seen) add(key string, now time.Time) bool {
	h := maphash.String(s.seed, key)
	_, known := s.when[h]
	s.when[h] = now.Unix()
	return !known
}

// drop takes documents back that were not delivered after all.
func (s *seen) drop(keys []string) {
	for _, key := range keys {
		delete(s.when, maphash.String(s.seed, key))
	}
}

// forget drops what was seen last before a time.
func (s *seen) forget(before time.Time) {
	for h, at := range s.when {
		if at < before.Unix() {
			delete(s.when, h)
		}
	}
}

// stream gives the data stream of a backing index: the same event may be in two of them.
func stream(index string) string {
	cluster, name, remote := strings.Cut(index, ":")
	if !remote {
		cluster, name = "", index
	}
	name, backing := strings.CutPrefix(name, ".ds-")
	if !backing {
		return index
	}
	for range 2 { // -2026.11.26-000001
		if i := strings.LastIndexByte(name, '-'); i > 0 {
			name = name[:i]
		}
	}
	return cluster + name
}

// decodeNumbers keeps numbers as they are written: sort values are of 64 bits.
func decodeNumbers(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return d.Decode(into)
}
