package playbooks

import (
	"strings"
	"testing"
)

func TestWhatTwoSaidApartIsPutTogetherAndWhatDoesNotHoldIsTold(t *testing.T) {
	for _, c := range []struct{ name, base, mine, theirs, want, dropped string }{
		{"only one changed", `{"a":1,"b":1}`, `{"a":2,"b":1}`, `{"a":1,"b":3}`, `{"a":2,"b":3}`, ""},
		{"both said the same", `{"a":1}`, `{"a":2}`, `{ "a": 2 }`, `{ "a": 2 }`, ""},
		{"both began it", ``, `{"a":1,"log":[{"id":"x"}]}`, `{"b":2,"log":[{"id":"y"}]}`, `{"a":1,"b":2,"log":[{"id":"y"},{"id":"x"}]}`, ""},
		{"logs keep all", `{"log":[{"id":"1"}]}`, `{"log":[{"id":"1"},{"id":"2"}]}`, `{"log":[{"id":"1"},{"id":"3"}]}`, `{"log":[{"id":"1"},{"id":"3"},{"id":"2"}]}`, ""},
		{"a statement is taken whole", `{"t":{"at":1,"by":"ana","state":"x"}}`, `{"t":{"at":2,"by":"ana","state":"closed"}}`,
			`{"t":{"at":3,"by":"bob","state":"x"}}`, `{"t":{"at":3,"by":"bob","state":"x"}}`, `t: {"at":2,"by":"ana","state":"closed"}`},
		{"what one took away is gone", `{"q":{"a":{"at":1},"b":{"at":1}}}`, `{"q":{"b":{"at":1}}}`, `{"q":{"a":{"at":1},"b":{"at":2}}}`, `{"q":{"b":{"at":2}}}`, ""},
		{"taken away here, changed there", `{"a":1}`, `{}`, `{"a":2}`, `{"a":2}`, "a: removed"},
		{"an object against a text", `{"a":{}}`, `{"a":{"x":1}}`, `{"a":"y"}`, `{"a":"y"}`, `a: {"x":1}`},
		{"numbers stay exact", `{}`, `{"n":9223372036854775807}`, `{"m":1.10}`, `{"m":1.10,"n":9223372036854775807}`, ""},
	} {
		got, dropped, err := Merge([]byte(c.base), []byte(c.mine), []byte(c.theirs))
		if err != nil || string(got) != c.want || strings.Join(dropped, "|") != c.dropped {
			t.Errorf("%s: %s, dropped %q, %v", c.name, got, dropped, err)
		}
	}
}
