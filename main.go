// Command interdict shows data being copied out with a file-transfer tool, says
// why a transfer is or is not normal, and freezes or kills it. See README.md.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"interdict/ui"
	"interdict/ui/cli"
	"interdict/ui/early"
)

// version is set by the linker.
var version = "dev"

func main() {
	early.Restore()
	if ui.Guarding() {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := cli.Main(ctx, program(), os.Args[1:])
	stop()
	os.Exit(code)
}

// program is the real world that the commands run in.
func program() cli.Program {
	return cli.Program{
		Stdin:   os.Stdin,
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Env:     os.Getenv,
		Now:     time.Now,
		Version: version,
		Open:    open,
		History: openHistory,
		Hosts:   openHosts,
		Room:    makeRoom,
		Guard:   ui.GuardTerminal,
		Doctor:  doctor,

		CheckCluster: checkCluster,
		Role:         role,
		Store:        openStore,
		Ship:         ship,
		ShipStatus:   shipStatus,
	}
}
