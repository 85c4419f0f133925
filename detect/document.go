package detect

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// AppendJSON appends the alert as one ECS document, without a newline, in the
// shape of Kibana's security alerts: kibana.alert.*, the process and host of
// the newest source event, and what is ours under interdict.*.
func (a Alert) AppendJSON(dst []byte) []byte { return a.append(dst, nil) }

// AppendJSON appends the leading alert as [Alert.AppendJSON] does, with the transfer
// that it is about, and the risk with its reasons.
func (f *Finding) AppendJSON(dst []byte) []byte { return f.Alert.append(dst, f) }

func (a *Alert) append(dst []byte, of *Finding) []byte {
	o := writer{dst: append(dst, '{')}
	o.time("@timestamp", a.Last)
	o.object("event", func() {
		o.text("kind", "signal")
		o.text("category", "process")
		o.text("action", "alert")
	})
	o.object("ecs", func() { o.text("version", "8.17.0") })
	o.object("rule", func() {
		o.text("id", a.RuleID)
		o.text("name", a.RuleName)
	})
	o.object("kibana", func() { o.object("alert", func() { a.kibana(&o) }) })
	a.Host.append(&o)
	a.Process.append(&o)
	if a.To.IsValid() {
		o.object("destination", func() {
			o.text("ip", a.To.Addr().String())
			o.nonzero("port", int64(a.To.Port()))
		})
	}
	o.object("interdict", func() { a.ours(&o, of) })
	return append(o.dst, '}')
}

func (a *Alert) kibana(o *writer) {
	o.text("uuid", a.ID)
	o.text("reason", a.Why)
	o.text("severity", a.Severity)
	o.int("risk_score", int64(a.Risk))
	o.text("status", "active")
	status := "open"
	if a.Closed {
		status = "closed"
	}
	o.text("workflow_status", status)
	o.text("workflow_reason", a.CloseReason)
	o.time("start", a.First)
	o.time("original_time", a.First)
	o.time("last_detected", a.Last)
	o.int("depth", 1)
	o.object("rule", func() {
		o.text("uuid", a.RuleID)
		o.text("rule_id", a.RuleID)
		o.text("name", a.RuleName)
		o.text("category", "ES|QL Rule")
		o.text("consumer", "siem")
		o.text("producer", "siem")
		o.text("rule_type_id", "siem.esqlRule")
		o.texts("threat.tactic.name", a.Tactics)
	})
}

func (h *Host) append(o *writer) {
	if h.AgentID != "" {
		o.object("agent", func() { o.text("id", h.AgentID) })
	}
	o.object("host", func() {
		o.text("id", h.ID)
		o.text("name", h.Name)
		o.text("architecture", h.Architecture)
		if h.BootID != "" {
			o.object("boot", func() { o.text("id", h.BootID) })
		}
		o.object("os", func() {
			o.text("type", h.OSType)
			o.text("full", h.OS)
			o.text("kernel", h.Kernel)
		})
	})
	if h.Environment != "" {
		o.object("labels", func() { o.text("environment", h.Environment) })
	}
}

func (p *Process) append(o *writer) {
	o.object("process", func() {
		o.text("entity_id", p.EntityID)
		o.nonzero("pid", int64(p.PID))
		o.text("name", p.Name)
		o.text("executable", p.Executable)
		o.text("command_line", p.CommandLine)
		o.texts("args", p.Args)
		o.nonzero("args_count", int64(len(p.Args)))
		o.text("working_directory", p.Dir)
		o.texts("env_vars", p.Env)
		o.time("start", p.Started)
		o.time("end", p.Ended)
		if !p.Ended.IsZero() && p.ExitCode != unknownExit {
			o.int("exit_code", p.ExitCode)
		}
		if p.SHA256 != "" {
			o.object("hash", func() { o.text("sha256", p.SHA256) })
		}
		if p.Truncated {
			o.object("Ext", func() { o.bool("command_line_truncated", true) })
		}
		o.object("parent", func() {
			o.text("entity_id", p.Parent)
			o.nonzero("pid", int64(p.PPID))
		})
	})
	if p.User != "" || p.UserID != "" {
		o.object("user", func() {
			o.text("id", p.UserID)
			o.text("name", p.User)
		})
	}
	if p.Container != "" {
		o.object("container", func() { o.text("id", p.Container) })
	}
}

func (a *Alert) ours(o *writer, of *Finding) {
	p := &a.Process
	o.nonzero("start_ticks", p.Start)
	o.text("tool", p.Tool)
	o.text("tool_how", p.ToolHow)
	o.int("login_uid", p.LoginUID)
	o.object("alert", func() {
		o.int("count", int64(a.Count))
		o.time("raised", a.Raised)
		o.text("no_longer", a.NoLonger)
		o.texts("degraded", a.Degraded)
		o.object("row", func() {
			for _, f := range a.Row {
				o.text(f.Name, f.Value)
			}
		})
	})
	if of == nil {
		return
	}
	if t := of.Transfer; t != nil {
		o.object("transfer", func() { t.append(o) })
	}
	if len(of.Reasons) > 0 {
		o.object("risk", func() { of.risk(o) })
	}
	if r := of.Routine; r != nil {
		o.object("routine", func() {
			o.text("class", r.Class)
			o.text("proof", r.Proof)
			o.bool("folded", r.Folds())
			o.text("breach", r.Breach)
			o.texts("limits", r.Limits)
		})
	}
}

// risk is what it is with the reasons, and how much is known to compare with.
func (f *Finding) risk(o *writer) {
	o.int("score", int64(f.Adjusted))
	o.int("of_rule", int64(f.Risk))
	o.list("reasons", len(f.Reasons), func(i int) {
		r := &f.Reasons[i]
		o.text("name", r.Name)
		o.text("text", r.Text)
		o.int("risk", int64(r.Risk))
	})
	o.time("known_since", f.Known.Since)
	o.text("partial", f.Known.Partial)
}

// maxListed bounds the files and far ends of a document.
const maxListed = 100

func (t *Transfer) append(o *writer) {
	o.text("direction", string(t.Direction))
	o.bool("live", t.Live)
	o.int("sent", t.Sent)
	o.int("received", t.Received)
	o.int("rate", int64(t.Rate))
	o.time("started", t.Started)
	o.time("ended", t.Ended)
	o.text("master", t.Master)
	o.texts("unseen", t.Unseen)
	o.list("peers", min(len(t.Peers), maxListed), func(i int) {
		p := &t.Peers[i]
		o.text("address", p.Addr.String())
		o.int("port", int64(p.Port))
		o.bool("inbound", p.Inbound)
		o.int("sent", p.Sent)
		o.int("received", p.Received)
	})
	o.list("files", min(len(t.Files), maxListed), func(i int) {
		f := &t.Files[i]
		o.text("path", f.Path)
		o.int("size", f.Size)
		o.text("sensitive", f.Sensitive)
	})
	o.list("written", min(len(t.Written), maxListed), func(i int) { o.text("path", t.Written[i].Path) })
	o.list("ancestors", len(t.Ancestors), func(i int) {
		p := &t.Ancestors[i]
		o.text("entity_id", p.EntityID)
		o.int("pid", int64(p.PID))
		o.text("name", p.Name)
		o.text("executable", p.Executable)
	})
}

// writer appends members of JSON objects. Text that is empty and times that are zero are left out.
type writer struct{ dst []byte }

func (w *writer) key(name string) {
	if last := w.dst[len(w.dst)-1]; last != '{' && last != '[' {
		w.dst = append(w.dst, ',')
	}
	w.dst = append(appendString(w.dst, name), ':')
}

func (w *writer) text(name, v string) {
	if v != "" {
		w.key(name)
		w.dst = appendString(w.dst, v)
	}
}

func (w *writer) texts(name string, vs []string) {
	if len(vs) == 0 {
		return
	}
	w.key(name)
	w.dst = append(w.dst, '[')
	for i, v := range vs {
		if i > 0 {
			w.dst = append(w.dst, ',')
		}
		w.dst = appendString(w.dst, v)
	}
	w.dst = append(w.dst, ']')
}

func (w *writer) int(name string, v int64) {
	w.key(name)
	w.dst = strconv.AppendInt(w.dst, v, 10)
}

func (w *writer) nonzero(name string, v int64) {
	if v != 0 {
		w.int(name, v)
	}
}

func (w *writer) bool(name string, v bool) {
	w.key(name)
	w.dst = strconv.AppendBool(w.dst, v)
}

func (w *writer) time(name string, t time.Time) {
	if !t.IsZero() {
		w.text(name, t.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
}

func (w *writer) object(name string, members func()) {
	before := len(w.dst)
	w.key(name)
	w.dst = append(w.dst, '{')
	start := len(w.dst)
	members()
	if len(w.dst) == start {
		w.dst = w.dst[:before] // nothing in it
		return
	}
	w.dst = append(w.dst, '}')
}

func (w *writer) list(name string, n int, members func(i int)) {
	if n == 0 {
		return
	}
	w.key(name)
	w.dst = append(w.dst, '[')
	for i := range n {
		if i > 0 {
			w.dst = append(w.dst, ',')
		}
		w.dst = append(w.dst, '{')
		members(i)
		w.dst = append(w.dst, '}')
	}
	w.dst = append(w.dst, ']')
}

// appendString writes a JSON string; bytes that are not UTF-8 become U+FFFD.
func appendString(dst []byte, s string) []byte {
	b, err := json.Marshal(strings.ToValidUTF8(s, "\uFFFD"))
	if err != nil {
		return append(dst, `""`...)
	}
	return append(dst, b...)
}
