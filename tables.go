package main

import (
	"context"
	"errors"
	"fmt"

	"interdict/sources/esql"
	"interdict/sources/files"
	"interdict/ui/cli"
)

// tables are what LOOKUP JOIN and ENRICH find by name.
type tables map[string]lookup

type lookup struct {
	history *files.History
	match   string
}

// openTables opens those of the configuration; nil when it has none.
func openTables(ctx context.Context, config map[string]cli.TableConfig) (esql.Lookups, error) {
	if len(config) == 0 {
		return nil, nil //nolint:nilnil // no tables are no error
	}
	t := tables{}
	for name, c := range config {
		h, err := files.Open(ctx, files.Config{Paths: []string{c.Path}})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("tables.%s: %w", name, err), t.Close())
		}
		t[name] = lookup{h, c.Match}
	}
	return t, nil
}

// Lookup finds a table.
func (t tables) Lookup(name string) (esql.Table, string, bool) {
	l, ok := t[name]
	if !ok {
		return nil, "", false
	}
	found, ok := l.history.Tables(context.Background()).Table("*")
	return found, l.match, ok
}

// Close closes the files.
func (t tables) Close() error {
	var errs []error
	for _, l := range t {
		errs = append(errs, l.history.Close())
	}
	return errors.Join(errs...)
}
