package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// ClusterConfig is [elasticsearch.NAME]: one of urls and cloud_id, and at most
// one of api_key, username and bearer.
type ClusterConfig struct {
	URLs        []string `toml:"urls"` // with their path prefix
	CloudID     string   `toml:"cloud_id"`
	APIKey      Secret   `toml:"api_key"` // "id:key", or base64 of that
	Username    string   `toml:"username"`
	Password    Secret   `toml:"password"`
	Bearer      Secret   `toml:"bearer"`
	CAFile      string   `toml:"ca_file"`
	Fingerprint string   `toml:"fingerprint"` // SHA-256 of the server's certificate or its authority's
	ClientCert  string   `toml:"client_cert"`
	ClientKey   string   `toml:"client_key"`
	Proxy       string   `toml:"proxy"`
	Events      string   `toml:"events"`    // index patterns; the default is logs-endpoint.events.*
	Namespace   string   `toml:"namespace"` // of data streams that a sensor ships to; the default is default
}

// Secret says where a secret is: in the environment, in a file, or in what a
// command prints. It is never in the configuration itself, nor in an argument.
type Secret struct {
	Env     string   `toml:"env"`
	File    string   `toml:"file"`
	Command []string `toml:"command"`
}

// Cluster is one of the configuration, with its secrets.
type Cluster struct {
	ClusterConfig
	Name                     string
	Shares                   bool // cases are shared through it
	APIKey, Password, Bearer string
}

// secretTime is how long a command may take to print a secret.
const secretTime = 30 * time.Second

func (s Secret) read(ctx context.Context, env func(string) string) (string, error) {
	ways := 0
	for _, set := range []bool{s.Env != "", s.File != "", len(s.Command) > 0} {
		if set {
			ways++
		}
	}
	var value string
	switch {
	case ways == 0:
		return "", nil
	case ways > 1:
		return "", errors.New("has more than one of env, file and command")
	case s.Env != "":
		value = env(s.Env)
	case s.File != "":
		b, err := os.ReadFile(s.File)
		if err != nil {
			return "", err
		}
		value = string(b)
	default:
		ctx, cancel := context.WithTimeout(ctx, secretTime)
		defer cancel()
		b, err := exec.CommandContext(ctx, s.Command[0], s.Command[1:]...).Output()
		if err != nil {
			return "", fmt.Errorf("%s: %w", s.Command[0], err)
		}
		value = string(b)
	}
	if value = strings.TrimSpace(value); value == "" {
		return "", errors.New("is empty")
	}
	return value, nil
}

// cluster finds a cluster of the configuration; "" is the only one there.
func (c *command) cluster(ctx context.Context, name string) (Cluster, error) {
	var known []string
	for n := range c.config.Elasticsearch {
		known = append(known, n)
	}
	slices.Sort(known)
	switch {
	case len(known) == 0:
		return Cluster{}, usage("the configuration names no cluster; write [elasticsearch.NAME] with urls and api_key = { env = \"…\" } into it")
	case name == "" && len(known) == 1:
		name = known[0]
	case name == "":
		return Cluster{}, usage("which cluster? elasticsearch:%s", strings.Join(known, " or elasticsearch:"))
	}
	config, ok := c.config.Elasticsearch[name]
	if !ok {
		return Cluster{}, usage("no cluster is called %q; known are %s", name, strings.Join(known, ", "))
	}
	out := Cluster{ClusterConfig: config, Name: name, Shares: c.config.Store == "elasticsearch:"+name || c.config.Store == "elasticsearch" && len(known) == 1}
	for _, s := range []struct {
		key  string
		from Secret
		to   *string
	}{{"api_key", config.APIKey, &out.APIKey}, {"password", config.Password, &out.Password}, {"bearer", config.Bearer, &out.Bearer}} {
		value, err := s.from.read(ctx, c.Env)
		if err != nil {
			return Cluster{}, fmt.Errorf("elasticsearch.%s.%s: %w", name, s.key, err)
		}
		*s.to = value
	}
	return out, nil
}
