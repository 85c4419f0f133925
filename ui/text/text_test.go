package text

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

func TestWhatATerminalWouldObeyIsMadeVisible(t *testing.T) {
	for in, want := range map[string]string{
		"scp -q a b":                 "scp -q a b",
		"\x1b[2J":                    `\x1b[2J`,
		"\x1b]52;c;AAAA\a":           `\x1b]52;c;AAAA\x07`,
		"a\tb\nc\rd\x00\x7f":         `a\tb\nc\rd\x00\x7f`,
		"\u009b2J":                   "<U+009B>2J",
		"\x9b2J":                     `\x9b2J`,
		"evil\u202Etxt.exe":          "evil<U+202E>txt.exe",
		"zero\u200bwidth\ufeff":      "zero<U+200B>width<U+FEFF>",
		"no\u00a0break":              "no<U+00A0>break",
		"soft\u00adhyphen":           "soft<U+00AD>hyphen",
		"\u2028line":                 "<U+2028>line",
		"tag\U000e0041":              "tag<U+E0041>",
		"e\u0301":                    "e\u0301",
		"\u0301lone":                 "<U+0301>lone",
		" \u0301":                    " <U+0301>",
		"日本 สวัสดี":                  "日本 สวัสดี",
		"a\u0300\u0301\u0302\u0303b": "a\u0300\u0301\u0302<U+0303>b",
		"\xff\xfe":                   `\xff\xfe`,
		"\ufffd":                     "\ufffd",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestFittingKeepsTheAskedEnd(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Fit("customers.tar.gz", 8), "custome…"},
		{FitLeft("customers.tar.gz", 8), "….tar.gz"},
		{FitMiddle("/srv/app/export/customers.tar.gz", 15), "/srv/app/e…r.gz"},
		{Fit("日本語", 4), "日…"},
		{Pad("日本語", 4), "日… "},
		{Pad("ab", 4), "ab  "},
		{PadLeft("ab", 4), "  ab"},
		{Fit("abc", 0), ""},
		{Fit("abc", 1), "…"},
		{Fit("\x1b", 3), "\\x…"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestWrappingBreaksAtSpacesAndSaysWhenThereIsMore(t *testing.T) {
	got := strings.Join(Wrap("one two three four", 9, 2), "|")
	if want := "one two|three fo…"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzNothingThatATerminalObeysComesOut(f *testing.F) {
	for _, s := range []string{"", "a", "\x1b[31m", "日本\u202e", "e\u0301\u200d👨\u200d👩", "\xc2", "👍🏽🇩🇪", "ൎa", "가\u1100\u1161", "\u0600a", "⚠\ufe0f"} {
		f.Add(s, 7)
	}
	f.Fuzz(func(t *testing.T, s string, w int) {
		w = min(max(w, -1), 200)
		clean := Clean(s)
		safe(t, s, clean)
		if again := Clean(clean); again != clean {
			t.Fatalf("Clean is not idempotent: %q → %q → %q", s, clean, again)
		}
		for _, fit := range []string{Fit(s, w), FitLeft(s, w), FitMiddle(s, w), Pad(s, w), PadLeft(s, w)} {
			safe(t, s, fit)
			if n := ansi.StringWidth(fit); n > max(w, 0) {
				t.Fatalf("%q takes %d cells of %d: %q", s, n, w, fit)
			}
		}
		if n := ansi.StringWidth("x" + Pad(s, w) + "x"); w > 0 && n != w+2 {
			t.Fatalf("%q is padded to %d cells, want %d", s, n-2, w)
		}
		for _, line := range Wrap(s, max(w, 2), 5) {
			safe(t, s, line)
			if n := ansi.StringWidth(line); n > max(w, 2) {
				t.Fatalf("%q: line of %d cells, want at most %d: %q", s, n, w, line)
			}
		}
	})
}

func safe(t *testing.T, from, s string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Fatalf("%q gives invalid UTF-8 %q", from, s)
	}
	for _, r := range s {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			t.Fatalf("%q lets %U through: %q", from, r, s)
		}
	}
}
