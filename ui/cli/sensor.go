package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"interdict/sources"
	"interdict/ui/text"
)

// ShipOptions say what is shipped and where to.
type ShipOptions struct {
	To      string // elasticsearch, or elasticsearch:NAME
	Source  string // ebpf, or replay:FILE
	Scope   string // cgroup to stay inside of
	All     bool   // all events; else those of transfer tools
	Dir     string // of the spool
	Bytes   int64  // its bound; 0 is the default
	Cluster FindCluster
}

// Shipping are the parts of a sensor, ready to be started.
type Shipping struct {
	Source  sources.Source
	Sink    sources.Sink
	Run     func(ctx context.Context) error // ships until ctx ends
	Drained func() bool                     // everything that Sink took is in the cluster
	Missed  func() int64                    // events that came and will never be there
	Close   func() error
}

// drainFor is how long a sensor that is stopped goes on shipping. What is left
// then is shipped by the next one.
const drainFor = 5 * time.Second

func (c *command) sensor() *cobra.Command {
	var o ShipOptions
	cmd := &cobra.Command{Use: "sensor", Short: "Ship this machine's events to a cluster, through a spool on disk", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.runSensor(cmd.Context(), o) }}
	cmd.Flags().StringVar(&o.To, "to", "", "elasticsearch[:NAME]")
	cmd.Flags().StringVar(&o.Source, "source", "ebpf", "ebpf, or replay:FILE")
	cmd.Flags().StringVar(&o.Scope, "scope", "", "stay inside this cgroup (a path below /sys/fs/cgroup)")
	cmd.Flags().BoolVar(&o.All, "all", false, "ship every execution, not those of transfer tools and what they start alone")
	cmd.Flags().StringVar(&o.Dir, "spool", "", "directory of the spool (default: spool in the state directory)")
	cmd.Flags().Int64Var(&o.Bytes, "spool-bytes", 0, "bound of the spool (default 1 GiB); what comes when it is full is counted as lost")
	status := &cobra.Command{Use: "status", Short: "Say how the sensor of this machine does", Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return c.sensorStatus(o.Dir) }}
	status.Flags().StringVar(&o.Dir, "spool", "", "directory of the spool")
	status.Flags().BoolVar(&c.json, "json", false, "one JSON document a line")
	cmd.AddCommand(status)
	return cmd
}

// spoolPath is where a sensor keeps what it has not shipped.
func (c *command) spoolPath(named string) (string, error) {
	if named != "" {
		return named, nil
	}
	dir := c.statePath()
	if dir == "" {
		return "", errNoStatePath
	}
	return filepath.Join(dir, "spool"), nil
}

func (c *command) runSensor(ctx context.Context, o ShipOptions) error {
	if o.To == "" {
		return usage("--to: says where to, as elasticsearch:NAME")
	}
	var err error
	if o.Dir, err = c.spoolPath(o.Dir); err != nil {
		return err
	}
	if o.Scope == "" {
		o.Scope = c.config.Scope
	}
	o.Cluster = c.cluster
	s, err := c.Ship(ctx, o)
	if err != nil {
		return err
	}
	shipping, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var shipped error
	var ended sync.WaitGroup
	ended.Go(func() { shipped = s.Run(shipping) })
	err = s.Source.Run(ctx, s.Sink)
	s.drain(ctx)
	stop()
	ended.Wait()
	lost := s.Source.Stats().Lost.Total() + s.Missed()
	drained := s.Drained()
	if err := errors.Join(err, shipped, s.Close()); err != nil {
		return err
	}
	if !drained {
		fmt.Fprintf(c.Stderr, "interdict: not all is shipped yet: the rest waits in %s for the next start\n", text.Clean(o.Dir))
	}
	if lost > 0 {
		fmt.Fprintf(c.Stderr, "interdict: LOST %d events; interdict sensor status says why\n", lost)
		return &exit{code: Degraded}
	}
	return nil
}

// drain waits until all is shipped: after a stop for a moment, after the end of a
// recording until a stop.
func (s *Shipping) drain(ctx context.Context) {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), drainFor)
		defer cancel()
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !s.Drained() {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (c *command) sensorStatus(dir string) error {
	dir, err := c.spoolPath(dir)
	if err != nil {
		return err
	}
	checks, err := c.ShipStatus(dir)
	if err != nil {
		return fmt.Errorf("no sensor has written its status into %s: %w", dir, err)
	}
	if err := c.printChecks(checks); err != nil {
		return err
	}
	for _, check := range checks {
		if check.State == "no" {
			return &exit{code: Degraded}
		}
	}
	return nil
}
