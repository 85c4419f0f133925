package playbooks

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

func exported(t *testing.T, format string) string {
	t.Helper()
	c, j := casesWithJournal(t)
	f := theftFound("A1")
	f.Process.Args = []string{"curl", "--password", "hunter2"}
	f.Process.CommandLine = "curl --password hunter2"
	k, err := c.OpenCase(t.Context(), f, nil, "ana")
	if err != nil {
		t.Fatal(err)
	}
	freezeOn(t, j, f.Host.ID, night)
	if err := c.Note(t.Context(), k.ID, "ana", "the token=hunter2 was in it"); err != nil {
		t.Fatal(err)
	}
	b, err := c.Brief(t.Context(), j, k)
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Report(t.Context(), b, nil, "", "ana", "test")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := CaseFormats[format](&out, r); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "hunter2") {
		t.Errorf("%s holds a secret:\n%s", format, out.String())
	}
	return out.String()
}

func TestACaseIsExportedAsDocumentsOneALine(t *testing.T) {
	kinds := map[string]int{}
	for line := range strings.Lines(exported(t, "ecs")) {
		var doc struct {
			Time  string `json:"@timestamp"`
			Event struct{ Kind, Action string }
		}
		if err := json.Unmarshal([]byte(line), &doc); err != nil || doc.Time == "" {
			t.Fatalf("%v: %s", err, line)
		}
		kinds[doc.Event.Kind+"/"+doc.Event.Action]++
	}
	if kinds["signal/alert"] != 1 || kinds["event/note"] != 1 || kinds["event/action"] == 0 || kinds["event/event"] == 0 {
		t.Error(kinds)
	}
}

func TestASTIXBundleRefersOnlyToWhatIsInIt(t *testing.T) {
	var bundle struct {
		Type, ID string
		Objects  []map[string]any
	}
	if err := json.Unmarshal([]byte(exported(t, "stix")), &bundle); err != nil {
		t.Fatal(err)
	}
	id := regexp.MustCompile(`^([a-z0-9-]+)--[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	have, kinds := map[string]bool{}, map[string]int{}
	for _, o := range bundle.Objects {
		name := o["id"].(string)
		if m := id.FindStringSubmatch(name); m == nil || m[1] != o["type"] || have[name] || o["spec_version"] != "2.1" {
			t.Errorf("%v", o)
		}
		have[name] = true
		kinds[o["type"].(string)]++
	}
	for _, o := range bundle.Objects {
		for name, v := range o {
			for _, ref := range refsOf(name, v) {
				if !have[ref] {
					t.Errorf("%s of %s names %s, which is not in the bundle", name, o["id"], ref)
				}
			}
		}
	}
	for _, kind := range []string{"report", "observed-data", "ipv4-addr", "network-traffic", "process", "file", "indicator", "course-of-action"} {
		if kinds[kind] == 0 {
			t.Errorf("no %s: %v", kind, kinds)
		}
	}
}

func refsOf(name string, v any) (out []string) {
	switch {
	case strings.HasSuffix(name, "_ref"):
		return []string{v.(string)}
	case strings.HasSuffix(name, "_refs"):
		for _, one := range v.([]any) {
			out = append(out, one.(string))
		}
	}
	return out
}
