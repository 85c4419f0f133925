package detect

import (
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"time"

	"interdict/sources/ecs"
	"interdict/sources/frame"
)

// stage makes events of the lines of a rule's test.
type stage struct {
	now  time.Time
	d    *ecs.Decoder
	pid  int64
	host string
	env  string
}

func newStage() *stage {
	return &stage{now: time.Date(2026, 3, 4, 3, 12, 33, 0, time.UTC), d: ecs.NewDecoder(ecs.DecoderOptions{}), pid: 4000, host: "web-1"}
}

// verbs are the events of the language: event.action, event.type and dataset.
var verbs = map[string]struct {
	action, typ string
	dataset     ecs.Dataset
}{
	"fork":     {"fork", "start", ecs.Process},
	"exec":     {"exec", "start", ecs.Process},
	"running":  {"already_running", "info", ecs.Process},
	"end":      {"end", "end", ecs.Process},
	"connect":  {"connection_attempted", "start", ecs.Network},
	"accept":   {"connection_accepted", "start", ecs.Network},
	"transfer": {"transfer", "info", ecs.Network},
	"close":    {"disconnect_received", "end", ecs.Network},
	"open":     {"open", "access", ecs.File},
}

// play gives the events of one line; none for lines that set the stage.
func (s *stage) play(line scriptLine) (*frame.Frame, error) {
	if line.raw[0] == '{' {
		if err := s.d.Document([]byte(line.raw)); err != nil {
			return nil, err
		}
		return s.d.Build(), nil
	}
	verb, times := line.words[0].key, 1
	if name, n, ok := strings.Cut(verb, "*"); ok {
		var err error
		if times, err = strconv.Atoi(n); err != nil || times < 1 || times > 100_000 {
			return nil, fmt.Errorf("%q is not how often something happens", n)
		}
		verb = name
	}
	if known, err := s.set(verb, line.words[1:]); known {
		return nil, err
	}
	if _, ok := verbs[verb]; !ok {
		return nil, fmt.Errorf("%q is no event", verb)
	}
	for range times {
		doc, err := s.compose(verb, line.words[1:])
		if err != nil {
			return nil, err
		}
		if err := s.d.Document(doc); err != nil {
			return nil, err
		}
	}
	if m := s.d.Misfits(); len(m) > 0 {
		return nil, fmt.Errorf("%s: %s", m[0].Field, m[0].Kind)
	}
	return s.d.Build(), nil
}

// set is for the lines that are no events.
func (s *stage) set(verb string, words []word) (known bool, err error) {
	if verb != "wait" && verb != "host" && verb != "environment" {
		return false, nil
	}
	if len(words) != 1 {
		return true, fmt.Errorf("%s takes one word", verb)
	}
	switch value := words[0].key; verb {
	case "wait":
		d, err := time.ParseDuration(value)
		s.now = s.now.Add(d)
		return true, err
	case "host":
		s.host = value
	case "environment":
		s.env = value
	}
	return true, nil
}

// compose makes a document: what every event has, then what the line says, then what follows from it.
func (s *stage) compose(verb string, words []word) ([]byte, error) {
	v := verbs[verb]
	doc := fields{
		"@timestamp": s.now.Format(time.RFC3339Nano), "event.action": v.action, "event.type": v.typ, "event.kind": "event",
		"data_stream.dataset": v.dataset.String(), "data_stream.type": "logs", "data_stream.namespace": "default",
		"agent.id": "agent-" + s.host, "host.name": s.host, "host.id": "id-" + s.host, "host.boot.id": "boot-" + s.host,
		"host.os.type": "linux", "labels.environment": s.env,
	}
	for _, w := range words {
		if !w.assigned {
			return nil, fmt.Errorf("%q is not name=value", w.key)
		}
		if err := doc.assign(w.key, w.value); err != nil {
			return nil, err
		}
	}
	doc.follow(s, verb)
	o := writer{dst: []byte{'{'}}
	for name, value := range doc {
		o.text(name, value)
	}
	if line := doc["process.command_line"]; line != "" && doc["process.args"] == "" {
		o.texts("process.args", strings.Fields(line))
	}
	return append(o.dst, '}'), nil
}

type fields map[string]string

// assign sets a field by its name or one of the short forms to, from, sent, received.
func (f fields) assign(name, value string) error {
	far := map[string]string{"to": "destination", "from": "source"}[name]
	switch {
	case far != "":
		addr, err := netip.ParseAddrPort(value)
		if err != nil {
			return err
		}
		f[far+".ip"], f[far+".port"] = addr.Addr().String(), strconv.Itoa(int(addr.Port()))
		f["network.direction"] = map[string]string{"to": "egress", "from": "ingress"}[name]
	case name == "sent" || name == "received":
		f[name] = value
	default:
		if _, ok := ecs.Lookup(name); !ok {
			return fmt.Errorf("%s is no field", name)
		}
		f[name] = value
	}
	return nil
}

func (f fields) follow(s *stage, verb string) {
	f.or("process.pid", func() string {
		s.pid++
		return strconv.FormatInt(s.pid, 10)
	})
	f.or("interdict.start_ticks", func() string { return f["process.pid"] + "000000" })
	if f["process.parent.pid"] != "" {
		f.or("interdict.parent_start_ticks", func() string { return f["process.parent.pid"] + "000000" })
	}
	for _, p := range []string{"process", "process.parent"} {
		if exe := f[p+".executable"]; exe != "" {
			f.or(p+".name", func() string { return path.Base(exe) })
		}
	}
	if _, set := f["interdict.tool"]; !set {
		if t, ok := ecs.ToolNamed(f["process.name"]); ok {
			f["interdict.tool"] = t.Name
			f.or("interdict.tool_how", func() string { return "name" })
		}
	}
	out, back := "source.bytes", "destination.bytes"
	if f["network.direction"] == "ingress" {
		out, back = back, out
	}
	for short, name := range map[string]string{"sent": out, "received": back} {
		if v := f[short]; v != "" {
			f[name] = v
		}
		delete(f, short)
	}
}

func (f fields) or(name string, value func() string) {
	if f[name] == "" {
		f[name] = value()
	}
}

// word is one of a line: a bare or quoted one, or name=value.
type word struct {
	key, value       string
	quoted, assigned bool
}

// wordsOf splits a line; values may be quoted as Go strings.
func wordsOf(line string) ([]word, error) {
	var out []word
	for rest := strings.TrimSpace(line); rest != ""; rest = strings.TrimSpace(rest) {
		if rest[0] == '#' {
			break
		}
		var w word
		var err error
		if w.key, w.quoted, rest, err = part(rest, " \t="); err != nil {
			return nil, err
		}
		if strings.HasPrefix(rest, "=") && !w.quoted {
			w.assigned = true
			if w.value, _, rest, err = part(rest[1:], " \t"); err != nil {
				return nil, err
			}
		}
		out = append(out, w)
	}
	return out, nil
}

func part(s, ends string) (text string, quoted bool, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		i := strings.IndexAny(s, ends)
		if i < 0 {
			i = len(s)
		}
		return s[:i], false, s[i:], nil
	}
	q, err := strconv.QuotedPrefix(s)
	if err != nil {
		return "", true, "", fmt.Errorf("the quote in %s does not end", s)
	}
	text, err = strconv.Unquote(q)
	return text, true, s[len(q):], err
}
