package ui

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"interdict/detect"
	"interdict/ui/text"
)

// Plain tells the same as [Run] as lines, for a screen reader, a serial line or
// a script: alerts as they come, each with a number that commands take, and
// questions that wait for a typed answer. It ends with quit, with the end of
// the input, or with ctx.
func Plain(ctx context.Context, c Config, in io.Reader, out io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	p := newPlain(ctx, c, out)
	go readLines(ctx, in, p.lines, p.clock)
	return p.loop(ctx)
}

func newPlain(ctx context.Context, c Config, out io.Writer) *plain {
	return &plain{
		Model: newModel(ctx, c), out: bufio.NewWriter(out), lines: make(chan typed),
		told: map[string]string{}, amiss: map[string]bool{}, number: map[string]int{}, clock: time.Now,
	}
}

// plain is the console as lines. It shares words, plans and journal with the screen.
type plain struct {
	*Model
	out    *bufio.Writer
	lines  chan typed
	told   map[string]string // by alert id: what was told last
	amiss  map[string]bool   // what was told of troubles
	number map[string]int    // by alert id, from 1
	ids    []string          // by number
	taking taking            // of the evidence by the change that is under way
	err    error             // of out
	clock  func() time.Time  // the wall's: config.Now may be a recording's
}

// typed is one line with the moment at which it came.
type typed struct {
	text string
	at   time.Time
}

// lineLimit bounds a line of input; what is longer ends it.
const lineLimit = 64 << 10

func readLines(ctx context.Context, in io.Reader, lines chan<- typed, clock func() time.Time) {
	defer close(lines)
	scan := bufio.NewScanner(in)
	scan.Buffer(nil, lineLimit)
	for scan.Scan() {
		select {
		case lines <- typed{strings.TrimSpace(scan.Text()), clock()}:
		case <-ctx.Done():
			return
		}
	}
}

// say writes one line; what comes from outside is made harmless here.
func (p *plain) say(format string, args ...any) {
	_, err := p.out.WriteString(text.Clean(fmt.Sprintf(format, args...)) + "\n")
	if p.err == nil {
		p.err = err
	}
}

func (p *plain) flush() error {
	if err := p.out.Flush(); err != nil {
		return err
	}
	return p.err
}

func (p *plain) welcome() {
	p.say("interdict, as lines. help lists the commands.")
	if p.config.Banner != "" {
		p.say("%s", p.config.Banner)
	}
	if p.config.ReadOnly {
		p.say("Read-only: nothing here changes a host.")
	}
	for _, s := range p.sourceWords() {
		p.say("Watching %s.", s.text)
	}
}

func (p *plain) loop(ctx context.Context) error {
	p.welcome()
	for {
		p.tell()
		if err := p.flush(); err != nil {
			return nil // nobody reads any more
		}
		select {
		case <-ctx.Done():
			return nil
		case <-p.config.Engine.Changed():
			p.pull()
			rest(ctx, frameTime)
		case <-time.After(time.Second): // a source may have stopped
		case l, ok := <-p.lines:
			if !ok || !p.do(ctx, l.text) {
				p.farewell(ctx)
				return p.flush()
			}
		}
	}
}

func rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// tell says what is new: alerts that came, and those whose state changed.
func (p *plain) tell() {
	for _, s := range p.troubles() {
		if !p.amiss[s] {
			p.amiss[s] = true
			p.say("NOTE  %s", s)
		}
	}
	here := make(map[string]bool, len(p.snap.Findings))
	for _, f := range p.snap.Findings {
		here[f.ID] = true
		state := p.live(f) + " " + f.NoLonger
		before, known := p.told[f.ID]
		if known && before == state {
			continue
		}
		p.told[f.ID] = state
		if !known {
			p.enlist(f)
			p.say("ALERT %s", p.line(f))
			p.say("  %s", f.Why)
			continue
		}
		p.say("NOW   %s", p.line(f))
	}
	for id := range p.told {
		if !here[id] {
			delete(p.told, id)
		}
	}
}

// enlist gives an alert the number by which commands name it, once.
func (p *plain) enlist(f *detect.Finding) {
	if p.number[f.ID] == 0 {
		p.ids = append(p.ids, f.ID)
		p.number[f.ID] = len(p.ids)
	}
}

// line is an alert in one line.
func (p *plain) line(f *detect.Finding) string {
	s := fmt.Sprintf("%d: %s, %s, %s: %s", p.number[f.ID], p.live(f), riskWord(f), hostWord(f), what(f))
	if f.Transfer != nil {
		s += " to " + peerWord(f) + ", " + outWord(f)
	}
	if f.NoLonger != "" {
		s += ", " + f.NoLonger
	}
	return s + ", " + f.Last.UTC().Format("15:04:05Z")
}

// find gives the finding of a number that was told.
func (p *plain) find(arg string) *detect.Finding {
	n, err := strconv.Atoi(arg)
	if err != nil || n < 1 || n > len(p.ids) {
		p.say("There is no alert %q: list shows their numbers.", arg)
		return nil
	}
	f, ok := p.config.Engine.Finding(p.ids[n-1])
	if !ok {
		p.say("Alert %d is not there any more.", n)
		return nil
	}
	return f
}

// farewell says what stays on hosts.
func (p *plain) farewell(ctx context.Context) {
	p.refreshStanding(ctx)
	switch {
	case p.changes == nil:
	case p.blindOn != "":
		p.say("What is still held on hosts is unknown: %s", p.blindOn)
	case len(p.Model.standing) == 0:
		p.say("Nothing is held on any host.")
	default:
		p.sayStanding()
		p.say("It stays like that. interdict standing lists it.")
	}
}

func (p *plain) refreshStanding(ctx context.Context) {
	if p.changes == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	all, err := p.changes.Standing(ctx)
	stood{all, err}.take(p.Model)
}

func (p *plain) sayStanding() {
	for i, s := range p.Model.standing {
		p.say("HELD %d: %s on %s: %s, since %s, by %s", i+1, s.Kind, s.Host, s.Text, s.Since.UTC().Format("15:04:05Z"), s.Actor)
	}
}

func cleanWord(s string) string { return text.Clean(s) }
