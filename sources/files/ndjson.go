package files

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"

	"interdict/sources/ecs"
	"interdict/sources/frame"
)

const (
	chunkBytes  = 8 << 20 // of a plain file in a segment
	sampleBytes = 2 << 20 // looked at in each sampled segment for fields
	sampleParts = 4
)

// ndjson is a file of JSON lines: plain, or in a spool.
type ndjson struct {
	path, name string
	file       *os.File
	spool      *spool
	parts      []*lines
}

// lines is a segment of it: whole lines.
type lines struct {
	of     *ndjson
	offset int64
	length int64
	block  block // in the spool

	mu   sync.Mutex
	seen bool // from and to hold the @timestamp of all rows
	from int64
	to   int64
}

// openPlain opens a file that is read where it is.
func openPlain(f found) (*ndjson, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	n := &ndjson{path: f.path, name: f.name, file: file}
	info, err := file.Stat()
	if err == nil {
		err = n.cut(info.Size())
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return n, nil
}

// cut makes segments that begin where lines do.
func (n *ndjson) cut(size int64) error {
	for start := int64(0); start < size; {
		end := min(start+chunkBytes, size)
		if end < size {
			var err error
			if end, err = lineStart(n.file, end, size); err != nil {
				return err
			}
		}
		n.parts = append(n.parts, &lines{of: n, offset: start, length: end - start})
		start = end
	}
	return nil
}

// lineStart is the first place from at on where a line begins.
func lineStart(f io.ReaderAt, at, size int64) (int64, error) {
	buf := make([]byte, 8<<10)
	for at--; at < size; {
		k, err := f.ReadAt(buf[:min(int64(len(buf)), size-at)], at)
		for i, c := range buf[:k] {
			if c == '\n' {
				return at + int64(i) + 1, nil
			}
		}
		if err != nil && err != io.EOF {
			return 0, err
		}
		if k == 0 {
			break
		}
		at += int64(k)
	}
	return size, nil
}

// openStream takes a stream that can be read once.
func openStream(f found, r io.Reader) (*ndjson, error) {
	n := &ndjson{path: f.path, name: f.name, spool: &spool{room: spoolMemory}}
	if f.path == "-" {
		n.path = "standard input"
	}
	if err := n.spool.fill(n.path, r); err != nil {
		_ = n.spool.close()
		return nil, err
	}
	for _, b := range n.spool.blocks {
		n.parts = append(n.parts, &lines{of: n, block: b})
	}
	return n, nil
}

func (n *ndjson) close() error {
	if n.spool != nil {
		return n.spool.close()
	}
	return n.file.Close()
}

func (n *ndjson) segments() []segment {
	out := make([]segment, len(n.parts))
	for i, p := range n.parts {
		out[i] = p
	}
	return out
}

// trouble says what was lost before there were segments.
func (n *ndjson) trouble(t *tally) {
	if n.spool == nil {
		return
	}
	t.add(0, n.spool.bad, n.spool.first, nil)
	if n.spool.ended != "" {
		t.reason(n.spool.ended)
	}
}

func (n *ndjson) profile(ctx context.Context, whole bool) (*profile, error) {
	inferred := ecs.NewInference()
	p := &profile{indices: map[string]bool{}}
	step := max(1, len(n.parts)/sampleParts)
	limit := int64(sampleBytes)
	if whole {
		step, limit = 1, 1<<62
	}
	for i := 0; i < len(n.parts); i += step {
		if err := n.parts[i].sample(ctx, inferred, p.indices, limit); err != nil {
			return nil, err
		}
	}
	p.whole = whole || len(n.parts) == 0 || len(n.parts) == 1 && n.parts[0].length <= limit && n.spool == nil
	p.fields = inferred.Fields()
	p.events = isEvents(p.fields)
	return p, nil
}

// sample looks at up to limit bytes of lines.
func (l *lines) sample(ctx context.Context, into *ecs.Inference, indices map[string]bool, limit int64) error {
	text, err := l.open()
	if err != nil {
		return err
	}
	fields := withIndexFields(nil, nil)
	d := ecs.NewDecoder(ecs.DecoderOptions{Fields: fields})
	read := ecs.NewLines(text, 0)
	for size := int64(0); size < limit && ctx.Err() == nil; {
		line, bad, ok := read.Next()
		if !ok {
			break
		}
		size += int64(len(line))
		if bad != nil || d.Document(line) != nil {
			continue
		}
		if err := into.Document(line); err != nil {
			return fmt.Errorf("line %d: %w", read.Number(), err)
		}
		if d.Len() >= 4096 {
			noteIndices(d.Build(), l.of.name, indices)
		}
	}
	noteIndices(d.Build(), l.of.name, indices)
	return ctx.Err()
}

func noteIndices(f *frame.Frame, file string, into map[string]bool) {
	ix := newIndexer(f, file)
	for i := range f.Rows {
		ix.code(i)
	}
	for _, name := range ix.names {
		into[name] = true
	}
}

func (l *lines) open() (io.Reader, error) {
	if l.of.spool != nil {
		return l.of.spool.open(l.block)
	}
	return io.NewSectionReader(l.of.file, l.offset, l.length), nil
}

func (l *lines) span(field string) (from, to int64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.from, l.to, l.seen && field == ecs.Timestamp.Name()
}

// reading is one reading of a segment.
type reading struct {
	l       *lines
	d       *ecs.Decoder
	sieve   *ecs.Sieve
	text    *ecs.Lines
	bad     int64
	first   *badLine
	skipped bool
	numbers []int // of the rows' lines, when ids are wanted
	ids     bool
}

func (l *lines) read(ctx context.Context, r request) (*frame.Frame, error) {
	text, err := l.open()
	if err != nil {
		return nil, err
	}
	run := &reading{l: l, text: ecs.NewLines(text, 0), d: ecs.NewDecoder(ecs.DecoderOptions{Fields: r.fields})}
	if r.fields == nil {
		run.d = ecs.NewDecoder(ecs.DecoderOptions{Fields: []frame.Field{}})
	}
	for _, f := range r.fields {
		run.ids = run.ids || f.Name == idColumn
	}
	if len(r.where) > 0 {
		run.sieve = ecs.NewSieve(r.where)
	}
	if err := run.all(ctx); err != nil {
		return nil, err
	}
	misfits := run.d.Misfits()
	f := run.d.Build()
	if run.ids {
		f = run.withIDs(f)
	}
	if r.tally.once(l) {
		r.tally.add(f.Rows, run.bad, run.first, misfits)
	}
	if !run.skipped {
		l.remember(f)
	}
	return f, nil
}

func (run *reading) all(ctx context.Context) error {
	for n := 0; ; n++ {
		if n&0xff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		line, bad, ok := run.text.Next()
		if !ok {
			return run.text.Err()
		}
		if bad == nil && run.sieve != nil && !run.sieve.Keeps(line) {
			run.skipped = true
			continue
		}
		if bad == nil {
			bad = run.d.Document(line)
		}
		if bad != nil {
			run.malformed(line, bad)
		} else if run.ids {
			run.numbers = append(run.numbers, run.text.Number())
		}
	}
}

func (run *reading) malformed(line []byte, err error) {
	run.bad++
	if run.first != nil {
		return
	}
	l := run.l
	run.first = &badLine{file: l.of.path, offset: l.offset, number: run.text.Number(), text: quote(err, line)}
	if l.of.spool != nil {
		run.first.offset, run.first.number = 0, l.block.lines+run.text.Number()
	}
}

// withIDs names rows that are no search hits by file, segment and line.
func (run *reading) withIDs(f *frame.Frame) *frame.Frame {
	prefix := run.l.of.name + ":" + strconv.FormatInt(run.l.offset+int64(run.l.block.lines), 36) + "."
	b := frame.NewBuilder([]frame.Field{{Name: idColumn, Type: frame.Keyword}})
	own := f.Column(idColumn)
	for i := range f.Rows {
		b.Row()
		if own != nil && !own.IsNull(i) {
			b.Keyword(0, own.Text(i))
		} else {
			b.Keyword(0, prefix+strconv.Itoa(run.numbers[i]))
		}
	}
	out := &frame.Frame{Rows: f.Rows}
	for i, name := range f.Names {
		if name != idColumn {
			out.Names, out.Columns = append(out.Names, name), append(out.Columns, f.Columns[i])
		}
	}
	if f.Rows > 0 {
		out.Names, out.Columns = append(out.Names, idColumn), append(out.Columns, b.Build().Columns[0])
	}
	return out
}

// remember keeps the time range, when all rows and their times were read.
func (l *lines) remember(f *frame.Frame) {
	c := f.Column(ecs.Timestamp.Name())
	if c == nil || c.Type != frame.Date || c.Offsets != nil || c.Nulls.Count() > 0 || len(c.Ints) == 0 {
		return
	}
	from, to := c.Ints[0], c.Ints[0]
	for _, v := range c.Ints {
		from, to = min(from, v), max(to, v)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen, l.from, l.to = true, from, to
}
