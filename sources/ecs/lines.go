package ecs

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// MaxLine is how long a document may be by default: an event with the longest
// argument list that Linux allows, escaped, fits.
const MaxLine = 16 << 20

// ErrLineTooLong is what [Lines.Err] wraps for one line; reading goes on.
var ErrLineTooLong = errors.New("line too long")

// Lines reads NDJSON line by line. A line that is too long is skipped and said.
type Lines struct {
	r      *bufio.Reader
	max    int
	long   []byte
	number int
	err    error
}

// NewLines reads from r; max 0 is [MaxLine].
func NewLines(r io.Reader, max int) *Lines {
	if max <= 0 {
		max = MaxLine
	}
	return &Lines{r: bufio.NewReaderSize(r, 1<<18), max: max}
}

// Number is the number of the line that Next gave last, from 1.
func (l *Lines) Number() int { return l.number }

// Err is why reading ended before the end of the input; nil when it did not.
func (l *Lines) Err() error { return l.err }

// Next gives the next line without its end, valid until the next call; blank
// lines are passed over. err is [ErrLineTooLong] for that line alone. ok is
// false at the end, or when the input cannot be read further (see Err).
func (l *Lines) Next() (line []byte, err error, ok bool) {
	for l.err == nil {
		line, err, ok = l.raw()
		if !ok || err != nil {
			return nil, err, ok
		}
		if l.number == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		if skipSpace(line, 0) < len(line) {
			return line, nil, true
		}
	}
	return nil, nil, false
}

func (l *Lines) raw() (line []byte, err error, ok bool) {
	l.long = l.long[:0]
	for size := 0; ; {
		part, err := l.r.ReadSlice('\n')
		size += len(part)
		full := errors.Is(err, bufio.ErrBufferFull)
		if full || len(l.long) > 0 {
			if size <= l.max {
				l.long = append(l.long, part...)
			}
			part = l.long
		}
		if full {
			continue
		}
		if err != nil && err != io.EOF {
			l.err = err
			return nil, nil, false // the rest of a broken stream is no whole line
		}
		if size == 0 {
			return nil, nil, false
		}
		l.number++
		if size > l.max {
			return nil, fmt.Errorf("%w: %d bytes, at most %d are read", ErrLineTooLong, size, l.max), true
		}
		return bytes.TrimSuffix(part, []byte{'\n'}), nil, true
	}
}

// Plain uncompresses gzip and zstd, which it recognises by their first bytes,
// and passes everything else through. Close closes what it made, never r.
func Plain(r io.Reader) (io.ReadCloser, error) {
	buffered := bufio.NewReaderSize(r, 1<<16)
	magic, err := buffered.Peek(4)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return gzip.NewReader(buffered)
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		// One gibibyte of window is what zstd --long=30 needs; more is refused.
		d, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(1<<30))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}
	return io.NopCloser(buffered), nil
}
