package esql

import "strings"

// MatchIndex tells whether comma-separated patterns such as "logs-*,-logs-x*"
// name an index: some pattern must match, and no exclusion after it. An exclusion
// with a star counts behind a pattern with one only, as in Elasticsearch.
func MatchIndex(patterns, index string) bool {
	matched, starred := false, false
	for p := range strings.SplitSeq(patterns, ",") {
		p = strings.TrimSpace(p)
		star := strings.Contains(p, "*")
		if not, ok := strings.CutPrefix(p, "-"); !ok {
			matched = matched || matchStar(p, index)
		} else if starred || !star {
			matched = matched && !matchStar(not, index)
		}
		starred = starred || star
	}
	return matched
}

// matchStar matches a pattern in which * stands for any text, also none.
func matchStar(pattern, s string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	s, ok := strings.CutPrefix(s, head)
	if !ok {
		return false
	}
	for {
		part, next, more := strings.Cut(rest, "*")
		if !more {
			return len(s) >= len(part) && strings.HasSuffix(s, part)
		}
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s, rest = s[i+len(part):], next
	}
}
