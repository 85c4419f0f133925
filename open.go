package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"interdict/sources"
	"interdict/sources/archive"
	"interdict/sources/ebpf"
	"interdict/sources/elasticsearch"
	"interdict/sources/files"
	"interdict/sources/replay"
	"interdict/ui/cli"
)

// open makes the sources that were asked for. Without any it takes the kernel,
// and where that is not allowed the recorded incident, and says so.
func open(ctx context.Context, o cli.OpenOptions) (*cli.Opened, error) {
	opened, err := openSources(ctx, o)
	if err != nil {
		return nil, err
	}
	dir := ""
	if o.StateDir != "" && !opened.Recorded && (opened.Local || !opened.Fleet) {
		dir = filepath.Join(o.StateDir, "archive")
	}
	lookups, err := openTables(ctx, o.Tables)
	if err != nil {
		return nil, err
	}
	kept, err := archive.Open(ctx, archive.Config{Dir: dir, MaxAge: o.MaxAge, MaxBytes: o.MaxBytes, Lookups: lookups})
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	opened.Archive, opened.Kept, opened.Close = kept, kept.Stats, closing(opened.Sources, kept.Close)
	joinHistories(opened, kept)
	return opened, openCounts(ctx, opened, o)
}

func openSources(ctx context.Context, o cli.OpenOptions) (*cli.Opened, error) {
	opened := &cli.Opened{}
	if o.Demo {
		return recorded(opened, replay.Incident(o.Speed, time.Now))
	}
	if len(o.Sources) == 0 {
		kernel, err := openKernel(o)
		var unsupported *ebpf.Unsupported
		if errors.As(err, &unsupported) {
			opened.Banner = fmt.Sprintf("RECORDED INCIDENT, not this machine: %v", err)
			return recorded(opened, replay.Incident(o.Speed, time.Now))
		}
		if err != nil {
			return nil, err
		}
		opened.Sources, opened.Local = []sources.Source{kernel}, true
		return opened, nil
	}
	for _, name := range o.Sources {
		if err := openSource(ctx, opened, o, name); err != nil {
			return nil, err
		}
	}
	if (opened.Local || opened.Fleet) && opened.Recorded {
		return nil, cli.Misuse(errors.New("a recording and what happens now have different clocks: open one of them"))
	}
	return opened, nil
}

func openSource(ctx context.Context, opened *cli.Opened, o cli.OpenOptions, name string) error {
	kind, rest, _ := strings.Cut(name, ":")
	switch {
	case name == "ebpf":
		kernel, err := openKernel(o)
		if err != nil {
			return err
		}
		opened.Sources, opened.Local = append(opened.Sources, kernel), true
		return nil
	case kind == "elasticsearch":
		return openCluster(ctx, opened, o, name)
	case kind == "replay" && rest != "":
		if _, err := os.Stat(rest); err != nil {
			return fmt.Errorf("replay: %w", err)
		}
		_, err := recorded(opened, replay.New(replay.Config{Name: name, Speed: o.Speed,
			Open: func() (io.ReadCloser, error) { return os.Open(rest) }}))
		return err
	}
	return cli.Misuse(fmt.Errorf("--source %q: is ebpf, elasticsearch[:NAME] or replay:FILE", name))
}

// openCluster adds a live source over a cluster.
func openCluster(ctx context.Context, opened *cli.Opened, o cli.OpenOptions, name string) error {
	cluster, err := connect(ctx, name, o.Cluster)
	if err != nil {
		return err
	}
	source := cluster.Source(elasticsearch.SourceConfig{})
	for _, other := range opened.Sources {
		if other.Name() == source.Name() {
			return cli.Misuse(fmt.Errorf("--source %s is there twice", source.Name()))
		}
	}
	opened.Sources, opened.Fleet = append(opened.Sources, &asked{source, cluster.History(), cluster.Close}), true
	return nil
}

// openKernel loads the sensor; behind a screen, which has something to show meanwhile.
func openKernel(o cli.OpenOptions) (*ebpf.Source, error) {
	config := ebpf.Config{Scope: o.Scope, Log: slog.New(slog.DiscardHandler)}
	if o.Screen {
		return ebpf.Start(config)
	}
	return ebpf.New(config)
}

func recorded(opened *cli.Opened, s sources.Source) (*cli.Opened, error) {
	opened.Sources, opened.Recorded = append(opened.Sources, s), true
	return opened, nil
}

// openHistory opens what `query` asks.
func openHistory(ctx context.Context, o cli.HistoryOptions) (sources.History, io.Closer, error) {
	if o.Source != "" {
		cluster, err := connect(ctx, o.Source, o.Cluster)
		if err != nil {
			return nil, nil, err
		}
		return cluster.History(), cluster, nil
	}
	lookups, err := openTables(ctx, o.Tables)
	if err != nil {
		return nil, nil, err
	}
	if len(o.From) > 0 {
		h, err := files.Open(ctx, files.Config{Paths: o.From, Stdin: o.Stdin, Lookups: lookups})
		if err != nil {
			return nil, nil, err
		}
		return h, h, nil
	}
	dir := filepath.Join(o.StateDir, "archive")
	if _, err := os.Stat(dir); err != nil {
		return nil, nil, fmt.Errorf("no local history in %s yet: the console makes it at its first run; --from asks files", dir)
	}
	a, err := archive.Open(ctx, archive.Config{Dir: dir, ReadOnly: true, Lookups: lookups})
	if err != nil {
		return nil, nil, fmt.Errorf("archive: %w", err)
	}
	counts := countsDir(o.StateDir, false, nil)
	if _, err := os.Stat(counts); errors.Is(err, fs.ErrNotExist) {
		return a, a, nil
	}
	kept, err := archive.Open(ctx, archive.Config{Dir: counts, ReadOnly: true})
	if err != nil { // whoever asks for counts is told; events are there all the same
		return counted{a, unread{err}}, a, nil
	}
	return counted{a, kept}, a, nil
}
