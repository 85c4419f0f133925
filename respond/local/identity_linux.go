package local

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"interdict/respond"
)

// Identity reads machine id, boot id, host name and boot clock anew.
func (*Host) Identity(context.Context) (respond.Identity, error) {
	boot, err := bootID()
	if err != nil {
		return respond.Identity{}, err
	}
	id := respond.Identity{HostID: machineID(), BootID: boot}
	if id.Hostname, err = os.Hostname(); err != nil {
		return respond.Identity{}, fmt.Errorf("host name: %w", err)
	}
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return respond.Identity{}, fmt.Errorf("boot clock: %w", err)
	}
	id.Uptime = time.Duration(ts.Nano())
	return id, nil
}

func bootID() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("boot id: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// machineID is "" where the machine has none.
func machineID() string {
	for _, path := range []string{"/etc/machine-id", "/var/lib/dbus/machine-id"} {
		if b, err := os.ReadFile(path); err == nil && len(b) > 0 {
			return strings.TrimSpace(string(b))
		}
	}
	return ""
}
