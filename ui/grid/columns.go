package grid

import (
	"strings"

	"interdict/ui/text"
)

// Column is one column of a table. All widths are in cells.
type Column struct {
	Title string
	Width int  // at least
	Flex  int  // share of what is left over; 0: Width it stays
	Right bool // numbers
	Drop  int  // columns with a higher Drop go first where there is no room; 0 stays
}

// Cell is one field of a row: untrusted text and what puts a style around it.
type Cell struct {
	Text  string
	Style func(string) string // nil: none
	Left  bool                // show the end of what is too long, not its beginning
}

// Fit chooses what fits into width and gives a width to each column; 0 is a
// column that was dropped. One cell lies between two columns.
func Fit(columns []Column, width int) []int {
	out := make([]int, len(columns))
	for i, c := range columns {
		out[i] = c.Width
	}
	for used(out) > width {
		worst := -1
		for i, c := range columns {
			if out[i] > 0 && c.Drop > 0 && (worst < 0 || c.Drop > columns[worst].Drop) {
				worst = i
			}
		}
		if worst < 0 {
			return squeeze(out, width)
		}
		out[worst] = 0
	}
	share(columns, out, width-used(out))
	return out
}

func used(widths []int) int {
	n := -1
	for _, w := range widths {
		if w > 0 {
			n += w + 1
		}
	}
	return max(n, 0)
}

// share gives what is left over to the flexible columns.
func share(columns []Column, out []int, rest int) {
	flex := 0
	for i, c := range columns {
		if out[i] > 0 {
			flex += c.Flex
		}
	}
	for i, c := range columns {
		if out[i] == 0 || c.Flex == 0 {
			continue
		}
		n := rest * c.Flex / flex
		out[i], rest, flex = out[i]+n, rest-n, flex-c.Flex
	}
}

// squeeze cuts from the right where even what may not be dropped has no room.
func squeeze(out []int, width int) []int {
	for i := len(out) - 1; i >= 0 && used(out) > width; i-- {
		out[i] = max(out[i]-(used(out)-width), 0)
	}
	return out
}

// Line lays cells out in the given widths. It takes exactly the widths and the
// cells between them, whatever the texts.
func Line(columns []Column, widths []int, cells []Cell) string {
	var b strings.Builder
	first := true
	for i, w := range widths {
		if w == 0 {
			continue
		}
		if !first {
			b.WriteByte(' ')
		}
		first = false
		b.WriteString(field(columns[i], w, cells[i]))
	}
	return b.String()
}

func field(c Column, w int, cell Cell) string {
	s := cell.Text
	if cell.Left {
		s = text.FitLeft(s, w)
	}
	if c.Right {
		s = text.PadLeft(s, w)
	} else {
		s = text.Pad(s, w)
	}
	if cell.Style != nil {
		return cell.Style(s)
	}
	return s
}

// Titles is the heading line.
func Titles(columns []Column, widths []int) string {
	cells := make([]Cell, len(columns))
	for i, c := range columns {
		cells[i].Text = c.Title
	}
	return Line(columns, widths, cells)
}
