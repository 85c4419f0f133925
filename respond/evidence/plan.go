package evidence

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"interdict/respond"
)

// streamer is the host as this package needs it.
func streamer(h respond.Host) (respond.Streamer, error) {
	s, ok := h.(respond.Streamer)
	if !ok {
		return nil, fmt.Errorf("evidence of %s: %w", h.Name(), respond.ErrUnsupported)
	}
	return s, nil
}

// answers keeps what short requests say, by their id.
type answers struct {
	text  map[string]*bytes.Buffer
	ended map[string]string
	now   string
}

func (a *answers) begin(id string, _ time.Duration) error {
	a.now, a.text[id] = id, &bytes.Buffer{}
	return nil
}

func (a *answers) data(b []byte) error {
	const most = 32 << 20 // of all processes of a host
	if a.text[a.now].Len()+len(b) > most {
		return fmt.Errorf("%w: too much", errFrames)
	}
	a.text[a.now].Write(b)
	return nil
}

func (a *answers) end(status string, _ time.Duration) error {
	a.ended[a.now] = status
	return nil
}

// ask runs short requests and gives their answers by position.
func ask(ctx context.Context, h respond.Streamer, requests []request) ([]string, error) {
	a := &answers{text: map[string]*bytes.Buffer{}, ended: map[string]string{}}
	if _, _, err := stream(ctx, h, 20*time.Second, requests, a); err != nil {
		return nil, fmt.Errorf("%s: %w", h.Name(), err)
	}
	texts := make([]string, len(requests))
	for i, r := range requests {
		id := strconv.Itoa(r.id)
		if a.ended[id] == "0" {
			texts[i] = a.text[id].String()
		}
	}
	return texts, nil
}

// survey looks at the host for a plan: two round trips.
func (in *intent) survey(ctx context.Context, h respond.Streamer, id respond.Identity) error {
	if len(in.Options.Processes) == 0 {
		return nil
	}
	l := &requestList{limits: Limits{}.orDefault()}
	l.host("stats", "", "")
	texts, err := ask(ctx, h, l.all)
	if err != nil {
		return err
	}
	if in.Members, in.Gone, err = in.Options.members(parseStats(texts[0]), id); err != nil {
		return err
	}
	if len(in.Members) == 0 {
		return nil
	}
	l = &requestList{limits: Limits{}.orDefault()}
	for _, m := range in.Members {
		l.of(m.ID, "look", "", "", "%d", l.limits.Item, false)
	}
	if texts, err = ask(ctx, h, l.all); err != nil {
		return err
	}
	for i := range in.Members {
		in.Members[i].looked(texts[i])
	}
	return nil
}

func (a *action) plan(ctx context.Context, h respond.Host) (respond.Plan, error) {
	if err := a.options.check(); err != nil {
		return respond.Plan{}, err
	}
	s, err := streamer(h)
	if err != nil {
		return respond.Plan{}, err
	}
	identity, err := h.Identity(ctx)
	if err != nil {
		return respond.Plan{}, err
	}
	in := &intent{ID: newID(), Options: a.options}
	for _, e := range a.options.Extra {
		in.Given = append(in.Given, e.Name)
	}
	in.Options.Limits = in.Options.Limits.orDefault()
	now := time.Now().UTC()
	if in.Options.To.IsZero() {
		in.Options.To = now
	}
	if in.Options.From.IsZero() {
		in.Options.From = in.Options.To.Add(-time.Hour)
	}
	if err := in.survey(ctx, s, identity); err != nil {
		return respond.Plan{}, err
	}
	in.name()
	body, err := json.Marshal(in)
	if err != nil {
		return respond.Plan{}, err
	}
	return respond.Plan{Version: respond.Version, Kind: KindCollect, Host: h.Name(), Identity: identity, Made: now,
		Title: in.title(h.Name()), Lines: in.lines(h.Name()), Warnings: in.warnings(),
		NoUndo: "nothing on the host is changed, so there is nothing to take back; a bundle that was made stays", Body: body}, nil
}

// name gives the files' processes their start, where a number alone was said.
func (in *intent) name() {
	in.Options.Files = slices.Clone(in.Options.Files)
	for i, f := range in.Options.Files {
		for _, m := range in.Members {
			if f.Process.Start == 0 && m.ID.PID == f.Process.PID {
				in.Options.Files[i].Process = m.ID
			}
		}
	}
}

func newID() string { return time.Now().UTC().Format("20060102T150405Z") + "-" + newWord()[:8] }

func (in *intent) title(host string) string {
	verb := "Collect evidence"
	if in.Options.Capture {
		verb = "Capture"
	}
	switch n := len(in.Members); n {
	case 0:
		return fmt.Sprintf("%s of %s itself", verb, host)
	case 1:
		return fmt.Sprintf("%s of process %d %s on %s", verb, in.Members[0].ID.PID, in.Members[0].Name, host)
	default:
		return fmt.Sprintf("%s of %d processes on %s", verb, n, host)
	}
}

// lines are what a person decides from.
func (in *intent) lines(host string) []respond.Line {
	const shown = 30
	o := in.Options
	var lines []respond.Line
	add := func(label, format string, args ...any) {
		lines = append(lines, respond.Line{Label: label, Text: fmt.Sprintf(format, args...)})
	}
	var exes, memory, open int64
	seen := map[string]bool{}
	for i, m := range in.Members {
		if i == shown {
			add("", "and %d more processes", len(in.Members)-shown)
		}
		if i < shown {
			add([]string{"Of", ""}[min(i, 1)], "%d %s (%s) runs %s, %s; %d files open, %s%s", m.ID.PID, m.Name, m.ID, cmp.Or(m.Exe, "what cannot be read"), size(m.ExeSize), m.Open, size(m.OpenB), states[m.State])
		}
		if !seen[m.Inode] {
			seen[m.Inode] = true
			exes += m.ExeSize
		}
		memory += m.RSS
		open += m.OpenB
	}
	for _, text := range in.Gone {
		add("Gone", "%s", text)
	}
	if len(in.Members) > 0 {
		add("Takes", "of the processes: state, command line, environment, maps, descriptors, connections, and executables also when they are deleted or in memory only (%s)", size(exes))
	}
	if o.Capture {
		add("", "of the host: processes, sockets, neighbours, routes; the rest follows in another bundle")
	} else {
		add("", "of the host: processes, sockets, routes, firewall, logins, cron, timers, users, names of temporary files, logs from %s to %s", o.From.UTC().Format(time.RFC3339), o.To.UTC().Format(time.RFC3339))
	}
	contents := in.contentLines(memory, open)
	for i, text := range contents {
		add([]string{"Contents", ""}[min(i, 1)], "%s", text)
	}
	if len(contents) > 0 {
		add("Approved", "by %s", o.Approver)
	}
	for _, e := range o.Extra {
		add("Given", "%s", e.Name)
	}
	dir, name := o.place(in.ID, host)
	add("Goes to", "%s in %s, at most %s", name, dir, size(o.Limits.Total))
	if n := len(o.Recipients); n > 0 {
		add("Sealed", "for %d recipients: nobody else can read it, this program neither", n)
	} else {
		add("Sealed", "not: signed only. Without recipients the environment is taken redacted, and no shell history")
	}
	add("Needs", "root on the host, head, ls and awk; what a tool that is missing would have said is told as missing")
	if o.Capture {
		add("Time", "%d s at most, whatever the host does", int(CaptureTime.Seconds()))
	}
	return lines
}

func (in *intent) contentLines(memory, open int64) []string {
	o := in.Options
	var texts []string
	if o.Content {
		texts = append(texts, fmt.Sprintf("of the regular files that they have open, %s, at most %s each", size(open), size(o.Limits.File)))
	}
	for _, f := range o.Files {
		texts = append(texts, "of "+f.Path)
	}
	if o.Memory {
		texts = append(texts, fmt.Sprintf("their memory, some %s, at most %s each", size(memory), size(o.Limits.Memory)))
	}
	if o.Packets > 0 {
		texts = append(texts, fmt.Sprintf("network traffic for %s", o.Packets))
	}
	return texts
}

var states = map[string]string{"T": "; stopped", "t": "; held by a tracer", "Z": "; ended, not yet collected"}

func (in *intent) warnings() []string {
	var all []string
	running := 0
	for _, m := range in.Members {
		if !strings.Contains("TtZX", m.State) {
			running++
		}
	}
	if running > 0 {
		all = append(all, fmt.Sprintf("%d of the processes run on while they are looked at: what is taken is not one moment; freeze first if that matters", running))
	}
	if in.Options.Memory {
		all = append(all, "memory holds secrets of everybody who used the process")
	}
	if len(in.Options.Recipients) == 0 {
		all = append(all, "command lines and what the host wrote may hold secrets, and the bundle is not encrypted: whoever can read the file can read them")
	}
	return all
}

func size(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.0f KB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d bytes", n)
}

// sameMachine: the plan is still of this host as it was.
func sameMachine(then, now respond.Identity) error {
	switch {
	case then.BootID != now.BootID:
		return respond.Stale("the host was started again since")
	case then.HostID != now.HostID:
		return respond.Stale("this is another machine: id %s, not %s", now.HostID, then.HostID)
	}
	return nil
}

var errNothing = errors.New("nothing could be taken")
