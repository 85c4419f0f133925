package playbooks

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"interdict/detect"
)

// Case reads one case whole.
func (s *Cases) Case(ctx context.Context, id string) (Case, error) {
	number, err := CaseNumber(id)
	if err != nil {
		return Case{}, err
	}
	return readCase(ctx, s.db, number)
}

// CaseOf names the case that a finding is in; "" when it is in none.
func (s *Cases) CaseOf(ctx context.Context, f *detect.Finding) (string, error) {
	number, err := caseOf(ctx, s.db, f)
	if err != nil || number == 0 {
		return "", err
	}
	return caseID(number), nil
}

// AllCases reads the cases, the newest first, at most limit of them; closed ones only when asked for.
// One that cannot be read is left out, and the error names it.
func (s *Cases) AllCases(ctx context.Context, closed bool, limit int) ([]Case, error) {
	numbers, err := collect(ctx, s.db, scanOne[int64],
		`SELECT number FROM case_cases WHERE open OR ? ORDER BY number DESC LIMIT ?`, closed, limit)
	if err != nil {
		return nil, fmt.Errorf("cases: %w", err)
	}
	var out []Case
	var errs []error
	for _, n := range numbers {
		k, err := readCase(ctx, s.db, n)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, k)
	}
	return out, errors.Join(errs...)
}

// InCase gives the case of each alert that is in one, by alert id, with who has the case.
func (s *Cases) InCase(ctx context.Context) (map[string]string, error) {
	type pair struct {
		alert  string
		number int64
	}
	all, err := collect(ctx, s.db, func(r scanner) (p pair, err error) {
		err = r.Scan(&p.alert, &p.number)
		return p, err
	}, `SELECT alert, number FROM case_members`)
	if err != nil {
		return nil, fmt.Errorf("cases: %w", err)
	}
	out := make(map[string]string, len(all))
	for _, p := range all {
		out[p.alert] = caseID(p.number)
	}
	return out, nil
}

// CaseLog reads what was said and noted of a case itself, the oldest first.
func (s *Cases) CaseLog(ctx context.Context, id string) ([]Note, error) {
	number, err := CaseNumber(id)
	if err != nil {
		return nil, err
	}
	return s.Log(ctx, caseID(number))
}

func readCase(ctx context.Context, q querier, number int64) (Case, error) {
	var body string
	err := q.QueryRowContext(ctx, `SELECT body FROM case_cases WHERE number = ?`, number).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return Case{}, fmt.Errorf("%w: %s", ErrNoCase, caseID(number))
	}
	if err != nil {
		return Case{}, err
	}
	var k Case
	if err := json.Unmarshal([]byte(body), &k); err != nil {
		return Case{}, fmt.Errorf("%s: %w", caseID(number), err)
	}
	k.ID = caseID(number)
	bodies, err := collect(ctx, q, scanOne[string], `SELECT body FROM case_exhibits WHERE number = ?`, number)
	if err != nil {
		return Case{}, err
	}
	for _, body := range bodies {
		var x Exhibit
		if err := json.Unmarshal([]byte(body), &x); err != nil || x.Finding == nil {
			return Case{}, fmt.Errorf("%s: an alert of it cannot be read: %w", k.ID, err)
		}
		k.Exhibits = append(k.Exhibits, x)
	}
	slices.SortStableFunc(k.Exhibits, func(a, b Exhibit) int { return a.Finding.First.Compare(b.Finding.First) })
	return k, nil
}

// caseOf is the number of the case that any alert of f is in; 0: none.
func caseOf(ctx context.Context, q querier, f *detect.Finding) (number int64, err error) {
	for _, a := range f.Alerts() {
		err := q.QueryRowContext(ctx, `SELECT number FROM case_members WHERE alert = ?`, a.ID).Scan(&number)
		if !errors.Is(err, sql.ErrNoRows) {
			return number, err
		}
	}
	return 0, nil
}

// exhibitOf is what is kept of the finding that an alert is of; lead is "" when nothing is.
func exhibitOf(ctx context.Context, q querier, alert string) (lead string, x Exhibit, err error) {
	var body string
	err = q.QueryRowContext(ctx, `SELECT m.lead, x.body FROM case_members m JOIN case_exhibits x ON x.lead = m.lead WHERE m.alert = ?`, alert).Scan(&lead, &body)
	if errors.Is(err, sql.ErrNoRows) {
		return "", x, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(body), &x)
	}
	return lead, x, err
}

// mostHomes bounds how many open cases a finding is compared with, the newest first.
const mostHomes = 200

// home finds the open case that a finding belongs to.
func (s *Cases) home(ctx context.Context, c *sql.Conn, f *detect.Finding) (number int64, why string, err error) {
	numbers, err := collect(ctx, c, scanOne[int64], `SELECT number FROM case_cases WHERE open ORDER BY number DESC LIMIT ?`, mostHomes)
	if err != nil {
		return 0, "", err
	}
	for _, n := range numbers {
		k, err := readCase(ctx, c, n)
		if err != nil {
			continue // one that is damaged takes nothing in; it is said where cases are listed
		}
		if why := Belongs(&k, f); why != "" {
			return n, why, nil
		}
	}
	return 0, "", nil
}
