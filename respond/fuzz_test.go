package respond_test

import (
	"testing"

	"interdict/respond"
)

// Whatever a file lists, what comes of it is an inventory or an error.
func FuzzAnsible(f *testing.F) {
	f.Add([]byte(`{"_meta": {"hostvars": {"a": {"ansible_port": 22, "interdict_allow": [1, "freeze"]}}}, "all": {"children": ["x"]}, "x": {"children": ["x"], "hosts": ["a"]}}`))
	f.Add([]byte(`{"x": 1, "_meta": {}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := respond.ReadAnsible("f", b)
		if err != nil {
			return
		}
		v, err := respond.NewInventory(entries)
		if err != nil {
			return
		}
		for _, e := range v.Entries() {
			if got, ok := v.Find(e.Name); !ok || got.Name != e.Name || e.Name[0] == '-' {
				t.Errorf("%+v", e)
			}
		}
	})
}
