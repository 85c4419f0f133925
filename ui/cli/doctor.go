package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"interdict/ui/text"
)

func (c *command) doctor() *cobra.Command {
	var role string
	cmd := &cobra.Command{Use: "doctor", Short: "Say what works here, what does not, and what to do about it", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if role != "" {
				return c.printRole(role)
			}
			return c.runDoctor(cmd.Context())
		}}
	cmd.Flags().StringVar(&role, "role", "", "print what an API key needs: console, sensor or sharing, or that of a cluster as sensor:NAME")
	cmd.Flags().Lookup("role").NoOptDefVal = "console"
	cmd.Flags().BoolVar(&c.json, "json", false, "one JSON document a line")
	return cmd
}

func (c *command) runDoctor(ctx context.Context) error {
	checks := append(c.Doctor(ctx), c.checkState(ctx), c.checkRules())
	checks = append(checks, c.checkClusters(ctx)...)
	return c.printChecks(checks)
}

// printChecks prints a check a line.
func (c *command) printChecks(checks []Check) error {
	for _, check := range checks {
		if c.json {
			b, err := json.Marshal(check)
			if err != nil {
				return err
			}
			fmt.Fprintln(c.Stdout, string(b))
			continue
		}
		fmt.Fprintf(c.Stdout, "%-8s  %-28s  %s\n", check.State, check.Name, text.Clean(check.Detail))
		if check.Hint != "" {
			fmt.Fprintf(c.Stdout, "%-8s  %-28s  → %s\n", "", "", text.Clean(check.Hint))
		}
	}
	return nil
}

// printRole prints the least role of a key, as the API that makes keys takes it.
// No secret is read for it.
func (c *command) printRole(what string) error {
	kind, name, named := strings.Cut(what, ":")
	if kind != "console" && kind != "sensor" && kind != "sharing" {
		return usage("--role=%s: is console, sensor or sharing, or that of a cluster as sensor:NAME", what)
	}
	var of Cluster
	for known, config := range c.config.Elasticsearch {
		if known == name || !named && len(c.config.Elasticsearch) == 1 {
			of.ClusterConfig, name = config, known
		}
	}
	if named && of.URLs == nil && of.CloudID == "" {
		return usage("no cluster is called %q", name)
	}
	fmt.Fprintln(c.Stdout, c.Role(of, kind))
	return nil
}

// checkClusters asks every cluster of the configuration.
func (c *command) checkClusters(ctx context.Context) (out []Check) {
	names := make([]string, 0, len(c.config.Elasticsearch))
	for name := range c.config.Elasticsearch {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		cluster, err := c.cluster(ctx, name)
		if err != nil {
			out = append(out, Check{Name: "cluster " + name, State: "no", Detail: err.Error()})
			continue
		}
		out = append(out, c.CheckCluster(ctx, cluster))
	}
	return out
}

// checkState looks whether the state directory can be written, and makes nothing.
func (c *command) checkState(ctx context.Context) Check {
	check := Check{Name: "state directory", State: "yes", Detail: c.statePath()}
	if check.Detail == "" {
		return Check{Name: check.Name, State: "no", Detail: errNoStatePath.Error()}
	}
	dir := check.Detail
	for {
		info, err := os.Stat(dir)
		if err == nil && info.IsDir() {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	probe, err := os.CreateTemp(dir, ".interdict-doctor-*")
	if err != nil {
		check.State, check.Detail = "no", err.Error()
		check.Hint = "history stays in memory and nothing can be changed on hosts; choose a writable one with --state"
		return check
	}
	probe.Close()
	os.Remove(probe.Name())
	if s, err := c.openState(ctx, false); err == nil {
		defer s.close()
		if found, err := s.journal.Verify(ctx); err != nil || !found.OK() {
			check.State, check.Detail = "no", "the journal does not verify: "+found.Why
			check.Hint = "interdict journal verify says where; keep the directory as evidence"
		}
	}
	return check
}

func (c *command) checkRules() Check {
	rules, err := c.loadRules()
	if err != nil {
		return Check{Name: "rules", State: "no", Detail: err.Error(), Hint: "interdict rules check"}
	}
	running := 0
	for _, r := range rules {
		if r.Unsupported == "" {
			running++
		}
	}
	check := Check{Name: "rules", State: "yes", Detail: fmt.Sprintf("%d of %d run", running, len(rules))}
	if running < len(rules) {
		check.State, check.Hint = "fallback", "interdict rules list says which do not, and why"
	}
	return check
}
