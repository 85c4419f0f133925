package ui

// The smallest window that shows more than one line per alert.
const (
	minWidth  = 60
	minHeight = 15
	wideWidth = 100 // from here on the wide forms

	maxNotices = 3 // lines
)

// layout says which lines belong to what; widths are the window's.
type layout struct {
	width, height                int
	tiny, wide                   bool
	header, list, detail, footer int // lines each, from the top; they add up to height
	notices                      int // lines of the header, at most
}

// arrange places the parts of a window: a pure function of its size and of how
// many notices there are, in lines, of which the header takes some.
func arrange(w, h, notices int) layout {
	l := layout{width: w, height: h, tiny: w < minWidth || h < minHeight, wide: w >= wideWidth}
	if l.tiny {
		l.footer = min(1, h)
		l.list = max(h-l.footer, 0)
		return l
	}
	l.header = 1
	l.notices = min(notices, 2)
	if l.wide {
		l.header, l.notices = 2, min(notices, maxNotices)
	}
	l.header += l.notices
	l.footer = 3
	if h < 24 {
		l.footer = 2
	}
	rest := h - l.header - l.footer
	l.detail = min(detailLines(l.wide), rest*2/3)
	l.list = rest - l.detail
	return l
}

// detailLines is how many lines the detail has to say, with its heading.
func detailLines(wide bool) int {
	if wide {
		return 14
	}
	return 13
}

// body is what a pane has that shows no detail of the list beside it.
func (l layout) body() int { return l.list + l.detail }
