package ui

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/respond"
	"interdict/sources"
)

// hostile stands in for every text that comes from outside.
const hostile = "\x1b[2J\x1b]0;owned\a\x1b]52;c;QQ==\a\u009b31m\r\n\t\x08\u202egnp.exe\u200b\xff日本語"

func TestHostileTextNeverReachesTheTerminalRaw(t *testing.T) {
	f := theft()
	for _, s := range []*string{&f.ID, &f.RuleName, &f.Severity, &f.Why, &f.Host.Name, &f.Host.OS, &f.Host.Environment, &f.NoLonger} {
		*s = hostile
	}
	f.Degraded = []string{hostile}
	evil := detect.Process{EntityID: "x", PID: 7, Name: hostile, Executable: hostile, CommandLine: hostile, User: hostile, UserID: hostile, Container: hostile}
	f.Process, f.Transfer.Tool, f.Transfer.Master = evil, evil, hostile
	f.Transfer.Ancestors, f.Transfer.Members = []detect.Process{evil, evil}, []detect.Process{evil, evil}
	f.Transfer.Files = []detect.File{{Path: hostile, Size: 9, Sensitive: hostile}}
	f.Transfer.Unseen = []string{hostile}
	g := &playbooks.Guide{AlertID: f.ID, Stop: hostile, Blind: []string{hostile}, Checklist: []playbooks.Answer{{Question: hostile, Why: hostile}},
		Verdict:     playbooks.Verdict{Word: hostile, Against: []string{hostile}, For: []string{hostile}, Open: []string{hostile}},
		Environment: playbooks.Advice{Name: hostile, Implications: []string{hostile}, Actions: []string{hostile}},
		Answers:     []playbooks.Answer{{Number: 1, Question: hostile, State: hostile, Why: hostile, Query: hostile, Evidence: []playbooks.Line{{Label: hostile, Text: hostile}}}}}
	p := respond.Plan{Title: hostile, Undo: hostile, NoUndo: hostile, Warnings: []string{hostile}, Lines: []respond.Line{{Label: hostile, Text: hostile}}}
	for _, size := range []struct{ w, h int }{{120, 32}, {80, 24}, {60, 15}, {40, 6}} {
		w := newWorld(t, size.w, size.h, func(c *Config) {
			c.Theme, c.Banner = "dark", hostile
			c.Assess = fakeAssessor(func(*detect.Finding) *playbooks.Guide { return g })
			c.Sources = []sources.Source{fakeSource{name: hostile}}
		})
		w.act.plan = p
		w.engine.put(f)
		w.changes.standing = []respond.Standing{{Held: respond.Held{Key: "k", Kind: "frozen", Text: hostile}, Op: hostile, Host: hostile, Since: noon, Actor: respond.Actor{User: hostile}}}
		w.changes.entries = []respond.Entry{{Seq: 1, Op: hostile, Host: hostile, Kind: hostile, Phase: respond.Failed, Actor: respond.Actor{User: hostile}, Body: []byte(`{"error":"\u001b[2J\u202e"}`)}}
		w.changes.err = errors.New(hostile)
		w.do(w.readStanding())
		for _, b := range feedBatches(hostile, 3) {
			w.config.Feed.Put(t.Context(), b)
		}
		w.send(changed{})
		raw := func(when string) {
			w.fits(w.View())
			for _, r := range plainOf(styleless(w.View())) {
				if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
					t.Fatalf("%s at %dx%d: %U on the screen", when, size.w, size.h, r)
				}
			}
		}
		raw("triage")
		for _, keys := range [][]string{{"enter"}, {"enter", "v"}, {"F"}, {"tab"}, {"esc"}, {"c"}, {"esc"}, {"1"}, {"2"}, {"3"}, {"enter"}, {"4"}, {"?"}, {"G"}, {"1", "/"}, {"esc"}, {":"}, {"esc"}, {"q"}} {
			w.press(keys...)
			raw(strings.Join(keys, " "))
		}
	}
}

// styleless takes away the styles that the theme put there, and no other sequence.
func styleless(s string) string {
	var b strings.Builder
	for s != "" {
		if n := styleLength(s); n > 0 {
			s = s[n:]
			continue
		}
		b.WriteByte(s[0])
		s = s[1:]
	}
	return b.String()
}
