package detect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/esql/parse"
	"interdict/sources/frame"
)

// flushEvery is how often what was counted is written. What is lost with a crash
// is counted again from the events themselves, but for habits.
const flushEvery = 10 * time.Minute

// markEvery is how often it is written that nothing was to be counted: the next
// run then need not look at what came before.
const markEvery = time.Hour

// rows gives what was counted since the last time, a row for each value, host
// and day, as [CountsQuery] asks for it, and one that counts nothing and says up
// to when all was counted. nil: there is nothing to say, or not all is counted yet.
func (c *counts) rows(now time.Time) *frame.Frame {
	if c.seeding || len(c.pending) == 0 && now.Sub(c.marked) < markEvery {
		return nil
	}
	c.marked = now
	b := ecs.NewBuilder(ecs.Host{})
	b.Event(ecs.Counts, "count", "info", startOf(dayOf(now.UnixMilli())))
	b.Time(ecs.EventCreated, now)
	b.Keyword(ecs.CountOf, Transfers.String())
	b.Int(ecs.CountRuns, 0)
	for key, n := range c.pending {
		value, host := c.names[key.value], c.hosts[key.host]
		b.Event(ecs.Counts, "count", "info", millis(int64(key.day)*24*60*60*1000))
		b.Time(ecs.EventCreated, now)
		b.Keyword(ecs.HostID, host.id)
		b.Keyword(ecs.HostName, host.name)
		b.Keyword(ecs.CountOf, value.kind.String())
		b.Keyword(ecs.CountValue, value.text)
		b.Keyword(ecs.CountGroup, host.group)
		b.Int(ecs.CountRuns, int64(n.runs))
		b.Int(ecs.CountMost, n.most)
	}
	clear(c.pending)
	return b.Build()
}

// flush writes what was counted. The clock alone calls it, without a lock.
func (e *Engine) flush(ctx context.Context) {
	if e.o.Counts == nil {
		return
	}
	e.mu.Lock()
	e.flushed = e.now()
	rows := e.counts.rows(e.flushed)
	e.mu.Unlock()
	if rows == nil {
		return
	}
	if err := e.o.Counts.Put(ctx, sources.Batch{Events: rows, Read: e.now()}); err != nil {
		e.mu.Lock()
		e.counts.partial = "what was counted could not be kept: " + err.Error()
		e.mu.Unlock()
	}
}

// What the counts ask the history. Kept counts go before events, which are
// counted again only from where those end.
const (
	countsIndex = "interdict.counts-*"
	keptQuery   = `FROM interdict.counts-*
| STATS runs = SUM(interdict.count.runs), most = MAX(interdict.count.most), made = MAX(event.created), group = MAX(interdict.count.group), host.name = MAX(host.name)
    BY @timestamp, interdict.count.of, interdict.count.value, host.id`
	ranQuery = `FROM logs-endpoint.events.process-*
| WHERE event.action == "exec" AND (interdict.tool IS NOT NULL AND NOT interdict.tool_how == "inherited"
    OR interdict.start_ticks IS NULL AND process.name IN ("aria2c", "azcopy", "dcp", "ftp", "gsutil", "lftp", "lwp-download", "ncftp", "ncftpget",
      "ncftpput", "rclone", "rsync", "rsyncd", "scp", "sftp", "sftp-server", "smbclient", "tftp", "vsftpd"))
| EVAL hour = DATE_TRUNC(1 hour, @timestamp)
| STATS runs = COUNT(*), began = MIN(@timestamp), host.name = MAX(host.name), environment = MAX(labels.environment)
    BY hour, host.id, interdict.tool, process.name, process.parent.executable, process.command_line, user.name
| LIMIT 10000`
	reachedQuery = `FROM logs-endpoint.events.network-*
| WHERE interdict.tool IS NOT NULL OR process.name IN ("ftp", "rsync", "scp", "sftp", "sftp-server", "curl", "wget", "nc", "rclone", "ssh")
| STATS runs = COUNT_DISTINCT(process.entity_id), host.name = MAX(host.name), environment = MAX(labels.environment) BY host.id, network.direction, source.ip, destination.ip
| LIMIT 10000`
)

// CountsQuery is the ES|QL text that gives how often a value of a kind was
// counted on each host, and on which days.
const CountsQuery = `FROM interdict.counts-*
| WHERE interdict.count.of == ?of AND interdict.count.value == ?value
| STATS runs = SUM(interdict.count.runs), days = COUNT_DISTINCT(@timestamp), earliest = MIN(@timestamp), latest = MAX(@timestamp) BY host.name
| SORT runs DESC
| LIMIT 1000`

// mostCounts bounds the rows of kept counts that are read.
const mostCounts = 1_000_000

// learnKept takes over what was counted in earlier runs. It gives up to when
// that goes. e.put is held, e.mu is not.
func (e *Engine) learnKept(ctx context.Context, now time.Time) (upTo time.Time) {
	if e.o.History == nil {
		return upTo
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	from := now.AddDate(0, 0, -int(e.counts.days)).Truncate(24 * time.Hour)
	f, _, err := e.o.History.Query(ctx, sources.Query{Text: keptQuery, Now: now, Limit: mostCounts, Window: sources.Window{From: from}})
	e.mu.Lock()
	defer e.mu.Unlock()
	var wrong *parse.Error
	switch {
	case errors.As(err, &wrong): // there is no such index yet
		return upTo
	case err != nil:
		e.counts.partial = "earlier counts could not be read: " + err.Error()
		return upTo
	}
	kinds := make(map[string]Kind, numKinds)
	for k := range numKinds {
		kinds[k.String()] = k
	}
	for row := range f.Rows {
		k, ok := kinds[f.Text("interdict.count.of", row)]
		at, dated := f.Int(ecs.Timestamp.Name(), row)
		made, _ := f.Int("made", row)
		if millis(made).After(upTo) {
			upTo = millis(made)
		}
		if n, _ := f.Int("runs", row); n == 0 {
			continue // only says up to when
		}
		host, there := e.counts.host(Host{ID: f.Text("host.id", row), Name: f.Text("host.name", row)}, f.Text("group", row), at)
		if !ok || !dated || !there {
			continue
		}
		runs, _ := f.Int("runs", row)
		most, _ := f.Int("most", row)
		e.counts.place(k, f.Text("interdict.count.value", row), host, dayOf(at), uint32(runs), most)
		since := startOf(dayOf(at))
		if dayOf(at) == dayOf(made) && dayOf(at) == e.counts.today {
			since = millis(made) // of today only what was written is known
		}
		e.counts.knows(since)
	}
	return upTo
}

// learnEvents counts what the history has of transfers from from to to, a day at
// a time, beside what comes in. When ctx ends before, nothing of this run is
// written: the next one begins where this one did.
func (e *Engine) learnEvents(ctx context.Context, from, to time.Time) {
	defer func() {
		e.mu.Lock()
		e.counts.seeding = ctx.Err() != nil
		e.version++
		e.mu.Unlock()
	}()
	for from.Before(to) && ctx.Err() == nil {
		until := from.Truncate(24 * time.Hour).Add(24 * time.Hour)
		if until.After(to) {
			until = to
		}
		window := sources.Window{From: from, To: until}
		if err := e.learnDay(ctx, window); err != nil {
			e.mu.Lock()
			e.counts.partial = fmt.Sprintf("transfers of %s could not be counted: %v", from.Format(time.DateOnly), err)
			e.mu.Unlock()
		}
		from = until
	}
}

func (e *Engine) learnDay(ctx context.Context, window sources.Window) error {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	ran, whole, err := e.o.History.Query(ctx, sources.Query{Text: ranQuery, Now: window.To, Window: window})
	if err != nil {
		return err
	}
	reached, also, err := e.o.History.Query(ctx, sources.Query{Text: reachedQuery, Now: window.To, Window: window})
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if ran.Rows >= maxSeed || reached.Rows >= maxSeed {
		e.counts.partial = "days with more different transfers than one answer can hold are counted in part"
	}
	for _, q := range []sources.Quality{whole, also} {
		if q.Partial {
			e.counts.partial = fmt.Sprintf("transfers of %s are counted in part: %s", window.From.Format(time.DateOnly), reasons(q))
		}
	}
	for row := range ran.Rows {
		e.learnRan(ran, row)
	}
	for row := range reached.Rows {
		e.learnReached(reached, row, window.From.UnixMilli())
	}
	return nil
}

func (e *Engine) hostOf(f *frame.Frame, row int, at int64) (uint32, bool) {
	h := Host{ID: f.Text("host.id", row), Name: f.Text("host.name", row), Environment: f.Text("environment", row)}
	return e.counts.host(h, e.groupOf(h), at)
}

func (e *Engine) groupOf(h Host) string {
	if e.o.Group != nil {
		return e.o.Group(h)
	}
	return h.Environment
}

func (e *Engine) learnRan(f *frame.Frame, row int) {
	at, ok := f.Int("hour", row)
	host, there := e.hostOf(f, row, at)
	n, _ := f.Int("runs", row)
	if !ok || !there {
		return
	}
	if began, dated := f.Int("began", row); dated {
		e.counts.knows(millis(began))
	}
	runs := uint32(n)
	tool := f.Text("interdict.tool", row)
	if tool == "" {
		tool = f.Text("process.name", row)
	}
	e.counts.add(Transfers, "", host, at, runs, 0)
	e.counts.add(ToolUsed, tool, host, at, runs, 0)
	e.counts.add(ParentUsed, f.Text("process.parent.executable", row), host, at, runs, 0)
	e.counts.add(ShapeUsed, e.counts.shape(f.Text("process.command_line", row)), host, at, runs, 0)
	e.counts.add(UserUsed, f.Text("user.name", row), host, at, runs, 0)
	e.counts.add(HourUsed, hourOf(at), host, at, runs, 0)
}

func (e *Engine) learnReached(f *frame.Frame, row int, at int64) {
	host, there := e.hostOf(f, row, at)
	n, _ := f.Int("runs", row)
	far := "destination.ip"
	if d := f.Text("network.direction", row); d == "ingress" || d == "inbound" {
		far = "source.ip"
	}
	if there {
		e.counts.add(Destination, f.Text(far, row), host, at, uint32(n), 0)
	}
}
