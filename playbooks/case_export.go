package playbooks

import (
	"cmp"
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"interdict/detect"
)

// CaseFormats write a case for other programs. Secrets are hidden in them as in a report.
var CaseFormats = map[string]func(io.Writer, *Report) error{"ecs": writeECS, "stix": writeSTIX}

// writeECS writes the alerts as Kibana has them and the timeline as ECS documents, one a line.
func writeECS(w io.Writer, r *Report) error {
	for _, x := range r.Exhibits {
		docs := [][]byte{x.Finding.AppendJSON(nil)}
		for i := range x.Finding.Also {
			docs = append(docs, x.Finding.Also[i].AppendJSON(nil))
		}
		for _, doc := range docs {
			if _, err := io.WriteString(w, redactJSON(doc)+"\n"); err != nil {
				return err
			}
		}
	}
	out := json.NewEncoder(w)
	for _, m := range r.Timeline {
		doc := map[string]any{
			"@timestamp": m.At.UTC().Format("2006-01-02T15:04:05.000Z"), "message": m.Text,
			"ecs":       map[string]any{"version": "8.17.0"},
			"event":     map[string]any{"kind": "event", "module": "interdict", "dataset": "interdict.case", "action": m.Kind, "provider": m.Source},
			"interdict": map[string]any{"case": map[string]any{"id": r.ID, "title": r.Title, "status": r.Status()}},
		}
		if m.Host != "" {
			doc["host"] = map[string]any{"name": m.Host}
		}
		if m.Kind == "note" || m.Kind == "case" {
			doc["user"] = map[string]any{"name": m.Source}
		}
		if err := out.Encode(doc); err != nil {
			return err
		}
	}
	return nil
}

// redactJSON hides secrets in every text of a document.
func redactJSON(doc []byte) string {
	var v any
	if json.Unmarshal(doc, &v) != nil {
		return "{}" // our own writer made it; nothing is better than what might hold a secret
	}
	b, err := json.Marshal(redactValue(v))
	if err != nil {
		return "{}"
	}
	return string(b)
}

func redactValue(v any) any {
	switch v := v.(type) {
	case string:
		return Redact(v)
	case []any:
		var args []string
		for i, one := range v {
			if s, ok := one.(string); ok {
				args = append(args, s)
			}
			v[i] = redactValue(one)
		}
		if len(args) == len(v) && len(v) > 0 {
			return RedactArgs(args)
		}
	case map[string]any:
		for name, one := range v {
			v[name] = redactValue(one)
		}
	}
	return v
}

// Namespaces of derived ids: that of STIX for observables, and ours for what has no rule.
var (
	stixSpace = [16]byte{0x00, 0xab, 0xed, 0xb4, 0xaa, 0x42, 0x46, 0x6c, 0x9c, 0x01, 0xfe, 0xd2, 0x33, 0x15, 0xa9, 0xb7}
	ourSpace  = [16]byte{0x6a, 0x1f, 0x0d, 0x59, 0x2f, 0x6b, 0x4e, 0x11, 0x8c, 0x54, 0x1d, 0x7e, 0x52, 0xc0, 0x99, 0x3a}
)

// uuid5 derives the id of an observable from what it is.
func uuid5(space [16]byte, name string) string { return uuid(space, name, 5) }

// uuid4 derives an id too, so that the same case exports the same objects again,
// in the form that STIX wants of objects whose ids say nothing of them.
func uuid4(name string) string { return uuid(ourSpace, name, 4) }

func uuid(space [16]byte, name string, version byte) string {
	h := sha1.New()
	h.Write(space[:])
	io.WriteString(h, name)
	b := h.Sum(nil)[:16]
	b[6], b[8] = b[6]&0x0f|version<<4, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// stix collects objects of a bundle, each id once.
type stix struct {
	r       *Report
	seen    map[string]bool
	objects []map[string]any
}

func writeSTIX(w io.Writer, r *Report) error {
	s := &stix{r: r, seen: map[string]bool{}}
	var refs []string
	for i, x := range r.Exhibits {
		refs = append(refs, s.exhibit(x, r.Losses[i])...)
	}
	for _, d := range r.Deeds {
		id := s.domain("course-of-action", d.Op, map[string]any{"name": short(d.What, 200), "description": d.Came + ". Proven: " + orElse(d.Proven, "not verified")})
		refs = append(refs, id)
	}
	var words []string
	for _, l := range r.Short() {
		words = append(words, l.Label+": "+l.Text)
	}
	s.domain("report", r.ID, map[string]any{"name": r.ID + ": " + r.Title, "description": strings.Join(words, "\n"), "report_types": []string{"threat-report"},
		"published": stixTime(r.Made), "object_refs": refs})
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(map[string]any{"type": "bundle", "id": "bundle--" + uuid4(r.ID+stixTime(r.Made)), "objects": s.objects})
}

func stixTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// domain adds a domain object.
func (s *stix) domain(kind, name string, fields map[string]any) string {
	id := kind + "--" + uuid4(s.r.ID+"/"+kind+"/"+name)
	fields["created"], fields["modified"] = stixTime(s.r.Opened), stixTime(s.r.Made)
	return s.add(kind, id, fields)
}

// observable adds an observable, whose id is derived from what it is: from those
// of its properties that the specification names for its kind.
func (s *stix) observable(kind string, key, fields map[string]any) string {
	var b strings.Builder
	out := json.NewEncoder(&b) // texts and numbers always encode, names in order
	out.SetEscapeHTML(false)
	_ = out.Encode(key)
	for name, v := range key {
		fields[name] = v
	}
	return s.add(kind, kind+"--"+uuid5(stixSpace, strings.TrimSuffix(b.String(), "\n")), fields)
}

// file adds a program's file, by name, place and content.
func (s *stix) file(p detect.Process) string {
	path := Redact(p.Executable)
	key := map[string]any{"name": short(cmp.Or(base(path), path), 1000)}
	if dir := strings.TrimSuffix(path, base(path)); strings.HasPrefix(dir, "/") {
		key["parent_directory_ref"] = s.observable("directory", map[string]any{"path": short(cmp.Or(strings.TrimSuffix(dir, "/"), "/"), 1000)}, map[string]any{})
	}
	if len(p.SHA256) == 64 && strings.Trim(p.SHA256, "0123456789abcdef") == "" {
		key["hashes"] = map[string]any{"SHA-256": p.SHA256}
	}
	return s.observable("file", key, map[string]any{})
}

func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

func (s *stix) add(kind, id string, fields map[string]any) string {
	if !s.seen[id] {
		s.seen[id] = true
		fields["type"], fields["spec_version"], fields["id"] = kind, "2.1", id
		s.objects = append(s.objects, fields)
	}
	return id
}

// processes are those of a finding, each with its file, its user and its parent where that is among them.
func (s *stix) processes(sub *subject) (observed []string) {
	all := processesOf(sub.f)
	id := func(p detect.Process) string { return "process--" + uuid4(p.EntityID+label(p)+sub.f.Host.ID) }
	for _, p := range all {
		fields := map[string]any{"pid": p.PID, "command_line": Redact(p.CommandLine)}
		if p.Executable != "" {
			fields["image_ref"] = s.file(p)
			observed = append(observed, fields["image_ref"].(string))
		}
		if p.User != "" {
			fields["creator_user_ref"] = s.observable("user-account", map[string]any{"account_login": p.User, "account_type": "unix"}, map[string]any{})
			observed = append(observed, fields["creator_user_ref"].(string))
		}
		if i := slices.IndexFunc(all, func(o detect.Process) bool { return o.PID == p.PPID && p.PPID != 0 }); i >= 0 {
			fields["parent_ref"] = id(all[i])
		}
		if !p.Started.IsZero() {
			fields["created_time"] = stixTime(p.Started)
		}
		observed = append(observed, s.add("process", id(p), fields))
	}
	return observed
}

// exhibit is one finding: what was observed, and indicators of its far ends and programs.
func (s *stix) exhibit(x Exhibit, l Loss) []string {
	sub := newSubject(x.Finding, x.At)
	observed, refs := s.processes(sub), []string(nil)
	for _, p := range sub.far() {
		kind, pattern := "ipv4-addr", "[ipv4-addr:value = '%s']"
		addr := p.Addr.Unmap().WithZone("")
		if addr.Is6() {
			kind, pattern = "ipv6-addr", "[ipv6-addr:value = '%s']"
		}
		far := s.observable(kind, map[string]any{"value": addr.String()}, map[string]any{})
		key := map[string]any{"dst_ref": far, "dst_port": p.Port, "protocols": []string{strings.TrimSuffix(kind, "-addr"), "tcp"}}
		count := map[string]any{"src_byte_count": p.Sent, "dst_byte_count": p.Received}
		if p.Inbound {
			key = map[string]any{"src_ref": far, "protocols": key["protocols"]}
			count = map[string]any{"dst_byte_count": p.Sent, "src_byte_count": p.Received}
		}
		if !p.First.IsZero() {
			key["start"] = stixTime(p.First)
		}
		id := s.observable("network-traffic", key, count)
		observed = append(observed, far, id)
		refs = append(refs, s.indicator(addr, pattern, sub.before)...)
	}
	if h := sub.suspect(); h != "none" && len(strings.Trim(h, "0123456789abcdef")) == 0 {
		refs = append(refs, s.domain("indicator", h, map[string]any{"name": "program that nobody vouches for", "description": "it was part of a transfer in " + s.r.ID, "indicator_types": []string{"anomalous-activity"}, "pattern": "[file:hashes.'SHA-256' = '" + h + "']", "pattern_type": "stix", "valid_from": stixTime(sub.before)}))
	}
	last := l.Ended
	if last.Before(sub.before) {
		last = x.At
	}
	if len(observed) > 0 {
		refs = append(refs, s.domain("observed-data", sub.f.ID, map[string]any{"first_observed": stixTime(sub.before), "last_observed": stixTime(later(last, sub.before)), "number_observed": max(sub.f.Count, 1), "object_refs": observed}))
	}
	return refs
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// indicator says that traffic with an outside address is to be looked for. One of our own networks indicates nothing.
func (s *stix) indicator(addr netip.Addr, pattern string, from time.Time) []string {
	if detect.Internal(addr) {
		return nil
	}
	return []string{s.domain("indicator", addr.String(), map[string]any{"name": "far end of a transfer", "description": "data of " + s.r.ID + " went there", "indicator_types": []string{"anomalous-activity"}, "pattern": fmt.Sprintf(pattern, addr), "pattern_type": "stix", "valid_from": stixTime(from)})}
}
