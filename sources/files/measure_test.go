package files

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"interdict/sources"
	"interdict/sources/esql"
	"interdict/sources/frame"
	"interdict/testdata/bench"
)

// measured are questions that testdata/peers.py puts to DuckDB and polars too,
// and how much of the fastest peer's time each may take before that is a fault: in
// memory, over Parquet; docs/performance.md has the aims.
var measured = []struct {
	name, text        string
	inMemory, parquet float64
}{
	{"file-transfer rule", `FROM events | WHERE host.os.type == "linux" AND event.action == "exec" AND process.name IN ("scp", "ftp", "sftp", "vsftpd", "sftp-server", "rsync")
		| STATS cc = COUNT(*), agents = COUNT_DISTINCT(agent.id) BY process.executable, process.parent.executable, process.command_line
		| WHERE agents == 1 AND cc < 5 | SORT cc | LIMIT 100`, 8, 6},
	{"filter and group by keyword", `FROM events | WHERE event.action == "exec" | STATS c = COUNT(*) BY process.name | SORT c DESC | LIMIT 10`, 3, 0},
	{"LIKE", `FROM events | WHERE process.command_line LIKE "*-9*x*" | STATS COUNT(*)`, 2, 0},
	{"LIKE, unique texts", `FROM events | WHERE event.id LIKE "*77*9" | STATS COUNT(*)`, 0, 0},
	{"EVAL", `FROM events | EVAL x = LENGTH(CONCAT(process.name, "-", user.name)) + process.pid * 2 | STATS SUM(x)`, 0, 0},
	{"top 100", `FROM events | SORT process.pid DESC, @timestamp | LIMIT 100 | KEEP @timestamp, process.pid`, 0, 0},
	{"group by 100,000 keys", `FROM events | STATS c = COUNT(*), MAX(process.pid) BY process.command_line | SORT c DESC | LIMIT 10`, 0, 0},
}

// TestMeasureQueries asks them of rows in memory and in Parquet, beside the peers.
// INTERDICT_BENCH_PYTHON is a Python that has duckdb and polars; without it, or
// python3, the data cannot be made. INTERDICT_BENCH_ROWS changes how many rows.
func TestMeasureQueries(t *testing.T) {
	bench.Wanted(t)
	python := benchmarkPython(t)
	rows := benchmarkRows(10_000_000)
	dir := t.TempDir()
	peers(t, python, "make", dir, strconv.Itoa(rows))
	h, err := Open(t.Context(), Config{Paths: []string{filepath.Join(dir, "events.parquet")}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	onDisk, inMemory := h.Tables(t.Context()), loaded(t, h)
	ask := asking(t, python, dir)
	for _, m := range measured {
		others := ask(m.name)
		tellQuery(t, "memory", m.name, m.inMemory, rows, timed(t, inMemory, m.text), others)
		tellQuery(t, "parquet", m.name, m.parquet, rows, timed(t, onDisk, m.text), others)
	}
}

// asking starts the peers, which load the data and wait for questions.
func asking(t *testing.T, python, dir string) func(name string) []peer {
	t.Helper()
	cmd := exec.Command(python, "testdata/peers.py", "measure", dir) //nolint:noctx // ends when its input does: the test's context ends before what is cleaned up
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	answers := bufio.NewScanner(out)
	return func(name string) (all []peer) {
		fmt.Fprintln(in, name)
		for answers.Scan() && answers.Text() != "" {
			all = append(all, peerOf(t, answers.Text()))
		}
		return all
	}
}

// TestMeasureRuleOverNDJSON asks the file-transfer rule of whole events.
func TestMeasureRuleOverNDJSON(t *testing.T) {
	bench.Wanted(t)
	python := benchmarkPython(t)
	rows := benchmarkRows(1_000_000)
	path, _ := benchmarkFile(t, rows)
	h, err := Open(t.Context(), Config{Paths: []string{path}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	text := strings.NewReplacer("FROM events", "FROM logs-*", `"scp", "ftp", "sftp", "vsftpd", "sftp-server", "rsync"`, `"tool0", "tool50", "tool100", "tool150"`).Replace(measured[0].text)
	tellQuery(t, "ndjson", "file-transfer rule", 0.6, rows, timed(t, h.Tables(t.Context()), text), peers(t, python, "ndjson", path))
}

func benchmarkRows(usual int) int {
	if n, err := strconv.Atoi(os.Getenv("INTERDICT_BENCH_ROWS")); err == nil {
		return n
	}
	return usual
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
	Seconds, CPU     float64
}

func peers(t *testing.T, python string, args ...string) (all []peer) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), python, append([]string{"testdata/peers.py"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil { // what was measured here is told all the same
		peak := int64(0)
		if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			peak = u.Maxrss >> 10
		}
		t.Errorf("the peers, which had %d MiB at most: %v", peak, err)
	}
	for line := range strings.Lines(string(out)) {
		all = append(all, peerOf(t, line))
	}
	return all
}

func peerOf(t *testing.T, line string) (p peer) {
	t.Helper()
	if err := json.Unmarshal([]byte(line), &p); err != nil {
		t.Fatal(err, line)
	}
	return p
}

// tellQuery compares with each peer, and holds the ratio to the faster one to
// most. The processors' time is told too: it says more where others work as well.
func tellQuery(t *testing.T, over, name string, most float64, rows int, took took, others []peer) {
	t.Helper()
	others = slices.DeleteFunc(slices.Clone(others), func(p peer) bool { return p.Over != over })
	bench.Tell(t, bench.Figure{Name: name + " over " + over, Value: float64(rows) / took.seconds / 1e6, Unit: "M rows/s"})
	if len(others) == 0 {
		return
	}
	fastest := slices.MinFunc(others, func(a, b peer) int { return cmp.Compare(a.Seconds, b.Seconds) })
	for _, p := range others {
		f := bench.Figure{Name: name + " over " + over, Value: took.seconds, Unit: "s", Peer: p.Peer, PeerValue: p.Seconds}
		if p == fastest {
			f.Most = most
		}
		bench.Tell(t, f)
		bench.Tell(t, bench.Figure{Name: name + " over " + over, Value: took.cpu, Unit: "s of processors", Peer: p.Peer, PeerValue: p.CPU})
	}
}

// enough is how long a question is asked again and again, five times at least, here
// as of the peers.
const enough = 1500 * time.Millisecond

// took is the shortest of some runs: what disturbs one only makes it longer.
type took struct{ seconds, cpu float64 }

func timed(t *testing.T, c esql.Catalog, text string) took {
	t.Helper()
	best := took{math.Inf(1), math.Inf(1)}
	for all, n := time.Now(), 0; n < 5 || time.Since(all) < enough; n++ {
		began, before := time.Now(), used()
		f, _, err := esql.Run(context.Background(), c, sources.Query{Text: text})
		if err != nil || f.Rows == 0 {
			t.Fatalf("%s: %v", text, err)
		}
		best = took{min(best.seconds, time.Since(began).Seconds()), min(best.cpu, used()-before)}
	}
	return best
}

// used is what this program has used of the processors, in seconds.
func used() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail for itself
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
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
