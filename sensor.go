package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"interdict/sources"
	"interdict/sources/elasticsearch"
	"interdict/ui/cli"
)

// ship opens the parts of a sensor.
func ship(ctx context.Context, o cli.ShipOptions) (*cli.Shipping, error) {
	cluster, err := connect(ctx, o.To, o.Cluster)
	if err != nil {
		return nil, err
	}
	if kind, _, _ := strings.Cut(o.Source, ":"); kind == "elasticsearch" {
		return nil, cli.Misuse(errors.New("--source: what a cluster has is not shipped again"))
	}
	opened := &cli.Opened{}
	if err := openSource(ctx, opened, cli.OpenOptions{Scope: o.Scope}, o.Source); err != nil {
		return nil, err
	}
	name, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	s, err := cluster.Shipper(elasticsearch.ShipperConfig{Dir: o.Dir, Bytes: o.Bytes, All: o.All, Host: name})
	if err != nil {
		return nil, err
	}
	return &cli.Shipping{Source: opened.Sources[0], Sink: s, Run: s.Run, Drained: s.Drained,
		Missed: func() int64 { return s.Status().Missed() },
		Close:  func() error { return errors.Join(s.Close(), closeSource(opened.Sources[0]), cluster.Close()) }}, nil
}

func closeSource(s sources.Source) error {
	if c, ok := s.(interface{ Close() error }); ok {
		return c.Close()
	}
	return nil
}

// silentAfter is when a sensor that says nothing is taken for dead.
const silentAfter = 10 * time.Second

// shipStatus is what a sensor said of itself last.
func shipStatus(dir string) ([]cli.Check, error) {
	st, err := elasticsearch.ReadStatus(dir)
	if err != nil {
		return nil, err
	}
	verdict := func(good bool) string {
		if good {
			return "yes"
		}
		return "no"
	}
	age := time.Since(st.At).Round(time.Second)
	checks := []cli.Check{
		{Name: "running", State: verdict(age < silentAfter), Detail: fmt.Sprintf("said so %s ago", age)},
		{Name: "cluster " + st.Cluster, State: verdict(st.Waiting == ""), Detail: fmt.Sprintf("%d events shipped, %d of them had been there already", st.Sent, st.Again), Hint: st.Waiting},
		{Name: "waiting", State: "yes", Detail: fmt.Sprintf("%d bytes on disk, the newest that was shipped had waited %d ms", st.Spooled, st.Lag)},
		{Name: "nothing lost", State: verdict(st.Missed()+st.Lost.Total()+st.Damaged == 0), Hint: st.Reason,
			Detail: fmt.Sprintf("%d by the kernel, %d when the spool was full, %d refused by the cluster, %d bytes damaged on disk", st.Lost.Total(), st.Dropped, st.Rejected, st.Damaged)},
	}
	for _, t := range st.Templates {
		checks = append(checks, cli.Check{Name: "template", State: "yes", Detail: t})
	}
	for _, p := range st.Privileges {
		checks = append(checks, cli.Check{Name: "key", State: "no", Detail: p, Hint: "interdict doctor --role=sensor prints what it needs"})
	}
	return checks, nil
}
