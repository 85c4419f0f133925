package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/esql"
	"interdict/sources/esql/parse"
	"interdict/sources/frame"
)

// Config names the files.
type Config struct {
	Paths []string  // files, directories, globs; "-" is Stdin
	Stdin io.Reader // nil: there is none

	Lookups esql.Lookups // nil: queries can look nothing up
}

// History is a [sources.History] over files. It is safe for concurrent use.
type History struct {
	files    []*file
	lookups  esql.Lookups
	problems []string
}

// file is one of them with what is known about it.
type file struct {
	found
	store store

	mu    sync.Mutex
	known *profile
	whole bool
}

// Open opens the files; compressed NDJSON and Stdin are read whole. A name that
// leads to nothing is an error; a file that cannot be opened is said in every
// answer, and is an error only when there is no other.
func Open(ctx context.Context, cfg Config) (*History, error) {
	list, err := find(cfg.Paths)
	if err != nil {
		return nil, err
	}
	h := &History{files: make([]*file, len(list)), lookups: cfg.Lookups}
	errs := make([]error, len(list))
	each(len(list), func(i int) {
		if errs[i] = ctx.Err(); errs[i] == nil {
			h.files[i], errs[i] = openFile(ctx, list[i], cfg.Stdin)
		}
	})
	opened := h.files[:0]
	for i, f := range h.files {
		if errs[i] != nil {
			h.problems = append(h.problems, errs[i].Error())
		} else {
			opened = append(opened, f)
		}
	}
	h.files = opened
	if err := ctx.Err(); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	if len(opened) == 0 {
		return nil, errors.Join(errs...)
	}
	return h, nil
}

// each calls do for 0 to n-1, on all processors, and waits.
func each(n int, do func(i int)) {
	var all errgroup.Group
	all.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		all.Go(func() error { do(i); return nil })
	}
	_ = all.Wait() // none gives an error
}

func openFile(ctx context.Context, f found, stdin io.Reader) (*file, error) {
	s, err := openStore(ctx, f, stdin)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	return &file{found: f, store: s}, nil
}

func openStore(ctx context.Context, f found, stdin io.Reader) (store, error) {
	if f.path == "-" {
		if stdin == nil {
			return nil, errors.New("there is no standard input")
		}
		return openPacked(ctx, f, stdin)
	}
	kind, packed, err := sniffFile(f.path)
	if err != nil {
		return nil, err
	}
	if f.kind == "" || kind == Parquet {
		f.kind = kind
	}
	switch {
	case f.kind == Parquet && packed:
		return nil, errors.New("a Parquet file inside a compressed one is not read: uncompress it")
	case f.kind == Parquet:
		return openParquet(f)
	case f.kind == NDJSON && !packed:
		return openPlain(f)
	}
	r, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return openPacked(ctx, f, r)
}

// openPacked reads a stream once, compressed or not.
func openPacked(ctx context.Context, f found, r io.Reader) (store, error) {
	plain, err := ecs.Plain(&endingWith{ctx, r})
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	var text io.Reader = plain
	if f.kind == "" {
		head := make([]byte, 4096)
		n, err := io.ReadFull(plain, head)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return nil, err
		}
		f.kind, text = sniff(head[:n]), io.MultiReader(&bytesThen{head[:n]}, plain)
	}
	if f.kind == CSV {
		return openCSV(f, text)
	}
	return openStream(f, text)
}

// endingWith is a reader that a context ends.
type endingWith struct {
	ctx context.Context
	r   io.Reader
}

func (e *endingWith) Read(p []byte) (int, error) {
	if err := e.ctx.Err(); err != nil {
		return 0, err
	}
	return e.r.Read(p)
}

// bytesThen is a reader of some bytes.
type bytesThen struct{ b []byte }

func (r *bytesThen) Read(p []byte) (int, error) {
	if len(r.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.b)
	r.b = r.b[n:]
	return n, nil
}

// Close closes the files.
func (h *History) Close() error {
	var errs []error
	for _, f := range h.files {
		if f != nil && f.store != nil {
			errs = append(errs, f.store.close())
		}
	}
	return errors.Join(errs...)
}

// Query answers q over the files.
func (h *History) Query(ctx context.Context, q sources.Query) (*frame.Frame, sources.Quality, error) {
	cat := h.catalog(ctx, false)
	f, quality, err := esql.Run(ctx, esql.With(cat, h.lookups), q)
	if err := ctx.Err(); err != nil { // what was not looked at is no unknown index
		return nil, quality, err
	}
	var wrong *parse.Error
	if errors.As(err, &wrong) && cat.sampled() {
		if whole := h.catalog(ctx, true); !reflect.DeepEqual(whole.fields(), cat.fields()) {
			cat = whole
			f, quality, err = esql.Run(ctx, esql.With(cat, h.lookups), q)
		}
	}
	for _, p := range h.problems {
		cat.tally.reason(p)
	}
	cat.tally.into(&quality)
	return f, quality, err
}

// Tables gives the files as what FROM finds, for who runs statements itself.
// What could not be read is only said by Query.
func (h *History) Tables(ctx context.Context) esql.Catalog { return h.catalog(ctx, false) }

// catalog is the files for one question.
type catalog struct {
	h     *History
	ctx   context.Context
	whole bool
	tally *tally

	mu       sync.Mutex
	profiles []*profile
}

func (h *History) catalog(ctx context.Context, whole bool) *catalog {
	return &catalog{h: h, ctx: ctx, whole: whole, tally: newTally()}
}

// looked gives what is in each file, nil where that cannot be found out.
func (c *catalog) looked() []*profile {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.profiles != nil {
		return c.profiles
	}
	out := make([]*profile, len(c.h.files))
	each(len(out), func(i int) {
		f := c.h.files[i]
		p, err := f.profile(c.ctx, c.whole)
		if err != nil && c.ctx.Err() == nil {
			c.tally.reason(fmt.Sprintf("%s: %v", f.path, err))
		}
		out[i] = p
	})
	c.profiles = out
	return out
}

func (f *file) profile(ctx context.Context, whole bool) (*profile, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known != nil && (f.whole || !whole) {
		return f.known, nil
	}
	p, err := f.store.profile(ctx, whole)
	if err != nil {
		return nil, err
	}
	f.known, f.whole = p, whole || p.whole
	return p, nil
}

// sampled tells whether fields may be missing.
func (c *catalog) sampled() bool {
	for i, p := range c.looked() {
		if p != nil && !p.whole && !c.h.files[i].whole {
			return true
		}
	}
	return false
}

func (c *catalog) fields() []frame.Field {
	var known []*profile
	for _, p := range c.looked() {
		if p != nil {
			known = append(known, p)
		}
	}
	return unify(known)
}

// Table gives the rows of the indices that match.
func (c *catalog) Table(patterns string) (esql.Table, bool) {
	t := &table{pattern: patterns, tally: c.tally, types: map[string]frame.Type{}}
	var matching []*profile
	for i, p := range c.looked() {
		if p == nil || !matchesAny(patterns, p.indices) {
			continue
		}
		matching = append(matching, p)
		f := c.h.files[i]
		if troubled, ok := f.store.(interface{ trouble(*tally) }); ok && c.tally.once(f) {
			troubled.trouble(c.tally)
		}
		all := patterns == "*" || p.whole && matchesAll(patterns, p.indices)
		for _, s := range f.store.segments() {
			t.segs = append(t.segs, &part{table: t, seg: s, name: f.name, all: all})
		}
	}
	t.fields = unify(matching)
	for _, f := range t.fields {
		t.types[f.Name] = f.Type
	}
	return t, len(matching) > 0
}

func matchesAny(patterns string, indices map[string]bool) bool {
	for name := range indices {
		if esql.MatchIndex(patterns, name) {
			return true
		}
	}
	return false
}

func matchesAll(patterns string, indices map[string]bool) bool {
	for name := range indices {
		if !esql.MatchIndex(patterns, name) {
			return false
		}
	}
	return true
}
