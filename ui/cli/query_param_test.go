package cli

import (
	"reflect"
	"testing"
)

func TestAParameterIsJSONAsAWholeOrText(t *testing.T) {
	for given, want := range map[string]any{
		`5`: int64(5), ` 5 `: int64(5), `5.5`: 5.5, `"5"`: "5", `true`: true, `[1,"a"]`: []any{int64(1), "a"}, `{"a":1}`: `{"a":1}`,
		`5]`: "5]", `5}`: "5}", `[1]]`: "[1]]", `5 6`: "5 6", `web-1`: "web-1", ``: "",
	} {
		for _, name := range []string{"", "n"} {
			s := given
			if name != "" {
				s = name + "=" + given
			}
			if p := queryParams([]string{s})[0]; p.Name != name || !reflect.DeepEqual(p.Value, want) {
				t.Errorf("%s: %q is %#v", s, p.Name, p.Value)
			}
		}
	}
}
