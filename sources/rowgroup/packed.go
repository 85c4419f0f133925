package rowgroup

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/format"
)

// errLZ4: the library gives other bytes than were packed, and of those that are
// damaged it makes no end.
var errLZ4 = errors.New("LZ4 is not read: write the file with zstd, snappy or gzip")

// checkPacked refuses what unpacks to more than most bytes: the library unpacks
// as much as comes. Where the packed bytes bear the size out it is read there,
// else they are unpacked into nothing.
func checkPacked(codec compress.Codec, packed *io.SectionReader, most int64) error {
	if packed.Size() == 0 {
		return nil
	}
	n, err := int64(0), error(nil)
	in := bufio.NewReaderSize(packed, int(min(packed.Size()+zstd.HeaderMaxSize, 64<<10)))
	switch codec.CompressionCodec() {
	case format.Snappy:
		var size uint64
		size, err = binary.ReadUvarint(in)
		n = int64(min(size, mostBytes+1))
	case format.Lz4Raw:
		return errLZ4
	case format.Zstd:
		n, err = zstdSize(packed, in, most)
	case format.Gzip:
		var r *gzip.Reader
		if r, err = gzip.NewReader(in); err == nil {
			n, err = sizeOf(r, most)
		}
	case format.Brotli:
		n, err = sizeOf(brotli.NewReader(in), most)
	}
	if err != nil {
		return fmt.Errorf("damaged: a page cannot be unpacked: %w", err)
	}
	if n > most {
		return fmt.Errorf("damaged: a page unpacks to more than the %d bytes it says", most)
	}
	return nil
}

// sizeOf counts what comes, to one more than most.
func sizeOf(r io.Reader, most int64) (int64, error) {
	return io.Copy(io.Discard, io.LimitReader(r, most+1))
}

const (
	zstdBlock  = 128 << 10 // the most that a block holds
	mostWindow = 1 << 27   // what an unpacker may look back
)

// zstdSize is what a page unpacks to, or at least how much: its frames say what
// they hold, and the unpacker makes no more; of one that does not, as many full
// blocks are reckoned as it has. What may still be too much is unpacked.
func zstdSize(packed *io.SectionReader, in *bufio.Reader, most int64) (int64, error) {
	bound, said := int64(0), true
	for bound <= mostBytes+zstdBlock {
		size, says, err := zstdFrame(in)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
		bound, said = bound+size, said && says
	}
	switch {
	case bound <= most || !said && bound <= most+zstdBlock: // the last block is rarely full
		return min(bound, most), nil
	case said:
		return bound, nil
	}
	if _, err := packed.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	r, err := zstd.NewReader(packed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(mostWindow))
	if err != nil {
		return 0, err
	}
	defer r.Close()
	return sizeOf(r, most)
}

// zstdFrame passes over a frame and gives a bound of what it holds, and whether
// it says so itself. At the end of the page there is io.EOF.
func zstdFrame(in *bufio.Reader) (bound int64, says bool, err error) {
	head, err := in.Peek(zstd.HeaderMaxSize)
	if len(head) == 0 {
		return 0, false, io.EOF
	}
	var h zstd.Header
	if err := h.Decode(head); err != nil {
		return 0, false, broken(err)
	}
	skip := int64(h.HeaderSize)
	if h.Skippable {
		return 0, true, passOver(in, skip+int64(h.SkippableSize))
	}
	if err := passOver(in, skip); err != nil {
		return 0, false, err
	}
	for last := false; !last; {
		var b [3]byte
		if _, err := io.ReadFull(in, b[:]); err != nil {
			return 0, false, broken(err)
		}
		block := int64(b[0]) | int64(b[1])<<8 | int64(b[2])<<16
		size := block >> 3
		last = block&1 != 0
		switch block >> 1 & 3 {
		case 0: // as it is
			bound += size
		case 1: // one byte many times
			bound, size = bound+size, 1
		default:
			bound += zstdBlock
		}
		if err := passOver(in, size); err != nil {
			return 0, false, err
		}
	}
	if h.HasFCS {
		bound = int64(min(h.FrameContentSize, 2*mostBytes))
	}
	if h.HasCheckSum {
		err = passOver(in, 4)
	}
	return bound, h.HasFCS, err
}

func passOver(in *bufio.Reader, n int64) error {
	if _, err := in.Discard(int(n)); err != nil {
		return broken(err)
	}
	return nil
}

// broken is an error in the middle of something: no end of a page.
func broken(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
