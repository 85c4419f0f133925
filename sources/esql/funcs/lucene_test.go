package funcs

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPatternsOfLuceneAreWholeTextsWithComplementAndIntersection(t *testing.T) {
	for _, c := range []struct{ pattern, takes, leaves string }{
		{"~(a.*)", "b  xa", "a ab"},
		{"a.*&.*b", "ab axb", "a b"},
		{"a~bc|x", "acc axxc ac x", "abc"},
		{"x<9-11>", "x9 x10 x011", "x8 x12"},
		{"<01-12>", "01 12", "1 13 001"},
		{`[^a-c]&\w`, "d _", "a -"},
		{"(a|b)&@", "a b", "c"},
		{"a&|b", "", "a b"}, // as in Lucene: what follows & is the text |b
		{`"a.b"&.+`, "a.b", "axb"},
		{"(ab){2,3}&.*", "abab ababab", "ab abababab"},
		{`~(\d{1,})`, "a 1a", "1 22"},
		{`~\d{1,}`, "a 1a 22", "1"},
		{"#|~()", "a", ""},
	} {
		f, err := RLike(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		for s := range strings.SplitSeq(c.takes, " ") {
			if c.takes != "" && !f(s) {
				t.Errorf("%s does not take %q", c.pattern, s)
			}
		}
		for s := range strings.SplitSeq(c.leaves, " ") {
			if c.leaves != "" && f(s) {
				t.Errorf("%s takes %q", c.pattern, s)
			}
		}
	}
}

func TestPatternsOfLuceneThatAreWrongOrTooLargeAreRefused(t *testing.T) {
	for _, p := range []string{"~(", "a&[", "<1-", "<a-b>", "~a{2,1}", "~a{x}", `~"a`, "<0-99999>", strings.Repeat("~", 500), "~((a{1000}){1000})", "~" + strings.Repeat("(", 500)} {
		if _, err := RLike(p); err == nil {
			t.Errorf("%.20s is taken", p)
		}
	}
}

func TestATextThatMakesManyLanguagesIsMatchedInBoundedMemory(t *testing.T) {
	m, err := newMatcher("~(.*a.{14})&@")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for i, x := 0, uint32(1); i < 20000; i++ {
		x = x*1664525 + 1013904223
		b.WriteByte("ab"[x>>31])
	}
	s := b.String()
	if got, want := m.match(s), s[len(s)-15] != 'a'; got != want {
		t.Errorf("is %v, want %v", got, want)
	}
	if n := len(m.g.known); n > 5*maxLanguages {
		t.Errorf("%d languages are kept", n)
	}
}

func FuzzPatternsOfLucene(f *testing.F) {
	for _, seed := range [][2]string{{"a.*b|[^x]+", "axb"}, {"*x+*", "*xx"}, {`\d{1,2}"a|b"`, "1a|b"}, {"(a|b){2}?", "ab"}, {"~a&<1-3>", "2"}, {`[a\-z]\.`, "-."}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if len(pattern) > 60 || len(s) > 60 || !utf8.ValidString(pattern) || !utf8.ValidString(s) {
			return
		}
		m, err := newMatcher(pattern)
		if err != nil {
			return
		}
		if not, err := newMatcher("~(" + pattern + ")"); err == nil && m.match(s) == not.match(s) {
			t.Errorf("%q and its complement say the same of %q", pattern, s)
		}
	})
}
