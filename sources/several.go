package sources

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"interdict/sources/frame"
)

// SourceColumn is the first column of what [Several] answer together: which of them a row is of.
const SourceColumn = "source"

// Several are histories that are asked as one, each for what its own source
// brings. A question goes to all of them at once, and the answer has the rows of
// one after the other's: each is asked the same text, so that what it counts it
// counts by itself. One that does not answer makes the answer partial. It also
// remembers which of them told of a host.
type Several struct {
	names []string
	parts []History

	mu   sync.Mutex
	told map[string]string // by host id; "": more than one did
}

// mostTold bounds the hosts that are remembered; of further ones all are asked.
const mostTold = 1 << 16

// NewSeveral makes an empty one.
func NewSeveral() *Several { return &Several{told: map[string]string{}} }

// Add adds the history of a source. It is called before the first question.
func (s *Several) Add(source string, h History) {
	s.names, s.parts = append(s.names, source), append(s.parts, h)
}

// Names are the sources, in the order in which they were added.
func (s *Several) Names() []string { return slices.Clone(s.names) }

// Told names the one source that told of a host; "": none did yet, or more than
// one. A sensor says itself what its host is called: one that takes the name of a
// host of another source must not have questions about that go to its own alone.
func (s *Several) Told(hostID string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.told[hostID]
}

// Hear notes of which hosts rows of a source tell.
func (s *Several) Hear(source string, rows *frame.Frame) {
	c := rows.Column("host.id")
	if c == nil || c.Dict == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	last := ""
	for row := range rows.Rows {
		id := c.Text(row)
		if id == "" || id == last {
			continue
		}
		last = id
		switch by, known := s.told[id]; {
		case known && by != source:
			s.told[id] = ""
		case !known && len(s.told) < mostTold:
			s.told[id] = source
		}
	}
}

// part is what one of several answered.
type part struct {
	rows    *frame.Frame
	quality Quality
	err     error
}

// Query asks the one that q names, else all.
func (s *Several) Query(ctx context.Context, q Query) (*frame.Frame, Quality, error) {
	if q.Source != "" {
		at := slices.Index(s.names, q.Source)
		if at < 0 {
			return nil, Quality{}, fmt.Errorf("no source is called %q: there are %s", q.Source, strings.Join(s.names, ", "))
		}
		return s.parts[at].Query(ctx, q)
	}
	began := time.Now()
	answers := make([]part, len(s.parts))
	var each sync.WaitGroup
	for i, h := range s.parts {
		each.Go(func() {
			a := &answers[i]
			a.rows, a.quality, a.err = h.Query(ctx, q)
			if a.err == nil {
				s.Hear(s.names[i], a.rows)
			}
		})
	}
	each.Wait()
	rows, quality, err := s.together(answers)
	quality.Took = time.Since(began)
	return rows, quality, err
}

// together puts answers one after the other. When none answered the
// error is the first that is about more than an index that is not there.
func (s *Several) together(answers []part) (*frame.Frame, Quality, error) {
	b := frame.NewBuilder([]frame.Field{{Name: SourceColumn, Type: frame.Keyword}})
	var out Quality
	answered := 0
	for _, f := range typesOf(answers) {
		b.Add(f)
	}
	fields := b.Fields()
	for i, a := range answers {
		doubt := func(why string) {
			out.Partial = true
			out.Reasons = append(out.Reasons, s.names[i]+": "+why)
		}
		if noIndex(a.err) { // nothing of the kind comes from there; what a key may not see its source says
			out.Warnings = append(out.Warnings, s.names[i]+": "+a.err.Error())
			continue
		}
		if a.err != nil {
			doubt(a.err.Error())
			continue
		}
		answered++
		if a.quality.Partial && len(a.quality.Reasons) == 0 {
			doubt("its answer is partial")
		}
		for _, why := range a.quality.Reasons {
			doubt(why)
		}
		for _, w := range a.quality.Warnings {
			out.Warnings = append(out.Warnings, s.names[i]+": "+w)
		}
		out.Partial = out.Partial || a.quality.Partial
		out.Rows, out.Scanned = out.Rows+int64(a.rows.Rows), out.Scanned+a.quality.Scanned
		out.Steps = append(out.Steps, a.quality.Steps...)
		if a.rows.Rows == 0 {
			continue
		}
		for _, name := range b.Append(named(s.names[i], a.rows)) {
			doubt(name + " has another type there: its values are not shown")
		}
	}
	if answered == 0 && len(answers) > 0 {
		worst := slices.IndexFunc(answers, func(a part) bool { return !noIndex(a.err) })
		return nil, out, answers[max(worst, 0)].err
	}
	return b.Build().Whole(fields), out, nil
}

func noIndex(err error) bool { return err != nil && strings.Contains(err.Error(), "Unknown index") }

// typesOf are the columns of all answers, in the order of the first that has
// them: a column that is null throughout in one may have a type in another.
func typesOf(answers []part) (out []frame.Field) {
	at := map[string]int{}
	for _, a := range answers {
		if a.err != nil {
			continue
		}
		for _, f := range a.rows.Fields() {
			switch i, known := at[f.Name]; {
			case !known:
				at[f.Name] = len(out)
				out = append(out, f)
			case out[i].Type == frame.Null:
				out[i] = f
			}
		}
	}
	return out
}

// named gives rows, one at least, with their source and without columns that are null throughout.
func named(source string, f *frame.Frame) *frame.Frame {
	out := &frame.Frame{Rows: f.Rows}
	add := func(name string, c *frame.Column) {
		out.Names, out.Columns = append(out.Names, name), append(out.Columns, c)
	}
	b := frame.NewBuilder([]frame.Field{{Name: SourceColumn, Type: frame.Keyword}})
	for range f.Rows {
		b.Row()
		b.Keyword(0, source)
	}
	add(SourceColumn, b.Build().Columns[0])
	for i, name := range f.Names {
		if name != SourceColumn && f.Columns[i].Type != frame.Null {
			add(name, f.Columns[i])
		}
	}
	return out
}
