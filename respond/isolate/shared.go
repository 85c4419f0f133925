package isolate

import (
	_ "embed" // the list is a file, so that it can be read and compared as such
	"fmt"
	"net/netip"
	"strings"
)

//go:embed shared.txt
var sharedText string

// Shared is a network that belongs to many.
type Shared struct {
	Net   netip.Prefix
	Owner string
}

// ParseShared reads lines of a network and its owner; # begins a comment.
func ParseShared(text string) ([]Shared, error) {
	var list []Shared
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		place, owner, _ := strings.Cut(line, " ")
		net, err := ParseNet(place)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		owner = strings.TrimSpace(owner)
		if owner == "" {
			return nil, fmt.Errorf("line %d: whose is %s? Write NETWORK OWNER", i+1, place)
		}
		list = append(list, Shared{net, owner})
	}
	return list, nil
}

// owners are those whose shared networks a place lies in, or takes in.
func owners(place netip.Prefix, more []Shared) []string {
	list, err := ParseShared(sharedText)
	if err != nil {
		panic(err) // the file is part of the program, and a test reads it
	}
	var names []string
	seen := map[string]bool{}
	for _, s := range append(list, more...) {
		if s.Net.Overlaps(place) && !seen[s.Owner] {
			seen[s.Owner] = true
			names = append(names, s.Owner)
		}
	}
	return names
}
