package ui

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// painter brings frames to a terminal, and of each frame only the cells that
// differ from what stands there. It writes at once, in one piece, in a
// goroutine of its own: while the line is slow or stalled, frames in between
// are skipped and the console goes on.
//
// What reaches the terminal are cells with a style, and nothing else: of the
// escape sequences in a frame only colours and attributes pass.
type painter struct {
	out    io.Writer
	frames chan string   // capacity 1: the newest
	done   chan struct{} // closed when the last frame is out
	before []string      // what stands on the terminal; owned by the goroutine
	failed func(error)
}

// newPainter begins to paint; failed is called when the terminal takes no more.
func newPainter(out io.Writer, failed func(error)) *painter {
	p := &painter{out: out, frames: make(chan string, 1), done: make(chan struct{}), failed: failed}
	go p.loop()
	return p
}

// paint has the frame painted, in place of one that is still waiting. Only one
// goroutine may call it.
func (p *painter) paint(frame string) {
	select {
	case skipped := <-p.frames:
		if strings.HasPrefix(skipped, repaint) && !strings.HasPrefix(frame, repaint) {
			frame = repaint + frame
		}
	default:
	}
	p.frames <- frame
}

// close lets the frame that is waiting out and ends.
func (p *painter) close() { close(p.frames) }

func (p *painter) loop() {
	defer close(p.done)
	last, painted := "", false
	for frame := range p.frames {
		if painted && frame == last {
			continue
		}
		last, painted = frame, true
		if b := p.diff(strings.Split(frame, "\n")); len(b) > 0 {
			if _, err := p.out.Write(b); err != nil {
				p.failed(err)
				for range p.frames { // nobody is there any more
				}
				return
			}
		}
	}
}

// repaint stands at the beginning of a frame for a terminal whose contents are unknown.
const repaint = "\f"

// diff gives the bytes that turn what stands there into lines.
func (p *painter) diff(lines []string) []byte {
	var b bytes.Buffer
	if first, ok := strings.CutPrefix(lines[0], repaint); ok {
		lines[0] = first
		p.before = nil
		b.WriteString("\x1b[0m\x1b[2J")
	}
	for y := range max(len(lines), len(p.before)) {
		old, now := "", ""
		if y < len(p.before) {
			old = p.before[y]
		}
		if y < len(lines) {
			now = lines[y]
		}
		if old != now {
			diffLine(&b, y, cells(old), cells(now))
		}
	}
	p.before = lines
	return b.Bytes()
}

// cell is one grapheme with the sequences that give it its style.
type cell struct {
	text, style string
	width       int
}

// cells takes a line of a frame apart. A sequence that is no style, and any
// other control character, becomes a question mark: package text let none
// through, so one would be a mistake of ours.
func cells(line string) []cell {
	out := make([]cell, 0, len(line))
	style := ""
	for line != "" {
		if n := styleLength(line); n > 0 {
			if seq := line[:n]; seq == "\x1b[m" || seq == "\x1b[0m" {
				style = ""
			} else {
				style += seq
			}
			line = line[n:]
			continue
		}
		if line[0] < 0x20 || line[0] == 0x7f {
			out = append(out, cell{"?", style, 1})
			line = line[1:]
			continue
		}
		g, w := line[:1], 1
		if line[0] >= 0x80 || len(line) > 1 && line[1] >= 0x80 {
			g, w = ansi.FirstGraphemeCluster(line, ansi.GraphemeWidth)
		}
		out = append(out, printable(g, style, w))
		line = line[len(g):]
	}
	return out
}

func printable(g, style string, w int) cell {
	for _, r := range g {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return cell{"?", style, 1}
		}
	}
	return cell{g, style, w}
}

// styleLength is the length of the colour or attribute sequence that s begins with; 0 for none.
func styleLength(s string) int {
	if len(s) < 3 || s[0] != 0x1b || s[1] != '[' {
		return 0
	}
	for i := 2; i < len(s) && i < 40; i++ {
		switch c := s[i]; {
		case c == 'm':
			return i + 1
		case c != ';' && c != ':' && (c < '0' || c > '9'):
			return 0
		}
	}
	return 0
}

// diffLine writes the differing part of one line: from the first cell that
// differs to the last.
func diffLine(b *bytes.Buffer, y int, old, now []cell) {
	from, column := 0, 0
	for from < len(old) && from < len(now) && old[from] == now[from] {
		column += now[from].width
		from++
	}
	end := len(now)
	before, after := cellsWidth(old), cellsWidth(now)
	if before == after {
		for i := len(old); end > from && i > from && old[i-1] == now[end-1]; i-- {
			end--
		}
	}
	fmt.Fprintf(b, "\x1b[%d;%dH", y+1, column+1)
	style := ""
	for _, c := range now[from:end] {
		if c.style != style {
			b.WriteString("\x1b[0m" + c.style)
			style = c.style
		}
		b.WriteString(c.text)
	}
	if style != "" {
		b.WriteString("\x1b[0m")
	}
	if after < before {
		b.WriteString("\x1b[K")
	}
}

func cellsWidth(all []cell) int {
	n := 0
	for _, c := range all {
		n += c.width
	}
	return n
}
