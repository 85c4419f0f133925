package respond

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// ReserveSize is what is kept aside, in bytes, for journaling on a full disk:
// some hundred operations with their plans.
const ReserveSize = 1 << 20

// Reserve tells whether the reserve is there.
func (j *Journal) Reserve() bool {
	info, err := os.Stat(j.path("reserve"))
	return err == nil && info.Size() == ReserveSize
}

// layReserve makes the reserve when it is missing and there is plenty of room:
// on a disk that is still nearly full it would only take the last of it.
func (j *Journal) layReserve() {
	if j.Reserve() {
		return
	}
	if free, ok := freeBytes(j.dir); ok && free < 8*ReserveSize {
		return
	}
	full := make([]byte, ReserveSize)
	for i := range full {
		full[i] = byte(i*7 + i>>9) // not zeros: a file system may store those as nothing
	}
	if writeFlushed(j.path("reserve"), os.O_CREATE|os.O_TRUNC, full) != nil {
		os.Remove(j.path("reserve"))
	}
}

// releaseReserve gives the space back to the file system; false when there was none.
func (j *Journal) releaseReserve() bool { return ReleaseReserve(j.dir) }

// ReleaseReserve gives up the reserve of the journal in a directory, for whoever
// cannot even open it for want of space; false when there was none.
func ReleaseReserve(dir string) bool { return os.Remove(filepath.Join(dir, "journal.reserve")) == nil }

// SQLite's result codes; the extended ones carry the primary in the low byte.
const (
	sqliteCorrupt    = 11
	sqliteNotADB     = 26
	sqliteFull       = 13
	sqliteIOWrite    = 10 | 3<<8
	sqliteIOFsync    = 10 | 4<<8
	sqliteIOTruncate = 10 | 6<<8
	sqliteIOShmOpen  = 10 | 18<<8
	sqliteIOShmSize  = 10 | 19<<8
	sqliteCantOpen   = 14
)

func (j *Journal) noSpace(err error) bool { return NoSpace(j.dir, err) }

// NoSpace tells whether what went wrong with the database of a directory comes of
// a full disk or quota. SQLite names some of these as it names other troubles;
// then the file system is asked.
func NoSpace(dir string, err error) bool {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return true
	}
	switch code := sqliteCode(err); code {
	case sqliteIOWrite, sqliteIOFsync, sqliteIOTruncate, sqliteIOShmOpen, sqliteIOShmSize, sqliteCantOpen:
		free, ok := freeBytes(dir)
		return !ok || free < ReserveSize
	default:
		return code&0xff == sqliteFull
	}
}

// damaged adds ErrDamaged to what SQLite says about a file that is none of its own.
func damaged(err error) error {
	switch sqliteCode(err) & 0xff {
	case sqliteCorrupt, sqliteNotADB:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// sqliteCode is the result code that the driver's error carries; 0 for none.
func sqliteCode(err error) int {
	var coded interface{ Code() int }
	if errors.As(err, &coded) {
		return coded.Code()
	}
	return 0
}
