package respond

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// machineBoot reads the boot clock of this machine and which boot it counts from.
func machineBoot() (id string, since time.Duration) {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) == nil {
		since = time.Duration(ts.Nano())
	}
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", since
	}
	return strings.TrimSpace(string(b)), since
}
