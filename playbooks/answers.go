package playbooks

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"interdict/detect"
)

// said is what analysts answered about a finding, whichever of its alerts led
// then, and, as evidence, what they answered about the others of its case. An
// answer about one host decides nothing about another.
func (s *Cases) said(ctx context.Context, f *detect.Finding) (own map[string]Override, elsewhere map[string][]Line, err error) {
	own, elsewhere = map[string]Override{}, map[string][]Line{}
	var wrong []error
	for _, a := range f.Alerts() {
		all, err := s.Answers(ctx, a.ID)
		wrong = append(wrong, err)
		for question, o := range all {
			if old, ok := own[question]; !ok || o.At.After(old.At) {
				own[question] = o
			}
		}
	}
	number, err := caseOf(ctx, s.db, f)
	if err != nil || number == 0 {
		return own, elsewhere, errors.Join(append(wrong, err)...)
	}
	others, err := s.answersIn(ctx, number, f)
	if wrong = append(wrong, err); len(others) == 0 {
		return own, elsewhere, errors.Join(wrong...)
	}
	k, err := readCase(ctx, s.db, number)
	wrong = append(wrong, err)
	for _, x := range k.Exhibits {
		for _, a := range x.Finding.Alerts() {
			for question, o := range others[a.ID] {
				elsewhere[question] = append(elsewhere[question], Line{"in " + k.ID, fmt.Sprintf("of %s: %s: %s (%s, %s)", x.Finding.Host.Name, o.State, o.Note, o.By, o.At.UTC().Format("2006-01-02 15:04"))})
			}
		}
	}
	return own, elsewhere, errors.Join(wrong...)
}

// answersIn are the answers about the alerts of a case that are not f's, by alert;
// what is kept of each finding is not read for it, which may be much.
func (s *Cases) answersIn(ctx context.Context, number int64, f *detect.Finding) (map[string]map[string]Override, error) {
	alerts, err := collect(ctx, s.db, scanOne[string],
		`SELECT m.alert FROM case_exhibits x JOIN case_members m ON m.lead = x.lead WHERE x.number = ?`, number)
	wrong, out := []error{err}, map[string]map[string]Override{}
	for _, alert := range alerts {
		if alertOf(f, alert) != nil {
			continue
		}
		all, err := s.Answers(ctx, alert)
		if wrong = append(wrong, err); len(all) > 0 {
			out[alert] = all
		}
	}
	return out, errors.Join(wrong...)
}

// notes are what was noted about a finding, the oldest first.
func (s *Cases) notes(ctx context.Context, f *detect.Finding) (out []Note, err error) {
	var wrong []error
	for _, a := range f.Alerts() {
		log, err := s.Log(ctx, a.ID)
		wrong = append(wrong, err)
		for _, n := range log {
			if n.Kind == "note" {
				out = append(out, n)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Note) int { return a.At.Compare(b.At) })
	return out, errors.Join(wrong...)
}
