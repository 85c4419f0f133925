package playbooks

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/detect"
	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/esql"
	"interdict/sources/esql/parse"
	"interdict/sources/frame"
)

// kept is events in memory that the query engine answers from.
type kept struct{ f *frame.Frame }

func (k kept) Table(patterns string) (esql.Table, bool) {
	var rows []uint32
	for row := range k.f.Rows {
		if esql.MatchIndex(patterns, k.f.Text("_index", row)) {
			rows = append(rows, uint32(row))
		}
	}
	return kept{k.f.Gather(rows)}, len(rows) > 0
}

func (k kept) Fields() []frame.Field {
	return append(ecs.Fields(), frame.Field{Name: "_index", Type: frame.Keyword})
}

func (k kept) Segments(string, int64, int64) []esql.Segment { return []esql.Segment{k} }

func (k kept) Rows() int { return k.f.Rows }

func (k kept) Read(_ context.Context, columns []string) (*frame.Frame, error) {
	out := &frame.Frame{Rows: k.f.Rows}
	for _, name := range columns {
		if c := k.f.Column(name); c != nil {
			out.Names, out.Columns = append(out.Names, name), append(out.Columns, c)
		}
	}
	return out, nil
}

func (k kept) Query(ctx context.Context, q sources.Query) (*frame.Frame, sources.Quality, error) {
	return esql.Run(ctx, k, q)
}

// recorded is two weeks of nightly copies to one place, without tonight's.
func recorded(t *testing.T) kept {
	t.Helper()
	b := ecs.NewBuilder(ecs.Host{ID: web1.ID, BootID: web1.BootID, Name: web1.Name, AgentID: web1.AgentID, Architecture: web1.Architecture,
		OS: ecs.OS{Type: web1.OSType, Full: web1.OS, Kernel: web1.Kernel}})
	for day := 13; day >= 1; day-- {
		at := days(day)
		id := fmt.Sprint("night-", day)
		b.Event(ecs.Process, "exec", "start", at)
		b.Keyword(ecs.ProcessName, "scp")
		b.Keyword(ecs.ProcessTool, "scp")
		b.Keyword(ecs.ProcessEntityID, id)
		b.Keyword(ecs.ProcessCommandLine, fmt.Sprintf("scp -q /srv/out/%d.tgz deploy@10.0.4.12:in/", day))
		b.Keyword(ecs.ParentExecutable, "/usr/bin/bash")
		b.Keyword(ecs.ParentCommandLine, "/bin/bash /usr/local/bin/nightly")
		b.Event(ecs.Network, "disconnect_received", "end", at.Add(time.Minute))
		b.Keyword(ecs.ProcessEntityID, id)
		b.Keyword(ecs.NetworkDirection, "egress")
		b.IP(ecs.SourceIP, addr("10.0.2.21"))
		b.IP(ecs.DestinationIP, addr("10.0.4.12"))
		b.Int(ecs.SourceBytes, int64(40_000_000+day))
		b.Int(ecs.DestinationBytes, 9000)
	}
	b.Event(ecs.Process, "exec", "start", night)
	b.Keyword(ecs.ProcessName, "scp")
	b.Keyword(ecs.ProcessTool, "scp")
	b.Keyword(ecs.ProcessCommandLine, "scp -q /tmp/.c/customers.tar.gz deploy@203.0.113.9:in/")
	other := ecs.NewBuilder(ecs.Host{ID: "h2", BootID: "b2", Name: "web-2", OS: ecs.OS{Type: "linux"}})
	other.Event(ecs.Process, "exec", "start", night.Add(-2*time.Minute))
	other.Keyword(ecs.ProcessName, "scp")
	other.Keyword(ecs.ProcessEntityID, "on web-2")
	other.Keyword(ecs.ProcessCommandLine, "scp -q /tmp/.c/customers.tar.gz deploy@203.0.113.9:in/")
	other.Event(ecs.Network, "connection_accepted", "start", night.Add(5*time.Second))
	other.Keyword(ecs.NetworkDirection, "ingress")
	other.IP(ecs.SourceIP, addr("203.0.113.9"))
	both := frame.NewBuilder(ecs.Fields())
	both.Append(b.Build())
	both.Append(other.Build())
	return kept{withIndex(both.Build())}
}

// withIndex adds the column that holders of rows give on request.
func withIndex(f *frame.Frame) *frame.Frame {
	b := frame.NewBuilder([]frame.Field{{Name: "_index", Type: frame.Keyword}})
	for i := range f.Rows {
		b.Row()
		b.Keyword(0, "logs-"+f.Text("data_stream.dataset", i)+"-default")
	}
	x := b.Build()
	return &frame.Frame{Names: append(f.Names, "_index"), Columns: append(f.Columns, x.Columns[0]), Rows: f.Rows}
}

func needEngine(t *testing.T, k kept) {
	t.Helper()
	if f, _, err := k.Query(t.Context(), sources.Query{Text: "FROM logs-* | STATS n = COUNT(*)"}); err != nil || f.Rows != 1 {
		t.Fatalf("the query engine does not answer: %v", err)
	}
}

func TestEveryQueryParsesWithHostileValuesWrittenIn(t *testing.T) {
	sheet, err := BuiltinSheet()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]any{}
	for _, name := range parameters {
		values[name] = "a\" OR true // \\\n?name \u202e\"\"\""
	}
	for _, name := range []string{"from", "before", "recent", "now", "job", "lately"} {
		values[name] = night
	}
	queries := []string{sheet.Baseline, sheet.Around}
	for _, q := range sheet.Questions {
		queries = append(queries, q.Query)
	}
	reserved := regexp.MustCompile(`\b(first|last)\b`)
	for _, q := range append([]string{usersQuery, elasticAlerts}, queries...) {
		if reserved.MatchString(q) {
			t.Errorf("Elasticsearch 8 takes neither first nor last for a name:\n%s", q)
		}
	}
	for _, q := range queries {
		params, _ := bind(q, values)
		parsed, err := parse.Parse(writeOut(q, params))
		if err != nil {
			t.Errorf("%v\n%s", err, writeOut(q, params))
			continue
		}
		if want := strings.Count(q, "|"); len(parsed.Commands) != want+1 {
			t.Errorf("a value became part of the query: %d commands of %d", len(parsed.Commands), want+1)
		}
	}
}

func TestEveryQuestionOfTheGuideRunsAsItIsShown(t *testing.T) {
	k := recorded(t)
	needEngine(t, k)
	_, f := theft()
	a := assessor(k, nil)
	for _, answer := range assess(t, a, f).Answers {
		asBound, _, err := k.Query(t.Context(), sources.Query{Text: answer.Text, Params: answer.Params, Now: night})
		if err != nil {
			t.Errorf("%s: %v", answer.ID, err)
			continue
		}
		asShown, _, err := k.Query(t.Context(), sources.Query{Text: answer.Query, Now: night})
		if err != nil {
			t.Errorf("%s as shown: %v\n%s", answer.ID, err, answer.Query)
			continue
		}
		if asBound.Rows == 0 {
			t.Errorf("%s finds nothing in two weeks of events", answer.ID)
		}
		if diff := cmp.Diff(table(asBound), table(asShown)); diff != "" {
			t.Errorf("%s answers otherwise as shown: %s", answer.ID, diff)
		}
	}
}

func table(f *frame.Frame) (out []string) {
	for r := range f.Rows {
		var b strings.Builder
		for i, c := range f.Columns {
			fmt.Fprintf(&b, "%s=%v ", f.Names[i], c.Value(r))
		}
		out = append(out, b.String())
	}
	return out
}

func TestTheGuideReadsItsAnswersFromEvents(t *testing.T) {
	k := recorded(t)
	needEngine(t, k)
	a, f := theft()
	a.History = k
	g := assess(t, a, f)
	for id, want := range map[string]string{
		"command":     "like 14 of 14 scp runs in 13 d",
		"host":        "web-1 · agent 5c1e",
		"left":        "203.0.113.9:22 new",
		"credentials": "the far end connected to web-2 since 03:12:38, once",
		"others":      "same command on web-2 since 03:10",
	} {
		if got := answerOf(t, g, id).Why; !strings.Contains(got, want) {
			t.Errorf("%s: %q lacks %q", id, got, want)
		}
	}
	evidence := fmt.Sprint(answerOf(t, g, "left").Evidence, answerOf(t, g, "time").Evidence)
	for _, want := range []string{"0 of 13 transfer connections", "13 of 13 scp runs on this host in 13 d began within 15 min", "on 13 days"} {
		if !strings.Contains(evidence, want) {
			t.Errorf("%q lacks %q", evidence, want)
		}
	}
	f.Transfer.Peers = []detect.Peer{{Addr: addr("10.0.4.12"), Port: 22, Sent: 1000, First: night}}
	if got := answerOf(t, assess(t, assessor(k, nil), f), "left").Why; !strings.Contains(got, "10.0.4.12:22 known") {
		t.Error(got)
	}
}
