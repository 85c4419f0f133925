package respond

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
)

// Proposal is a change of one or several hosts as it is put to a second person,
// who signs the bytes of its document.
type Proposal struct {
	Version int       `json:"version"`
	Made    time.Time `json:"made"`
	Until   time.Time `json:"until"` // when it counts no more
	By      Person    `json:"by"`
	Why     []string  `json:"why"` // a second person is needed
	Plans   []Plan    `json:"plans"`
}

// Person is who acts, with the fingerprints of the keys that were at hand.
type Person struct {
	Actor Actor    `json:"actor"`
	Keys  []string `json:"keys,omitempty"`
}

// ProposalTime is for how long what was planned can be approved and applied.
const ProposalTime = 2 * time.Hour

// Propose makes the document.
func Propose(by Person, why []string, members []*Member) ([]byte, error) {
	now := time.Now().UTC()
	p := Proposal{Version: Version, Made: now, Until: now.Add(ProposalTime), By: by, Why: why}
	for _, m := range members {
		p.Plans = append(p.Plans, m.Plan)
	}
	b, err := json.MarshalIndent(p, "", "  ")
	return append(b, '\n'), err
}

// Hosts are the names of those that it changes.
func (p Proposal) Hosts() (names []string) {
	for _, plan := range p.Plans {
		names = append(names, plan.Host)
	}
	return names
}

// ReadProposal reads a document. It says nothing of whether it is approved.
func ReadProposal(document []byte, now time.Time) (Proposal, error) {
	var p Proposal
	if err := json.Unmarshal(document, &p); err != nil {
		return p, fmt.Errorf("proposal: %w", err)
	}
	if p.Version != Version || len(p.Plans) == 0 {
		return p, fmt.Errorf("proposal: version %d with %d plans: this program knows version %d", p.Version, len(p.Plans), Version)
	}
	seen := map[string]bool{}
	for _, plan := range p.Plans {
		if err := known("plan", plan.Version, plan.Kind); err != nil {
			return p, err
		}
		if plan.Kind != p.Plans[0].Kind || seen[plan.Host] {
			return p, fmt.Errorf("proposal: one change of each host, and the same of all")
		}
		seen[plan.Host] = true
	}
	if now.After(p.Until) || p.Until.Sub(p.Made) > ProposalTime {
		return p, Stale("the proposal counted until %s: plan again", p.Until.UTC().Format(time.RFC3339))
	}
	return p, nil
}

// SumOf is the hash of a document, as a person compares it.
func SumOf(document []byte) Hash { return sha256.Sum256(document) }
