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
	How   string // the tool, whose it was and what started it
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
	l := Loss{From: s.f.Host.Name, Began: s.before, Ended: s.transfer.Ended, Sent: s.transfer.Sent, Flow: x.Flow, Tool: label(s.tool), How: howOf(s), Sure: "not judged"}
	if s.f.Host.Environment != "" {
		l.From += " (" + s.f.Host.Environment + ")"
	}
	if x.Guide != nil {
		v := x.Guide.Verdict
		l.Sure = fmt.Sprintf("%s: %s against its being allowed, %d for, %s open", v.Word, plural(int64(len(v.Against)), "fact"), len(v.For), plural(int64(len(v.Open)), "question"))
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

func howOf(s *subject) string {
	out := label(s.tool) + " as " + orUnknown(s.tool.User)
	var above []string
	for _, p := range s.ancestors {
		above = append(above, label(p))
	}
	if len(above) > 0 {
		out += ", started by " + few(above, 4)
	}
	return out
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
		for _, b := range x.Finding.Unseen() {
			add(b)
		}
		if x.Guide != nil {
			for _, b := range x.Guide.Blind {
				add(b)
			}
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
	switch {
	case !r.Metrics.Contained.IsZero():
	case r.Done.Blind != "":
		add("find out whether it is contained: %s", r.Done.Blind)
	default:
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
				out = append(out, credentialsLeft(x, a)...)
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
	for _, gap := range r.gaps() {
		add("close the gap in detection: %s", gap)
	}
	if r.IsOpen() {
		add("close %s with a reason", r.ID)
	}
	return out
}

const replaceOne = "replace credential "

// credentialsLeft are what has to be replaced, in the order to do it in.
func credentialsLeft(x Exhibit, a Answer) []string {
	all, reach := x.Guide.Credentials.All, 0
	var out []string
	for i := range all {
		if all[i].Read.IsZero() {
			reach++
		}
		if all[i].Read.IsZero() && reach > maxCredentialLines {
			continue
		}
		line := fmt.Sprintf(replaceOne+"%d of %d: %s", i+1, len(all), all[i].describe(x.At))
		switch {
		case all[i].Read.IsZero():
			line += ", was within reach"
		case all[i].Login:
			line += ", read " + clock(all[i].Read) + "Z to log in"
		default:
			line += ", READ " + clock(all[i].Read) + "Z"
		}
		out = append(out, line)
	}
	if n := reach - maxCredentialLines; n > 0 {
		out = append(out, fmt.Sprintf("replace credentials that were within reach and are not listed here: %d more", n))
	}
	if len(all) == 0 {
		out = append(out, "change the credentials at risk: "+a.Why)
	}
	if unknown := x.Guide.Credentials.Unknown; unknown != "" {
		out = append(out, "find out which other credentials were within reach on "+x.Finding.Host.Name+": "+unknown)
	}
	return out
}

// lateAlert is from when on an alert is called late.
const lateAlert = 5 * time.Second

// gaps are what was seen late, or not at all.
func (r *Report) gaps() []string {
	var out []string
	for _, x := range r.Exhibits {
		if t := x.Finding.Transfer; t != nil && !x.Finding.Raised.IsZero() && !t.Started.IsZero() && x.Finding.Raised.Sub(t.Started) >= lateAlert {
			out = append(out, fmt.Sprintf("the alert of %s came %s after it began", label(t.Tool), span(x.Finding.Raised.Sub(t.Started))))
		}
		for _, d := range x.Finding.Degraded {
			if !slices.Contains(out, d) {
				out = append(out, d)
			}
		}
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
		l := &r.Losses[i]
		l.What, l.Tool, l.How = Redact(l.What), Redact(l.Tool), Redact(l.How)
	}
	for i := range r.Found {
		f := &r.Found[i]
		f.Title = Redact(f.Title)
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
			node := &r.Trees[i].Nodes[n]
			node.Command, node.Label = Redact(node.Command), Redact(node.Label)
		}
	}
}

// Short is the report in labelled lines, for who reads nothing else.
func (r *Report) Short() []Line {
	var out []Line
	put := func(label string, texts ...string) {
		out = append(out, Line{label, strings.Join(nonEmpty(texts...), "; ")})
	}
	var what, from, to, when, how, sure, done []string
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
		if !slices.Contains(how, l.How) {
			how = append(how, l.How)
		}
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
	put("How", how...)
	put("How sure", sure...)
	put("Known since", r.knownSince())
	put("State", r.Status())
	put("Done and proven", cmp.Or(strings.Join(nonEmpty(append(done, r.Done.Blind)...), "; "), "nothing"))
	put("Still open", cmp.Or(strings.Join(inShort(r.Remains), "; "), "nothing"))
	return out
}

// inShort is what remains with its credentials counted.
func inShort(remains []string) (out []string) {
	n := 0
	for _, s := range remains {
		if strings.HasPrefix(s, replaceOne) {
			n++
		} else {
			out = append(out, s)
		}
	}
	if n > 0 {
		out = append(out, "replace "+plural(int64(n), "credential"))
	}
	return out
}

// knownSince is since when rule and person knew: clocks of the law may begin there.
func (r *Report) knownSince() string {
	out := "first alert " + r.Metrics.Raised.UTC().Format(second)
	if r.Metrics.Acknowledged.IsZero() {
		return out + ", no person has taken it yet"
	}
	return out + ", first person " + r.Metrics.Acknowledged.UTC().Format(second)
}

// Took says how long acknowledging and containing took.
func (m Metrics) Took() string {
	part := func(what string, d time.Duration, ok bool) string {
		if !ok {
			return "not " + what + " yet"
		}
		return what + " after " + span(d)
	}
	ack, acked := m.ToAcknowledge()
	contain, contained := m.ToContain()
	return part("acknowledged", ack, acked) + ", " + part("contained", contain, contained)
}

const second = "2006-01-02 15:04:05Z"

// When is from when to when a transfer ran.
func (l Loss) When() string {
	if l.Ended.IsZero() {
		return l.Began.UTC().Format(second) + ", had not ended when it was seen last"
	}
	return l.Began.UTC().Format(second) + " to " + l.Ended.UTC().Format(second)
}
