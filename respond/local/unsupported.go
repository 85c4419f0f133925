//go:build !linux

package local

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"interdict/respond"
	"interdict/respond/process"
)

func unsupported() error {
	return fmt.Errorf("processes of this machine on %s: %w", runtime.GOOS, respond.ErrUnsupported)
}

func (*Host) Identity(context.Context) (respond.Identity, error) {
	return respond.Identity{}, unsupported()
}
func (*Host) Processes(context.Context) (*process.Table, error) { return nil, unsupported() }
func (*Host) Signal(context.Context, process.Signal, ...respond.ProcessID) ([]process.Outcome, error) {
	return nil, unsupported()
}
func (*Host) Await(context.Context, ...respond.ProcessID) ([]respond.ProcessID, error) {
	return nil, unsupported()
}
func (*Host) Facts(context.Context, ...respond.ProcessID) (process.Facts, error) {
	return process.Facts{}, unsupported()
}
func (*Host) Cgroup(context.Context, string) (process.Cgroup, error) {
	return process.Cgroup{}, unsupported()
}
func (*Host) SetFrozen(context.Context, string, bool) error { return unsupported() }
func (*Host) Operator(context.Context) ([]respond.ProcessID, error) {
	return nil, unsupported()
}
func (*Host) Schedules(context.Context, time.Time) ([]respond.Schedule, error) {
	return nil, unsupported()
}
func (*Host) Logins(context.Context, time.Time, time.Time) ([]respond.Login, error) {
	return nil, unsupported()
}
func (*Host) Origin(context.Context, string, respond.ProcessID) (respond.Origin, error) {
	return respond.Origin{}, unsupported()
}
func (*Host) Footholds(context.Context, time.Time) ([]respond.Foothold, error) {
	return nil, unsupported()
}
