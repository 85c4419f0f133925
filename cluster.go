package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"interdict/playbooks"
	"interdict/sources/elasticsearch"
	"interdict/ui/cli"
)

// connect opens the cluster that elasticsearch or elasticsearch:NAME names.
func connect(ctx context.Context, source string, find cli.FindCluster) (*elasticsearch.Cluster, error) {
	kind, name, _ := strings.Cut(source, ":")
	if kind != "elasticsearch" {
		return nil, cli.Misuse(fmt.Errorf("%q is no cluster: wants elasticsearch or elasticsearch:NAME", source))
	}
	c, err := find(ctx, name)
	if err != nil {
		return nil, err
	}
	return elasticsearch.Open(clusterConfig(c))
}

func clusterConfig(c cli.Cluster) elasticsearch.Config {
	return elasticsearch.Config{
		Name: c.Name, URLs: c.URLs, CloudID: c.CloudID, APIKey: c.APIKey, Username: c.Username, Password: c.Password, Bearer: c.Bearer,
		CAFile: c.CAFile, Fingerprint: c.Fingerprint, CertFile: c.ClientCert, KeyFile: c.ClientKey, Proxy: c.Proxy,
		Events: c.Events, Namespace: c.Namespace,
	}
}

// role gives what a key of a cluster needs, as JSON.
func role(c cli.Cluster, what string) string {
	switch what {
	case "sensor":
		return clusterConfig(c).SensorRole().String()
	case "sharing":
		return clusterConfig(c).SharingRole().String()
	}
	return clusterConfig(c).ConsoleRole().String()
}

// openStore opens what cases are shared through.
func openStore(c cli.Cluster) (playbooks.Store, io.Closer, error) {
	cluster, err := elasticsearch.Open(clusterConfig(c))
	if err != nil {
		return nil, nil, err
	}
	return cluster.Documents(), cluster, nil
}

// checkCluster says whether a cluster answers and what its key may not.
func checkCluster(ctx context.Context, c cli.Cluster) cli.Check {
	check := cli.Check{Name: "cluster " + c.Name, State: "no"}
	cluster, err := elasticsearch.Open(clusterConfig(c))
	if err != nil {
		check.Detail = err.Error()
		return check
	}
	info, err := cluster.Info(ctx)
	if err != nil {
		check.Detail = err.Error()
		return check
	}
	check.State, check.Detail = "yes", info.String()
	needs := clusterConfig(c).ConsoleRole()
	if c.Shares {
		needs = clusterConfig(c).SharingRole()
	}
	lacks, err := cluster.Lacks(ctx, needs)
	switch {
	case err != nil:
		check.State, check.Hint = "fallback", "what its key may do is not known: "+err.Error()
	case len(lacks) > 0:
		check.State, check.Hint = "fallback", strings.Join(lacks, "; ")+"; interdict doctor --role (or --role=sharing) prints what it needs"
	}
	return check
}
