package sources_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"interdict/sources"
	"interdict/sources/frame"
)

// one answers every question with the same rows, or not at all.
type one struct {
	rows    *frame.Frame
	quality sources.Quality
	err     error
}

func (o one) Query(context.Context, sources.Query) (*frame.Frame, sources.Quality, error) {
	return o.rows, o.quality, o.err
}

func rowsOf(kind frame.Type, hosts ...string) *frame.Frame {
	b := frame.NewBuilder([]frame.Field{{Name: "host.id", Type: frame.Keyword}, {Name: "n", Type: kind}})
	for i, h := range hosts {
		b.Row()
		b.Keyword(0, h)
		switch kind {
		case frame.Long:
			b.Int(1, int64(i))
		case frame.Keyword:
			b.Keyword(1, "x")
		}
	}
	return b.Build()
}

func TestSeveralHistoriesAnswerAsOneAndSayWhoseEachRowIs(t *testing.T) {
	s := sources.NewSeveral()
	s.Add("elasticsearch:eu", one{rows: rowsOf(frame.Null, "a", "b")})
	s.Add("elasticsearch:us", one{rows: rowsOf(frame.Long, "c"), quality: sources.Quality{Partial: true, Warnings: []string{"slow"}}})
	f, q, err := s.Query(t.Context(), sources.Query{Text: "FROM x"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for r := range f.Rows {
		got = append(got, fmt.Sprint(f.Text("source", r), " ", f.Text("host.id", r), " ", f.Text("n", r)))
	}
	if want := "elasticsearch:eu a |elasticsearch:eu b |elasticsearch:us c 0"; strings.Join(got, "|") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !q.Partial || strings.Join(q.Reasons, "") != "elasticsearch:us: its answer is partial" || strings.Join(q.Warnings, "") != "elasticsearch:us: slow" || q.Rows != 3 {
		t.Errorf("%+v", q)
	}
	if s.Told("b") != "elasticsearch:eu" || s.Told("c") != "elasticsearch:us" || s.Told("z") != "" {
		t.Errorf("b is told of by %q, c by %q, z by %q", s.Told("b"), s.Told("c"), s.Told("z"))
	}
	s.Hear("elasticsearch:us", rowsOf(frame.Long, "b"))
	s.Hear("elasticsearch:us", rowsOf(frame.Long, "b"))
	if s.Told("b") != "" {
		t.Errorf("two tell of b, and questions about it go to %q alone", s.Told("b"))
	}
	if f, _, err := s.Query(t.Context(), sources.Query{Source: "elasticsearch:us"}); err != nil || f.Rows != 1 || f.Column("source") != nil {
		t.Errorf("one of them: %v, %v", f, err)
	}
	if _, _, err := s.Query(t.Context(), sources.Query{Source: "eu"}); err == nil || !strings.Contains(err.Error(), "elasticsearch:eu, elasticsearch:us") {
		t.Errorf("one that there is not: %v", err)
	}
}

func TestOneOfSeveralThatDoesNotAnswerMakesTheAnswerPartialAndAllMakeItAnError(t *testing.T) {
	down := errors.New("connection refused")
	s := sources.NewSeveral()
	s.Add("eu", one{err: down})
	s.Add("us", one{rows: rowsOf(frame.Long, "c")})
	f, q, err := s.Query(t.Context(), sources.Query{})
	if err != nil || f.Rows != 1 || !q.Partial || strings.Join(q.Reasons, "") != "eu: connection refused" {
		t.Errorf("%v, %+v, %v", f, q, err)
	}
	bare := sources.NewSeveral()
	bare.Add("eu", one{err: errors.New("line 1:1: Unknown index [logs-x]")})
	bare.Add("us", one{rows: rowsOf(frame.Long, "c")})
	if f, q, err := bare.Query(t.Context(), sources.Query{}); err != nil || f.Rows != 1 || q.Partial || len(q.Warnings) != 1 {
		t.Errorf("one without the index: %v, %+v, %v", f, q, err)
	}
	bare = sources.NewSeveral()
	bare.Add("eu", one{err: errors.New("line 1:1: Unknown index [logs-x]")})
	bare.Add("us", one{err: down})
	if _, _, err := bare.Query(t.Context(), sources.Query{}); !errors.Is(err, down) {
		t.Errorf("that one could not be asked is taken for no index: %v", err)
	}
	empty := sources.NewSeveral()
	empty.Add("eu", one{rows: rowsOf(frame.Long)})
	empty.Add("us", one{rows: &frame.Frame{}})
	if f, q, err := empty.Query(t.Context(), sources.Query{}); err != nil || f.Rows != 0 || f.Column("source") == nil || q.Partial {
		t.Errorf("without rows: %v, %+v, %v", f, q, err)
	}
	none := sources.NewSeveral()
	none.Add("eu", one{err: down})
	none.Add("us", one{err: down})
	if _, q, err := none.Query(t.Context(), sources.Query{}); !errors.Is(err, down) || len(q.Reasons) != 2 {
		t.Errorf("%+v, %v", q, err)
	}
	apart := sources.NewSeveral()
	apart.Add("eu", one{rows: rowsOf(frame.Long, "a")})
	apart.Add("us", one{rows: rowsOf(frame.Keyword, "b")})
	if _, q, err := apart.Query(t.Context(), sources.Query{}); err != nil || !q.Partial || !strings.Contains(strings.Join(q.Reasons, ""), "us: n has another type") {
		t.Errorf("%+v, %v", q, err)
	}
}
