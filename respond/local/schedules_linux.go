package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"interdict/respond"
)

// Schedules reads cron's tables and asks systemd for its timers; those of
// users' own systemd instances, anacron and at are not seen.
func (*Host) Schedules(ctx context.Context, around time.Time) ([]respond.Schedule, error) {
	all, cronErr := cronSchedules(os.DirFS("/"), around, bootTime(), time.Local)
	if !systemdRuns() {
		return all, cronErr
	}
	out, err := command(ctx, "systemctl", "list-timers", "--all", "--output=json", "--no-pager")
	if err != nil {
		return all, errors.Join(cronErr, fmt.Errorf("timers: %w", err))
	}
	timers, err := parseTimers(out, around)
	return append(all, timers...), errors.Join(cronErr, err)
}

func bootTime() time.Time {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) != nil {
		return time.Time{}
	}
	return time.Now().Add(-time.Duration(ts.Nano()))
}

// noted is how much later than the start of what a timer started its last run may
// be noted: systemd notes it once the unit is queued, the kernel tells a process's
// start in hundredths of a second.
const noted = time.Second

// parseTimers reads systemd's JSON: microseconds since 1970, 0 or null for never.
func parseTimers(b []byte, around time.Time) ([]respond.Schedule, error) {
	var timers []struct {
		Next, Last      *int64
		Unit, Activates string
	}
	if err := json.Unmarshal(b, &timers); err != nil {
		return nil, fmt.Errorf("timers: %w", err)
	}
	var all []respond.Schedule
	for _, t := range timers {
		s := respond.Schedule{Source: "systemd timer " + t.Unit, Command: t.Activates}
		for _, us := range []*int64{t.Last, t.Next} {
			if us == nil || *us <= 0 {
				continue
			}
			at := time.UnixMicro(*us)
			switch {
			case !at.After(around), us == t.Last && !at.After(around.Add(noted)):
				s.Last = at
			case s.Next.IsZero():
				s.Next = at
			}
		}
		if s.Distance(around) <= respond.Near {
			all = append(all, s)
		}
	}
	return all, nil
}
