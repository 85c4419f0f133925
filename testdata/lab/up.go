//go:build ignore

// Up makes a lab for a person to try things in, says how, and takes it away with
// Ctrl-C.
//
//	go run testdata/lab/up.go
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"interdict/testdata/lab"
)

func main() {
	l, err := lab.New(lab.Options{Hosts: 3, Container: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
	fmt.Printf("In another terminal, as root:\n\n")
	fmt.Printf("  %-46s # the console, in the manager's place\n", fmt.Sprintf("nsenter -t %d -n ./interdict --config %s", l.Manager.Pid(), l.Config()))
	fmt.Printf("  %-46s # ssh from there; web-1-v6 is its IPv6 address\n", fmt.Sprintf("nsenter -t %d -n ssh -F %s web-1", l.Manager.Pid(), l.SSHConfig()))
	for _, h := range append(l.Hosts(), l.Outside) {
		fmt.Printf("  %-46s # %s: %s %s\n", fmt.Sprintf("nsenter -t %d -m -u -i -n -p -C bash", h.Pid()), h.Name(), h.V4, h.V6)
	}
	fmt.Printf("\nFrom a host, `scp FILE outside:/srv/` copies data out. Port 8080 of web-1 is a container's.\nWhat hosts do is in the cgroup %s.\nCtrl-C takes the lab away.\n", l.Cgroup())
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	<-stop
	if err := l.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}
