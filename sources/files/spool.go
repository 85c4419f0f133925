package files

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/s2"

	"interdict/sources/ecs"
)

const (
	blockBytes  = 4 << 20  // of text in a block
	spoolMemory = 64 << 20 // of compressed blocks, before a temporary file is used
)

// spool keeps the lines of a stream that can be read only once, as compressed
// blocks of whole lines. It is filled once and then only read.
type spool struct {
	room   int // bytes of compressed blocks in memory
	blocks []block
	memory int
	file   *os.File // nil: all in memory
	size   int64
	bad    int64 // lines that are too long
	first  *badLine
	ended  string // why the stream ended early
}

// block is a run of lines.
type block struct {
	packed []byte // nil: in the file
	offset int64
	length int
	lines  int // before this block
}

// fill reads r, which is called name, to its end.
func (s *spool) fill(name string, r io.Reader) error {
	lines := ecs.NewLines(r, 0)
	var text []byte
	number, start := 0, 0 // lines in text and before it
	for {
		line, bad, ok := lines.Next()
		if !ok {
			break
		}
		if bad != nil {
			s.tooLong(name, lines.Number(), bad)
			continue
		}
		for ; number < lines.Number()-1; number++ {
			text = append(text, '\n') // lines that were passed over keep their number
		}
		text = append(append(text, line...), '\n')
		if number++; len(text) >= blockBytes {
			if err := s.put(text, start); err != nil {
				return err
			}
			text, start = text[:0], number
		}
	}
	if err := lines.Err(); err != nil {
		s.ended = fmt.Sprintf("%s ends early, after line %d: %v", name, lines.Number(), err)
	}
	return s.put(text, start)
}

func (s *spool) tooLong(name string, number int, err error) {
	s.bad++
	if s.first == nil {
		s.first = &badLine{file: name, number: number, text: err.Error()}
	}
}

func (s *spool) put(text []byte, lines int) error {
	if len(text) == 0 {
		return nil
	}
	packed := s2.Encode(nil, text)
	b := block{length: len(packed), lines: lines}
	if s.memory+len(packed) <= s.room {
		b.packed = packed
		s.memory += len(packed)
		s.blocks = append(s.blocks, b)
		return nil
	}
	if s.file == nil {
		f, err := os.CreateTemp("", "interdict-*.spool")
		if err == nil { // without a name it goes with the program, however that ends
			err = os.Remove(f.Name())
		}
		if err != nil {
			return fmt.Errorf("keeping what was read: %w", err)
		}
		s.file = f
	}
	b.offset = s.size
	if _, err := s.file.WriteAt(packed, s.size); err != nil {
		return fmt.Errorf("keeping what was read: %w", err)
	}
	s.size += int64(len(packed))
	s.blocks = append(s.blocks, b)
	return nil
}

// open gives the text of a block.
func (s *spool) open(b block) (io.Reader, error) {
	packed := b.packed
	if packed == nil {
		packed = make([]byte, b.length)
		if _, err := s.file.ReadAt(packed, b.offset); err != nil {
			return nil, fmt.Errorf("reading back: %w", err)
		}
	}
	text, err := s2.Decode(nil, packed)
	if err != nil {
		return nil, fmt.Errorf("reading back: %w", err)
	}
	return bytes.NewReader(text), nil
}

func (s *spool) close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
