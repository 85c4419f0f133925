package elasticsearch

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"interdict/sources"
	"interdict/testdata/elasticsearch"
)

// A key with just the printed role does all that it is for, and one that lacks
// something is told what.
func TestThePrintedRolesAreEnoughAndNoMoreThanThat(t *testing.T) {
	n := elasticsearch.StartSecured(t)
	as := func(role Role) *Cluster {
		body, _ := json.Marshal(map[string]any{"name": "k", "role_descriptors": map[string]any{"r": role}})
		answer, err := n.Do("POST", "/_security/api_key", string(body))
		if err != nil {
			t.Fatal(err)
		}
		var key struct{ Encoded string }
		if err := json.Unmarshal(answer.Body, &key); err != nil {
			t.Fatal(err)
		}
		return connect(t, func(c *Config) { c.URLs, c.APIKey, c.Namespace = []string{n.URL}, key.Encoded, "roles" })
	}
	sensor := as(Config{Namespace: "roles"}.SensorRole())
	s, stop := shipping(t, sensor, ShipperConfig{Dir: t.TempDir()})
	take(t, s, transfers(0, 3))
	eventually(t, "all is sent", func() bool { return s.Status().Sent == 3 })
	stop()
	if st := s.Status(); len(st.Privileges) > 0 || strings.Contains(strings.Join(st.Templates, " "), "not made") {
		t.Errorf("%+v", st)
	}
	if _, err := n.Do("POST", "/logs-*/_refresh", ""); err != nil {
		t.Fatal(err)
	}

	console := as(Config{}.ConsoleRole())
	q := sources.Query{Text: `FROM logs-endpoint.events.* | WHERE process.name == "scp" AND interdict.tool == "scp" | STATS n = COUNT(*)`, Now: time.Now()}
	f, _, err := console.History().Query(t.Context(), q)
	if err != nil || f.Text("n", 0) != "3" {
		t.Fatal(err)
	}
	live := console.Source(SourceConfig{})
	pids, end := listen(t, live)
	eventually(t, "the events", func() bool { return len(pids()) == 3 })
	if err := end(); err != nil || len(live.Stats().Notes) > 0 || !strings.Contains(live.Stats().About, "basic") {
		t.Errorf("%v, %+v", err, live.Stats())
	}
	take2, err := console.Lacks(t.Context(), Config{Namespace: "roles"}.SensorRole())
	if err != nil || !strings.Contains(strings.Join(take2, "\n"), "this key lacks create_doc on logs-endpoint.events.process-roles: nothing can be shipped there") {
		t.Errorf("%q, %v", take2, err)
	}

	shares := as(Config{}.SharingRole()).Documents()
	if err := shares.Prepare(t.Context(), "alerts", "heads"); err != nil {
		t.Fatal(err)
	}
	for kind, over := range map[string]bool{"alerts": true, "heads": false} { // what stands there of journals is not written over
		version, ok, err := shares.Write(t.Context(), kind, "x", []byte(`{"n":1}`), "")
		if err != nil || !ok {
			t.Errorf("%s: %v", kind, err)
		}
		if _, ok, err := shares.Write(t.Context(), kind, "x", []byte(`{"n":2}`), version); ok != over || (err == nil) != over {
			t.Errorf("%s written over: %v, %v", kind, ok, err)
		}
		if body, _, err := shares.Read(t.Context(), kind, "x"); err != nil || string(body) != map[bool]string{true: `{"n":2}`, false: `{"n":1}`}[over] {
			t.Errorf("%s: %s, %v", kind, body, err)
		}
	}
	if _, _, err := console.Documents().Write(t.Context(), "alerts", "y", []byte(`{}`), ""); !forbidden(err) {
		t.Errorf("a key for looking writes: %v", err)
	}

	blind := as(Role{Cluster: []string{"monitor"}, Indices: []IndexRole{{[]string{"other-*"}, []string{"read"}}}})
	_, _, err = blind.History().Query(t.Context(), q)
	if err == nil {
		t.Error("a key that may read nothing got an answer")
	}
	wrong := connect(t, func(c *Config) { c.URLs, c.APIKey = []string{n.URL}, "bm90OmFrZXk=" })
	_, _, err = wrong.History().Query(t.Context(), q)
	var fault *Fault
	if !errors.As(err, &fault) || fault.Status != 401 {
		t.Errorf("a wrong key: %v", err)
	}
}
