package main

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"interdict/respond/local"
	"interdict/sources/ebpf"
	"interdict/ui/cli"
)

// doctor says what of the sensor and of this host works.
func doctor(ctx context.Context) []cli.Check {
	checks := []cli.Check{{Name: "program", State: "yes", Detail: fmt.Sprintf("interdict %s, %s %s/%s", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)}}
	for _, f := range ebpf.Probe() {
		checks = append(checks, cli.Check{Name: f.Name, State: string(f.State), Detail: f.Detail, Hint: f.Hint})
	}
	identity, err := local.New().Identity(ctx)
	switch {
	case err != nil:
		checks = append(checks, cli.Check{Name: "acting on this machine", State: "no", Detail: err.Error()})
	case os.Geteuid() != 0:
		checks = append(checks, cli.Check{Name: "acting on this machine", State: "fallback",
			Detail: "only processes of user " + fmt.Sprint(os.Geteuid()), Hint: "run as root to freeze and kill processes of others"})
	default:
		checks = append(checks, cli.Check{Name: "acting on this machine", State: "yes", Detail: "host " + identity.HostID + ", boot " + identity.BootID})
	}
	return checks
}
