package playbooks

import (
	"regexp"
	"strings"

	"interdict/detect"
)

// Proposal is an exception that would hide a finding, and what it is about in words.
type Proposal struct {
	Words string
	detect.Exception
}

// leastBytes is the smallest limit that is proposed: small transfers vary most.
const leastBytes = 10_000_000

// Propose gives exceptions that would hide f, the narrowest first. Each names
// the far ends where those are known, and limits the bytes to twice what went.
func Propose(f *detect.Finding) []Proposal {
	t, parent, limit := f.Process, detect.Process{}, int64(leastBytes)
	if f.Transfer != nil {
		if f.Transfer.Tool.PID != 0 {
			t = f.Transfer.Tool
		}
		if len(f.Transfer.Ancestors) > 0 {
			parent = f.Transfer.Ancestors[0]
		}
		limit = max(limit, 2*f.Transfer.Sent)
	}
	is := func(field, value string) []detect.Entry {
		if value == "" {
			return nil
		}
		return []detect.Entry{{Field: field, Values: []string{value}}}
	}
	line, shape := is("process.command_line", t.CommandLine), lineShape(t.CommandLine)
	program := is("process.executable", t.Executable)
	under, by, on := is("process.parent.executable", parent.Executable), is("user.name", t.User), is("host.name", f.Host.Name)
	if script := scriptOf(parent); script != "" {
		under = append(under, is("process.parent.command_line", parent.CommandLine)...)
	}
	to := farEntries(f)
	var out []Proposal
	add := func(words string, entries ...[]detect.Entry) {
		p := Proposal{Words: words, Exception: detect.Exception{Name: name(t) + " under " + name(parent), MaxBytes: limit}}
		if parent.Name == "" && parent.Executable == "" {
			p.Name = name(t)
		}
		for _, e := range entries {
			p.Entries = append(p.Entries, e...)
		}
		if p.Check() == nil && p.Fits(f) {
			out = append(out, p)
		}
	}
	add("this very command line, parent, user, host and far end", line, program, under, by, on, to)
	if len(shape) > 0 {
		add("command lines that differ in numbers only", shape, program, under, by, on, to)
	}
	shaped := is("interdict.command_shape", detect.Shape(t.CommandLine))
	add("command lines of the same shape: other paths, numbers and hosts", shaped, program, under, by, on, to)
	if group := is("interdict.count.group", f.Known.Group); len(to) > 0 && group != nil {
		add("the same shape on all hosts of group "+f.Known.Group, shaped, program, under, by, group, to)
	}
	if len(to) > 0 {
		add("whatever this parent sends to this far end with this program, on this host", program, under, by, on, to)
		add("the same on every host", program, under, by, to)
	}
	return out
}

var digits = regexp.MustCompile(`[0-9]+`)

// lineShape stands for command lines that differ in numbers; nil when there are none.
func lineShape(line string) []detect.Entry {
	if strings.ContainsAny(line, "*?") || !digits.MatchString(line) {
		return nil
	}
	return []detect.Entry{{Field: "process.command_line", Values: []string{digits.ReplaceAllString(line, "*")}, Wildcard: true}}
}

// farEntries name all far ends of a finding.
func farEntries(f *detect.Finding) []detect.Entry {
	if f.Transfer == nil {
		return nil
	}
	byField := map[string][]string{}
	for _, p := range newSubject(f, f.Last).far() {
		field := "destination.ip"
		if p.Inbound {
			field = "source.ip"
		}
		byField[field] = addNew(byField[field], p.Addr.Unmap().String())
	}
	var out []detect.Entry
	for _, field := range []string{"destination.ip", "source.ip"} {
		if len(byField[field]) > 0 {
			out = append(out, detect.Entry{Field: field, Values: byField[field]})
		}
	}
	return out
}
