package local

import (
	"context"
	"fmt"
	"os"
	"strings"

	"interdict/respond/process"
	"interdict/respond/process/procfs"
)

// systemdRuns tells whether systemd is this machine's init.
func systemdRuns() bool {
	info, err := os.Stat("/run/systemd/system")
	return err == nil && info.IsDir()
}

// readUnits asks systemd about the services in whose cgroups the members are
// and keeps those of which a member is the main process.
func readUnits(ctx context.Context, members []member, facts *process.Facts) {
	if !systemdRuns() {
		return
	}
	asked := map[string]bool{}
	for _, m := range members {
		if m.Service == "" || asked[m.Service] {
			continue
		}
		asked[m.Service] = true
		if strings.Contains(m.Cgroup, "/user@") {
			facts.Unknown = append(facts.Unknown, fmt.Sprintf("whether %s restarts: it is a unit of a user's own systemd", m.Service))
			continue
		}
		out, err := command(ctx, "systemctl", "show", "--property=MainPID,Restart,WatchdogUSec", "--", m.Service)
		if err != nil {
			facts.Unknown = append(facts.Unknown, fmt.Sprintf("whether %s restarts: %v", m.Service, err))
			continue
		}
		unit := procfs.Unit(m.Service, out)
		for _, n := range members {
			if n.ID.PID == unit.Main {
				facts.Units = append(facts.Units, unit)
			}
		}
	}
}
