package playbooks

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
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
	id := regexp.MustCompile(`^([a-z0-9-]+)--[0-9a-f]{8}-[0-9a-f]{4}-([45])[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	have, kinds := map[string]bool{}, map[string]int{}
	for _, o := range bundle.Objects {
		name := o["id"].(string)
		kind, _ := o["type"].(string)
		spec, known := stixKinds[kind]
		if m := id.FindStringSubmatch(name); !known || m == nil || m[1] != kind || have[name] || o["spec_version"] != "2.1" || (m[2] == "5") != (spec.key != nil) {
			t.Errorf("%v", o)
		}
		for _, must := range spec.must {
			if o[must] == nil {
				t.Errorf("%s has no %s", name, must)
			}
		}
		for property := range o {
			if !slices.Contains(slices.Concat([]string{"type", "id", "spec_version"}, spec.must, spec.key, spec.may), property) {
				t.Errorf("%s has a %s, which the specification does not know", name, property)
			}
		}
		if spec.key != nil && name != derived(t, kind, o, spec.key) {
			t.Errorf("%s is not derived from what it is: %s", name, derived(t, kind, o, spec.key))
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
	for _, kind := range []string{"report", "observed-data", "ipv4-addr", "network-traffic", "process", "file", "directory", "user-account", "indicator", "course-of-action"} {
		if kinds[kind] == 0 {
			t.Errorf("no %s: %v", kind, kinds)
		}
	}
}

// stixKinds are the kinds of objects that are written: what each must have, what
// else it may have of ours, and of observables what their ids are derived from
// (STIX 2.1, sections 4 and 6; a process has nothing and takes a UUIDv4).
var stixKinds = map[string]struct{ must, may, key []string }{
	"report":           {must: []string{"created", "modified", "name", "published", "object_refs"}, may: []string{"description", "report_types"}},
	"observed-data":    {must: []string{"created", "modified", "first_observed", "last_observed", "number_observed", "object_refs"}},
	"indicator":        {must: []string{"created", "modified", "pattern", "pattern_type", "valid_from"}, may: []string{"name", "description", "indicator_types"}},
	"course-of-action": {must: []string{"created", "modified", "name"}, may: []string{"description"}},
	"process":          {may: []string{"pid", "command_line", "image_ref", "creator_user_ref", "parent_ref", "created_time"}},
	"file":             {key: []string{"hashes", "name", "parent_directory_ref"}},
	"directory":        {must: []string{"path"}, key: []string{"path"}},
	"ipv4-addr":        {must: []string{"value"}, key: []string{"value"}},
	"ipv6-addr":        {must: []string{"value"}, key: []string{"value"}},
	"user-account":     {key: []string{"account_type", "user_id", "account_login"}},
	"network-traffic": {must: []string{"protocols"}, may: []string{"src_byte_count", "dst_byte_count"},
		key: []string{"start", "src_ref", "dst_ref", "src_port", "dst_port", "protocols"}},
}

func derived(t *testing.T, kind string, o map[string]any, key []string) string {
	t.Helper()
	of := map[string]any{}
	for _, k := range key {
		if o[k] != nil {
			of[k] = o[k]
		}
	}
	b, err := json.Marshal(of) // nothing in the test needs another form
	if err != nil {
		t.Fatal(err)
	}
	space, _ := hex.DecodeString("00abedb4aa42466c9c01fed23315a9b7")
	sum := sha1.Sum(append(space, b...)) // RFC 4122, section 4.3
	sum[6], sum[8] = sum[6]&0x0f|0x50, sum[8]&0x3f|0x80
	return fmt.Sprintf("%s--%x-%x-%x-%x-%x", kind, sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
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

func TestSecretsAreHiddenAlsoBesideWhatIsNoText(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":["--token=pa55wrd",1]}`: `{"a":["--token=[hidden]",1]}`,
		`{"a":[]}`:                    `{"a":[]}`,
	} {
		if got := redactJSON([]byte(in)); got != want {
			t.Errorf("%s: %s, not %s", in, got, want)
		}
	}
}
