package respond

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Entries returns entries with sequence numbers above after, oldest first, at
// most limit of them.
func (j *Journal) Entries(ctx context.Context, after int64, limit int) ([]Entry, error) {
	return j.entries(ctx, `seq IN (SELECT seq FROM journal_entries WHERE seq > ? ORDER BY seq LIMIT ?)`, after, limit)
}

// Operation returns the entries of one operation, oldest first.
func (j *Journal) Operation(ctx context.Context, op string) (Operation, error) {
	entries, err := j.entries(ctx, `op = ?`, op)
	if err != nil {
		return Operation{}, err
	}
	if len(entries) == 0 {
		return Operation{}, fmt.Errorf("journal: %w %q", ErrNoOperation, op)
	}
	return operation(entries), nil
}

// OnHosts returns the operations on the hosts with these machine ids, oldest first.
func (j *Journal) OnHosts(ctx context.Context, hostIDs []string) ([]Operation, error) {
	if len(hostIDs) == 0 {
		return nil, nil
	}
	args := make([]any, len(hostIDs))
	for i, id := range hostIDs {
		args[i] = id
	}
	marks := strings.TrimSuffix(strings.Repeat("?,", len(args)), ",")
	entries, err := j.entries(ctx, `op IN (SELECT op FROM journal_entries WHERE host_id IN (`+marks+`))`, args...)
	return operations(entries), err
}

// HostsWithID returns the names of the hosts that showed this machine id.
func (j *Journal) HostsWithID(ctx context.Context, hostID string) ([]string, error) {
	if hostID == "" {
		return nil, nil
	}
	rows, err := j.db.QueryContext(ctx, `SELECT DISTINCT host FROM journal_entries WHERE host_id = ? ORDER BY host`, hostID)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", damaged(err))
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("journal: %w", damaged(err))
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

func (j *Journal) entries(ctx context.Context, where string, args ...any) ([]Entry, error) {
	var entries []Entry
	err := scan(ctx, j.db, where, args, func(r *row) error {
		e, err := r.entry()
		entries = append(entries, e)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("journal: %w", damaged(err))
	}
	return entries, nil
}

// Operation is one change from plan to outcome, rebuilt from the journal alone.
type Operation struct {
	Op      string
	Kind    string
	Host    string
	Entries []Entry // oldest first
	Phase   Phase   // of the last entry
	Plan    *Plan   // as approved; nil when none was stored
	Result  *Result // of the last entry that has one
	Verdict *Verdict
}

// UnderWay tells whether the program ended, or still is, between touching the
// host and saying how that went: the host must be looked at.
func (o Operation) UnderWay() bool { return o.Phase == Applying || o.Phase == Undoing }

// Unverified tells whether the change was made and nobody looked.
func (o Operation) Unverified() bool { return o.Phase == Applied }

func operation(entries []Entry) Operation {
	o := Operation{Entries: entries}
	for _, e := range entries {
		o.Op, o.Kind, o.Host, o.Phase = e.Op, e.Kind, e.Host, e.Phase
		switch e.Phase {
		case Planned, Approved, Applying:
			if p, err := e.Plan(); err == nil {
				o.Plan = &p
			}
			continue
		}
		out, err := e.Outcome()
		if err != nil {
			continue
		}
		if out.Result != nil {
			o.Result = out.Result
		}
		if out.Verdict != nil {
			o.Verdict = out.Verdict
		}
	}
	return o
}

// Open returns the operations that were begun and of which no outcome, or no
// verification, was written, oldest first. The program that runs one is named
// by Actor.Program of its entries: one that is still alive is still at work.
func (j *Journal) Open(ctx context.Context) ([]Operation, error) {
	entries, err := j.entries(ctx, `op IN (SELECT op FROM journal_entries e WHERE phase IN ('applying','undoing','applied')
		AND seq = (SELECT MAX(seq) FROM journal_entries WHERE op = e.op))`)
	if err != nil {
		return nil, err
	}
	return operations(entries), nil
}

// operations brings the entries of each operation together, in the order in which they began.
func operations(entries []Entry) []Operation {
	var order []string
	byOp := map[string][]Entry{}
	for _, e := range entries {
		if byOp[e.Op] == nil {
			order = append(order, e.Op)
		}
		byOp[e.Op] = append(byOp[e.Op], e)
	}
	all := make([]Operation, 0, len(order))
	for _, op := range order {
		all = append(all, operation(byOp[op]))
	}
	return all
}

// Standing is a change that was made and not taken back.
type Standing struct {
	Held
	Op     string    // the operation that made it; undo that
	Host   string    // Host.Name
	HostID string    //
	BootID string    // of the host then: what is frozen does not outlive a reboot
	Since  time.Time // UTC
	Actor  Actor
}

// Standing returns what the journal says is still held on hosts, oldest first.
// It does not look at the hosts. With ErrGap it is what the entries that are
// left say: those that went missing in this boot may have held more.
func (j *Journal) Standing(ctx context.Context) ([]Standing, error) {
	entries, err := j.entries(ctx, `phase IN ('applied','undone','failed','verified')`)
	if err != nil {
		return nil, err
	}
	gap, err := j.cutNow(ctx)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", damaged(err))
	}
	boot, _ := machineBoot()
	var standing []Standing
	for _, e := range entries {
		out, err := e.Outcome()
		if err == nil && e.Kind == breakKind && e.BootID == boot {
			gap = out.Error
		}
		if err != nil || out.Result == nil {
			continue
		}
		standing = out.Result.apply(standing, e)
	}
	if gap != "" {
		return standing, fmt.Errorf("%w: %s", ErrGap, gap)
	}
	return standing, nil
}

// cutNow says how the journal differs from what was remembered of it, "" if it does not.
func (j *Journal) cutNow(ctx context.Context) (why string, err error) {
	err = j.locked(func() error {
		c, err := j.db.Conn(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		last, err := lastHead(ctx, c)
		if err == nil {
			_, why = j.compareHead(ctx, c, last)
		}
		return err
	})
	return why, err
}

// apply releases what r releases and adds what it holds, the same key once.
func (r *Result) apply(standing []Standing, e Entry) []Standing {
	ends := map[string]bool{}
	for _, key := range r.Releases {
		ends[key] = true
	}
	kept := standing[:0]
	have := map[string]bool{}
	for _, s := range standing {
		if !ends[s.Key] {
			kept = append(kept, s)
			have[s.Key] = true
		}
	}
	for _, h := range r.Holds {
		if !have[h.Key] {
			kept = append(kept, Standing{Held: h, Op: e.Op, Host: e.Host, HostID: e.HostID,
				BootID: r.Identity.BootID, Since: e.Wall, Actor: e.Actor})
		}
	}
	return kept
}
