package detect

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/frame"
)

// seedText is the rule that the product began with, as it was published.
const seedText = `from logs-endpoint.events.process-*
| keep @timestamp, host.os.type, event.type, event.action, process.name, process.executable, process.parent.executable, process.command_line, agent.id, host.name
| where @timestamp > now() - 1 hours
| where host.os.type == "linux" and event.type == "start" and event.action == "exec" and
  process.name in ("scp", "ftp", "sftp", "vsftpd", "sftp-server", "rsync")
| stats cc = count(), agent_count = count_distinct(agent.id), host.name = VALUES(host.name), agent.id = VALUES(agent.id) by process.executable, process.parent.executable, process.command_line
| where agent_count == 1 and cc < 5
| sort cc asc
| limit 100`

// ruleText makes a rule of random parts.
func ruleText(rnd *rand.Rand) string {
	pick := func(options ...string) string { return options[rnd.IntN(len(options))] }
	text := pick(
		"FROM logs-endpoint.events.process-*",
		"FROM logs-*",
		"FROM logs-endpoint.events.process-* METADATA _index",
	)
	for range 1 + rnd.IntN(3) {
		text += pick(
			"\n| WHERE @timestamp > NOW() - 20 minutes",
			"\n| WHERE @timestamp < NOW() - 2 minutes",
			"\n| WHERE event.action == \"exec\"",
			"\n| WHERE event.action == \"exec\" AND process.name IN (\"scp\", \"rsync\")",
			"\n| WHERE process.parent.executable LIKE \"/dev/*\" OR process.name == \"sftp\"",
			"\n| WHERE process.name == \"scp\" AND @timestamp > NOW() - 5 minutes",
			"\n| WHERE NOT process.name LIKE \"s*\"",
			"\n| MV_EXPAND event.action",
			"\n| EVAL twice = process.pid + process.pid\n| WHERE twice > 20",
		)
	}
	switch rnd.IntN(4) {
	case 0: // a row is an alert
		text += "\n| KEEP @timestamp, process.name, process.pid, agent.id"
	case 1: // all rows are one group
		text += "\n| STATS n = COUNT(*), pids = COUNT_DISTINCT(process.pid)\n| WHERE n > " + fmt.Sprint(rnd.IntN(6))
	default:
		by := pick("process.name", "process.executable, process.parent.executable", "agent.id, process.pid", "process.args", "event.type")
		text += "\n| STATS n = COUNT(*), agents = COUNT_DISTINCT(agent.id), who = VALUES(agent.id), last = MAX(@timestamp), low = MIN(process.pid) BY " + by
		text += pick("", "\n| WHERE n < 4", "\n| WHERE agents == 1 AND n < 3", "\n| WHERE n >= 2", "\n| WHERE last > NOW() - 3 minutes")
		text += pick("", "\n| SORT n", "\n| SORT n DESC\n| LIMIT 1000")
	}
	return text
}

// events makes a batch of random events around now: late, of the future, twice.
func events(rnd *rand.Rand, now time.Time) *frame.Frame {
	b := ecs.NewBuilder(ecs.Host{ID: "m", BootID: boot, AgentID: fmt.Sprint("a", rnd.IntN(2)), OS: ecs.OS{Type: "linux"}})
	for range 1 + rnd.IntN(8) {
		at := now
		switch rnd.IntN(6) {
		case 0:
			at = now.Add(-time.Duration(rnd.IntN(45)) * time.Minute)
		case 1:
			at = now.Add(time.Duration(rnd.IntN(300)) * time.Second)
		}
		name := []string{"scp", "rsync", "sftp", "ls"}[rnd.IntN(4)]
		action := []string{"exec", "exec", "fork", "end"}[rnd.IntN(4)]
		parent := []string{"/dev/shm/.x", "/bin/sh"}[rnd.IntN(2)]
		sequence := rnd.Int64()
		several, pid := rnd.IntN(12) == 0, int64(rnd.IntN(20))
		for range 1 + rnd.IntN(8)/7 {
			b.Event(ecs.Process, action, "start", at)
			b.Int(ecs.EventSequence, sequence)
			if several {
				b.Keyword(ecs.EventAction, "fork")
			}
			b.Keyword(ecs.ProcessName, name)
			b.Keyword(ecs.ProcessExecutable, "/usr/bin/"+name)
			b.Keyword(ecs.ParentExecutable, parent)
			b.Int(ecs.ProcessPID, pid)
			b.Int(ecs.StartTicks, pid)
			if pid%5 == 0 {
				b.Keywords(ecs.ProcessArgs, []string{name, fmt.Sprint(pid)})
			} else {
				b.Keyword(ecs.ProcessArgs, name)
			}
		}
	}
	return b.Build()
}

// everything lets the clock act on all that it can have changed, without the
// limits that it keeps to beside a stream.
func (e *Engine) everything(ctx context.Context) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.clock(ctx)
	for _, w := range e.watches {
		if w.mode == Live && w.clocked {
			for _, g := range w.every() {
				e.judgeNow(ctx, w, []*group{g}, e.now())
			}
		}
	}
}

func (m *memory) rows(t *testing.T, r *Rule, now time.Time) []string {
	t.Helper()
	f, _, err := m.Query(t.Context(), sources.Query{Text: r.Query, Window: r.Window(now), Now: now})
	if err != nil {
		t.Fatalf("%v\n%s", err, r.Query)
	}
	out := make([]string, f.Rows)
	for i := range out {
		out[i] = rowText(f, i)
	}
	return out
}

func same(t *testing.T, live, batch []string, what string) {
	t.Helper()
	slices.Sort(live)
	slices.Sort(batch)
	if !slices.Equal(live, batch) {
		t.Fatalf("%s\nlive:\n%s\nbatch:\n%s", what, strings.Join(live, "\n"), strings.Join(batch, "\n"))
	}
}

func TestLiveAndBatchAgreeAtEveryMoment(t *testing.T) {
	for seed := range uint64(150) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		text := ruleText(rnd)
		if seed == 0 {
			text = seedText
		}
		r := &Rule{ID: "r", Name: "r", Type: "esql", Query: text, Interval: time.Minute, Lookback: 30 * time.Minute, MaxSignals: 1000, Enabled: true}
		agree(t, rnd, r, fmt.Sprint("seed ", seed))
	}
}

func agree(t *testing.T, rnd *rand.Rand, r *Rule, what string) {
	now := epoch
	past := &memory{}
	start := func() *Engine {
		e, err := New(Options{Rules: []*Rule{r}, History: past, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		e.begin(t.Context())
		return e
	}
	e := start()
	for step := range 40 {
		switch rnd.IntN(10) {
		case 0, 1:
			now = now.Add(time.Duration(rnd.IntN(600)) * time.Second)
		case 2:
			now = now.Add(-time.Duration(rnd.IntN(120)) * time.Second)
		case 3:
			now = now.Add(1500 * time.Microsecond)
		case 4:
			e = start()
		default:
			b := sources.Batch{Events: events(rnd, now)}
			if err := e.Put(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			if err := past.Put(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
		e.everything(t.Context())
		if s := e.Snapshot().Rules[0]; s.Mode != Live {
			t.Fatalf("%s: %v\n%s", what, s.Notes, r.Query)
		}
		same(t, e.rows("r"), past.rows(t, r, e.now()), fmt.Sprintf("%s, step %d at %s\n%s", what, step, now, r.Query))
	}
}

func TestTheSeedsRuleAndOursFindTheSame(t *testing.T) {
	rules, _ := Builtin()
	i := slices.IndexFunc(rules, func(r *Rule) bool { return r.ID == "rare-transfer-tool" })
	ours := *rules[i]
	theirs := ours
	theirs.Query = seedText
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 9))
		past := &memory{}
		now := epoch
		for range 10 {
			now = now.Add(time.Duration(rnd.IntN(400)) * time.Second)
			if err := past.Put(t.Context(), sources.Batch{Events: events(rnd, now)}); err != nil {
				t.Fatal(err)
			}
		}
		same(t, past.rows(t, &ours, now), past.rows(t, &theirs, now), fmt.Sprint("seed ", seed))
	}
}
