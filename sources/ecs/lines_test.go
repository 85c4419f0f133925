package ecs

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
)

func TestLinesAreNumberedAndLongOnesSaid(t *testing.T) {
	long := strings.Repeat("x", 300_000)
	l := NewLines(strings.NewReader("\xef\xbb\xbfone\r\n\n  \n"+long+"\nfive\n"+long+long+"\nseven"), 400_000)
	var got []string
	for {
		line, err, ok := l.Next()
		if !ok {
			break
		}
		got = append(got, fmt.Sprintf("%d %d %v", l.Number(), len(line), errors.Is(err, ErrLineTooLong)))
	}
	want := "1 4 false,4 300000 false,5 4 false,6 0 true,7 5 false"
	if g := strings.Join(got, ","); g != want || l.Err() != nil {
		t.Errorf("got %s, %v, wanted %s", g, l.Err(), want)
	}
}

func TestABrokenStreamIsNotTakenForItsEnd(t *testing.T) {
	broken := errors.New("broken")
	l := NewLines(iotest.DataErrReader(&failing{"one\ntw", broken}), 0)
	line, _, ok := l.Next()
	if _, _, more := l.Next(); !ok || string(line) != "one" || more || !errors.Is(l.Err(), broken) {
		t.Errorf("%q %v %v", line, ok, l.Err())
	}
}

type failing struct {
	text string
	err  error
}

func (f *failing) Read(p []byte) (int, error) {
	n := copy(p, f.text)
	f.text = f.text[n:]
	if n == 0 {
		return 0, f.err
	}
	return n, nil
}
