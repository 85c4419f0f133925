package ecs

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"interdict/sources/frame"
)

// decoded gives the rows of documents as JSON again, one a line.
func decoded(t *testing.T, d *Decoder, docs ...string) string {
	t.Helper()
	for _, doc := range docs {
		if err := d.Document([]byte(doc)); err != nil {
			t.Fatalf("%s: %v", doc, err)
		}
	}
	f := d.Build()
	e := NewEncoder(f)
	var out []string
	for i := range f.Rows {
		out = append(out, string(e.Append(nil, i)))
	}
	return strings.Join(out, "\n")
}

func TestDocumentsAreReadHoweverTheyAreSpelled(t *testing.T) {
	for name, c := range map[string]struct{ doc, want string }{
		"nested":             {`{"process":{"name":"scp","parent":{"pid":7}}}`, `{"process":{"name":"scp","parent":{"pid":7}}}`},
		"dotted":             {`{"process.name":"scp","process.parent.pid":7}`, `{"process":{"name":"scp","parent":{"pid":7}}}`},
		"mixed":              {`{"process.parent":{"pid":7},"process":{"name":"scp"}}`, `{"process":{"name":"scp","parent":{"pid":7}}}`},
		"list":               {`{"process":{"args":["a","b","a"]}}`, `{"process":{"args":["a","b","a"]}}`},
		"list of one, empty": {`{"process":{"args":["a"]},"tags":[]}`, `{"process":{"args":"a"}}`},
		"list of objects":    {`{"process":[{"name":"a"},{"name":"b"}]}`, `{"process":{"name":["a","b"]}}`},
		"nulls":              {`{"process":{"name":null,"args":[null,"x"]},"host":null}`, `{"process":{"args":"x"}}`},
		"text for numbers":   {`{"process":{"pid":"42","interactive":"true"}}`, `{"process":{"interactive":true,"pid":42}}`},
		"numbers for text":   {`{"user":{"id":1000,"name":true},"process":{"pid":3.9e1}}`, `{"process":{"pid":39},"user":{"id":"1000","name":"true"}}`},
		"escapes":            {`{"message":"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud800x"}`, `{"message":"a\"\\/\u0008\u000c\n\r\té😀�x"}`},
		"escaped key":        {`{"mess\u0061ge":"x"}`, `{"message":"x"}`},
		"addresses":          {`{"source":{"ip":"::ffff:10.0.0.1"},"host":{"ip":["FE80::1","10.1.1.1"]}}`, `{"host":{"ip":["fe80::1","10.1.1.1"]},"source":{"ip":"10.0.0.1"}}`},
		"search hit":         {`{"_index":"x","_source":{"message":"m"}}`, `{"message":"m"}`},
		"unknown fields":     {` { "x" : [ { "y" : [ 1 , -2.5e+3 , { } ] } ] , "message" : "m" , "z.z":false } `, `{"message":"m"}`},
		"nothing":            {`{}`, `{}`},
	} {
		d := NewDecoder(DecoderOptions{})
		if got := decoded(t, d, c.doc); got != c.want {
			t.Errorf("%s: %s\nwanted %s", name, got, c.want)
		}
		if m := d.Misfits(); len(m) > 0 {
			t.Errorf("%s: misfits %v", name, m)
		}
	}
}

func TestValuesThatDoNotFitAreLeftOutAndCounted(t *testing.T) {
	d := NewDecoder(DecoderOptions{})
	got := decoded(t, d,
		`{"process":{"pid":"many","name":{"x":1},"interactive":1,"start":"yesterday"},"message":"m"}`,
		`{"process":"scp","source":{"ip":"a.b","port":1e99},"host":{"ip":5},"message":["m",["n"]]}`,
		"{\"message\":\"\xff\",\"user.name\":\"a\",\"user\":{\"name\":\"b\"}}")
	want := `{"message":"m"}
{"message":["m","n"]}
{"message":"�","user":{"name":["a","b"]}}`
	if got != want {
		t.Errorf("got\n%s\nwanted\n%s", got, want)
	}
	var kinds []string
	for _, m := range d.Misfits() {
		kinds = append(kinds, fmt.Sprintf("%s: %s %d", m.Field, m.Kind, m.Count))
	}
	wantKinds := `host.ip: wrong type 1
message: not UTF-8 1
process: wrong type 1
process.interactive: wrong type 1
process.name: wrong type 1
process.pid: wrong type 1
process.start: wrong type 1
source.ip: wrong type 1
source.port: wrong type 1
user.name: duplicate 1`
	if g := strings.Join(kinds, "\n"); g != wantKinds {
		t.Errorf("got\n%s\nwanted\n%s", g, wantKinds)
	}
}

func TestABrokenDocumentLeavesNoTrace(t *testing.T) {
	d := NewDecoder(DecoderOptions{})
	good := `{"message":"m","process":{"args":["a","b"]}}`
	deep := strings.Repeat("[", 100)
	for doc, what := range map[string]string{
		``:                                  "document ends early at byte 1",
		`[]`:                                "unexpected or too deep [ at byte 1",
		`{"message":"x"`:                    "document ends early at byte 15",
		`{"message":"x",}`:                  "unexpected } at byte 16",
		`{"message":"x"} x`:                 "unexpected x at byte 17",
		`{"message" "x"}`:                   "unexpected \" at byte 12",
		`{"message":01}`:                    "unexpected 0 at byte 12",
		`{"message":1.}`:                    "unexpected . at byte 13",
		`{"message":tru}`:                   "unexpected t at byte 12",
		`{"process":{"args":["x",]}}`:       "unexpected ] at byte 25",
		`{"process":{"args":["x" "y"]}}`:    "unexpected \" at byte 25",
		"{\"message\":\"a\nb\"}":            "control character at byte 14",
		`{"message":"\x"}`:                  `unexpected \ at byte 13`,
		`{"message":"\u12g4"}`:              `unexpected \ at byte 13`,
		`{"x":{"y":[1,{"z":nul}]}}`:         "unexpected n at byte 19",
		`{"message":` + deep:                "unexpected or too deep [ at byte 75",
		`{"x":` + deep:                      "unexpected or too deep [ at byte 69",
		`{"message":"x","process":{"pid":7`: "document ends early at byte 34",
	} {
		if err := d.Document([]byte(good)); err != nil {
			t.Fatal(err)
		}
		if err := d.Document([]byte(doc)); err == nil || err.Error() != what {
			t.Errorf("%s: %v, wanted %s", doc, err, what)
		}
		if got := decoded(t, d, good); got != `{"message":"m","process":{"args":["a","b"]}}`+"\n"+`{"message":"m","process":{"args":["a","b"]}}` {
			t.Errorf("after %s: %s", doc, got)
		}
	}
}

func TestDatesAreReadInTheirUsualForms(t *testing.T) {
	for text, want := range map[string]string{
		"2026-02-03T04:05:06.789Z":            "2026-02-03T04:05:06.789Z",
		"2026-02-03T04:05:06.789123456Z":      "2026-02-03T04:05:06.789123456Z",
		"2026-02-03T04:05:06,7":               "2026-02-03T04:05:06.7Z",
		"2026-02-03T04:05:06+02:30":           "2026-02-03T01:35:06Z",
		"2026-02-03T04:05:06-0500":            "2026-02-03T09:05:06Z",
		"2026-02-03 04:05":                    "2026-02-03T04:05:00Z",
		"2026-02-03T04Z":                      "2026-02-03T04:00:00Z",
		"2026-02-03T":                         "2026-02-03T00:00:00Z",
		"2026-02":                             "2026-02-01T00:00:00Z",
		"2026":                                "2026-01-01T00:00:00Z",
		"2024-02-29":                          "2024-02-29T00:00:00Z",
		"1769999999123":                       "2026-02-02T02:39:59.123Z",
		"-1":                                  "",
		"2026-02-30":                          "",
		"2026-13-01":                          "",
		"2026-02-03T24:00:00Z":                "",
		"2026-02-03T04:05:06Zx":               "",
		"2026-02-03T04:05:06.Z":               "",
		"tomorrow":                            "",
		"":                                    "",
		"1969-12-31T23:59:59.999Z":            "1969-12-31T23:59:59.999Z",
		"0001-01-01T00:00:00Z":                "0001-01-01T00:00:00Z",
		"2026-02-03T04:05:06.000000000000001": "2026-02-03T04:05:06Z",
	} {
		at, ok := ParseDate(text)
		if got := at.Format(time.RFC3339Nano); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %s %v, wanted %q", text, got, ok, want)
		}
	}
}

func TestAShiftMovesEveryDate(t *testing.T) {
	d := NewDecoder(DecoderOptions{Shift: -time.Hour - time.Millisecond})
	got := decoded(t, d, `{"@timestamp":"2026-01-01T00:00:00Z","process":{"start":3600002,"pid":5}}`)
	if want := `{"@timestamp":"2025-12-31T22:59:59.999Z","process":{"pid":5,"start":"1970-01-01T00:00:00.001Z"}}`; got != want {
		t.Errorf("got %s, wanted %s", got, want)
	}
}

func TestAFieldThatIsAlsoAnObjectIsReadAndWritten(t *testing.T) {
	fields := []frame.Field{{Name: "a", Type: frame.Long}, {Name: "a.b", Type: frame.Double}, {Name: "a.b.c", Type: frame.Keyword}, {Name: "u", Type: frame.UnsignedLong}}
	d := NewDecoder(DecoderOptions{Fields: fields})
	want := `{"a":1,"a.b":2.0,"a.b.c":"x","u":18446744073709551615}`
	got := decoded(t, d, `{"a":1,"a.b":2,"a.b.c":"x","u":18446744073709551615}`, `{"a":{"b":{"c":"y"}}}`)
	if got != want+"\n"+`{"a.b.c":"y"}` {
		t.Errorf("got %s", got)
	}
	if again := decoded(t, d, want); again != want {
		t.Errorf("read again: %s", again)
	}
}

func TestKeysWithoutEndDoNotFillMemory(t *testing.T) {
	d := NewDecoder(DecoderOptions{})
	for i := range 5000 {
		if err := d.Document(fmt.Appendf(nil, `{"x%d":1,"process.x%d":2,"process.name":"n","message":"m"}`, i, i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(d.root.edges); n > d.root.inner+maxEdges {
		t.Errorf("%d keys are remembered", n)
	}
	if f := d.Build(); f.Text("process.name", 4999) != "n" || len(f.Names) != 2 {
		t.Errorf("columns %v", f.Names)
	}
}

// FuzzDocument holds the decoder against encoding/json: what one accepts as an
// object the other does, and what is decoded survives being written and read.
func FuzzDocument(f *testing.F) {
	for _, s := range []string{
		`{"process":{"args":["a",null,{"x":1}],"pid":1.5e1,"start":"2026-01-01"},"host.ip":"::1"}`,
		`{"message":"\ud83d\ude00\u0000","tags":[[["x"]],"y"]}`, `{"a":{"b":[{"c":-0.0E-1}]}}`, "{\"message\":\"\xc3\x28\"}", `{"_source":{"_source":{}}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		d := NewDecoder(DecoderOptions{})
		err := d.Document(doc)
		var object map[string]any
		if std := json.Unmarshal(doc, &object); (std == nil && object != nil) != (err == nil) && !tooDeep(err) {
			t.Fatalf("decoder: %v, encoding/json: %v", err, std)
		}
		if err == nil {
			survives(t, d.Build())
		}
	})
}

func tooDeep(err error) bool { return err != nil && strings.Contains(err.Error(), "too deep") }

func survives(t *testing.T, f *frame.Frame) {
	t.Helper()
	text := AppendJSON(nil, f, 0)
	if !json.Valid(text) {
		t.Fatalf("not JSON: %s", text)
	}
	d := NewDecoder(DecoderOptions{})
	if err := d.Document(text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if m := d.Misfits(); len(m) > 0 {
		t.Fatalf("%s: %v", text, m)
	}
	if again := AppendJSON(nil, d.Build(), 0); string(again) != string(text) {
		t.Fatalf("%s became %s", text, again)
	}
}
