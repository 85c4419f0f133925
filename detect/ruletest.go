package detect

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"interdict/sources"
)

// TestResult is one text test of a rule file.
type TestResult struct {
	File string // of the test
	Line int    // where it begins
	Name string
	Rule string // its name
	OK   bool
	Diff string // what came instead of what was expected
	// Alerts is how many were expected: a test that expects none is a near miss.
	Alerts int
	Took   time.Duration
}

// TestRules runs the text tests beside the named rule files, or beside all of
// fsys. The tests of RULE.toml are in RULE.test.txt:
//
//	== name of a test
//	exec process.executable=/usr/bin/scp process.command_line="scp a h:in/" process.parent.executable=/bin/sh
//	wait 10s
//	alert low 1 "part of the reason"
//
// Events: fork, exec, end, connect, accept, transfer, close, open, or one whole
// ECS document in braces. exec*5 happens five times. What a line leaves out follows
// from the rest or is the same in all (see compose). Lines with # are comments.
//
// After the events, alert SEVERITY COUNT "TEXT" is one that is open and still
// matches, gone "TEXT" is one whose row disappeared, for the reason that
// TEXT is part of. A test without either expects nothing.
func TestRules(fsys fs.FS, names ...string) []TestResult {
	files, problems := ruleFiles(fsys, names, ".toml")
	var out []TestResult
	for _, p := range problems {
		out = append(out, TestResult{File: p.File, Diff: p.Error()})
	}
	for _, file := range files {
		out = append(out, testFile(fsys, file)...)
	}
	return out
}

// TestBuiltin runs the tests of the rules that come with the program.
func TestBuiltin() []TestResult { return TestRules(BuiltinFS()) }

func testFile(fsys fs.FS, file string) []TestResult {
	base := strings.TrimSuffix(strings.TrimSuffix(file, ".toml"), ".test.txt")
	test := base + ".test.txt"
	text, err := fs.ReadFile(fsys, test)
	if err != nil {
		return nil
	}
	rules, problems := loadFile(fsys, base+".toml")
	if len(rules) == 0 {
		diff := "the rule does not load"
		if len(problems) > 0 {
			diff += ": " + problems[0].Error()
		}
		return []TestResult{{File: test, Line: 1, Diff: diff}}
	}
	var out []TestResult
	for _, s := range scripts(string(text)) {
		began := time.Now()
		r := TestResult{File: test, Line: s.line, Name: s.name, Rule: rules[0].Name, Alerts: len(s.expect)}
		r.Diff = s.run(rules[0])
		r.OK, r.Took = r.Diff == "", time.Since(began)
		out = append(out, r)
	}
	return out
}

// script is one test.
type script struct {
	name   string
	line   int
	lines  []scriptLine
	expect []expectation
	bad    string // why it cannot be read
}

type scriptLine struct {
	number int
	words  []word
	raw    string
}

// expectation is an alert that is to be there at the end.
type expectation struct {
	gone     bool
	severity string
	count    int
	text     string
}

func (x expectation) String() string {
	if x.gone {
		return fmt.Sprintf("gone %q", x.text)
	}
	return fmt.Sprintf("alert %s %d %q", x.severity, x.count, x.text)
}

func scripts(text string) []*script {
	var out []*script
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(trimmed, "=="); ok {
			out = append(out, &script{name: strings.TrimSpace(name), line: i + 1})
			continue
		}
		if trimmed == "" || trimmed[0] == '#' {
			continue
		}
		if len(out) == 0 {
			out = append(out, &script{line: i + 1})
		}
		out[len(out)-1].add(i+1, trimmed)
	}
	return out
}

func (s *script) add(number int, line string) {
	words, err := wordsOf(line)
	if err != nil && line[0] != '{' {
		s.fail(number, err.Error())
		return
	}
	if line[0] != '{' && (words[0].key == "alert" || words[0].key == "gone") {
		s.expected(number, words)
		return
	}
	s.lines = append(s.lines, scriptLine{number, words, line})
}

func (s *script) fail(number int, what string) {
	if s.bad == "" {
		s.bad = fmt.Sprintf("line %d: %s", number, what)
	}
}

func (s *script) expected(number int, words []word) {
	x := expectation{gone: words[0].key == "gone", count: 1}
	for _, w := range words[1:] {
		n, err := strconv.Atoi(w.key)
		switch {
		case w.quoted:
			x.text = w.key
		case err == nil:
			x.count = n
		case slices.Contains(severities[:], w.key):
			x.severity = w.key
		default:
			s.fail(number, fmt.Sprintf("%q is no severity, number or quoted text", w.key))
		}
	}
	s.expect = append(s.expect, x)
}

// run plays the events to an engine with the rule alone and compares. "" is well.
func (s *script) run(r *Rule) string {
	if s.bad != "" {
		return s.bad
	}
	stage := newStage()
	e, err := New(Options{Rules: []*Rule{r}, Now: func() time.Time { return stage.now }})
	if err != nil {
		return err.Error()
	}
	if w := e.watches[0]; w.mode != Live {
		return fmt.Sprintf("the rule does not run live: %s", strings.Join(w.status().Notes, "; "))
	}
	ctx := context.Background()
	for _, line := range s.lines {
		f, err := stage.play(line)
		if err != nil {
			return fmt.Sprintf("line %d: %v", line.number, err)
		}
		if f != nil {
			if err := e.Put(ctx, sources.Batch{Events: f}); err != nil {
				return err.Error()
			}
		}
		e.tick(ctx)
	}
	return s.compare(e.Snapshot())
}

func (s *script) compare(snap *Snapshot) string {
	var got []Alert
	for _, f := range snap.Findings {
		got = append(append(got, f.Alert), f.Also...)
	}
	left := slices.Clone(s.expect)
	var diff []string
	for _, a := range got {
		i := slices.IndexFunc(left, func(x expectation) bool { return x.fits(&a) })
		if i < 0 {
			what := fmt.Sprintf("alert %s %d %q", a.Severity, a.Count, a.Why)
			if a.NoLonger != "" {
				what = fmt.Sprintf("gone %q", a.NoLonger)
			}
			diff = append(diff, "not expected: "+what)
			continue
		}
		left = slices.Delete(left, i, i+1)
	}
	for _, x := range left {
		diff = append(diff, "did not come: "+x.String())
	}
	for _, status := range snap.Rules {
		for _, note := range status.Notes {
			if strings.HasPrefix(note, "its last run stopped") {
				diff = append(diff, note)
			}
		}
	}
	return strings.Join(diff, "\n")
}

func (x expectation) fits(a *Alert) bool {
	if x.gone != (a.NoLonger != "") {
		return false
	}
	if x.gone {
		return strings.Contains(a.NoLonger, x.text)
	}
	return (x.severity == "" || x.severity == a.Severity) && x.count == a.Count && strings.Contains(a.Why, x.text)
}
