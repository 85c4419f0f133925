package funcs

import "testing"

func TestReplaceFollowsJava(t *testing.T) {
	checkCalls(t, "replace", []example{
		{list{"curl -o /tmp/x", `(?i)-O\s+(\S+)`, "to $1!"}, "curl to /tmp/x!"},
		{list{"ab", `(a)(b)`, "$2$1"}, "ba"},
		{list{"ab", `(a)(b)`, "$12"}, "a2"},
		{list{"ab", `(?<x>a)`, "<${x}>"}, "<a>b"},
		{list{"ab", `a`, `\$1\\`}, `$1\b`},
		{list{"price", `price`, `$0s`}, "prices"},
		{list{"a.b", `\.`, ""}, "ab"},
		{list{"a]b[c", `[]\[]`, "-"}, "a-b-c"},
		{list{"a\u00a0b", `\h`, " "}, "a b"},
		{list{"aéb", `\u00e9`, "e"}, "aeb"},
		{list{"a1B", `\p{Alpha}`, "x"}, "x1x"},
		{list{"a+b", `\Qa+b\E`, "x"}, "x"},
		{list{"aéB1", `\p{L}+`, "x"}, "x1"},
		{list{"aéB1", `[\p{Ll}1]+`, "x"}, "xBx"},
		{list{"a1B", `\p{Alpha}+|\x{31}`, "x"}, "xxx"},
		{list{"a++b", `\++`, "-"}, "a-b"},
		{list{"abc", "x*", "-"}, "-a-b-c-"},
		{list{nil, "a", "b"}, nil},
	})
}

func TestReplaceRefusesWhatItCannotDo(t *testing.T) {
	for _, e := range []struct {
		pattern, to string
		constant    bool
		want        refusal
	}{
		{"[a-z&&[^b]]", "", true, "invalid regular expression for [replace()]: an intersection of character classes is not supported: [a-z&&[^b]]"},
		{"(?=a)", "", false, "java.util.regex.PatternSyntaxException: look-around [(?=] is not supported by this engine"},
		{"a", "$1", false, "java.lang.IndexOutOfBoundsException: No group 1"},
		{"a", "$", false, "java.lang.IllegalArgumentException: Illegal group reference"},
		{"a", "${n}", true, "java.lang.IllegalArgumentException: No group with name {n}"},
		{"a", `\`, true, "java.lang.IllegalArgumentException: character to be escaped is missing"},
	} {
		if got := callOnce(t, "replace", e.constant, list{"a", e.pattern, e.to}); got != e.want {
			t.Errorf("replace of %s by %s is %#v, want %q", e.pattern, e.to, got, e.want)
		}
	}
}

func TestReplacementThatGrowsTooMuchIsNull(t *testing.T) {
	want := refusal("java.lang.IllegalArgumentException: Creating strings with more than [1048576] bytes is not supported")
	text := callOnce(t, "repeat", true, list{"a", 2048})
	if got := callOnce(t, "replace", true, list{text, "a", text}); got != want {
		t.Errorf("got %T, want %q", got, want)
	}
}

func TestAPossessiveQuantifierIsTakenWhereItIsAsGoodAsAnother(t *testing.T) {
	checkCalls(t, "replace", []example{
		{list{"$ab[12]+$c[3]", `\[\d++\]`, "_"}, "$ab_+$c_"}, {list{"${a`b`}", "\\$\\{(\\w++`){2,}\\}", "_"}, "_"},
		{list{"a;-!b", `[\;\-\!]`, "_"}, "a___b"},
	})
	for _, p := range []string{`\d++\d`, `.*+x`, `(a|b)++`} {
		if _, err := goRegex(p); err == nil {
			t.Errorf("%s is taken", p)
		}
	}
}
