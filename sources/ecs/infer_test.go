package ecs

import (
	"fmt"
	"strings"
	"testing"
)

func TestTypesAreInferredFromAllThatIsSeen(t *testing.T) {
	n := NewInference()
	for _, doc := range []string{
		`{"a":1,"b":{"c":true,"d":"x"},"when":"2026-01-02T03:04:05Z","list":[1,2.5],"process":{"pid":"7"}}`,
		`{"a":9223372036854775808,"b.c":false,"b":{"d":1},"when":"2026-01-03","nothing":null,"none":[],"hosts":[{"n":1},{"n":"x"}]}`,
		`{"_index":"i","_id":"1","_source":{"hit":-3,"half":`,
	} {
		_ = n.Document([]byte(doc)) // the last one ends early
	}
	n.Text("csv", "1.5")
	n.Text("csv", "")
	n.Text("csv", "2")
	var got []string
	for _, f := range n.Fields() {
		got = append(got, fmt.Sprintf("%s:%s", f.Name, f.Type))
	}
	want := "a:unsigned_long b.c:boolean b.d:keyword csv:double hit:long hosts.n:keyword list:double process.pid:long when:date"
	if g := strings.Join(got, " "); g != want {
		t.Errorf("got %s\nwanted %s", g, want)
	}
}

func FuzzInference(f *testing.F) {
	f.Add([]byte(`{"a":[{"b":1},null],"c":{"d":"2026-01-01"}}`))
	f.Add([]byte(`{"_source":{"x":1e5}}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		n := NewInference()
		err := n.Document(doc)
		d := NewDecoder(DecoderOptions{Fields: n.Fields()})
		if other := d.Document(doc); (other == nil) != (err == nil) {
			t.Fatalf("inference: %v, decoder: %v", err, other)
		}
	})
}
