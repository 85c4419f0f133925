package cli

import (
	"bytes"
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"interdict/sources/esql/parse"
)

// Config is the configuration file. Later ones win key by key: /etc, the
// user's, INTERDICT_* in the environment, flags.
type Config struct {
	Environment string        `toml:"environment"` // of this machine: ci, staging, production
	Rules       []string      `toml:"rules"`       // files and directories with rules beside the built-in ones
	Scope       string        `toml:"scope"`       // cgroup to stay inside of
	Theme       string        `toml:"theme"`       // auto, dark, light, high-contrast, none; "" is auto
	Store       string        `toml:"store"`       // elasticsearch[:NAME]: where cases are shared; "" is this machine
	Baseline    duration      `toml:"baseline"`    // how far back is counted what is usual; the default is 14 days
	Archive     ArchiveConfig `toml:"archive"`
	Isolate     IsolateConfig `toml:"isolate"`
	Block       BlockConfig   `toml:"block"`

	Evidence EvidenceConfig `toml:"evidence"`

	Elasticsearch map[string]ClusterConfig `toml:"elasticsearch"`
	Tables        map[string]TableConfig   `toml:"tables"` // by the name that LOOKUP JOIN and ENRICH call them

	Calendars []string       `toml:"calendars"` // iCalendar files with change windows
	Changes   []ChangeConfig `toml:"change"`    // windows in which changes are expected

	Sensitive []SensitiveConfig `toml:"sensitive"` // files that matter here

	Playbooks PlaybooksConfig          `toml:"playbooks"`
	Notify    map[string]ChannelConfig `toml:"notify"` // by name

	Inventory InventoryConfig `toml:"inventory"`
	Hosts     []HostConfig    `toml:"host"` // that may be acted on

	Rights     map[string]RightsConfig `toml:"rights"` // by environment
	Automation AutomationConfig        `toml:"automation"`
	Fleet      FleetConfig             `toml:"fleet"`
	Signers    string                  `toml:"signers"` // file of who may approve, in the form of OpenSSH's allowed_signers
}

// ArchiveConfig bounds the local history.
type ArchiveConfig struct {
	MaxAge   duration `toml:"max_age"` // as "336h" or "14d"; the default is 14 days
	MaxBytes int64    `toml:"max_bytes"`
}

// TableConfig is a local table to look things up in: assets, known destinations.
type TableConfig struct {
	Path  string `toml:"path"`  // CSV, NDJSON or Parquet
	Match string `toml:"match"` // the field that ENRICH compares; none: LOOKUP JOIN alone can use the table
}

// duration is time.Duration with days: "14d".
type duration time.Duration

func (d *duration) UnmarshalText(b []byte) error {
	v, err := parseDuration(string(b))
	*d = duration(v)
	return err
}

// parseDuration takes Go's durations and whole days.
func parseDuration(s string) (time.Duration, error) {
	var days int
	if n, err := fmt.Sscanf(s, "%dd", &days); n == 1 && err == nil && s == fmt.Sprintf("%dd", days) && days >= 0 && days < 36500 {
		return time.Duration(days) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is no duration; write 90m, 12h or 14d", s)
	}
	return d, nil
}

// loadConfig reads the files that are there and then the environment.
func (c *command) loadConfig() error {
	c.config = Config{Archive: ArchiveConfig{MaxAge: duration(14 * 24 * time.Hour), MaxBytes: 2 << 30}}
	files := []string{"/etc/interdict/config.toml", filepath.Join(c.configHome(), "interdict", "config.toml")}
	named := c.configFile
	if named == "" {
		named = c.Env("INTERDICT_CONFIG")
	}
	if named != "" {
		files = []string{named}
	}
	for _, f := range files {
		err := readConfig(f, &c.config)
		if errors.Is(err, fs.ErrNotExist) && named == "" {
			continue
		}
		if err != nil {
			return &exit{Usage, err}
		}
	}
	return c.configFromEnv()
}

func (c *command) configHome() string {
	if dir := c.Env("XDG_CONFIG_HOME"); dir != "" {
		return dir
	}
	return filepath.Join(c.Env("HOME"), ".config")
}

func (c *command) configFromEnv() error {
	for name, field := range map[string]*string{
		"INTERDICT_ENVIRONMENT": &c.config.Environment,
		"INTERDICT_SCOPE":       &c.config.Scope,
		"INTERDICT_THEME":       &c.config.Theme,
		"INTERDICT_STORE":       &c.config.Store,
		"INTERDICT_STATE":       &c.stateDir,
	} {
		if v := c.Env(name); v != "" && (field != &c.stateDir || c.stateDir == "") {
			*field = v
		}
	}
	return c.config.check()
}

func (c Config) check() error {
	if kind, _, _ := strings.Cut(c.Store, ":"); c.Store != "" && kind != "elasticsearch" {
		return usage("store %q: is elasticsearch:NAME, a cluster of the configuration; without it cases stay on this machine", c.Store)
	}
	switch c.Environment {
	case "", "ci", "staging", "production":
		return errors.Join(c.checkNetwork(), c.checkChanges(), c.checkSensitive(), c.checkRights())
	}
	return usage("environment %q: is ci, staging or production", c.Environment)
}

func readConfig(path string, into *Config) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	err = toml.NewDecoder(bytes.NewReader(b)).DisallowUnknownFields().Decode(into)
	return cmp.Or(describe(path, err), into.checkTables(path, string(b)))
}

// describe names the line, and for an unknown key the nearest known one.
func describe(path string, err error) error {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) && len(strict.Errors) > 0 {
		e := strict.Errors[0]
		line, _ := e.Position()
		parts := e.Key()
		key := strings.Join(parts, ".")
		if (parts[0] == "elasticsearch" || parts[0] == "tables" || parts[0] == "rights" || parts[0] == "notify") && len(parts) > 2 {
			parts = append([]string{parts[0], anyName}, parts[2:]...)
		}
		known := knownKeys(reflect.TypeFor[Config](), "")
		if near := parse.Nearest(strings.Join(parts, "."), known); near != "" {
			return fmt.Errorf("%s:%d: unknown key %q; the nearest known one is %q", path, line, key, near)
		}
		return fmt.Errorf("%s:%d: unknown key %q; known are %s", path, line, key, strings.Join(known, ", "))
	}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		line, column := decode.Position()
		return fmt.Errorf("%s:%d:%d: %s", path, line, column, decode.Error())
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// anyName stands for what the user calls something.
const anyName = "NAME"

func knownKeys(t reflect.Type, prefix string) []string {
	var keys []string
	for i := range t.NumField() {
		f := t.Field(i)
		name := prefix + f.Tag.Get("toml")
		inner := f.Type
		if inner.Kind() == reflect.Map && inner.Elem().Kind() == reflect.Struct {
			inner, name = inner.Elem(), name+"."+anyName
		} else if inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && !reflect.PointerTo(inner).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
			keys = append(keys, knownKeys(inner, name+".")...)
			continue
		}
		keys = append(keys, name)
	}
	return keys
}
