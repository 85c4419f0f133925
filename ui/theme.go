package ui

import (
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"
)

// role is what a piece of text means; a theme says how that looks. The words
// carry the meaning alone: a theme without colours loses nothing.
type role int

const (
	normal   role = iota
	title         // names of things, headings
	muted         // what may be overlooked
	sending       // it is still going on
	critical      // bad
	warning       // unclear, degraded
	good          // as expected
	danger        // changes a host
	focus         // what the next key acts on
	keycap        // a key
	numRoles
)

type theme struct {
	name       string
	pre, after [numRoles]string
}

// Themes are the names for Config.Theme. auto uses red, green and attributes
// only, which stay readable on dark and on light: no terminal has to be asked.
var Themes = []string{"auto", "dark", "light", "high-contrast", "none"}

func newTheme(name string, noColor bool) (*theme, error) {
	if name == "" {
		name = "auto"
	}
	styles, err := stylesOf(name)
	if err != nil {
		return nil, err
	}
	t := &theme{name: name}
	if noColor || name == "none" {
		return t, nil
	}
	r := lipgloss.NewRenderer(io.Discard)
	r.SetColorProfile(termenv.ANSI256)
	for i, s := range styles {
		t.pre[i], t.after[i], _ = strings.Cut(s.Renderer(r).Render("x"), "x")
	}
	return t, nil
}

func stylesOf(name string) ([numRoles]lipgloss.Style, error) {
	plain := lipgloss.NewStyle()
	bold, faint := plain.Bold(true), plain.Faint(true)
	c := func(color string) lipgloss.Style { return plain.Foreground(lipgloss.Color(color)) }
	s := [numRoles]lipgloss.Style{
		title: bold, muted: faint, sending: c("1").Bold(true).Reverse(true), critical: c("1").Bold(true),
		warning: bold, good: c("2"), danger: c("1").Bold(true), focus: bold.Reverse(true), keycap: bold,
	}
	switch name {
	case "auto", "none":
	case "dark":
		s[muted], s[critical], s[danger] = c("245"), c("203").Bold(true), c("203").Bold(true)
		s[warning], s[good], s[keycap] = c("221"), c("114"), c("117")
	case "light":
		s[muted], s[critical], s[danger] = c("241"), c("124").Bold(true), c("124").Bold(true)
		s[warning], s[good], s[keycap] = c("94"), c("22"), c("25")
	case "high-contrast":
		s[muted], s[critical], s[danger] = plain, bold.Underline(true), bold.Underline(true)
		s[sending], s[good] = bold.Reverse(true), plain
	default:
		return s, fmt.Errorf("no theme %q: there are %s", name, strings.Join(Themes, ", "))
	}
	return s, nil
}

// in puts a role around text that was fitted already.
func (t *theme) in(r role, s string) string {
	if s == "" || t.pre[r] == "" {
		return s
	}
	return t.pre[r] + s + t.after[r]
}

func (t *theme) as(r role) func(string) string {
	return func(s string) string { return t.in(r, s) }
}
