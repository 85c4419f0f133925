package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Custody is a line of a custody log: who had it, when, what for. Each line
// names the hash of the one before it, the first one behind a bundle that of
// the bundle.
type Custody struct {
	When time.Time `json:"when"`
	Who  string    `json:"who"`
	What string    `json:"what"`
	Prev string    `json:"prev"`
}

// custodyLog is what stands in a bundle.
type custodyLog struct {
	text []byte
	last string
}

func (l *custodyLog) add(when time.Time, who, what string) error {
	b, err := json.Marshal(Custody{When: when.UTC(), Who: who, What: what, Prev: l.last})
	if err != nil {
		return err
	}
	l.text = append(append(l.text, b...), '\n')
	l.last = lineHash(b)
	return nil
}

func lineHash(line []byte) string {
	h := sha256.Sum256(line)
	return hex.EncodeToString(h[:])
}

// CustodyPath is the log of what happened to a bundle since it was sealed.
func CustodyPath(bundle string) string { return bundle + ".custody.ndjson" }

// AddCustody notes what was done with a bundle in the log beside it, which it
// makes where there is none. bundleSHA256 is that of the bundle now.
func AddCustody(bundle, bundleSHA256, who, what string) error {
	_, last, err := ReadCustody(bundle, bundleSHA256)
	if err != nil {
		return err
	}
	l := custodyLog{last: last}
	if err := l.add(time.Now(), who, what); err != nil {
		return err
	}
	f, err := os.OpenFile(CustodyPath(bundle), os.O_WRONLY|os.O_APPEND|os.O_CREATE|noFollow, 0o600)
	if err != nil {
		return fmt.Errorf("custody log: %w", err)
	}
	_, err = f.Write(l.text)
	return errors.Join(err, f.Sync(), f.Close())
}

// ErrCustody: lines of a custody log were changed, or are of another bundle.
var ErrCustody = errors.New("the custody log does not hold")

// ReadCustody reads the log beside a bundle; none is no error. last is the hash
// that the next line has to name.
func ReadCustody(bundle, bundleSHA256 string) (lines []Custody, last string, err error) {
	b, err := readBounded(CustodyPath(bundle))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, bundleSHA256, nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("custody log: %w", err)
	}
	return checkCustody(b, bundleSHA256)
}

// readBounded reads a file that somebody else may have put there: no pipe that
// nobody writes to, and nothing without an end.
func readBounded(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|nonBlock, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	switch info, err := f.Stat(); {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > maxText:
		return nil, fmt.Errorf("%w: %s is no file of a log's size", ErrCustody, path)
	}
	return io.ReadAll(io.LimitReader(f, maxText))
}

// checkCustody follows the chain from first on.
func checkCustody(b []byte, first string) (lines []Custody, last string, err error) {
	last = first
	for n := 1; len(b) > 0; n++ {
		text, rest, whole := bytes.Cut(b, []byte("\n"))
		var l Custody
		switch err := json.Unmarshal(text, &l); {
		case !whole:
			return lines, last, fmt.Errorf("%w: line %d is not whole", ErrCustody, n)
		case err != nil:
			return lines, last, fmt.Errorf("%w: line %d: %w", ErrCustody, n, err)
		case l.Prev != last && n == 1:
			return lines, last, fmt.Errorf("%w: it is of another bundle, or of this one before it was changed", ErrCustody)
		case l.Prev != last:
			return lines, last, fmt.Errorf("%w: line %d does not follow the one before it", ErrCustody, n)
		}
		lines, last, b = append(lines, l), lineHash(text), rest
	}
	return lines, last, nil
}
