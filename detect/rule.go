package detect

import (
	"fmt"
	"time"

	"interdict/sources"
)

// Rule is one detection rule. It is not changed once loaded.
type Rule struct {
	ID          string
	Name        string
	Description string
	Severity    string // low, medium, high, critical
	Risk        int    // 0 to 100
	Language    string // esql; another one is listed, never run
	Type        string
	Query       string
	Note        string // investigation guide, Markdown
	Setup       string
	Why         string // sentence with {column} placeholders; "" for the general one
	Guide       string // an investigation guide of its own, as YAML, from the file beside it; "" for none
	File        string // where it was loaded from
	Line        int    // of the query's first line in File; 0: unknown

	Tags, References, FalsePositives []string
	Tactics                          []string // "Exfiltration"
	Threats                          []Threat

	Interval   time.Duration // how often it runs on a schedule
	Lookback   time.Duration // how far back a run looks: the rule's from
	Field      string        // timestamp_override; "" is @timestamp
	MaxSignals int

	Mappings    []Mapping   // severities that depend on a value
	Suppression Suppression // zero: none
	Exceptions  []*Exception

	Enabled     bool
	Unsupported string // why it cannot be run; "" if it can
}

// Threat is one technique of the rule, in ATT&CK's terms.
type Threat struct {
	Framework                          string
	Tactic, TacticID, TacticURL        string
	Technique, TechniqueID             string
	Subtechnique, SubtechniqueID, Link string
}

// Mapping changes the severity when a field has a value.
type Mapping struct{ Field, Value, Severity string }

// Suppression folds alerts that agree in fields into one for a time.
type Suppression struct {
	By  []string
	For time.Duration // 0: within one execution
	// KeepMissing tells that a row without one of the fields is an alert of its own.
	KeepMissing bool
}

// Window is what a run at now looks at: the rows of the look-back, now included.
func (r *Rule) Window(now time.Time) sources.Window {
	now = now.Truncate(time.Millisecond)
	w := sources.Window{Field: r.Field, To: now.Add(time.Millisecond)}
	if r.Field != "" && r.Field != timestamp {
		w.Fallback = timestamp
	}
	if r.Lookback > 0 {
		w.From = now.Add(-r.Lookback)
	}
	return w
}

const timestamp = "@timestamp"

// Problem is what is wrong with a rule file or in it.
type Problem struct {
	File         string
	Line, Column int // 0: unknown
	Text         string
	Warning      bool // the rule still loads
}

// Error gives file:line:column: text.
func (p Problem) Error() string {
	switch {
	case p.Line == 0:
		return p.File + ": " + p.Text
	case p.Column == 0:
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
}
