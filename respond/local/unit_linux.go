package local

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"interdict/respond/process"
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
		unit := parseUnit(m.Service, out)
		for _, n := range members {
			if n.ID.PID == unit.Main {
				facts.Units = append(facts.Units, unit)
			}
		}
	}
}

func parseUnit(name string, show []byte) process.Unit {
	u := process.Unit{Name: name}
	for line := range strings.Lines(string(show)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "MainPID":
			u.Main, _ = strconv.Atoi(value) // 0 matches no process
		case "Restart":
			u.Restart = value
		case "WatchdogUSec":
			u.Watchdog = value != "" && value != "0" && value != "infinity"
		}
	}
	return u
}
