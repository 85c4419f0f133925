package evidence

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"interdict/respond"
)

// PartialPlan is the plan of a bundle that was cut short, by the path of the
// .partial or of the bundle that it would be: Apply goes on with it. A bundle
// with given contents has them given again, or they are missing.
func PartialPlan(path string) (respond.Plan, error) {
	path = strings.TrimSuffix(path, ".partial")
	b, err := os.ReadFile(logPath(path))
	if err != nil {
		return respond.Plan{}, fmt.Errorf("evidence: nothing to go on with: %w", err)
	}
	first, _, _ := bytes.Cut(b, []byte("\n"))
	var l logLine
	if err := json.Unmarshal(first, &l); err != nil || l.Plan == nil {
		return respond.Plan{}, fmt.Errorf("evidence: %s does not say what was to be collected", logPath(path))
	}
	p, err := respond.DecodePlan(l.Plan)
	if err == nil && p.Kind != KindCollect {
		err = fmt.Errorf("evidence: %s is of %s", path, p.Kind)
	}
	return p, err
}
