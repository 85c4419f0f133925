//go:build ignore

// Record writes the bundled incident: it starts the lab, with the routine and
// then the attack, in a cgroup of its own, and writes what the sensor tells of
// that cgroup as gzipped ECS NDJSON.
//
//	go run testdata/lab/record.go sources/replay/incident.ndjson.gz
package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"interdict/sources"
	"interdict/sources/ebpf"
	"interdict/sources/ecs"
	"interdict/testdata/lab"
)

func main() {
	if err := record(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "record:", err)
		os.Exit(1)
	}
}

// host is what the recording says of the machine, so that it tells nothing of
// the one it was made on.
var host = ecs.Host{
	ID: "5c1e0f6ad5a84f0f8d8f0c2c5a4e7b11", BootID: "3d6c1a52-6f0b-4a0e-9f7e-2b8f4c1d9a60", Name: "web-1", Architecture: "x86_64",
	OS:  ecs.OS{Type: "linux", Name: "Debian GNU/Linux", Full: "Debian GNU/Linux 12 (bookworm)", Version: "12", Kernel: "6.1.0", Platform: "debian", Family: "debian"},
	IPs: []netip.Addr{netip.MustParseAddr("10.77.0.11")},
}

func record(to string) error {
	group, err := lab.MakeGroup("interdict-record-")
	if err != nil {
		return err
	}
	defer os.Remove(group)
	source, err := ebpf.New(ebpf.Config{Scope: group, Host: host})
	if err != nil {
		return err
	}
	defer source.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	zipped := gzip.NewWriter(out)
	lines := bufio.NewWriter(zipped)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- source.Run(ctx, sources.SinkFunc(func(_ context.Context, b sources.Batch) error {
			for row := range b.Events.Rows {
				if _, err := lines.Write(append(ecs.AppendJSON(nil, b.Events, row), '\n')); err != nil {
					return err
				}
			}
			return nil
		}))
	}()
	err = play(group)
	time.Sleep(time.Second) // what is still in the ring
	stop()
	return errors.Join(err, <-ended, lines.Flush(), zipped.Close(), out.Close())
}

// play runs the routine, the attack over a slow cable, and the routine again.
func play(group string) error {
	defer stage(group, "down")
	for _, step := range []string{"up", "routine", "attack", "routine"} {
		if err := stage(group, step); err != nil {
			return err
		}
	}
	return nil
}

func stage(group, step string) error {
	cmd := exec.Command("testdata/lab/lab", step)
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "LAB_CGROUP="+group, "LAB_RATE=12", "LAB_DIR="+filepath.Join(os.TempDir(), "interdict-record"))
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("lab %s: %w", step, err)
	}
	return nil
}
