package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const blockSize = 512

func padding(n int64) int64 { return -n & (blockSize - 1) }

// header is the only one that an entry of this name, size and time has here:
// ustar, a regular file of root that its owner alone may read. That a byte of it
// was changed shows by making it again.
func header(name string, size, at int64) []byte {
	b := make([]byte, blockSize)
	copy(b[0:100], name)
	copy(b[100:], "0000400\x00")
	copy(b[108:], "0000000\x00")
	copy(b[116:], "0000000\x00")
	copy(b[124:], fmt.Sprintf("%011o\x00", size))
	copy(b[136:], fmt.Sprintf("%011o\x00", max(0, at)))
	copy(b[148:], "        ")
	b[156] = '0'
	copy(b[257:], "ustar\x0000")
	sum := 0
	for _, c := range b {
		sum += int(c)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
	return b
}

// archive reads one as strictly as it is written.
type archive struct {
	f  io.ReaderAt
	at int64 // behind the last entry that was read
}

func newArchive(f io.ReaderAt) *archive { return &archive{f: f} }

// stored is an entry as the archive has it.
type stored struct {
	name   string
	size   int64
	sha256 string
	body   io.ReaderAt
	faults []string // what is not as it is written here; the rest can be read all the same
}

var (
	errArchiveEnd = errors.New("end of the archive")
	errDamaged    = errors.New("cannot be read on")
)

// next reads an entry whole. errArchiveEnd comes with the two empty blocks that
// end an archive, and only when nothing stands behind them.
func (a *archive) next() (stored, error) {
	b := make([]byte, blockSize)
	if _, err := a.f.ReadAt(b, a.at); err != nil {
		return stored{}, fmt.Errorf("%w: the archive ends in the middle", errDamaged)
	}
	if bytes.Equal(b, make([]byte, blockSize)) {
		return stored{}, a.end()
	}
	e := stored{name: strings.TrimRight(string(b[:100]), "\x00")}
	size, err1 := strconv.ParseInt(string(b[124:135]), 8, 64)
	at, err2 := strconv.ParseInt(string(b[136:147]), 8, 64)
	if err1 != nil || size < 0 {
		return e, fmt.Errorf("%w: its header does not say how long it is", errDamaged)
	}
	if err2 != nil || !bytes.Equal(b, header(e.name, size, at)) {
		e.faults = append(e.faults, "its header was changed")
	}
	e.size, e.body = size, io.NewSectionReader(a.f, a.at+blockSize, size)
	sha, n, err := hashOf(io.NewSectionReader(e.body, 0, size))
	if err != nil || n != size {
		return e, fmt.Errorf("%w: it should have %d bytes and ends after %d", errDamaged, size, n)
	}
	e.sha256 = sha
	pad := make([]byte, padding(size))
	if _, err := a.f.ReadAt(pad, a.at+blockSize+size); err != nil {
		return e, fmt.Errorf("%w: the archive ends in the middle", errDamaged)
	}
	if !bytes.Equal(pad, make([]byte, len(pad))) {
		e.faults = append(e.faults, "there is something in the padding behind it")
	}
	a.at += blockSize + size + int64(len(pad))
	return e, nil
}

// end: two empty blocks and nothing else.
func (a *archive) end() error {
	b := make([]byte, 2*blockSize+1)
	n, err := a.f.ReadAt(b, a.at)
	if !errors.Is(err, io.EOF) || n != 2*blockSize || !bytes.Equal(b[:n], make([]byte, n)) {
		return fmt.Errorf("%w: there is something behind the end of the archive, or the end is not whole", errDamaged)
	}
	return errArchiveEnd
}
