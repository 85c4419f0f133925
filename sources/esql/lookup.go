package esql

import (
	"context"
	"fmt"
	"math"

	"interdict/sources/frame"
)

// Lookups are the tables that LOOKUP JOIN and ENRICH name.
type Lookups interface {
	// Lookup finds one. ENRICH compares its field match with the rows; "" says
	// that ENRICH cannot use the table.
	Lookup(name string) (t Table, match string, ok bool)
}

// With gives a catalog whose queries may look things up. lookups may be nil.
func With(c Catalog, lookups Lookups) Catalog {
	if lookups == nil {
		return c
	}
	return withLookups{c, lookups}
}

type withLookups struct {
	Catalog
	lookups Lookups
}

// lookedUp is lookups as the plan and its run ask for them.
type lookedUp struct{ Lookups }

func lookupsOf(c Catalog) *lookedUp {
	if w, ok := c.(withLookups); ok {
		return &lookedUp{w.lookups}
	}
	return nil
}

// Lookup gives a table's fields.
func (l *lookedUp) Lookup(name string, enrich bool) (fields []frame.Field, match string, ok bool) {
	if l == nil {
		return nil, "", false
	}
	t, match, ok := l.Lookups.Lookup(name)
	if !ok || enrich && match == "" {
		return nil, "", false
	}
	for _, f := range t.Fields() {
		if f.Name[0] != '_' { // _id, _index and their like are the file's, not the table's
			fields = append(fields, f)
		}
	}
	return fields, match, true
}

// Rows reads columns of a table.
func (l *lookedUp) Rows(ctx context.Context, name string, _ bool, columns []string) (*frame.Frame, error) {
	t, _, ok := l.Lookups.Lookup(name)
	if !ok {
		return nil, fmt.Errorf("table %s is gone", name)
	}
	b := frame.NewBuilder(nil)
	for _, s := range t.Segments("", math.MinInt64, math.MaxInt64) {
		f, err := s.Read(ctx, columns)
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", name, err)
		}
		b.Append(f)
	}
	return b.Build(), nil
}
