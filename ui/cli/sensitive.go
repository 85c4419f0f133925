package cli

import (
	"fmt"
	"slices"
	"strings"

	"interdict/detect"
	"interdict/sources/esql/parse"
)

// SensitiveConfig is a [[sensitive]] of the configuration: files that matter here.
type SensitiveConfig struct {
	Path pattern `toml:"path"`
	Kind kind    `toml:"kind"`
}

// pattern and kind are checked as they are read, so that what is wrong has its line.
type (
	pattern struct{ detect.Pattern }
	kind    struct{ name string } // a struct, since the decoder asks no other text
)

func (p *pattern) UnmarshalText(b []byte) (err error) {
	p.Pattern, err = detect.ParsePattern(string(b))
	return err
}

func (k *kind) UnmarshalText(b []byte) error {
	k.name = string(b)
	known := detect.Kinds()
	if slices.Contains(known, k.name) {
		return nil
	}
	if near := parse.Nearest(k.name, known); near != "" {
		return fmt.Errorf("unknown kind %q; the nearest known one is %q", b, near)
	}
	return fmt.Errorf("unknown kind %q; known are %s", b, strings.Join(known, ", "))
}

// maxSensitive bounds how many patterns each file that is read is held against.
const maxSensitive = 200

func (c Config) checkSensitive() error {
	if n := len(c.Sensitive); n > maxSensitive {
		return usage("%d [[sensitive]]: %d at most", n, maxSensitive)
	}
	for i, s := range c.Sensitive {
		if s.Path.String() == "" || s.Kind.name == "" {
			return usage("[[sensitive]] number %d: path and kind are needed", i+1)
		}
	}
	return nil
}

func (c Config) places() (out []detect.Place) {
	for _, s := range c.Sensitive {
		out = append(out, detect.Place{Files: s.Path.Pattern, Kind: s.Kind.name})
	}
	return out
}
