package playbooks

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"interdict/detect"
	"interdict/respond"
	sealed "interdict/respond/evidence"
)

// Report is a case written down so that it holds: whoever reads it alone can say
// what left, from where, to where, when, how sure that is, what was done and
// proven, and what is still open. Its texts carry no secret that [Redact] knows,
// but may carry anything else that an attacker chose: whoever writes it out
// makes that harmless.
type Report struct {
	Brief
	Made     time.Time
	By       string // who made it
	Tool     string // name and version of the program
	Losses   []Loss
	Found    []Found
	Timeline []Moment
	Deeds    []Deed
	Held     []string
	Unknown  []string
	Remains  []string
	Trees    []Tree
}

// Loss is what one transfer took away.
type Loss struct {
	What  string // the files, the largest first
	From  string // host and environment
	To    []Far
	Began time.Time
	Ended time.Time // zero: it had not ended when it was seen last
	Sent  int64
	Flow  []Sample
	Sure  string
	Tool  string
	Class string // of its content: "customer data"
}

// Far is one far end of a transfer.
type Far struct {
	Name     string
	Sent     int64
	Received int64
}

// Found is a verdict with what it rests on.
type Found struct {
	Title              string
	Word               string
	Against, For, Open []string
}

// Deed is one change that was made or tried.
type Deed struct {
	At              time.Time
	Host, By, What  string
	Came            string // what came of it
	Proven          string // the verification's words; "" when nobody looked
	Holds           bool
	Op              string
	Bundle, Sum, ID string // of evidence
}

// Tree is processes of one transfer, the ancestors first.
type Tree struct {
	Host  string
	Nodes []Node
}

// Node is one process of a tree.
type Node struct {
	Depth   int
	Label   string
	Command string
	User    string
	Tool    bool
	Doubt   string // why nobody vouches for it
}

// mostRead bounds the files that a report names for one transfer.
const mostRead = 12

// Report writes a case down. standing is what is held anywhere, doubt why that may not be all.
func (s *Cases) Report(ctx context.Context, b Brief, standing []respond.Standing, doubt, by, tool string) (*Report, error) {
	all, err := s.Timeline(ctx, &b.Case, b.Done)
	if err != nil {
		return nil, err
	}
	r := &Report{Brief: b, Made: s.now().UTC(), By: by, Tool: tool, Timeline: all}
	for _, x := range b.Exhibits {
		sub := newSubject(x.Finding, x.At)
		r.Losses = append(r.Losses, lossOf(sub, x))
		if x.Guide != nil {
			v := x.Guide.Verdict
			r.Found = append(r.Found, Found{x.Finding.RuleName + " on " + x.Finding.Host.Name, v.Word, v.Against, v.For, v.Open})
		}
		r.Trees = append(r.Trees, treeOf(sub))
	}
	for _, o := range b.Done.Operations {
		r.Deeds = append(r.Deeds, deedOf(o))
	}
	for _, h := range b.Held(standing) {
		r.Held = append(r.Held, heldWords(h))
	}
	if doubt != "" {
		r.Held = append(r.Held, "maybe more: "+doubt)
	}
	r.Unknown, r.Remains = r.unknown(), r.remains()
	r.redact()
	return r, nil
}

func lossOf(s *subject, x Exhibit) Loss {
	l := Loss{From: s.f.Host.Name, Began: s.before, Ended: s.transfer.Ended, Sent: s.transfer.Sent, Flow: x.Flow, Tool: label(s.tool), Sure: "not judged"}
	if s.f.Host.Environment != "" {
		l.From += " (" + s.f.Host.Environment + ")"
	}
	if x.Guide != nil {
		v := x.Guide.Verdict
		l.Sure = fmt.Sprintf("%s: %s against, %d for, %d open", v.Word, plural(int64(len(v.Against)), "fact"), len(v.For), len(v.Open))
	}
	if s.f.Transfer == nil {
		l.What, l.Ended = "not known: no transfer was seen", s.tool.Ended
		return l
	}
	var names []string
	for _, f := range s.transfer.Payload() {
		name := f.Path + ", " + byteCount(f.Size)
		if f.Sensitive != "" {
			name += ", " + f.Sensitive
		}
		names = append(names, name)
	}
	l.What = cmp.Or(few(names, mostRead), "not known: no file was seen being read")
	l.Class, _ = s.transfer.Content()
	for _, p := range s.far() {
		i := slices.IndexFunc(l.To, func(f Far) bool { return f.Name == peerName(p) })
		if i < 0 {
			i, l.To = len(l.To), append(l.To, Far{Name: peerName(p)})
		}
		l.To[i].Sent += p.Sent
		l.To[i].Received += p.Received
	}
	return l
}

func deedOf(o respond.Operation) Deed {
	first, last := o.Entries[0], o.Entries[len(o.Entries)-1]
	d := Deed{At: first.Wall, Host: o.Host, By: first.Actor.String(), What: o.Kind, Op: o.Op}
	if o.Plan != nil {
		d.What = o.Plan.Title
	}
	switch {
	case o.UnderWay():
		d.Came = "the console ended in the middle of it: what came of it is not known"
	case o.Phase == respond.Refused || o.Phase == respond.Failed:
		d.Came = outcomeWords(last)
	case o.Result != nil:
		d.Came = o.Result.Summary
	default:
		d.Came = string(o.Phase)
	}
	if o.Phase == respond.Undone {
		d.Came = "taken back: " + d.Came
	}
	if o.Verdict != nil {
		d.Proven, d.Holds = string(o.Verdict.State)+": "+o.Verdict.Summary, o.Verdict.OK()
	}
	if o.Result != nil && o.Kind == sealed.KindCollect {
		if c, err := sealed.ResultOf(*o.Result); err == nil {
			d.Bundle, d.Sum, d.ID = c.Bundle, c.SHA256, c.ID
		}
	}
	return d
}

func treeOf(s *subject) Tree {
	t := Tree{Host: s.f.Host.Name}
	depth := map[int]int{}
	add := func(p detect.Process, d int) {
		if _, ok := depth[p.PID]; ok || p.PID == 0 {
			return
		}
		depth[p.PID] = d
		t.Nodes = append(t.Nodes, Node{Depth: d, Label: label(p), Command: cmp.Or(p.CommandLine, p.Executable), User: p.User, Tool: p.PID == s.tool.PID, Doubt: untrusted(p)})
	}
	d := 0
	for i := len(s.ancestors) - 1; i >= 0; i-- {
		add(s.ancestors[i], d)
		d++
	}
	add(s.tool, d)
	for _, p := range s.transfer.Members {
		under, ok := depth[p.PPID]
		if !ok {
			under = d
		}
		add(p, under+1)
	}
	return t
}

// unknown is what nobody could see or answer.
func (r *Report) unknown() []string {
	var out []string
	add := func(s string) {
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	add("how much of it arrived, and what the far end keeps")
	for _, q := range r.OpenQuestions() {
		add(q)
	}
	add(r.Done.Blind)
	for _, x := range r.Exhibits {
		if x.Guide != nil {
			for _, b := range x.Guide.Blind {
				add(b)
			}
			continue
		}
		for _, b := range x.Finding.Degraded {
			add(b)
		}
	}
	for _, d := range r.Deeds {
		if d.Proven == "" && strings.Contains(d.Came, "not known") {
			add(d.What + ": " + d.Came)
		}
	}
	return out
}

// remains is what is left to do.
func (r *Report) remains() []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if r.Metrics.Contained.IsZero() {
		add("contain it: no freeze, kill, block or isolation was verified")
	}
	for _, h := range r.Held {
		add("decide when to take back: %s", h)
	}
	for _, x := range r.Exhibits {
		if x.Guide == nil {
			add("answer the guide of %s on %s", x.Finding.RuleName, x.Finding.Host.Name)
			continue
		}
		for _, a := range x.Guide.Answers {
			switch {
			case a.ID == "credentials" && a.State != OK:
				add("change the credentials at risk: %s", a.Why)
				for _, l := range a.Evidence {
					add("credential at risk: %s", strings.TrimPrefix(l.Label+": "+l.Text, ": "))
				}
			case a.ID == "others" && a.State != OK:
				add("look at other hosts: %s", a.Why)
			}
		}
	}
	if len(r.Losses) > 0 && !slices.ContainsFunc(r.Exhibits, func(x Exhibit) bool {
		return x.Guide != nil && slices.ContainsFunc(x.Guide.Answers, func(a Answer) bool { return a.ID == "credentials" })
	}) {
		add("change the keys and tokens that the process and its user could read: they were not listed")
	}
	for _, d := range r.Deeds {
		if d.Bundle == "" && d.Proven != "" && !d.Holds {
			add("look again: %s: %s", d.What, d.Proven)
		}
	}
	if r.IsOpen() {
		add("close %s with a reason", r.ID)
	}
	return out
}

// redact hides secrets in everything that is written out.
func (r *Report) redact() {
	each := func(all []string) []string {
		out := make([]string, len(all))
		for i, s := range all {
			out[i] = Redact(s)
		}
		return out
	}
	r.Title, r.Reason = Redact(r.Title), Redact(r.Reason)
	r.Held, r.Unknown, r.Remains = each(r.Held), each(r.Unknown), each(r.Remains)
	for i := range r.Losses {
		r.Losses[i].What = Redact(r.Losses[i].What)
	}
	for i := range r.Found {
		f := &r.Found[i]
		f.Against, f.For, f.Open = each(f.Against), each(f.For), each(f.Open)
	}
	r.Timeline = slices.Clone(r.Timeline)
	for i := range r.Timeline {
		r.Timeline[i].Text = Redact(r.Timeline[i].Text)
	}
	for i := range r.Deeds {
		d := &r.Deeds[i]
		d.What, d.Came, d.Proven = Redact(d.What), Redact(d.Came), Redact(d.Proven)
	}
	for i := range r.Trees {
		for n := range r.Trees[i].Nodes {
			r.Trees[i].Nodes[n].Command = Redact(r.Trees[i].Nodes[n].Command)
		}
	}
}

// Short is the report in labelled lines, for who reads nothing else.
func (r *Report) Short() []Line {
	var out []Line
	put := func(label string, texts ...string) {
		out = append(out, Line{label, strings.Join(nonEmpty(texts...), "; ")})
	}
	var what, from, to, when, sure, done []string
	for _, l := range r.Losses {
		what = append(what, fmt.Sprintf("≥ %s: %s", byteCount(l.Sent), l.What))
		if !slices.Contains(from, l.From) {
			from = append(from, l.From)
		}
		for _, f := range l.To {
			if name := f.Name + " (≥ " + byteCount(f.Sent) + ")"; !slices.Contains(to, name) {
				to = append(to, name)
			}
		}
		when = append(when, l.When())
		if !slices.Contains(sure, l.Sure) {
			sure = append(sure, l.Sure)
		}
	}
	for _, d := range r.Deeds {
		if d.Holds {
			done = append(done, clock(d.At)+" "+d.Came+" (proven: "+d.Proven+")")
		}
	}
	put("What left", what...)
	put("From", from...)
	put("To", cmp.Or(few(to, 8), "not known"))
	put("When", when...)
	put("How sure", sure...)
	put("State", r.Status())
	put("Done and proven", cmp.Or(strings.Join(done, "; "), "nothing"))
	put("Still open", cmp.Or(strings.Join(r.Remains, "; "), "nothing"))
	return out
}

// When is from when to when a transfer ran.
func (l Loss) When() string {
	const day = "2006-01-02 15:04:05Z"
	if l.Ended.IsZero() {
		return l.Began.UTC().Format(day) + ", had not ended when it was seen last"
	}
	return l.Began.UTC().Format(day) + " to " + l.Ended.UTC().Format(day)
}
