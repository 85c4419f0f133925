package funcs

import (
	"strings"
	"testing"
)

func TestTextIsMeasuredInCodePointsBytesAndBits(t *testing.T) {
	checkCalls(t, "length", []example{{list{"größe"}, int64(5)}, {list{""}, int64(0)}, {list{nil}, nil}, {list{list{"a", "b"}}, refusal(MultiValue)}})
	checkCalls(t, "byte_length", []example{{list{"größe"}, int64(7)}})
	checkCalls(t, "bit_length", []example{{list{"größe"}, int64(56)}})
}

func TestCaseIsChangedInEveryValue(t *testing.T) {
	checkCalls(t, "to_lower", []example{{list{"/USR/Bin/SCP"}, "/usr/bin/scp"}, {list{list{"A", "b", "A"}}, list{"a", "b", "a"}}, {list{nil}, nil}})
	checkCalls(t, "to_upper", []example{{list{"straße"}, "STRASSE"}, {list{list{"a", "B"}}, list{"A", "B"}}})
}

func TestTrimmingTakesBreakingSpacesOnly(t *testing.T) {
	checkCalls(t, "trim", []example{{list{" \t a b\u2003\n"}, "a b"}, {list{"\u00a0a"}, "\u00a0a"}, {list{"  "}, ""}})
	checkCalls(t, "ltrim", []example{{list{"  a "}, "a "}})
	checkCalls(t, "rtrim", []example{{list{"  a "}, "  a"}})
}

func TestReverseKeepsMarksOnTheirLetters(t *testing.T) {
	checkCalls(t, "reverse", []example{{list{"abc"}, "cba"}, {list{"ae\u0301b"}, "be\u0301a"}, {list{"x👩\u200d💻y"}, "y👩\u200d💻x"}, {list{""}, ""}})
}

func TestPrefixSuffixAndContentAreTested(t *testing.T) {
	checkCalls(t, "starts_with", []example{{list{"/tmp/x", "/tmp/"}, true}, {list{"/Tmp/x", "/tmp/"}, false}, {list{"a", nil}, nil}})
	checkCalls(t, "ends_with", []example{{list{"a.sh", ".sh"}, true}, {list{"sh", ".sh"}, false}})
	checkCalls(t, "contains", []example{{list{"a b", " "}, true}, {list{"ab", " "}, false}, {list{list{"a", "b"}, "a"}, refusal(MultiValue)}})
}

func TestTextIsJoinedAndRepeatedUpToABound(t *testing.T) {
	checkCalls(t, "concat", []example{
		{list{"a", "b", "c"}, "abc"}, {list{"a", nil}, nil}, {list{"a"}, refusal("expects at least two arguments")},
		{list{strings.Repeat("a", maxString), "b"}, refusal("org.elasticsearch.xpack.esql.EsqlClientException: concatenating more than [1048576] bytes is not supported")},
	})
	checkCalls(t, "repeat", []example{
		{list{"ab", 3}, "ababab"}, {list{"ab", 0}, ""},
		{list{"ab", -1}, refusal("java.lang.IllegalArgumentException: Number parameter cannot be negative, found [-1]")},
		{list{"ab", 1 << 30}, refusal("java.lang.IllegalArgumentException: Creating repeated strings with more than [1048576] bytes is not supported")},
	})
	checkCalls(t, "space", []example{{list{2}, "  "}})
}

func TestPartsAreCountedFromOneOrFromTheEnd(t *testing.T) {
	checkCalls(t, "substring", []example{
		{list{"größe", 3}, "öße"}, {list{"größe", 3, 2}, "öß"}, {list{"größe", 0, 2}, "gr"}, {list{"größe", -2}, "ße"}, {list{"größe", -9, 2}, "gr"},
		{list{"abc", 9}, ""}, {list{"abc", 1, 99}, "abc"},
		{list{"abc", 1, -1}, refusal("java.lang.IllegalArgumentException: Length parameter cannot be negative, found [-1]")},
	})
	checkCalls(t, "left", []example{{list{"größe", 3}, "grö"}, {list{"ab", 9}, "ab"}, {list{"ab", -1}, ""}})
	checkCalls(t, "right", []example{{list{"größe", 3}, "öße"}, {list{"ab", 9}, "ab"}, {list{"ab", -1}, ""}})
}

func TestLocateCountsCodePoints(t *testing.T) {
	checkCalls(t, "locate", []example{
		{list{"größe", "ß"}, int64(4)}, {list{"abab", "b", 3}, int64(4)}, {list{"abab", "b", -1}, int64(4)}, {list{"abab", "a", -1}, int64(0)},
		{list{"ab", "abc"}, int64(0)}, {list{"ab", "c"}, int64(0)}, {list{nil, "c"}, nil},
	})
}

func TestSplitKeepsEmptyParts(t *testing.T) {
	checkCalls(t, "split", []example{
		{list{"a,,b", ","}, list{"a", "", "b"}}, {list{"a", ","}, "a"}, {list{"", ","}, ""},
		{list{"a--b", "--"}, refusal("java.lang.IllegalArgumentException: delimiter must be single byte for now")},
	})
}
