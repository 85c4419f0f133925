package files

import (
	"context"
	"fmt"
	"os"
	"strings"

	"interdict/sources/ecs"
	"interdict/sources/frame"
	"interdict/sources/rowgroup"
)

// columnar is a Parquet file; a row group is a segment.
type columnar struct {
	name   string
	file   *os.File
	fields []frame.Field
	groups []*rowGroup
	left   []string // columns of kinds that are not read
}

type rowGroup struct {
	*rowgroup.Group
	of    *columnar
	first int // rows before it
}

func openParquet(f found) (c *columnar, err error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	content, err := rowgroup.Open(file, info.Size())
	if err != nil {
		return nil, err
	}
	c = &columnar{name: f.name, file: file, fields: content.Fields(), left: content.Left}
	rows := 0
	for _, g := range content.Groups {
		c.groups = append(c.groups, &rowGroup{g, c, rows})
		rows += g.Rows()
	}
	return c, nil
}

func (c *columnar) close() error { return c.file.Close() }

func (c *columnar) trouble(t *tally) {
	if len(c.left) > 0 {
		t.note(fmt.Sprintf("%s: columns of a type that is not read: %s", c.file.Name(), strings.Join(c.left, ", ")))
	}
}

func (c *columnar) segments() []segment {
	out := make([]segment, len(c.groups))
	for i, g := range c.groups {
		out[i] = g
	}
	return out
}

func (c *columnar) profile(ctx context.Context, _ bool) (*profile, error) {
	p := &profile{indices: map[string]bool{}, whole: true}
	for _, f := range c.fields {
		if known, ok := ecs.Lookup(f.Name); ok {
			f.Type = known.Type()
		}
		if f.Name[0] != '_' {
			p.fields = append(p.fields, f)
		}
	}
	p.events = isEvents(p.fields)
	for _, g := range c.groups {
		f, err := g.read(ctx, request{fields: withIndexFields(nil, nil)})
		if err != nil {
			return nil, err
		}
		noteIndices(f, c.name, p.indices)
	}
	if len(c.groups) == 0 {
		p.indices[c.name] = true
	}
	return p, nil
}

func (g *rowGroup) span(field string) (from, to int64, ok bool) { return g.Span(field) }

func (g *rowGroup) read(ctx context.Context, r request) (out *frame.Frame, err error) {
	where := r.where
	if wants(r.fields, idColumn) { // ids are numbers of rows
		where = nil
	}
	raw, err := g.Read(ctx, func(name string) bool { return wants(r.fields, name) }, where)
	if err != nil {
		return nil, err
	}
	out, misfits := retype(raw, r.fields)
	if wants(r.fields, idColumn) && out.Column(idColumn) == nil {
		addIDs(out, g.of.name+":", g.first)
	}
	if r.tally != nil && r.tally.once(g) {
		r.tally.add(out.Rows, 0, nil, misfits)
	}
	return out, nil
}
