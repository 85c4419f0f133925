package isolate

import (
	"strings"
	"time"
)

// Note is what a change on a host says of itself to whoever looks there.
type Note struct {
	ID   string    `json:"id"` // of the change, 16 hex digits
	By   string    `json:"by"`
	At   time.Time `json:"at"` // UTC, of the console
	Case string    `json:"case,omitempty"`
}

const noteField = 60 // bytes; a comment of nft holds 127

// lines are the note as comments, one a field: a comment of nft is short, and
// iptables has the same bound.
func (n Note) lines() []string {
	out := []string{"id " + n.ID, "by " + plain(n.By, noteField), "at " + n.At.UTC().Format(time.RFC3339)}
	if n.Case != "" {
		out = append(out, "case "+plain(n.Case, noteField))
	}
	return out
}

// line is the note in one comment.
func (n Note) line() string {
	s := n.ID + " " + n.At.UTC().Format(time.RFC3339) + " " + strings.ReplaceAll(plain(n.By, 40), " ", "_")
	if n.Case != "" {
		s += " " + strings.ReplaceAll(plain(n.Case, 40), " ", "_")
	}
	return s
}

// readNote reads what line wrote; what it did not write gives an empty ID.
func readNote(s string) Note {
	f := strings.Fields(s)
	if len(f) < 3 || !isID(f[0]) {
		return Note{}
	}
	n := Note{ID: f[0], By: strings.ReplaceAll(f[2], "_", " ")}
	n.At, _ = time.Parse(time.RFC3339, f[1]) // a note that somebody edited has no time
	if len(f) > 3 {
		n.Case = strings.ReplaceAll(f[3], "_", " ")
	}
	return n
}

// readNotes reads what lines wrote.
func readNotes(comments []string) Note {
	var n Note
	for _, c := range comments {
		name, value, _ := strings.Cut(c, " ")
		switch {
		case name == "id" && isID(value):
			n.ID = value
		case name == "by":
			n.By = plain(value, noteField)
		case name == "at":
			n.At, _ = time.Parse(time.RFC3339, value)
		case name == "case":
			n.Case = plain(value, noteField)
		}
	}
	return n
}

// plain keeps letters, digits and a few signs that mean nothing to nft, to
// iptables-restore or to a shell; anything else becomes "-".
func plain(s string, most int) string {
	out := make([]byte, 0, min(len(s), most))
	for i := 0; i < len(s) && len(out) < most; i++ {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte(" ._:@/+()", c) >= 0:
			out = append(out, c)
		default:
			out = append(out, '-')
		}
	}
	if s := strings.TrimSpace(string(out)); s != "" {
		return s
	}
	return "-"
}

func isID(s string) bool {
	if len(s) != 16 {
		return false
	}
	for i := range len(s) {
		if !strings.Contains("0123456789abcdef", s[i:i+1]) {
			return false
		}
	}
	return true
}
