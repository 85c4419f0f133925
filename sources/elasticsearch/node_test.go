package elasticsearch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"interdict/sources/ecs"
	"interdict/sources/frame"
	"interdict/testdata/elasticsearch"
)

func TestMain(m *testing.M) { os.Exit(elasticsearch.Run(m)) }

// node is the address of a real Elasticsearch.
func node(t testing.TB) string {
	t.Helper()
	return elasticsearch.Start(t).URL
}

// connect opens the node as a cluster named test.
func connect(t testing.TB, change ...func(*Config)) *Cluster {
	t.Helper()
	cfg := Config{Name: "test"}
	for _, f := range change {
		f(&cfg)
	}
	if cfg.URLs == nil {
		cfg.URLs = []string{node(t)}
	}
	c, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// do sends one request past the code under test.
func do(t testing.TB, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, node(t)+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func must(t testing.TB, method, path, body string) string {
	t.Helper()
	status, answer := do(t, method, path, body)
	if status > 299 {
		t.Fatalf("%s %s: %d %.500s", method, path, status, answer)
	}
	return answer
}

// indexOf is where an event of a frame belongs.
func indexOf(f *frame.Frame, row int) string {
	return "logs-" + f.Text("data_stream.dataset", row) + "-" + f.Text("data_stream.namespace", row)
}

// hold makes indices that hold exactly these events, and map just their fields.
func hold(t testing.TB, f *frame.Frame) {
	t.Helper()
	clearEvents(t)
	made := map[string]bool{}
	var bulk bytes.Buffer
	e := ecs.NewEncoder(f)
	for row := range f.Rows {
		index := indexOf(f, row)
		if !made[index] {
			made[index] = true
			must(t, "PUT", "/"+index, mapping(f.Fields()))
		}
		fmt.Fprintf(&bulk, "{\"create\":{\"_index\":%q,\"_id\":\"%s-%d\"}}\n%s\n", index, t.Name(), row, e.Append(nil, row))
	}
	if answer := must(t, "POST", "/_bulk?refresh=true", bulk.String()); strings.Contains(answer, `"errors":true`) {
		t.Fatalf("%.1000s", answer)
	}
}

// ours marks indices that a test may delete: the node may be somebody's own.
const ours = "made by a test of interdict"

// clearEvents deletes what tests made before.
func clearEvents(t testing.TB) {
	t.Helper()
	var found struct {
		Streams []struct{ Name string } `json:"data_streams"`
	}
	if err := json.Unmarshal([]byte(must(t, "GET", "/_resolve/index/logs-*", "")), &found); err != nil {
		t.Fatal(err)
	}
	for _, s := range found.Streams {
		if !shippedTo.MatchString(s.Name) {
			t.Fatalf("%s is not of these tests: use a node of their own", s.Name)
		}
		must(t, "DELETE", "/_data_stream/"+s.Name, "")
	}
	for _, pattern := range []string{".ds-logs-*", "logs-*"} {
		for name := range strings.FieldsSeq(must(t, "GET", "/_cat/indices/"+pattern+"?h=index&expand_wildcards=all", "")) {
			if !strings.HasPrefix(name, ".ds-") && !strings.Contains(must(t, "GET", "/"+name+"/_mapping", ""), ours) {
				t.Fatalf("%s is not of these tests: use a node of their own", name)
			}
			must(t, "DELETE", "/"+name, "")
		}
	}
}

// shippedTo are the data streams of tests: see somewhere.
var shippedTo = regexp.MustCompile(`-t\d{15,}$`)

// mapping is an index with fields of these types.
func mapping(fields []frame.Field) string {
	properties := map[string]any{}
	for _, f := range fields {
		kind := f.Type.String()
		properties[f.Name] = map[string]any{"type": kind}
	}
	b, _ := json.Marshal(map[string]any{"settings": map[string]any{"number_of_shards": 2, "number_of_replicas": 0},
		"mappings": map[string]any{"_meta": map[string]any{"note": ours}, "dynamic": "false", "properties": properties}})
	return string(b)
}
