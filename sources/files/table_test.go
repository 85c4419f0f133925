package files

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/esql"
	"interdict/sources/frame"
)

const events = `{"@timestamp":"2026-01-01T00:00:01Z","data_stream":{"dataset":"endpoint.events.process"},"process":{"name":"scp","pid":1,"args":["scp","x"]},"extra":{"n":1}}
{"@timestamp":"2026-01-01T00:00:02Z","data_stream":{"dataset":"endpoint.events.network"},"process":{"name":"ssh","pid":2},"destination":{"ip":"10.0.0.1"},"extra":{"n":2.5}}
{"@timestamp":"2026-01-01T00:00:03Z","event":{"dataset":"endpoint.events.process"},"process":{"name":"sh","pid":"3"}}
`

func TestRowsAreFoundByTheirIndex(t *testing.T) {
	h := open(t, write(t, "a.ndjson", events))
	for patterns, want := range map[string]string{
		"*":                         "scp ssh sh",
		"logs-*":                    "scp ssh sh",
		"logs-endpoint.events.p*":   "scp sh",
		"logs-*,-*network*":         "scp sh",
		"logs-endpoint.events.proc": "none",
		"a":                         "none",
	} {
		got := "none"
		if f := rows(t, h, patterns, "process.name"); f != nil {
			got = texts(f, "process.name")
		}
		if got != want {
			t.Errorf("FROM %s: %s, wanted %s", patterns, got, want)
		}
	}
	f := rows(t, h, "*", "_index", "_id")
	if got := texts(f, "_index"); got != "logs-endpoint.events.process-default logs-endpoint.events.network-default logs-endpoint.events.process-default" {
		t.Errorf("indices: %s", got)
	}
	if got := texts(f, "_id"); got != "a:0.1 a:0.2 a:0.3" {
		t.Errorf("ids: %s", got)
	}
}

func TestEveryWayToHoldNDJSONGivesTheSame(t *testing.T) {
	for name, data := range map[string][]byte{"e.ndjson": []byte(events), "e.jsonl.gz": gzipped(t, events), "e.json.zst": zstded(t, events), "noending": []byte(events)} {
		h := open(t, write(t, name, string(data)))
		f := rows(t, h, "*", "process.name", "process.pid", "extra.n")
		if got := texts(f, "process.name") + texts(f, "process.pid") + texts(f, "extra.n"); got != "scp ssh sh1 2 31 2.5 " {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestStandardInputIsRead(t *testing.T) {
	for name, data := range map[string][]byte{"plain": []byte(events), "gzip": gzipped(t, events), "csv": []byte("process.name\nscp\nssh\nsh\n")} {
		h, err := Open(t.Context(), Config{Paths: []string{"-"}, Stdin: bytes.NewReader(data)})
		if err != nil {
			t.Fatal(err)
		}
		if got := texts(rows(t, h, "*", "process.name"), "process.name"); got != "scp ssh sh" {
			t.Errorf("%s: %s", name, got)
		}
		shut(t, h)
	}
}

func TestASearchHitKeepsItsIndexAndID(t *testing.T) {
	h := open(t, write(t, "hits.ndjson", `{"_index":".ds-logs-x","_id":"abc","_score":1,"_source":{"a":{"b":1}},"sort":[1]}`))
	f := rows(t, h, ".ds-*", "a.b", "_id", "_index")
	if got := texts(f, "a.b") + texts(f, "_id") + texts(f, "_index"); got != "1abc.ds-logs-x" {
		t.Errorf("got %s", got)
	}
}

func TestBadLinesAreCountedOnceAndTheFirstIsQuoted(t *testing.T) {
	text := events + "\n{oops\n" + events + "[1]\n" + `{"process":{"pid":"x","pid":7}}` + "\n"
	for name, data := range map[string][]byte{"bad.ndjson": []byte(text), "bad.ndjson.gz": gzipped(t, text)} {
		path := write(t, name, string(data))
		h := open(t, path)
		cat := h.catalog(t.Context(), false)
		table, _ := cat.Table("*")
		for range 2 {
			for _, s := range table.Segments("@timestamp", math.MinInt64, math.MaxInt64) {
				if _, err := s.Read(t.Context(), []string{"process.pid"}); err != nil {
					t.Fatal(err)
				}
			}
		}
		var q sources.Quality
		cat.tally.into(&q)
		want := []string{
			"2 lines could not be read; the first is line 5 of " + path + `: unexpected o at byte 2: "{oops"`,
			"process.pid came twice in one document 1 times: both values are kept",
			"1 values of process.pid had the wrong type and were left out",
		}
		if !q.Partial || !slices.Equal(q.Reasons, want) {
			t.Errorf("%s: %q\nwanted %q", name, q.Reasons, want)
		}
	}
}

func TestATruncatedFileIsReadToItsEndAndSaid(t *testing.T) {
	data := gzipped(t, strings.Repeat(events, 1000))
	h := open(t, write(t, "cut.ndjson.gz", string(data[:len(data)-20])))
	cat := h.catalog(t.Context(), false)
	if _, ok := cat.Table("*"); !ok {
		t.Fatal("no table")
	}
	var q sources.Quality
	cat.tally.into(&q)
	if len(q.Reasons) != 1 || !strings.Contains(q.Reasons[0], "ends early, after line") {
		t.Errorf("reasons: %q", q.Reasons)
	}
}

func TestALargeFileIsCutAtLineEnds(t *testing.T) {
	var b strings.Builder
	n := 0
	for b.Len() < 2*chunkBytes+chunkBytes/2 {
		fmt.Fprintf(&b, `{"n":%d,"pad":%q}`+"\n", n, strings.Repeat("x", n%3000))
		n++
	}
	for name, data := range map[string]string{"big.ndjson": b.String(), "big.ndjson.zst": string(zstded(t, b.String()))} {
		h := open(t, write(t, name, data))
		if s := len(h.files[0].store.segments()); s < 3 {
			t.Errorf("%s: %d segments", name, s)
		}
		f := rows(t, h, "*", "n", "_id")
		if f.Rows != n {
			t.Fatalf("%s: %d rows of %d", name, f.Rows, n)
		}
		ids := map[string]bool{}
		for i := range n {
			if v, _ := f.Int("n", i); v != int64(i) || ids[f.Text("_id", i)] {
				t.Fatalf("%s: row %d holds %d, id %s", name, i, v, f.Text("_id", i))
			}
			ids[f.Text("_id", i)] = true
		}
	}
}

func TestWhatMemoryHasNoRoomForIsKeptInATemporaryFile(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := &spool{room: 1}
	text := strings.Repeat(events, 2*blockBytes/len(events))
	if err := s.fill("x", strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, b := range s.blocks {
		r, err := s.open(b)
		if err == nil {
			_, err = io.Copy(&got, r)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if got.String() != text {
		t.Errorf("%d bytes of %d came back, in %d blocks", got.Len(), len(text), len(s.blocks))
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestConditionsLeaveOutLinesThatCannotMatch(t *testing.T) {
	h := open(t, write(t, "a.ndjson", events))
	table, _ := h.Tables(t.Context()).Table("*")
	s, ok := table.Segments("@timestamp", math.MinInt64, math.MaxInt64)[0].(esql.Sieve)
	if !ok {
		t.Fatal("no sieve")
	}
	for field, want := range map[string]string{"process.name": "2", "process.args": "1", "process.pid": "1 2 3", "user.name": ""} {
		takes := func(v string) bool { return v == "ssh" || v == "x" }
		f, err := s.ReadWhere(t.Context(), []string{"process.pid"}, []esql.Condition{{Field: field, Takes: takes}})
		if err != nil {
			t.Fatal(err)
		}
		if got := texts(f, "process.pid"); got != want {
			t.Errorf("%s: %s, wanted %s", field, got, want)
		}
	}
}

func TestSegmentsOutsideTheTimeRangeAreLeftOut(t *testing.T) {
	type row struct {
		Time time.Time `parquet:"@timestamp,timestamp(millisecond)"`
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	h := open(t, write(t, "a.ndjson", events), parquetFile(t, "t.parquet", []row{{at}, {at.Add(time.Second)}}))
	rows(t, h, "*", "@timestamp") // now the times are known
	table, _ := h.Tables(t.Context()).Table("*")
	for after, want := range map[time.Duration]int{-time.Hour: 2, 2 * time.Second: 1, 4 * time.Second: 0} {
		got := len(table.Segments("@timestamp", at.Add(after).UnixMilli(), math.MaxInt64))
		if got != want {
			t.Errorf("from %s: %d segments, wanted %d", after, got, want)
		}
	}
}

func TestCSVHasTypesAndNulls(t *testing.T) {
	h := open(t, write(t, "hosts.csv", "\xef\xbb\xbfhost.name,n,f,when,ok,fixed:version,host.ip\na,1,1.5,2026-01-02,true,8.1,10.0.0.1\n\"b\"\"c\",2,,,false,,nowhere\nbad,row\n"))
	cat := h.catalog(t.Context(), false)
	table, _ := cat.Table("hosts")
	var types []string
	for _, f := range table.Fields() {
		types = append(types, f.Name+":"+f.Type.String())
	}
	if got := strings.Join(types, " "); got != "host.name:keyword n:long f:double when:date ok:boolean fixed:version host.ip:ip" {
		t.Errorf("fields: %s", got)
	}
	f := readAll(t, table, "host.name", "n", "f", "when", "ok", "fixed", "host.ip")
	var got []string
	for i := range f.Rows {
		got = append(got, string(ecs.AppendJSON(nil, f, i)))
	}
	want := `{"f":1.5,"fixed":"8.1","host":{"ip":"10.0.0.1","name":"a"},"n":1,"ok":true,"when":"2026-01-02T00:00:00.000Z"}
{"host":{"name":"b\"c"},"n":2,"ok":false}`
	if g := strings.Join(got, "\n"); g != want {
		t.Errorf("rows:\n%s\nwanted:\n%s", g, want)
	}
	var q sources.Quality
	cat.tally.into(&q)
	if len(q.Reasons) != 2 || !strings.Contains(q.Reasons[0], "line 4 of") || !strings.Contains(q.Reasons[1], "1 values of host.ip") {
		t.Errorf("reasons: %q", q.Reasons)
	}
}

type parquetRow struct {
	Time    time.Time `parquet:"@timestamp,timestamp(microsecond)"`
	Name    string    `parquet:"process.name,dict"`
	Plain   *string   `parquet:"plain"`
	PID     int64     `parquet:"process.pid,optional"`
	Args    []string  `parquet:"args,list"`
	IP      string    `parquet:"source.ip"`
	Half    float32   `parquet:"half"`
	Yes     *bool     `parquet:"yes"`
	Small   int32     `parquet:"small,dict"`
	Big     uint64    `parquet:"big"`
	Numbers []int64   `parquet:"numbers"`
	Day     int32     `parquet:"day,date"`
	Nested  struct {
		X float64 `parquet:"x"`
	} `parquet:"nested"`
}

func TestParquetColumnsKeepTheirValues(t *testing.T) {
	text, yes := "p", true
	at := time.Date(2026, 1, 1, 0, 0, 0, 5_000_000, time.UTC)
	in := []parquetRow{
		{Time: at, Name: "scp", Plain: &text, PID: 5, Args: []string{"a", "b"}, IP: "10.0.0.1", Half: 0.5, Yes: &yes, Small: -1, Big: math.MaxUint64, Numbers: []int64{1, 2, 3}, Day: 1},
		{Time: at, Name: "ssh", IP: "x", Numbers: []int64{4}},
		{Time: at, Name: "scp", PID: 6, Args: []string{"c"}, Yes: new(bool)},
	}
	in[0].Nested.X = 2
	h := open(t, parquetFile(t, "p.parquet", in))
	table, ok := h.Tables(t.Context()).Table("p")
	if !ok {
		t.Fatal("no table")
	}
	var names []string
	for _, f := range table.Fields() {
		names = append(names, f.Name)
	}
	f := readAll(t, table, names...)
	var got []string
	for i := range f.Rows {
		got = append(got, string(ecs.AppendJSON(nil, f, i)))
	}
	want := `{"@timestamp":"2026-01-01T00:00:00.005Z","args":["a","b"],"big":18446744073709551615,"day":"1970-01-02T00:00:00.000Z","half":0.5,"nested":{"x":2.0},"numbers":[1,2,3],"plain":"p","process":{"name":"scp","pid":5},"small":-1,"source":{"ip":"10.0.0.1"},"yes":true}
{"@timestamp":"2026-01-01T00:00:00.005Z","big":0,"day":"1970-01-01T00:00:00.000Z","half":0.0,"nested":{"x":0.0},"numbers":4,"process":{"name":"ssh"},"small":0}
{"@timestamp":"2026-01-01T00:00:00.005Z","args":"c","big":0,"day":"1970-01-01T00:00:00.000Z","half":0.0,"nested":{"x":0.0},"process":{"name":"scp","pid":6},"small":0,"yes":false}`
	if g := strings.Join(got, "\n"); g != want {
		t.Errorf("rows:\n%s\nwanted:\n%s", g, want)
	}
}

func TestDamagedParquetIsAnErrorAndNoPanic(t *testing.T) {
	var in []parquetRow
	for i := range 500 {
		in = append(in, parquetRow{Name: fmt.Sprint(i), PID: int64(i)})
	}
	data, err := os.ReadFile(parquetFile(t, "p.parquet", in))
	if err != nil {
		t.Fatal(err)
	}
	for at := 4; at < len(data); at += max(1, len(data)/300) {
		bad := slices.Clone(data)
		bad[at] ^= 0x55
		h, err := Open(t.Context(), Config{Paths: []string{write(t, "bad.parquet", string(bad))}})
		if err != nil {
			continue
		}
		if table, ok := h.Tables(t.Context()).Table("*"); ok {
			for _, s := range table.Segments("@timestamp", math.MinInt64, math.MaxInt64) {
				_, _ = s.Read(t.Context(), []string{"process.name", "process.pid", "args"})
			}
		}
		shut(t, h)
	}
}

func TestDirectoriesAndGlobsAreSearchedAndMistakesSaid(t *testing.T) {
	dir := filepath.Dir(write(t, "a.ndjson", `{"x":1}`))
	for name, text := range map[string]string{"sub/b.csv": "x\n2\n", "sub/readme.txt": "no", "c.parquet": "no parquet"} {
		if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := open(t, dir, filepath.Join(dir, "*.ndjson"))
	if got := texts(rows(t, h, "*", "x"), "x"); got != "1 2" {
		t.Errorf("rows: %s", got)
	}
	if len(h.problems) != 1 || !strings.Contains(h.problems[0], "c.parquet") {
		t.Errorf("problems: %q", h.problems)
	}
	for _, name := range []string{filepath.Join(dir, "missing"), filepath.Join(dir, "*.none"), filepath.Join(dir, "c.parquet"), "-"} {
		if _, err := Open(t.Context(), Config{Paths: []string{name}}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestReadingEndsWithItsContext(t *testing.T) {
	h := open(t, write(t, "a.ndjson", strings.Repeat(events, 1000)))
	table, _ := h.Tables(t.Context()).Table("*")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, s := range table.Segments("@timestamp", math.MinInt64, math.MaxInt64) {
		if _, err := s.Read(ctx, []string{"process.name"}); err == nil {
			t.Error("a segment was read")
		}
	}
}

func open(t *testing.T, paths ...string) *History {
	t.Helper()
	h, err := Open(t.Context(), Config{Paths: paths})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shut(t, h) })
	return h
}

func shut(t *testing.T, h *History) {
	t.Helper()
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}

// rows gives all rows of some indices, nil when there is no table.
func rows(t *testing.T, h *History, patterns string, columns ...string) *frame.Frame {
	t.Helper()
	table, ok := h.Tables(t.Context()).Table(patterns)
	if !ok {
		return nil
	}
	return readAll(t, table, columns...)
}

func readAll(t *testing.T, table esql.Table, columns ...string) *frame.Frame {
	t.Helper()
	b := frame.NewBuilder(nil)
	for _, s := range table.Segments("@timestamp", math.MinInt64, math.MaxInt64) {
		f, err := s.Read(t.Context(), columns)
		if err != nil {
			t.Fatal(err)
		}
		if f.Rows != s.Rows() {
			t.Errorf("%d rows were read, Rows is %d", f.Rows, s.Rows())
		}
		b.Append(f)
	}
	return b.Build()
}

func texts(f *frame.Frame, column string) string {
	var out []string
	for i := range f.Rows {
		out = append(out, f.Text(column, i))
	}
	return strings.Join(out, " ")
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func parquetFile[T any](t *testing.T, name string, in []T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := parquet.WriteFile(path, in); err != nil {
		t.Fatal(err)
	}
	return path
}

func gzipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstded(t *testing.T, text string) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll([]byte(text), nil)
}
