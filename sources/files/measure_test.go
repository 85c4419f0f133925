package files

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"interdict/sources"
	"interdict/sources/esql"
	"interdict/sources/frame"
	"interdict/testdata/bench"
)

// measured are questions that testdata/peers.py puts to DuckDB and polars too,
// and how much of the faster peer's time each may take: in memory, over Parquet.
var measured = []struct {
	name, text        string
	inMemory, parquet float64
}{
	{"file-transfer rule", `FROM events | WHERE host.os.type == "linux" AND event.action == "exec" AND process.name IN ("scp", "ftp", "sftp", "vsftpd", "sftp-server", "rsync")
		| STATS cc = COUNT(*), agents = COUNT_DISTINCT(agent.id) BY process.executable, process.parent.executable, process.command_line
		| WHERE agents == 1 AND cc < 5 | SORT cc | LIMIT 100`, 0.5, 1},
	{"filter and group by keyword", `FROM events | WHERE event.action == "exec" | STATS c = COUNT(*) BY process.name | SORT c DESC | LIMIT 10`, 1, 0},
	{"LIKE", `FROM events | WHERE process.command_line LIKE "*-9*x*" | STATS COUNT(*)`, 1, 0},
	{"LIKE, unique texts", `FROM events | WHERE event.id LIKE "*77*9" | STATS COUNT(*)`, 0, 0},
	{"EVAL", `FROM events | EVAL x = LENGTH(CONCAT(process.name, "-", user.name)) + process.pid * 2 | STATS SUM(x)`, 0, 0},
	{"top 100", `FROM events | SORT process.pid DESC, @timestamp | LIMIT 100 | KEEP @timestamp, process.pid`, 0, 0},
	{"group by 100,000 keys", `FROM events | STATS c = COUNT(*), MAX(process.pid) BY process.command_line | SORT c DESC | LIMIT 10`, 0, 0},
}

// TestMeasureQueries asks them of rows in memory and in Parquet, beside the peers.
// INTERDICT_BENCH_PYTHON is a Python that has duckdb and polars; without it, or
// python3, the data cannot be made. INTERDICT_BENCH_ROWS is 10,000,000 otherwise.
func TestMeasureQueries(t *testing.T) {
	bench.Wanted(t)
	python := benchmarkPython(t)
	rows := 10_000_000
	if n, err := strconv.Atoi(os.Getenv("INTERDICT_BENCH_ROWS")); err == nil {
		rows = n
	}
	dir := t.TempDir()
	peers(t, python, "make", dir, strconv.Itoa(rows))
	h, err := Open(t.Context(), Config{Paths: []string{filepath.Join(dir, "events.parquet")}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	others := peers(t, python, "measure", dir)
	onDisk, inMemory := h.Tables(t.Context()), loaded(t, h)
	for _, m := range measured {
		tellQuery(t, "memory", m.name, m.inMemory, rows, medianOf(t, inMemory, m.text), others)
		tellQuery(t, "parquet", m.name, m.parquet, rows, medianOf(t, onDisk, m.text), others)
	}
}

// TestMeasureRuleOverNDJSON asks the file-transfer rule of whole events.
func TestMeasureRuleOverNDJSON(t *testing.T) {
	bench.Wanted(t)
	python := benchmarkPython(t)
	path, _ := benchmarkFile(t, 1_000_000)
	h, err := Open(t.Context(), Config{Paths: []string{path}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	text := strings.NewReplacer("FROM events", "FROM logs-*", `"scp", "ftp", "sftp", "vsftpd", "sftp-server", "rsync"`, `"tool0", "tool50", "tool100", "tool150"`).Replace(measured[0].text)
	tellQuery(t, "ndjson", "file-transfer rule", 0.6, 1_000_000, medianOf(t, h.Tables(t.Context()), text), peers(t, python, "ndjson", path))
}

func benchmarkPython(t *testing.T) string {
	python := os.Getenv("INTERDICT_BENCH_PYTHON")
	if python == "" {
		python = "python3"
	}
	if out, err := exec.CommandContext(t.Context(), python, "-c", "import duckdb, polars").CombinedOutput(); err != nil {
		t.Skipf("no peers: %s has no duckdb and polars (%s)", python, strings.TrimSpace(string(out)))
	}
	return python
}

type peer struct {
	Peer, Over, Name string
	Seconds          float64
}

func peers(t *testing.T, python string, args ...string) (all []peer) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), python, append([]string{"testdata/peers.py"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		var p peer
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatal(err, line)
		}
		all = append(all, p)
	}
	return all
}

// tellQuery compares with each peer, and holds the ratio to the faster one to most.
func tellQuery(t *testing.T, over, name string, most float64, rows int, seconds float64, others []peer) {
	bench.Tell(t, bench.Figure{Name: name + " over " + over, Value: float64(rows) / seconds / 1e6, Unit: "M rows/s"})
	fastest := math.Inf(1)
	for _, p := range others {
		if p.Over == over && p.Name == name {
			fastest = min(fastest, p.Seconds)
		}
	}
	for _, p := range others {
		if p.Over != over || p.Name != name {
			continue
		}
		f := bench.Figure{Name: name + " over " + over, Value: seconds, Unit: "s", Peer: p.Peer, PeerValue: p.Seconds}
		if p.Seconds == fastest {
			f.Most = most
		}
		bench.Tell(t, f)
	}
}

func medianOf(t *testing.T, c esql.Catalog, text string) float64 {
	t.Helper()
	var took []float64
	for range 5 {
		began := time.Now()
		f, _, err := esql.Run(context.Background(), c, sources.Query{Text: text})
		if err != nil || f.Rows == 0 {
			t.Fatalf("%s: %v", text, err)
		}
		took = append(took, time.Since(began).Seconds())
	}
	return bench.Median(took)
}

// loaded is the table of the file, in memory.
func loaded(t *testing.T, h *History) esql.Catalog {
	t.Helper()
	table, ok := h.Tables(t.Context()).Table("events")
	if !ok {
		t.Fatal("no events")
	}
	m := &memoryTable{fields: table.Fields()}
	var names []string
	for _, f := range m.fields {
		names = append(names, f.Name)
	}
	for _, s := range table.Segments("@timestamp", math.MinInt64, math.MaxInt64) {
		f, err := s.Read(t.Context(), names)
		if err != nil {
			t.Fatal(err)
		}
		m.segments = append(m.segments, memorySegment{f})
	}
	return m
}

type memoryTable struct {
	fields   []frame.Field
	segments []esql.Segment
}

func (m *memoryTable) Table(string) (esql.Table, bool)              { return m, true }
func (m *memoryTable) Fields() []frame.Field                        { return m.fields }
func (m *memoryTable) Segments(string, int64, int64) []esql.Segment { return m.segments }

type memorySegment struct{ f *frame.Frame }

func (s memorySegment) Rows() int                                            { return s.f.Rows }
func (s memorySegment) Read(context.Context, []string) (*frame.Frame, error) { return s.f, nil }
