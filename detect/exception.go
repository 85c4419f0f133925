package detect

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Exception hides findings that somebody knows about, within limits. It looks at
// the finding and not at rows: a rule counts the same with it and without it.
type Exception struct {
	ID     string
	Name   string
	Reason string
	Author string
	Rules  []string // by id; empty: all rules
	// Entries must all hold. With none of them the exception fits nothing.
	Entries  []Entry
	MaxBytes int64 // that one transfer may send; 0: no limit
	Created  time.Time
	Expires  time.Time // zero: never
}

// Entry is one condition, as those of Elastic's exception lists. A field of
// which a finding has several values (far ends, files that were read) holds when
// all of them fit; one that it has none of holds only for Not.
type Entry struct {
	Field    string
	Values   []string // any of these; an address also as network
	Wildcard bool     // * and ? in Values stand for other characters
	Exists   bool     // any value at all; Values is not looked at
	Not      bool
}

// excepted are the fields that can be compared with a finding.
var excepted = map[string]func(f *Finding) []string{
	"process.name":                func(f *Finding) []string { return one(f.tool().Name) },
	"process.executable":          func(f *Finding) []string { return one(f.tool().Executable) },
	"process.command_line":        func(f *Finding) []string { return one(f.tool().CommandLine) },
	"process.working_directory":   func(f *Finding) []string { return one(f.tool().Dir) },
	"process.hash.sha256":         func(f *Finding) []string { return one(f.tool().SHA256) },
	"process.parent.name":         func(f *Finding) []string { return one(f.parent().Name) },
	"process.parent.executable":   func(f *Finding) []string { return one(f.parent().Executable) },
	"process.parent.command_line": func(f *Finding) []string { return one(f.parent().CommandLine) },
	"interdict.tool":              func(f *Finding) []string { return one(f.tool().Tool) },
	"user.name":                   func(f *Finding) []string { return one(f.tool().User) },
	"user.id":                     func(f *Finding) []string { return one(f.tool().UserID) },
	"container.id":                func(f *Finding) []string { return one(f.tool().Container) },
	"host.name":                   func(f *Finding) []string { return one(f.Host.Name) },
	"host.id":                     func(f *Finding) []string { return one(f.Host.ID) },
	"host.os.type":                func(f *Finding) []string { return one(f.Host.OSType) },
	"agent.id":                    func(f *Finding) []string { return one(f.Host.AgentID) },
	"interdict.command_shape":     func(f *Finding) []string { return one(Shape(f.tool().CommandLine)) },
	"interdict.count.group":       func(f *Finding) []string { return one(f.Known.Group) },
	"labels.environment":          func(f *Finding) []string { return one(f.Host.Environment) },
	"destination.ip":              func(f *Finding) []string { return f.far(false) },
	"source.ip":                   func(f *Finding) []string { return f.far(true) },
	"file.path":                   (*Finding).read,
}

// ExceptedFields lists the fields that an exception can name, sorted.
func ExceptedFields() []string {
	var names []string
	for name := range excepted {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func one(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func (f *Finding) tool() *Process {
	if f.Transfer != nil && f.Transfer.Tool.PID != 0 {
		return &f.Transfer.Tool
	}
	return &f.Process
}

// parent is the process that started the tool, zero when unknown.
func (f *Finding) parent() Process {
	if f.Transfer != nil && len(f.Transfer.Ancestors) > 0 {
		return f.Transfer.Ancestors[0]
	}
	for _, field := range f.Row {
		if field.Name == "process.parent.executable" {
			return Process{Executable: field.Value}
		}
	}
	return Process{}
}

// far are the addresses at the other end, those that connected to us if inbound.
func (f *Finding) far(inbound bool) (out []string) {
	if f.Transfer == nil {
		return nil
	}
	for _, p := range f.Transfer.Peers {
		if p.Inbound == inbound && p.Addr.IsValid() && !p.Addr.Unmap().IsLoopback() {
			out = append(out, p.Addr.Unmap().String())
		}
	}
	return out
}

// read are the files that were read to be sent.
func (f *Finding) read() (out []string) {
	if f.Transfer == nil {
		return nil
	}
	for _, file := range f.Transfer.Files {
		if file.Sensitive != LoginKey {
			out = append(out, file.Path)
		}
	}
	return out
}

// Check says what is wrong with an exception, nil when nothing is. One that
// hardly narrows anything is refused.
func (x *Exception) Check() error {
	var all []error
	narrow := false
	for i, e := range x.Entries {
		if other := slices.IndexFunc(x.Entries[:i], e.excludes); other >= 0 {
			all = append(all, fmt.Errorf("field %q: no alert fits both conditions on it", e.Field))
		}
		if excepted[e.Field] == nil {
			all = append(all, fmt.Errorf("field %q cannot be compared with an alert%s; there are %s", e.Field, strings.TrimSuffix(meant(e.Field, ExceptedFields()), "?"), strings.Join(ExceptedFields(), ", ")))
			continue
		}
		if !e.Exists && len(e.Values) == 0 {
			all = append(all, fmt.Errorf("field %q: no value", e.Field))
		}
		narrow = narrow || e.narrows()
	}
	if !narrow && all == nil {
		all = append(all, errors.New("it would hide nearly everything: name a program, command line, parent, far end, file, user or container"))
	}
	if !x.Expires.IsZero() && !x.Created.IsZero() && x.Expires.Before(x.Created) {
		all = append(all, errors.New("it ends before it begins"))
	}
	if x.MaxBytes < 0 {
		all = append(all, errors.New("a negative limit of bytes"))
	}
	return errors.Join(all...)
}

// excludes tells whether no alert can fit both conditions on one field.
func (e Entry) excludes(o Entry) bool {
	switch {
	case e.Field != o.Field, e.Not && o.Not, slices.ContainsFunc(slices.Concat(e.Values, o.Values), isNetwork):
		return false
	case e.Exists || o.Exists:
		return e.Not != o.Not && (e.Exists && e.Not || o.Exists && o.Not)
	case e.Wildcard || o.Wildcard:
		return e.Not != o.Not && e.Wildcard == o.Wildcard && slices.Equal(e.Values, o.Values)
	case e.Not != o.Not:
		in, out := e, o
		if e.Not {
			in, out = o, e
		}
		return !slices.ContainsFunc(in.Values, func(v string) bool { return !slices.Contains(out.Values, v) })
	}
	return !slices.ContainsFunc(e.Values, func(v string) bool { return slices.Contains(o.Values, v) })
}

func isNetwork(v string) bool {
	_, err := netip.ParsePrefix(v)
	return err == nil
}

// narrows tells whether an entry fits something particular.
func (e Entry) narrows() bool {
	if e.Not || e.Exists || strings.HasPrefix(e.Field, "host.") || strings.HasPrefix(e.Field, "agent.") || strings.HasPrefix(e.Field, "labels.") || e.Field == "interdict.count.group" {
		return false
	}
	return !slices.ContainsFunc(e.Values, func(v string) bool {
		return v == "" || e.Wildcard && len(said(v)) < leastLetters || wideNetwork(v) || strings.HasPrefix(e.Field, "user.") && (v == "root" || v == "0")
	})
}

// leastLetters is how much a pattern must say to stand for something particular.
const leastLetters = 3

// said is what a pattern says: not what stands for anything, wherever it stands,
// nor what every path begins or ends with.
func said(pattern string) string {
	return strings.NewReplacer("*", "", "?", "").Replace(strings.Trim(pattern, "*?/."))
}

// wideNetwork tells a network that much of the world is in.
func wideNetwork(v string) bool {
	n, err := netip.ParsePrefix(v)
	return err == nil && (n.Bits() < 8 || n.Addr().Is6() && n.Bits() < 16)
}

// Fits tells whether all entries hold for a finding, whatever the limits say.
func (x *Exception) Fits(f *Finding) bool {
	return x.fits(func(field string) []string {
		if values := excepted[field]; values != nil {
			return values(f)
		}
		return nil
	}, f.rules)
}

// FitsFields is Fits for what was kept of a finding, see [Finding.Fields].
func (x *Exception) FitsFields(fields map[string][]string) bool {
	return x.fits(func(field string) []string { return fields[field] }, func() []string { return fields[ruleField] })
}

func (x *Exception) fits(values func(field string) []string, rules func() []string) bool {
	if len(x.Entries) == 0 || len(x.Rules) > 0 && !slices.ContainsFunc(rules(), func(id string) bool { return slices.Contains(x.Rules, id) }) {
		return false
	}
	for _, e := range x.Entries {
		if e.holds(values(e.Field)) == e.Not {
			return false
		}
	}
	return true
}

const (
	ruleField  = "kibana.alert.rule.rule_id"
	mostFields = 64 // values of one field that are kept
)

func (f *Finding) rules() (out []string) {
	for _, a := range f.Alerts() {
		out = append(out, a.RuleID)
	}
	return out
}

// Fields are what exceptions compare with a finding, to be kept when it is gone.
func (f *Finding) Fields() map[string][]string {
	out := map[string][]string{ruleField: f.rules()}
	for name, values := range excepted {
		if got := values(f); len(got) > 0 {
			out[name] = got[:min(len(got), mostFields)]
		}
	}
	return out
}

func (e Entry) holds(got []string) bool {
	if len(got) == 0 {
		return false
	}
	if e.Exists {
		return true
	}
	for _, v := range got {
		if !slices.ContainsFunc(e.Values, func(want string) bool { return e.is(want, v) }) {
			return false
		}
	}
	return true
}

func (e Entry) is(want, got string) bool {
	switch {
	case want == got:
		return true
	case e.Wildcard:
		return like(want, got)
	case strings.HasSuffix(e.Field, ".ip") && strings.Contains(want, "/"):
		n, err := netip.ParsePrefix(want)
		a, bad := netip.ParseAddr(got)
		return err == nil && bad == nil && n.Contains(a)
	}
	return false
}

// like matches * and ? against the whole text, in time linear in both for each star.
func like(pattern, s string) bool {
	p, t := []rune(pattern), []rune(s)
	star, from := -1, 0
	i, j := 0, 0
	for j < len(t) {
		switch {
		case i < len(p) && p[i] == '*':
			star, from = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == t[j]):
			i, j = i+1, j+1
		case star >= 0:
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}

// breach says what a finding that fits does beyond what any exception, or this
// one, may hide; "" when nothing.
func (x *Exception) breach(f *Finding) string {
	for _, p := range []Process{*f.tool(), f.parent()} {
		if p.Deleted || p.Memfd {
			return p.Label() + " runs from a file that has no name"
		}
	}
	t := f.Transfer
	if t == nil {
		return ""
	}
	for _, file := range t.Files {
		if file.Sensitive == "key material" || file.Sensitive == "credentials" {
			return "it reads " + file.Path + " (" + file.Sensitive + ")"
		}
	}
	if x.MaxBytes > 0 && t.Sent > x.MaxBytes {
		return fmt.Sprintf("it sent %d bytes, of at most %d", t.Sent, x.MaxBytes)
	}
	return ""
}

// Hides tells whether it would hide a finding, and of one that fits and is beyond its limits why not.
func (x *Exception) Hides(f *Finding) (hides bool, why string) {
	if !x.Fits(f) {
		return false, ""
	}
	why = x.breach(f)
	return why == "", why
}

// except lets the exceptions that are in force at now act on a finding: the
// first that fits within its limits hides it; else the first that is breached is told of.
func (f *Finding) except(all []*Exception, ended func(*Exception) bool) {
	for _, x := range all {
		if ended(x) || !x.Fits(f) {
			continue
		}
		why := x.breach(f)
		if why == "" {
			f.Exception, f.Breach = x, ""
			return
		}
		if f.Breach == "" {
			f.Breach = fmt.Sprintf("exception %q does not hide it: %s", x.Name, why)
		}
	}
}

// SetExceptions replaces the exceptions; those of the rules' own files stay.
func (e *Engine) SetExceptions(all []*Exception) {
	e.mu.Lock()
	e.exceptions = append(slices.Clone(e.own), all...)
	e.ruling++
	e.stale = true
	e.version++
	e.publish()
	e.mu.Unlock()
}

// ending is the end of an exception; one that is renewed has another.
type ending struct {
	id string
	at int64 // ms
}

func (x *Exception) ending() ending { return ending{x.ID, x.Expires.UnixMilli()} }

// expire looks whether an exception has ended since the last time.
func (e *Engine) expire(now time.Time) {
	for _, x := range e.exceptions {
		if x.Expires.IsZero() || x.Expires.After(now) || e.over[x.ending()] {
			continue
		}
		e.over[x.ending()] = true
		e.ruling++
		e.stale = true
		e.version++
	}
}

// ended tells whether the end of an exception has come.
func (e *Engine) ended(x *Exception) bool {
	return !x.Expires.IsZero() && (!e.now().Before(x.Expires) || e.over[x.ending()])
}
