package files

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"interdict/sources/ecs"
	"interdict/sources/frame"
)

const csvRows = 1 << 16 // in a segment

// table of separated values, all as text; an empty value is null. The first
// line names the columns; "name:type" fixes a type.
type separated struct {
	path, name string
	header     []frame.Field // type Null: to be found out
	parts      []*frame.Frame
	bad        int64
	first      *badLine
	ended      string
}

func openCSV(f found, r io.Reader) (*separated, error) {
	s := &separated{path: f.path, name: f.name}
	text := bufio.NewReader(r)
	if bom, err := text.Peek(3); err == nil && string(bom) == "\xef\xbb\xbf" {
		_, _ = text.Discard(3) // just peeked
	}
	in := csv.NewReader(text)
	in.ReuseRecord, in.LazyQuotes = true, false
	if f.tabs {
		in.Comma = '\t'
	}
	names, err := in.Read()
	if errors.Is(err, io.EOF) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: the line of column names: %w", f.path, err)
	}
	if err := s.columns(names); err != nil {
		return nil, err
	}
	s.rows(in)
	return s, nil
}

func (s *separated) columns(names []string) error {
	seen := map[string]bool{}
	for _, name := range names {
		f := frame.Field{Name: strings.TrimSpace(name)}
		if at := strings.LastIndexByte(f.Name, ':'); at > 0 {
			if typ, ok := frame.ParseType(f.Name[at+1:]); ok {
				f = frame.Field{Name: f.Name[:at], Type: typ}
			}
		}
		if f.Name == "" || seen[f.Name] {
			return fmt.Errorf("%s: column %d has no name of its own", s.path, len(s.header)+1)
		}
		seen[f.Name] = true
		s.header = append(s.header, f)
	}
	return nil
}

func (s *separated) rows(in *csv.Reader) {
	fields := make([]frame.Field, len(s.header))
	for i, f := range s.header {
		fields[i] = frame.Field{Name: f.Name, Type: frame.Keyword}
	}
	b := frame.NewBuilder(fields)
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var syntax *csv.ParseError
		if errors.As(err, &syntax) {
			s.malformed(syntax)
			continue
		}
		if err != nil {
			line, _ := in.FieldPos(0)
			s.ended = fmt.Sprintf("%s ends early, after line %d: %v", s.path, line, err)
			break
		}
		b.Row()
		for i, value := range record {
			if value != "" {
				b.Keyword(i, strings.Clone(value))
			}
		}
		if b.Len() == csvRows {
			s.parts = append(s.parts, b.Build())
		}
	}
	if b.Len() > 0 {
		s.parts = append(s.parts, b.Build())
	}
}

func (s *separated) malformed(err *csv.ParseError) {
	s.bad++
	if s.first == nil {
		s.first = &badLine{file: s.path, number: err.StartLine, text: err.Err.Error()}
	}
}

func (s *separated) trouble(t *tally) {
	t.add(0, s.bad, s.first, nil)
	if s.ended != "" {
		t.reason(s.ended)
	}
}

func (s *separated) close() error { return nil }

func (s *separated) profile(_ context.Context, _ bool) (*profile, error) {
	inferred := ecs.NewInference()
	for _, f := range s.parts {
		for i, name := range f.Names {
			d := f.Columns[i].Dict
			for code := 1; code < d.Len(); code++ {
				inferred.Text(name, d.Value(uint32(code)))
			}
		}
	}
	found := map[string]frame.Type{}
	for _, f := range inferred.Fields() {
		found[f.Name] = f.Type
	}
	p := &profile{indices: map[string]bool{}, whole: true}
	for _, f := range s.header {
		if f.Type == frame.Null {
			f.Type = found[f.Name]
		}
		if f.Type == frame.Null {
			f.Type = frame.Keyword // no value at all
		}
		p.fields = append(p.fields, f)
	}
	p.events = isEvents(p.fields)
	for _, f := range s.parts {
		noteIndices(f, s.name, p.indices)
	}
	if len(s.parts) == 0 {
		p.indices[s.name] = true
	}
	return p, nil
}

func (s *separated) segments() []segment {
	out := make([]segment, len(s.parts))
	for i, f := range s.parts {
		out[i] = &held{f, s.name + ":" + strconv.Itoa(i) + "."}
	}
	return out
}

// held is a segment in memory.
type held struct {
	frame  *frame.Frame
	prefix string // of ids
}

func (h *held) span(string) (from, to int64, ok bool) { return 0, 0, false }

func (h *held) read(_ context.Context, r request) (*frame.Frame, error) {
	out, misfits := retype(h.frame, r.fields)
	if wants(r.fields, idColumn) && out.Column(idColumn) == nil {
		addIDs(out, h.prefix, 0)
	}
	if r.tally.once(h.frame) {
		r.tally.add(h.frame.Rows, 0, nil, misfits)
	}
	return out, nil
}

func wants(fields []frame.Field, name string) bool {
	for _, f := range fields {
		if f.Name == name {
			return true
		}
	}
	return false
}

// retype gives the wanted columns of f in the wanted types.
func retype(f *frame.Frame, want []frame.Field) (*frame.Frame, []ecs.Misfit) {
	out := &frame.Frame{Rows: f.Rows}
	var misfits []ecs.Misfit
	for _, w := range want {
		c := f.Column(w.Name)
		if c == nil {
			continue
		}
		c, m := ecs.Convert(w.Name, c, w.Type)
		misfits = append(misfits, m...)
		out.Names, out.Columns = append(out.Names, w.Name), append(out.Columns, c)
	}
	return out, misfits
}

// addIDs numbers rows.
func addIDs(f *frame.Frame, prefix string, from int) {
	if f.Rows == 0 {
		return
	}
	values, codes := make([]string, f.Rows), make([]uint32, f.Rows)
	for i := range values {
		values[i], codes[i] = prefix+strconv.Itoa(from+i+1), uint32(i+1)
	}
	f.Names = append(f.Names, idColumn)
	f.Columns = append(f.Columns, &frame.Column{Type: frame.Keyword, Codes: codes, Dict: frame.NewDict(values)})
}
