package ecs

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"interdict/sources/frame"
)

func TestWhatIsWrittenIsReadBackTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		f := randomFrame(r)
		e, d := NewEncoder(f), NewDecoder(DecoderOptions{})
		for i := range f.Rows {
			doc := e.Append(nil, i)
			if !json.Valid(doc) {
				t.Fatalf("not JSON: %s", doc)
			}
			if err := d.Document(doc); err != nil {
				t.Fatalf("%s: %v", doc, err)
			}
		}
		same(t, f, d.Build())
	}
}

func same(t *testing.T, want, got *frame.Frame) {
	t.Helper()
	for c, name := range want.Names {
		back := got.Column(name)
		for i := range want.Rows {
			w := want.Columns[c].Value(i)
			if back == nil {
				t.Fatalf("%s: lost, wanted %v", name, w)
			}
			if g := back.Value(i); !reflect.DeepEqual(g, w) {
				t.Fatalf("%s row %d: %v, wanted %v", name, i, g, w)
			}
		}
	}
}

var oddTexts = []string{"", "scp", "a b", "\"\\/", "\x00\x1f\n\t", "é😀\u2028", "</script>", "1", "true", "null", "2026-01-01"}

func randomFrame(r *rand.Rand) *frame.Frame {
	b := frame.NewBuilder(Fields())
	for range 1 + r.IntN(20) {
		b.Row()
		for range r.IntN(30) {
			col := r.IntN(int(numColumns))
			for range 1 + r.IntN(2)*r.IntN(3) {
				setRandom(b, r, Column(col))
			}
		}
	}
	return b.Build()
}

func setRandom(b *frame.Builder, r *rand.Rand, c Column) {
	switch c.Type() {
	case frame.Keyword:
		b.Keyword(int(c), oddTexts[r.IntN(len(oddTexts))])
	case frame.IP:
		b.IP(int(c), netip.AddrFrom4([4]byte{10, byte(r.Uint32()), 0, 1}))
	case frame.Boolean:
		b.Bool(int(c), r.IntN(2) == 0)
	case frame.Date:
		b.Time(int(c), time.UnixMilli(r.Int64N(maxDate)))
	default:
		b.Int(int(c), int64(r.Uint64()))
	}
}

func TestKeysAreSortedAndNested(t *testing.T) {
	b := NewBuilder(Host{ID: "h", OS: OS{Type: "linux"}})
	b.Event(Process, "exec", "start", time.UnixMilli(0))
	b.Keyword(ParentName, "sh")
	b.Keyword(ProcessName, "scp")
	b.Keywords(ProcessAncestry, []string{"a", "b"})
	f := b.Build()
	want := `{"@timestamp":"1970-01-01T00:00:00.000Z","agent":{"id":"h","type":"interdict"},` +
		`"data_stream":{"dataset":"endpoint.events.process","namespace":"default","type":"logs"},` +
		`"event":{"action":"exec","category":"process","dataset":"endpoint.events.process","kind":"event","module":"endpoint","type":"start"},` +
		`"host":{"id":"h","os":{"type":"linux"}},"process":{"Ext":{"ancestry":["a","b"]},"name":"scp","parent":{"name":"sh"}}}`
	if got := string(AppendJSON([]byte("x"), f, 0)); got != "x"+want {
		t.Errorf("got\n%s\nwanted\n%s", got, want)
	}
}

// benchmarkDocs are events of about 1.8 KB, the size of Elastic Defend's.
func benchmarkDocs() (docs [][]byte, size int64) {
	padding := strings.Repeat("x", 40)
	for i := range 2000 {
		doc := fmt.Appendf(nil, `{"@timestamp":"2026-03-04T05:06:%02d.%03dZ","agent":{"id":"agent-%d","type":"endpoint","version":"8.17.0"},"data_stream":{"dataset":"endpoint.events.process","namespace":"default","type":"logs"},"ecs":{"version":"8.10.0"},"elastic":{"agent":{"id":"%s"}},"event":{"action":"exec","agent_id_status":"verified","category":["process"],"created":"2026-03-04T05:06:07.008Z","dataset":"endpoint.events.process","id":"id%09d","ingested":"2026-03-04T05:06:09Z","kind":"event","module":"endpoint","sequence":%d,"type":["start"]},"group":{"Ext":{"real":{"id":0,"name":"root"}},"id":0,"name":"root"},"host":{"architecture":"x86_64","boot":{"id":"5f2b8a4e-3c1d-4b7a-9e60-7d1f0c2a9b31"},"hostname":"web-%d","id":"c0ffee5e2b7d4f0f8a9c3d21e4b5a697","ip":["127.0.0.1","::1","10.20.0.17"],"mac":["52-54-00-12-34-07"],"name":"web-%d","os":{"Ext":{"variant":"Debian"},"family":"debian","full":"Debian 12","kernel":"6.1.0-25-amd64 #1 SMP","name":"Linux","platform":"debian","type":"linux","version":"12"}},"message":"Endpoint process event","process":{"Ext":{"ancestry":["%sA","%sB"]},"args":["cmd","-a","file-%d"],"args_count":3,"command_line":"cmd -a file-%d","entity_id":"ent%d%s","executable":"/usr/bin/tool%d","hash":{"sha256":"%s%s"},"interactive":false,"name":"tool%d","parent":{"args":["bash"],"command_line":"bash","entity_id":"%s","executable":"/usr/bin/bash","interactive":false,"name":"bash","pid":%d,"start":"2026-03-04T05:06:00.000Z"},"pid":%d,"start":"2026-03-04T05:06:07.008Z","thread":{"Ext":{"effective":["0"]},"capabilities":{"effective":["CAP_CHOWN"],"permitted":["CAP_CHOWN"]}},"working_directory":"/srv/www"},"user":{"Ext":{"real":{"id":0,"name":"root"}},"id":"0","name":"root"}}`,
			i%60, i%1000, i%50, padding, i, i, i%50, i%50, padding, padding, i, i, i, padding, i%200, padding, padding[:24], i%200, padding, 1000+i%9, 2000+i)
		docs = append(docs, doc)
		size += int64(len(doc))
	}
	return docs, size
}

func BenchmarkDecodeTheCatalogue(b *testing.B) { benchmarkDecode(b, nil) }

func BenchmarkDecodeSevenFields(b *testing.B) {
	var fields []frame.Field
	for _, c := range []Column{Timestamp, HostOSType, EventAction, AgentID, ProcessName, ProcessExecutable, ProcessCommandLine} {
		fields = append(fields, catalogue[c])
	}
	benchmarkDecode(b, fields)
}

func benchmarkDecode(b *testing.B, fields []frame.Field) {
	docs, size := benchmarkDocs()
	b.SetBytes(size)
	d := NewDecoder(DecoderOptions{Fields: fields})
	for b.Loop() {
		for _, doc := range docs {
			if err := d.Document(doc); err != nil {
				b.Fatal(err)
			}
		}
		d.Build()
	}
}

func BenchmarkEncode(b *testing.B) {
	docs, size := benchmarkDocs()
	d := NewDecoder(DecoderOptions{})
	for _, doc := range docs {
		if err := d.Document(doc); err != nil {
			b.Fatal(err)
		}
	}
	f := d.Build()
	b.SetBytes(size)
	var out []byte
	for b.Loop() {
		e := NewEncoder(f)
		for i := range f.Rows {
			out = e.Append(out[:0], i)
		}
	}
}
