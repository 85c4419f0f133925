package ui

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// screen is as much of a terminal as the painter may use: cells, a cursor that
// is placed, styles, and erasing to the end of a line. Anything else fails.
type screen struct {
	t     testing.TB
	lines [][]rune
	y, x  int
}

func newScreen(t testing.TB, w, h int) *screen {
	s := &screen{t: t, lines: make([][]rune, h)}
	for i := range s.lines {
		s.lines[i] = []rune(strings.Repeat(" ", w))
	}
	return s
}

func (s *screen) Write(b []byte) (int, error) {
	in := string(b)
	for in != "" {
		if in[0] == 0x1b {
			in = s.sequence(in)
			continue
		}
		r := []rune(in)[0]
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			s.t.Fatalf("%U reached the terminal", r)
		}
		s.lines[s.y][s.x] = r
		s.x++
		in = in[len(string(r)):]
	}
	return len(b), nil
}

func (s *screen) sequence(in string) string {
	if n := styleLength(in); n > 0 {
		return in[n:]
	}
	end := strings.IndexAny(in, "HJKhl")
	if end < 0 {
		s.t.Fatalf("a sequence of its own: %q", in)
	}
	switch seq := in[:end+1]; {
	case seq == "\x1b[2J":
		for i := range s.lines {
			s.erase(i, 0)
		}
	case seq == "\x1b[K":
		s.erase(s.y, s.x)
	case in[end] == 'H':
		y, x := 0, 0
		for _, c := range seq[2:end] {
			if c == ';' {
				y, x = x, 0
			} else {
				x = x*10 + int(c-'0')
			}
		}
		s.y, s.x = y-1, x-1
	default:
		s.t.Fatalf("%q reached the terminal", seq)
	}
	return in[end+1:]
}

func (s *screen) erase(y, from int) {
	for x := from; x < len(s.lines[y]); x++ {
		s.lines[y][x] = ' '
	}
}

func (s *screen) String() string {
	var out []string
	for _, l := range s.lines {
		out = append(out, strings.TrimRight(string(l), " "))
	}
	return strings.Join(out, "\n")
}

func TestDifferencesMakeTheSameScreenAsWholeFrames(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	s := newScreen(t, 30, 6)
	p := &painter{}
	styles := []string{"", "", "\x1b[1m", "\x1b[1;31m", "\x1b[38;5;203m"}
	for i := range 3000 {
		lines := make([]string, 6)
		for y := range lines {
			for range r.IntN(5) {
				lines[y] += styles[r.IntN(len(styles))] + strings.Repeat(string(rune('a'+r.IntN(3))), r.IntN(6)) + "\x1b[0m"
			}
		}
		frame := strings.Join(lines, "\n")
		if i%50 == 0 {
			frame = repaint + frame
		}
		s.Write(p.diff(strings.Split(frame, "\n")))
		want := newScreen(t, 30, 6)
		want.Write((&painter{}).diff(strings.Split(repaint+strings.TrimPrefix(styleless(frame), repaint), "\n")))
		if s.String() != want.String() {
			t.Fatalf("frame %d is painted as\n%s\nand is\n%s", i, s, want)
		}
	}
}

func TestNothingButCellsAndStylesIsPainted(t *testing.T) {
	s := newScreen(t, 80, 1)
	p := &painter{}
	s.Write(p.diff([]string{"\x1b[1mbold\x1b[0m \x1b]0;owned\a \x1b[2J \u009b31m \x1b[5;5H \r \x1b[?1049l \x1b[31"}))
	if got, want := s.String(), "bold ?]0;owned? ?[2J ?31m ?[5;5H ? ?[?1049l ?[31"; got != want {
		t.Errorf("painted %q, want %q", got, want)
	}
}

func TestOnlyWhatDiffersIsWritten(t *testing.T) {
	p := &painter{}
	p.diff([]string{"a long line with a clock 03:12:45Z", "another"})
	got := string(p.diff([]string{"a long line with a clock 03:12:46Z", "another"}))
	if want := "\x1b[1;33H6"; got != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
	if b := p.diff([]string{"a long line with a clock 03:12:46Z", "another"}); len(b) != 0 {
		t.Errorf("wrote %q for the same frame", b)
	}
}

// stalled is a terminal that takes nothing until it is let go.
type stalled struct {
	begun, let chan struct{}
	got        bytes.Buffer
}

func (s *stalled) Write(b []byte) (int, error) {
	select {
	case s.begun <- struct{}{}:
	default:
	}
	<-s.let
	return s.got.Write(b)
}

func TestASlowLineSkipsFramesAndHoldsNobodyUp(t *testing.T) {
	s := &stalled{begun: make(chan struct{}, 1), let: make(chan struct{})}
	p := newPainter(s, func(error) {})
	p.paint("first")
	<-s.begun
	p.paint(repaint + "lost")
	for range 1000 {
		p.paint("between")
	}
	p.paint("newest")
	close(s.let)
	p.close()
	<-p.done
	if got, want := s.got.String(), "\x1b[1;1Hfirst\x1b[0m\x1b[2J\x1b[1;1Hnewest"; got != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("hung up") }

func TestATerminalThatIsGoneIsNoticed(t *testing.T) {
	gone := make(chan error, 1)
	p := newPainter(broken{}, func(err error) { gone <- err })
	p.paint("x")
	<-gone
	p.paint("y")
	p.close()
	<-p.done
}
