package evidence

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"interdict/respond"
)

// sealTime is what a capture keeps for writing its end.
const sealTime = 700 * time.Millisecond

// collection is one bundle being made.
type collection struct {
	in     *intent
	host   respond.Streamer
	now    respond.Identity
	plan   respond.Plan
	signer *respond.Signer
	path   string // of the bundle
	spool  *spool // nil: it was sealed before
	c      *collector
	began  time.Time
	again  bool // goes on with what an earlier run began
}

func (a *action) apply(ctx context.Context, h respond.Host, p respond.Plan) (respond.Result, error) {
	k, err := a.begin(ctx, h, p)
	if err != nil {
		return respond.Result{}, err
	}
	if k.spool == nil {
		return k.sealedBefore(ctx)
	}
	defer k.spool.close()
	limit := k.in.Options.Deadline
	if limit <= 0 {
		limit = defaultDeadline
	}
	if k.in.Options.Capture {
		limit = CaptureTime - sealTime - time.Since(k.began)
	}
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)-sealTime)
	}
	taking, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	k.c.run(taking, k.host, limit+time.Second)
	if k.c.nothing() {
		k.spool.discard()
		return respond.Result{}, fmt.Errorf("%w: %s", errNothing, k.c.whyNothing())
	}
	k.c.given(a.options.Extra)
	return k.finish()
}

// begin opens what the bundle needs before the host is asked for anything.
func (a *action) begin(ctx context.Context, h respond.Host, p respond.Plan) (*collection, error) {
	k := &collection{plan: p, began: time.Now().UTC()}
	var err error
	if k.in, err = decodeIntent(p.Body); err != nil {
		return nil, err
	}
	in := k.in
	in.Options.Extra, in.Options.Progress = a.options.Extra, a.options.Progress
	if err := in.Options.check(); err != nil {
		return nil, err
	}
	if k.host, err = streamer(h); err != nil {
		return nil, err
	}
	recipients, err := parseRecipients(in.Options.Recipients)
	if err != nil {
		return nil, err
	}
	if k.signer, err = respond.OpenSigner(in.Options.Keys); err != nil {
		return nil, err
	}
	asked, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	now, unreached := h.Identity(asked)
	if unreached == nil {
		if err := sameMachine(p.Identity, now); err != nil {
			return nil, err
		}
	}
	k.now = p.Identity
	dir, name := in.Options.place(in.ID, h.Name())
	k.path = filepath.Join(dir, name)
	if _, err := os.Lstat(k.path); err == nil {
		return k, nil
	}
	var lines []logLine
	if k.spool, lines, err = openSpool(k.path, recipients); err != nil {
		return nil, err
	}
	k.c = &collector{in: in, spool: k.spool, requests: in.requests(), progress: in.Options.Progress}
	k.c.load(lines)
	if k.again = len(lines) > 0; k.again {
		return k, nil // also when the host is gone: what there is of it is sealed
	}
	if err = errors.Join(unreached, k.first()); err != nil {
		k.spool.discard()
		return nil, err
	}
	return k, nil
}

// sealedBefore gives the result of an earlier run that ended before it could say so.
func (k *collection) sealedBefore(ctx context.Context) (respond.Result, error) {
	c, err := CheckBundle(ctx, k.path, CheckOptions{})
	if err != nil {
		return respond.Result{}, err
	}
	if !c.Whole() || c.Head.ID != k.in.ID {
		return respond.Result{}, fmt.Errorf("evidence: %s is there already, and is not written over", k.path)
	}
	os.Remove(partialPath(k.path))
	os.Remove(logPath(k.path))
	os.Remove(reservePath(k.path))
	var unnoted error
	if len(c.Custody) == c.inside {
		unnoted = AddCustody(k.path, c.SHA256, k.in.Options.By, "sealed; the program that did was ended before it could note it")
	}
	k.c = &collector{why: c.Head.Partial}
	k.began = c.Head.Began
	return k.result(Collected{ID: k.in.ID, Bundle: k.path, SHA256: c.SHA256, Size: c.Size, Signer: c.Signer, Sealed: c.Head.Recipients > 0,
		Capture: c.Head.Capture, Taken: c.Head.Items, Partial: c.Head.Partial, Took: Took{c.Head.Began, c.Head.Sealed}}, c.Head, unnoted)
}

// first writes what every bundle begins with.
func (k *collection) first() error {
	p, err := json.Marshal(k.plan)
	if err != nil {
		return err
	}
	if err := k.spool.note(logLine{Plan: p}); err != nil {
		return err
	}
	if _, err := k.spool.put(nameReadme, false, false, readme, k.began); err != nil {
		return err
	}
	return errors.Join(k.spool.note(logLine{Entry: &k.spool.sums[0]}), k.spool.sync())
}

// finish seals, and says what there is.
func (k *collection) finish() (respond.Result, error) {
	o, now := k.in.Options, time.Now().UTC()
	head := k.head(now)
	custody, err := k.custody(head)
	if err != nil {
		return respond.Result{}, err
	}
	s := &sealer{spool: k.spool, signer: k.signer, now: now, tell: k.c.tell}
	if err := s.seal(head, o.Limits, k.c.items, custody); err != nil {
		return respond.Result{}, fmt.Errorf("evidence: what was taken could not be sealed and waits in %s: %w", partialPath(k.spool.path), err)
	}
	done := Collected{ID: k.in.ID, Bundle: k.spool.path, Signer: k.signer.Fingerprint(), Sealed: len(o.Recipients) > 0, Capture: o.Capture,
		Taken: head.Items, Failed: k.failed(), Partial: head.Partial, Took: Took{k.began, time.Now().UTC()}}
	if done.SHA256, done.Size, err = fileHash(k.spool.path); err != nil {
		return respond.Result{}, err
	}
	unnoted := AddCustody(done.Bundle, done.SHA256, o.By, "sealed")
	return k.result(done, head, unnoted)
}

func (k *collection) head(now time.Time) Head {
	o := k.in.Options
	h := Head{Version: bundleVersion, ID: k.in.ID, Tool: o.Tool, Host: k.plan.Host, Identity: k.now, Case: o.Case, By: o.By, Approver: o.Approver,
		Capture: o.Capture, Follows: o.Follows, Began: k.began, Sealed: now, Recipients: len(o.Recipients), Partial: k.c.why, Processes: []string{}}
	if !o.AwareSince.IsZero() {
		since := o.AwareSince.UTC()
		h.AwareSince = &since
	}
	for _, m := range k.in.Members {
		h.Processes = append(h.Processes, m.ID.String())
	}
	for _, i := range k.c.items {
		if i.Entry != "" {
			h.Items++
		}
		if i.missing() {
			h.Missing++
		}
		if h.Clock.HostUp == 0 && i.BeganUp != 0 {
			h.Clock = Clock{Here: i.Began, HostUp: i.BeganUp}
		}
	}
	return h
}

// custody is the log inside: what happened until it was sealed.
func (k *collection) custody(h Head) ([]byte, error) {
	var l custodyLog
	o := k.in.Options
	steps := []Custody{{When: k.plan.Made, Who: o.By, What: "planned: " + k.plan.Title}}
	if o.contents() {
		steps = append(steps, Custody{When: k.plan.Made, Who: o.Approver, What: "approved that contents are taken"})
	}
	if h.AwareSince != nil {
		steps = append(steps, Custody{When: *h.AwareSince, Who: o.By, What: "aware since"})
	}
	if k.again {
		steps = append(steps, Custody{When: k.began, Who: o.By, What: "gone on with, after it had been cut short"})
	}
	steps = append(steps, Custody{When: k.began, Who: o.By, What: fmt.Sprintf("taken from %s, machine %s, boot %s", k.plan.Host, h.Identity.HostID, h.Identity.BootID)},
		Custody{When: h.Sealed, Who: o.By, What: "sealed and signed with " + k.signer.Fingerprint()})
	for _, s := range steps {
		if err := l.add(s.When, s.Who, s.What); err != nil {
			return nil, err
		}
	}
	return l.text, nil
}

func (k *collection) failed() []Failure {
	all := []Failure{}
	for _, i := range k.c.items {
		if !i.missing() {
			continue
		}
		f := Failure{What: i.What, Why: i.Outcome + ": " + i.Why}
		if i.Stderr != "" && i.Process == "" { // what is said of a process may quote what it has open
			f.Why += ": " + i.Stderr
		}
		all = append(all, f)
	}
	return all
}

// partial tells whether what was asked for is not all there: of the processes,
// of contents, or because it ended early. That a host has no firewall to list is not.
func (k *collection) partial() bool {
	if k.c.why != "" {
		return true
	}
	for _, i := range k.c.items {
		if i.Outcome == Cut || i.Outcome == Late || i.Outcome == Gone {
			return true
		}
	}
	return false
}

func (k *collection) result(done Collected, head Head, unnoted error) (respond.Result, error) {
	const shown = 20
	body, err := json.Marshal(done)
	if err != nil {
		return respond.Result{}, err
	}
	r := respond.Result{Version: respond.Version, Kind: KindCollect, Host: k.plan.Host, Identity: k.now, Started: k.began, Ended: done.Took.Ended,
		Partial: k.partial(), Body: body}
	r.Summary = fmt.Sprintf("%d items, %s, in %s", done.Taken, size(done.Size), done.Bundle)
	add := func(label, text string) { r.Lines = append(r.Lines, respond.Line{Label: label, Text: text}) }
	add("sha256", done.SHA256)
	add("signed by", done.Signer)
	add("sealed", map[bool]string{true: fmt.Sprintf("for %d recipients", head.Recipients), false: "not: signed only"}[done.Sealed])
	if done.Partial != "" {
		add("ended early", done.Partial)
	}
	for i, f := range done.Failed {
		if i == shown {
			add("missing", fmt.Sprintf("and %d more: the manifest has them all", len(done.Failed)-shown))
			break
		}
		add("missing", f.What+": "+f.Why)
	}
	if unnoted != nil {
		add("custody", "the log beside the bundle could not be written: "+unnoted.Error())
	}
	return r, nil
}

func fileHash(path string) (sha string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	return hashOf(f)
}

func hashOf(r io.Reader) (string, int64, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	return hex.EncodeToString(h.Sum(nil)), n, err
}
