package detect

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"interdict/sources/ecs"
	"interdict/sources/esql"
	"interdict/sources/esql/parse"
)

// Kibana's defaults, where a rule says nothing.
const (
	defaultInterval   = 5 * time.Minute
	defaultLookback   = 6 * time.Minute
	defaultMaxSignals = 100
)

// builder turns one rule of a file into a Rule and notes what is wrong with it.
type builder struct {
	file     string
	text     string // of the file, to find lines in; "" when lines say nothing
	line     int    // of the rule in an NDJSON file
	problems []Problem
}

func (b *builder) say(warning bool, field, format string, args ...any) {
	p := Problem{File: b.file, Line: b.line, Text: fmt.Sprintf(format, args...), Warning: warning}
	if field != "" {
		p.Text = field + ": " + p.Text
		if n := b.lineOf(field); n > 0 {
			p.Line = n
		}
	}
	b.problems = append(b.problems, p)
}

func (b *builder) wrong(field, format string, args ...any) { b.say(false, field, format, args...) }

func (b *builder) failed() bool {
	return slices.ContainsFunc(b.problems, func(p Problem) bool { return !p.Warning })
}

// lineOf finds the line that sets a field.
func (b *builder) lineOf(field string) int {
	for i, line := range strings.Split(b.text, "\n") {
		name, _, ok := strings.Cut(line, "=")
		if ok && strings.Trim(strings.TrimSpace(name), `"`) == field {
			return i + 1
		}
	}
	return 0
}

func (b *builder) rule(d *ruleBody) *Rule {
	r := &Rule{
		ID: d.ID, Name: d.Name, Description: d.Description, Severity: d.Severity, Language: d.Language, Type: d.Type,
		Query: d.Query, Note: d.Note, Setup: d.Setup, File: b.file, Tags: d.Tags, References: d.References,
		FalsePositives: d.FalsePositives, Field: d.TimestampField, MaxSignals: defaultMaxSignals, Enabled: true,
	}
	if d.Enabled != nil {
		r.Enabled = *d.Enabled
	}
	b.required(d, r)
	b.schedule(d, r)
	b.threats(d, r)
	b.mappings(d, r)
	b.suppression(d, r)
	b.language(r)
	return r
}

func (b *builder) required(d *ruleBody, r *Rule) {
	for _, f := range [...]struct{ name, value string }{{"rule_id", d.ID}, {"name", d.Name}, {"type", d.Type}, {"severity", d.Severity}} {
		if strings.TrimSpace(f.value) == "" {
			b.wrong(f.name, "is missing")
		}
	}
	if d.Severity != "" && !slices.Contains(severities[:], d.Severity) {
		b.wrong("severity", "%q is none of low, medium, high, critical", d.Severity)
	}
	switch {
	case d.Risk == nil:
		b.wrong("risk_score", "is missing")
	case *d.Risk < 0 || *d.Risk > 100 || *d.Risk != float64(int(*d.Risk)):
		b.wrong("risk_score", "%v is not a whole number from 0 to 100", *d.Risk)
	default:
		r.Risk = int(*d.Risk)
	}
	if d.MaxSignals != nil {
		if r.MaxSignals = *d.MaxSignals; r.MaxSignals < 1 {
			b.wrong("max_signals", "%d is not at least 1", r.MaxSignals)
		}
	}
}

var severities = [...]string{"low", "medium", "high", "critical"}

func (b *builder) schedule(d *ruleBody, r *Rule) {
	r.Interval, r.Lookback = defaultInterval, defaultLookback
	var err error
	if d.Interval != "" {
		if r.Interval, err = parseSpan(d.Interval); err != nil || r.Interval < time.Second {
			b.wrong("interval", "%q is not a time like 5m or 1h, of at least 1s", d.Interval)
		}
	}
	if d.From != "" {
		span, ok := strings.CutPrefix(d.From, "now-")
		if r.Lookback, err = parseSpan(span); err != nil || !ok {
			b.wrong("from", "%q is not a time like now-61m", d.From)
		} else if r.Lookback < r.Interval {
			b.say(true, "from", "%s looks back less than the interval of %s: what happens between two runs is missed on a schedule", d.From, d.Interval)
		}
	}
	if d.To != "" && d.To != "now" {
		b.say(true, "to", "%s", matters["to"])
	}
	if r.Field == "" {
		return
	}
	if c, ok := ecs.Lookup(r.Field); ok && c.Type().String() != "date" {
		b.wrong("timestamp_override", "%s is not a date", r.Field)
	}
}

// parseSpan reads Elasticsearch's time units: 90s, 5m, 1h, 2d, 1w.
func parseSpan(s string) (time.Duration, error) {
	i := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if i <= 0 {
		return 0, fmt.Errorf("%q is not a time span", s)
	}
	n, err := strconv.ParseInt(s[:i], 10, 32)
	unit, ok := units[s[i:]]
	if err != nil || !ok || n > int64(1<<62/unit) {
		return 0, fmt.Errorf("%q is not a time span", s)
	}
	return time.Duration(n) * unit, nil
}

var units = map[string]time.Duration{
	"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
}

func (b *builder) threats(d *ruleBody, r *Rule) {
	for _, t := range d.Threat {
		if t.Tactic.Name != "" && !slices.Contains(r.Tactics, t.Tactic.Name) {
			r.Tactics = append(r.Tactics, t.Tactic.Name)
		}
		one := Threat{Framework: t.Framework, Tactic: t.Tactic.Name, TacticID: t.Tactic.ID, TacticURL: t.Tactic.Reference}
		if len(t.Technique) == 0 {
			r.Threats = append(r.Threats, one)
		}
		for _, q := range t.Technique {
			one.Technique, one.TechniqueID, one.Link = q.Name, q.ID, q.Reference
			one.Subtechnique, one.SubtechniqueID = "", ""
			for _, s := range q.Subtechnique {
				one.Subtechnique, one.SubtechniqueID, one.Link = s.Name, s.ID, s.Reference
			}
			r.Threats = append(r.Threats, one)
		}
	}
}

func (b *builder) mappings(d *ruleBody, r *Rule) {
	for _, m := range d.SeverityMapping {
		switch {
		case m.Field == "" || !slices.Contains(severities[:], m.Severity):
			b.wrong("severity_mapping", "needs a field and a severity of low, medium, high or critical")
		case m.Operator != "" && m.Operator != "equals":
			b.wrong("severity_mapping", "operator %q is not equals", m.Operator)
		default:
			r.Mappings = append(r.Mappings, Mapping{m.Field, m.Value, m.Severity})
		}
	}
}

func (b *builder) suppression(d *ruleBody, r *Rule) {
	if d.Suppression == nil {
		return
	}
	r.Suppression.By = d.Suppression.GroupBy
	if len(r.Suppression.By) == 0 {
		b.wrong("alert_suppression", "group_by is missing")
	}
	if w := d.Suppression.Duration; w != nil {
		unit, ok := units[w.Unit]
		if !ok || w.Value < 1 {
			b.wrong("alert_suppression", "%d%s is not a time like 6h", w.Value, w.Unit)
		}
		r.Suppression.For = time.Duration(w.Value) * unit
	}
	if d.Suppression.Missing == "doNotSuppress" {
		r.Suppression.KeepMissing = true
	}
}

// language checks the query of a rule that can be run, and says why another cannot.
func (b *builder) language(r *Rule) {
	if r.Type != "esql" && r.Language != "esql" {
		name := r.Language
		if name == "" {
			name = r.Type
		}
		r.Language = name
		r.Unsupported = fmt.Sprintf("rules of type %s in language %s are not run here", r.Type, name)
		b.say(true, "", "%q is listed but not run: %s", r.Name, r.Unsupported)
		return
	}
	r.Language = "esql"
	if strings.TrimSpace(r.Query) == "" {
		b.wrong("query", "is missing")
		return
	}
	r.Line = b.queryLine()
	s, err := esql.Prepare(r.Query)
	if err != nil {
		b.query(r, err, false)
		return
	}
	for _, one := range cut(r.Query).impossible() {
		p := Problem{File: b.file, Line: b.line, Text: "query: no event fits both " + one[0].text() + " and " + one[1].text() + ": is OR meant?"}
		if at := strings.LastIndex(r.Query, one[1].value); at >= 0 && r.Line > 0 {
			p.Line = r.Line + strings.Count(r.Query[:at], "\n")
		}
		b.problems = append(b.problems, p)
	}
	if err := s.Check(ecs.Fields()); err != nil {
		b.query(r, err, true)
	}
}

// queryLine is the line of the file on which the query's text begins.
func (b *builder) queryLine() int {
	n := b.lineOf("query")
	if n == 0 {
		return 0
	}
	line := strings.Split(b.text, "\n")[n-1]
	_, value, _ := strings.Cut(line, "=")
	switch strings.TrimSpace(value) {
	case `"""`, `'''`:
		return n + 1
	}
	return n
}

// query notes the problems of a query where they are in the file.
func (b *builder) query(r *Rule, err error, warning bool) {
	var e *parse.Error
	if !errors.As(err, &e) || len(e.Problems) == 0 {
		b.say(warning, "query", "%v", err)
		return
	}
	for _, p := range e.Problems {
		q := Problem{File: b.file, Line: b.line, Text: "query: " + p.Message, Warning: warning}
		if warning && strings.HasPrefix(p.Message, "Unknown ") {
			q.Text += " (events of this machine do not have it)"
		}
		if r.Line > 0 {
			q.Line, q.Column = r.Line+p.Line-1, p.Column
		} else {
			q.Text = fmt.Sprintf("query: line %d:%d: %s", p.Line, p.Column, p.Message)
		}
		b.problems = append(b.problems, q)
	}
}
