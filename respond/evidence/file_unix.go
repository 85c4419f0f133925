//go:build unix

package evidence

import (
	"errors"
	"os"
	"syscall"
)

// noFollow: a link that somebody put in the place of a file is not followed.
const noFollow = syscall.O_NOFOLLOW

// nonBlock: a pipe in the place of a file holds nobody up.
const nonBlock = syscall.O_NONBLOCK

var errLocked = errors.New("it is locked")

// lockFile takes the lock, or says that another program has it.
func lockFile(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errLocked
	}
	return err
}
