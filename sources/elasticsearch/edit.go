package elasticsearch

import (
	"slices"
	"strings"
	"unicode/utf8"

	"interdict/sources/esql/parse"
)

// edit puts text into a query in the place of some bytes.
type edit struct {
	at, length int // bytes of the text as it was given
	text       string
}

// edited is a text with edits, which knows where its places were before.
type edited struct {
	before, after string
	edits         []edit // by place
}

func apply(text string, edits []edit) edited {
	slices.SortStableFunc(edits, func(a, b edit) int { return a.at - b.at })
	var b strings.Builder
	at := 0
	for _, e := range edits {
		b.WriteString(text[at:e.at])
		b.WriteString(e.text)
		at = e.at + e.length
	}
	b.WriteString(text[at:])
	return edited{text, b.String(), edits}
}

// place gives a place of the text as it was given for one of the text as it was
// sent. What was put in is at the place it was put.
func (e edited) place(line, column int) (int, int) {
	to := parse.Pos{Line: line, Column: column}.Offset(e.after)
	moved := 0 // how much further everything is behind the edits so far
	for _, x := range e.edits {
		begin := x.at + moved
		if to < begin {
			break
		}
		if to < begin+len(x.text) {
			to = begin
			break
		}
		moved += len(x.text) - x.length
	}
	return position(e.before, to-moved)
}

// position gives the line and column of a byte.
func position(text string, at int) (line, column int) {
	head := text[:min(max(at, 0), len(text))]
	begin := strings.LastIndexByte(head, '\n') + 1
	return strings.Count(head, "\n") + 1, utf8.RuneCountInString(head[begin:]) + 1
}
