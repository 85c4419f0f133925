package detect

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/frame"
)

// recallGrace is how long after the first process of a host was told to be there
// already the rest may come; what has not come by then is not there any more.
const recallGrace = 3000 // ms

// recall follows once more what transfer tools did before this run, as far back
// as alerts are seeded: else their alerts would be shown without bytes and
// destinations, and as if they still ran. What cannot be asked is left out: the
// alerts come all the same. e.put is held and e.mu is not.
func (e *Engine) recall(ctx context.Context, now time.Time) {
	from := e.lookback(now)
	if e.o.History == nil || from.IsZero() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	ask := func(text string, columns []string, filter sources.Filter) *frame.Frame {
		text = fmt.Sprintf("%s\n| SORT `%s` DESC\n| LIMIT %d\n| KEEP %s", text, timestamp, maxSeed, quoted(columns))
		f, _, err := e.o.History.Query(ctx, sources.Query{Text: text, Now: now, Limit: maxSeed, Filter: filter,
			Window: sources.Window{From: from}})
		if err != nil || f == nil || f.Rows == 0 {
			return nil
		}
		return inOrder(f)
	}
	tools := ask(fmt.Sprintf("FROM %s\n| WHERE `%s` IS NOT NULL", endpointEvents, ecs.ProcessTool.Name()), recalledMoves, nil)
	if tools == nil {
		return
	}
	named := concerned(viewOf(tools))
	processes := ask("FROM "+ecs.Process.Index(), recalledProcesses, sources.Filter{ecs.ProcessEntityID.Name(): named})
	e.mu.Lock()
	defer e.mu.Unlock()
	e.track.recalling = true
	if processes != nil {
		e.track.put(viewOf(processes))
	}
	e.track.put(viewOf(tools.Gather(moves(viewOf(tools)))))
	e.track.recalling = false
	e.track.recalled()
	e.version++
}

const endpointEvents = "logs-endpoint.events.*"

// What is asked of processes, and of what they sent and read.
var (
	recalledProcesses = append(names(ecs.ProcessExitCode, ecs.ProcessEnd, ecs.ControlSocket), carried...)
	recalledMoves     = names(
		ecs.Timestamp, ecs.EventAction, ecs.HostID, ecs.HostBootID, ecs.ProcessPID, ecs.ProcessEntityID, ecs.StartTicks, ecs.ProcessAncestry,
		ecs.ProcessName, ecs.ProcessExecutable, ecs.ProcessTool, ecs.ProcessToolHow, ecs.ParentPID, ecs.ParentEntityID, ecs.ParentStartTicks,
		ecs.ParentName, ecs.ParentExecutable, ecs.ControlSocket, ecs.FilePath, ecs.FileSize, ecs.DestinationIP, ecs.DestinationPort,
		ecs.SourceIP, ecs.SourcePort, ecs.NetworkDirection, ecs.SourceBytes, ecs.DestinationBytes)
)

// lookback is from when on rules look at events.
func (e *Engine) lookback(now time.Time) (from time.Time) {
	for _, w := range e.watches {
		if w.mode != Live || w.rule.Lookback == 0 {
			continue
		}
		if begin := w.rule.Window(now).From; from.IsZero() || begin.Before(from) {
			from = begin
		}
	}
	if !from.IsZero() {
		from = from.Add(-slack)
	}
	return from
}

// concerned gives the processes of all rows and their ancestors.
func concerned(v *view) []string {
	seen := make(map[string]bool)
	var out []string
	for row := range v.f.Rows {
		for _, id := range append(v.texts(ecs.ProcessAncestry, row), v.text(ecs.ProcessEntityID, row), v.text(ecs.ParentEntityID, row)) {
			if id != "" && !seen[id] && len(out) < maxSeed {
				seen[id] = true
				out = append(out, id)
			}
		}
	}
	return out
}

// inOrder sorts rows by time. What happened within one millisecond comes as it
// must have been: older processes first, and of one process its end last.
func inOrder(f *frame.Frame) *frame.Frame {
	v := viewOf(f)
	byCode := v.actions()
	if byCode == nil {
		return f
	}
	rows := make([]uint32, f.Rows)
	for i := range rows {
		rows[i] = uint32(i)
	}
	slices.SortStableFunc(rows, func(a, b uint32) int {
		a0, b0 := int(a), int(b)
		return cmp.Or(
			cmp.Compare(v.intOr(ecs.Timestamp, a0, 0), v.intOr(ecs.Timestamp, b0, 0)),
			cmp.Compare(v.intOr(ecs.StartTicks, a0, 0), v.intOr(ecs.StartTicks, b0, 0)),
			cmp.Compare(v.action(byCode, a0), v.action(byCode, b0)))
	})
	return f.Gather(rows)
}

// moves gives the rows that are about bytes and files; those about processes come whole by themselves.
func moves(v *view) (rows []uint32) {
	byCode := v.actions()
	if byCode == nil {
		return nil
	}
	for row := range v.f.Rows {
		if what := v.action(byCode, row); what == connected || what == opened {
			rows = append(rows, uint32(row))
		}
	}
	return rows
}

// past is a process that is known from the history alone.
type past struct {
	*proc
	host string // "": not known
}

// recalled marks all processes that have not ended as known from the history alone.
func (k *tracker) recalled() {
	k.hosts = make(map[string]int64)
	for _, p := range k.all {
		host := ""
		if p.v != nil {
			host = p.v.text(ecs.HostID, p.row)
		}
		if host != "" {
			k.hosts[host] = 0
		}
		if p.endedAt == 0 {
			p.recalled = true
			k.past = append(k.past, past{p, host})
		}
	}
}

// told notes that a host tells what runs on it.
func (k *tracker) told(host string) {
	if len(k.past) > 0 && k.hosts[host] == 0 {
		k.hosts[host] = -1 // the clock says when
	}
}

// vanish ends what ran when the history ends and is not there any more: when and
// how it ended, nobody saw.
func (k *tracker) vanish(now int64) (changed bool) {
	for host, at := range k.hosts {
		switch {
		case at == -1:
			k.hosts[host] = now
		case at > 0 && now-at > recallGrace:
			changed = k.bury(host) || changed
			delete(k.hosts, host)
		}
	}
	return changed
}

func (k *tracker) bury(host string) (changed bool) {
	rest := k.past[:0]
	for _, p := range k.past {
		switch {
		case !p.recalled || p.gone:
		case p.host != host && (p.host != "" || len(k.hosts) > 1):
			rest = append(rest, p)
		default:
			at := p.at
			if t := p.belongs(); t != nil {
				at = max(at, t.lastMoved)
			}
			k.finish(p.proc, at, unknownExit)
			k.over(p.proc)
			changed = true
		}
	}
	clear(k.past[len(rest):])
	k.past = rest
	return changed
}
