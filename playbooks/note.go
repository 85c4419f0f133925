package playbooks

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// maxSteps bounds a checklist, and maxStep one step of it.
const (
	maxSteps = 60
	maxStep  = 1000
)

// ParseNote reads the steps of a rule's Markdown note: its list items, under
// the headings that they stand below. Other text explains and is left out.
func ParseNote(markdown string) []Step {
	var steps []Step
	section, fenced, item := "", false, -1
	for _, line := range strings.Split(markdown, "\n") {
		trimmed := strings.TrimSpace(line)
		if strings.HasPrefix(trimmed, "```") {
			fenced, item = !fenced, -1
			continue
		}
		if fenced {
			continue
		}
		switch text, listed := listItem(trimmed); {
		case strings.HasPrefix(trimmed, "#"):
			section, item = plain(strings.TrimLeft(trimmed, "# ")), -1
		case listed && len(steps) < maxSteps:
			steps = append(steps, Step{section, short(plain(text), maxStep)})
			item = len(steps) - 1
		case trimmed == "":
			item = -1
		case item >= 0 && line != trimmed:
			steps[item].Text = short(steps[item].Text+" "+plain(trimmed), maxStep)
		}
	}
	return steps
}

// checklist makes the steps answerable. A step is known by its text: it keeps
// what was said of it as long as the note says the same. Sections for another
// environment than the host's are left out.
func checklist(note, environment string) (out []Answer) {
	for _, s := range ParseNote(note) {
		if of := sectionFor[strings.ToLower(s.Section)]; of != "" && environment != "" && of != environment {
			continue
		}
		sum := sha256.Sum256([]byte(s.Section + "\x00" + s.Text))
		out = append(out, Answer{ID: "note:" + hex.EncodeToString(sum[:6]), Question: orElse(s.Section, "Step"), State: OPEN, Why: s.Text})
	}
	return out
}

// sectionFor are headings that name an environment, and which.
var sectionFor = map[string]string{"in a pipeline": "ci", "in ci": "ci", "in staging": "staging", "in production": "production"}

// listItem takes the marker off "- text", "* text", "• text" and "1. text".
func listItem(s string) (string, bool) {
	for _, marker := range []string{"- [ ] ", "- ", "* ", "+ ", "• "} {
		if rest, ok := strings.CutPrefix(s, marker); ok {
			return rest, true
		}
	}
	rest := strings.TrimLeft(s, "0123456789")
	if rest != s && (strings.HasPrefix(rest, ". ") || strings.HasPrefix(rest, ") ")) {
		return rest[2:], true
	}
	return "", false
}

var marks = strings.NewReplacer("**", "", "__", "", "`", "")

func plain(s string) string { return strings.TrimSpace(marks.Replace(s)) }
