package ui

import (
	"cmp"
	"context"
	"io"
	"path/filepath"
	"strings"
	"time"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/ui/report"
)

// plainCaseCommands are those about cases. CASE is written INC-0012.
func plainCaseCommands() []plainCommand {
	return []plainCommand{
		{"cases", "[all]", "how the shift stands, and the open cases", false, (*plain).cases},
		{"case", "N|CASE", "the case of alert N, opened when there is none; or that case: how it stands, its last moments", false, (*plain).openCase},
		{"timeline", "CASE", "all moments of a case, the oldest first", false, (*plain).timeline},
		{"join", "CASE N", "put alert N into a case", false, (*plain).join},
		{"handover", "[CASE WHO WORDS]", "what the next shift must know; with more: give a case to somebody", false, (*plain).handOver},
		{"report", "CASE FILE", "write a case down as FILE.md or FILE.html", false, (*plain).writeReport},
		{"export", "CASE FILE", "write a case for programs, as FILE.ndjson (ECS) or FILE.json (STIX)", false, (*plain).writeExport},
	}
}

// isCase tells whether a word names a case.
func isCase(word string) bool {
	_, err := playbooks.CaseNumber(word)
	return err == nil && strings.ContainsRune(word, '-')
}

// onCases runs f within the time that cases get, and says why not when it fails.
func (p *plain) onCases(ctx context.Context, f func(ctx context.Context, c *playbooks.Cases) error) {
	if p.config.Cases == nil {
		p.say("%v", errNoCases)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, caseLimit)
	defer cancel()
	if err := f(ctx, p.config.Cases); err != nil {
		p.say("Failed: %v", err)
	}
}

func (p *plain) cases(ctx context.Context, args string) {
	p.refreshStanding(ctx)
	p.onCases(ctx, func(ctx context.Context, c *playbooks.Cases) error {
		all, err := c.Briefs(ctx, p.config.Journal, args == "all", casesListed)
		p.say("Now: %s", p.countWord())
		if p.blindOn != "" {
			p.say("Held: not known: %s", p.blindOn)
		} else {
			p.say("Held: %s", cmp.Or(holds(p.Model.standing, p.now()), "nothing is held on any host"))
		}
		for i := range all {
			b := &all[i]
			p.say("%s, %s: %s. %s. Left: %s. %s", b.ID, cmp.Or(b.Assignee, "nobody has it"), b.Title, b.Status(), b.Left(), b.Verdict())
		}
		p.say("%s. So far: %s.", plural(len(all), "case"), playbooks.FiguresOf(all))
		return err
	})
}

// lastMoments is how much of a timeline a case is shown with.
const lastMoments = 15

func (p *plain) openCase(ctx context.Context, args string) {
	p.onCases(ctx, func(ctx context.Context, c *playbooks.Cases) error {
		id := args
		if !isCase(id) {
			f := p.find(args)
			if f == nil {
				return nil
			}
			k, err := c.OpenCase(ctx, f, p.assessed(ctx, f), p.config.Actor.User)
			if err != nil {
				return err
			}
			id = k.ID
		}
		return p.sayCase(ctx, c, id)
	})
}

func (p *plain) sayCase(ctx context.Context, c *playbooks.Cases, id string) error {
	b, err := c.BriefOf(ctx, p.config.Journal, id)
	if err != nil {
		return err
	}
	held, doubt := standingIn(ctx, p.changes)
	for _, l := range b.Lines(byOperation(held)) {
		if l != "" {
			p.say("%s", playbooks.Redact(l))
		}
	}
	if doubt != "" {
		p.say("  Held      maybe more: %s", doubt)
	}
	for _, s := range p.related(&b.Case) {
		p.say("  Related   alert %d, %s: join %s %d takes it in", p.number[s.Finding.ID], s.Why, b.ID, p.number[s.Finding.ID])
	}
	all, err := c.Timeline(ctx, &b.Case, b.Done)
	if n := len(all) - lastMoments; n > 0 {
		p.say("%d earlier: timeline %s tells all.", n, b.ID)
		all = all[n:]
	}
	p.sayMoments(all)
	return err
}

func (p *plain) sayMoments(all []playbooks.Moment) {
	for _, m := range all {
		p.say("%s %s, %s: %s", m.At.UTC().Format(time.RFC3339), m.Kind, m.Source, playbooks.Redact(m.Text))
	}
}

func (p *plain) timeline(ctx context.Context, args string) {
	p.onCases(ctx, func(ctx context.Context, c *playbooks.Cases) error {
		k, err := c.Case(ctx, args)
		if err != nil {
			return err
		}
		all, err := c.Timeline(ctx, &k, playbooks.Done(ctx, p.config.Journal, &k))
		p.sayMoments(all)
		return err
	})
}

func (p *plain) join(ctx context.Context, args string) {
	id, number, _ := strings.Cut(args, " ")
	f := p.find(strings.TrimSpace(number))
	if f == nil {
		return
	}
	p.changeCase(ctx, id, "Alert "+number+" is in "+id+".", func(ctx context.Context, c *playbooks.Cases, by string) error {
		k, err := c.Case(ctx, id)
		if err != nil {
			return err
		}
		why := "a person says that it belongs here"
		for _, s := range playbooks.Related(&k, []*detect.Finding{f}) {
			why = s.Why
		}
		return c.Join(ctx, id, f, p.assessed(ctx, f), by, why)
	})
}

// changeCase says something about a case, in the name of whoever sits here.
func (p *plain) changeCase(ctx context.Context, id, done string, what func(ctx context.Context, c *playbooks.Cases, by string) error) {
	p.onCases(ctx, func(ctx context.Context, c *playbooks.Cases) error {
		err := what(ctx, c, p.config.Actor.User)
		if err == nil {
			p.say("%s", done)
		}
		return err
	})
}

func (p *plain) noteCase(ctx context.Context, id, text string) {
	p.changeCase(ctx, id, "Noted.", func(ctx context.Context, c *playbooks.Cases, by string) error { return noteCase(ctx, c, id, by, text) })
}

func (p *plain) takeCase(ctx context.Context, id string) {
	p.changeCase(ctx, id, "Yours.", func(ctx context.Context, c *playbooks.Cases, by string) error { return c.Assign(ctx, id, by, by) })
}

func (p *plain) closeCase(ctx context.Context, id string, reason Reason) {
	p.changeCase(ctx, id, "Closed "+id+" as "+reason.Word+", with its alerts.", func(ctx context.Context, c *playbooks.Cases, by string) error {
		k, err := c.Case(ctx, id)
		if err != nil {
			return err
		}
		return p.endingOf(&k, reason)(ctx, c, by)
	})
}

func (p *plain) handOver(ctx context.Context, args string) {
	words := strings.SplitN(args, " ", 3)
	switch {
	case args == "":
		p.sayHandOver(ctx)
	case len(words) < 3 || !isCase(words[0]):
		p.say("handover takes a case, who gets it, and what they must know; nothing shows what the next shift must know.")
	default:
		p.changeCase(ctx, words[0], words[0]+" is "+words[1]+"'s.", func(ctx context.Context, c *playbooks.Cases, by string) error {
			return c.HandOver(ctx, words[0], words[1], words[2], by)
		})
	}
}

func (p *plain) sayHandOver(ctx context.Context) {
	p.onCases(ctx, func(ctx context.Context, c *playbooks.Cases) error {
		all, err := c.Briefs(ctx, p.config.Journal, false, casesListed)
		held, doubt := standingIn(ctx, p.changes)
		if err != nil {
			doubt = err.Error()
		}
		for _, l := range playbooks.HandOverText(all, byOperation(held), doubt, p.now(), p.config.Actor.User) {
			if l != "" {
				p.say("%s", playbooks.Redact(l))
			}
		}
		return err
	})
}

func (p *plain) writeReport(ctx context.Context, args string) {
	p.writeCase(ctx, args, "report", report.Formats, map[string]string{".md": "md", ".html": "html"})
}

func (p *plain) writeExport(ctx context.Context, args string) {
	p.writeCase(ctx, args, "export", playbooks.CaseFormats, map[string]string{".ndjson": "ecs", ".json": "stix"})
}

// writeCase writes a case into a new file, in the form that the end of its name says.
func (p *plain) writeCase(ctx context.Context, args, verb string, formats map[string]func(io.Writer, *playbooks.Report) error, ends map[string]string) {
	id, path, _ := strings.Cut(args, " ")
	put, ok := formats[ends[filepath.Ext(path)]]
	if !ok || !isCase(id) {
		p.say("%s takes a case, as INC-0012, and the name of a new file: help says how it ends.", verb)
		return
	}
	p.onCases(ctx, func(ctx context.Context, _ *playbooks.Cases) error {
		r, err := p.Model.report(ctx, id)
		if err != nil {
			return err
		}
		if err := WriteNew(path, func(w io.Writer) error { return put(w, r) }); err != nil {
			return err
		}
		p.say("Written to %s; %s.", path, reportNote)
		return nil
	})
}
