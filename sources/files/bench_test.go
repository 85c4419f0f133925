package files

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"interdict/sources/esql"
)

// BenchmarkTransferColumnsOfNDJSON reads what the file-transfer rule needs of
// events of about 1.8 KB, of which one in fifty is of a transfer tool: plainly,
// and with the rule's conditions.
func BenchmarkTransferColumnsOfNDJSON(b *testing.B) {
	path, size := benchmarkFile(b, 100_000)
	h, err := Open(b.Context(), Config{Paths: []string{path}})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	is := func(values ...string) func(string) bool {
		return func(v string) bool { return strings.Contains(" "+strings.Join(values, " ")+" ", " "+v+" ") }
	}
	where := []esql.Condition{
		{Field: "host.os.type", Takes: is("linux")}, {Field: "event.action", Takes: is("exec")},
		{Field: "process.name", Takes: is("tool0", "tool50", "tool100", "tool150")},
	}
	columns := []string{"@timestamp", "host.os.type", "event.action", "agent.id", "process.name", "process.executable", "process.parent.executable", "process.command_line"}
	for name, conditions := range map[string][]esql.Condition{"all": nil, "where": where} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				table, _ := h.Tables(b.Context()).Table("logs-*")
				each(len(table.Segments("", math.MinInt64, math.MaxInt64)), func(i int) {
					s := table.Segments("", math.MinInt64, math.MaxInt64)[i].(esql.Sieve)
					if _, err := s.ReadWhere(b.Context(), columns, conditions); err != nil {
						b.Error(err)
					}
				})
			}
		})
	}
}

func benchmarkFile(b testing.TB, events int) (path string, size int64) {
	b.Helper()
	path = filepath.Join(b.TempDir(), "events.ndjson")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriter(f)
	padding := strings.Repeat("x", 40)
	for i := range events {
		fmt.Fprintf(w, benchmarkEvent, i%60, i%1000, i%1000, padding, i, i, i%50, i%50, padding, padding, i, i, i, padding, i%200, padding, padding[:24], i%200, padding, 1000+i%9, 2000+i)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	return path, info.Size()
}

const benchmarkEvent = `{"@timestamp":"2026-03-04T05:06:%02d.%03dZ","agent":{"id":"agent-%d","type":"endpoint","version":"8.17.0"},"data_stream":{"dataset":"endpoint.events.process","namespace":"default","type":"logs"},"ecs":{"version":"8.10.0"},"elastic":{"agent":{"id":"%s"}},"event":{"action":"exec","agent_id_status":"verified","category":["process"],"created":"2026-03-04T05:06:07.008Z","dataset":"endpoint.events.process","id":"id%09d","ingested":"2026-03-04T05:06:09Z","kind":"event","module":"endpoint","sequence":%d,"type":["start"]},"group":{"Ext":{"real":{"id":0,"name":"root"}},"id":0,"name":"root"},"host":{"architecture":"x86_64","boot":{"id":"5f2b8a4e-3c1d-4b7a-9e60-7d1f0c2a9b31"},"hostname":"web-%d","id":"c0ffee5e2b7d4f0f8a9c3d21e4b5a697","ip":["127.0.0.1","::1","10.20.0.17"],"mac":["52-54-00-12-34-07"],"name":"web-%d","os":{"Ext":{"variant":"Debian"},"family":"debian","full":"Debian 12","kernel":"6.1.0-25-amd64 #1 SMP","name":"Linux","platform":"debian","type":"linux","version":"12"}},"message":"Endpoint process event","process":{"Ext":{"ancestry":["%sA","%sB"]},"args":["cmd","-a","file-%d"],"args_count":3,"command_line":"cmd -a file-%d","entity_id":"ent%d%s","executable":"/usr/bin/tool%d","hash":{"sha256":"%s%s"},"interactive":false,"name":"tool%d","parent":{"args":["bash"],"command_line":"bash","entity_id":"%s","executable":"/usr/bin/bash","interactive":false,"name":"bash","pid":%d,"start":"2026-03-04T05:06:00.000Z"},"pid":%d,"start":"2026-03-04T05:06:07.008Z","thread":{"Ext":{"effective":["0"]},"capabilities":{"effective":["CAP_CHOWN"],"permitted":["CAP_CHOWN"]}},"working_directory":"/srv/www"},"user":{"Ext":{"real":{"id":0,"name":"root"}},"id":"0","name":"root"}}` + "\n"
