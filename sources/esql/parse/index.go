package parse

import "strings"

// indices reads a name or pattern, or a text of several.
func (p *parser) indices() (string, error) {
	t := p.peek()
	if t.kind != text {
		s := p.pattern()
		if s == "" {
			return "", p.unexpected("an index pattern")
		}
		return s, checkIndex(t.pos, s)
	}
	s := p.next().text
	for one := range strings.SplitSeq(s, ",") {
		if strings.TrimSpace(one) == "" {
			return "", Errorf(Parsing, t.pos, "Invalid index name [%s], Blank index specified in index pattern", s)
		}
		if err := checkIndex(t.pos, strings.TrimSpace(one)); err != nil {
			return "", err
		}
	}
	return s, nil
}

// longestIndex is how many bytes a name may have.
const longestIndex = 255

// checkIndex finds what no index can be called. Names with dates in them, in <>,
// and those of other clusters are not looked at.
func checkIndex(at Pos, s string) error {
	if strings.HasPrefix(s, "<") && strings.HasSuffix(s, ">") || strings.Contains(s, ":") {
		return nil
	}
	pattern := strings.TrimPrefix(s, "-")
	name := strings.ReplaceAll(pattern, "*", "")
	var what string
	switch {
	case name == "" && pattern != "":
		return nil
	case name == "":
		what = "must not be empty"
	case strings.ContainsAny(name, ` "*\<|,>/?`):
		what = `must not contain the following characters [' ','"',',','/','<','>','?','\','|']`
	case strings.Contains(name, "#"):
		what = "must not contain '#'"
	case strings.ContainsAny(pattern[:1], "_-+"):
		what = "must not start with '_', '-', or '+'"
	case len(name) > longestIndex:
		return Errorf(Parsing, at, "Invalid index name [%s], index name is too long, (%d > %d)", name, len(name), longestIndex)
	case name == "." || name == "..":
		what = "must not be '.' or '..'"
	default:
		return nil
	}
	return Errorf(Parsing, at, "Invalid index name [%s], %s", name, what)
}
