package detect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"interdict/sources"
)

// desk is an engine with the built-in rules, and what it told.
type desk struct {
	*Engine
	*scene
	told []string
	ids  []string
}

func newDesk(t *testing.T, o Options) *desk {
	t.Helper()
	d := &desk{scene: newScene()}
	if o.Rules == nil {
		o.Rules, _ = Builtin()
	}
	o.Now = func() time.Time { return d.scene.now }
	o.OnAlert = func(a Alert, c Change) {
		d.told = append(d.told, fmt.Sprintf("%s %s %d", c, a.RuleID, a.Count))
		d.ids = append(d.ids, a.ID)
	}
	var err error
	if d.Engine, err = New(o); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) put(t *testing.T) *Snapshot {
	t.Helper()
	if err := d.Put(t.Context(), d.batch()); err != nil {
		t.Fatal(err)
	}
	return d.Snapshot()
}

func rule(t *testing.T, id string) []*Rule {
	t.Helper()
	rules, _ := Builtin()
	i := slices.IndexFunc(rules, func(r *Rule) bool { return r.ID == id })
	if i < 0 {
		t.Fatalf("there is no rule %s", id)
	}
	return rules[i : i+1]
}

func TestSeveralRulesAboutOneTransferAreOneFinding(t *testing.T) {
	d := newDesk(t, Options{})
	d.scene = theft()
	d.net("transfer", 4122, "203.0.113.9:22", 148_000_000, 5_000)
	snap := d.put(t)
	if len(snap.Findings) != 1 {
		t.Fatalf("%d findings: %+v", len(snap.Findings), snap.Findings)
	}
	f := snap.Findings[0]
	var rules []string
	for _, a := range append([]Alert{f.Alert}, f.Also...) {
		rules = append(rules, a.RuleID)
		if a.Process.PID != 4121 || a.Process.Name != "scp" {
			t.Errorf("%s is about %s %d", a.RuleID, a.Process.Name, a.Process.PID)
		}
	}
	slices.Sort(rules)
	if got := strings.Join(rules, " "); got != "bulk-egress-by-a-tool network-file-copy-tool rare-transfer-tool transfer-of-sensitive-files transfer-tool-unusual-parent" {
		t.Errorf("rules are %s", got)
	}
	if f.Risk != 73 || !f.Live() || f.Transfer.Sent != 148_000_000 || f.Transfer.What() != "scp ◂ .x.sh ◂ php-fpm" {
		t.Errorf("finding is %+v", f)
	}
	if snap.Judged != 3 {
		t.Errorf("%d executions judged", snap.Judged)
	}
	if again := d.Snapshot(); again != snap {
		t.Error("a snapshot of nothing new was made anew")
	}
	for _, a := range f.Also {
		if g, ok := d.Finding(a.ID); !ok || g != f {
			t.Errorf("the finding is not found by %s", a.RuleID)
		}
	}
}

func TestAnAlertThatNoLongerMatchesStaysAndSaysWhy(t *testing.T) {
	d := newDesk(t, Options{Rules: rule(t, "rare-transfer-tool")})
	for pid := 100; pid < 106; pid++ {
		d.exec(pid, 1, "scp a h:")
		d.put(t)
	}
	f := d.Snapshot().Findings
	if len(f) != 1 || f[0].NoLonger != "no longer matches: 5 of < 5" || f[0].Count != 6 {
		t.Fatalf("got %+v", f)
	}
	want := "raised rare-transfer-tool 1,updated rare-transfer-tool 2,updated rare-transfer-tool 3,updated rare-transfer-tool 4,no longer rare-transfer-tool 5,updated rare-transfer-tool 6"
	if got := strings.Join(d.told, ","); got != want {
		t.Errorf("told %s", got)
	}
	d.wait(62 * time.Minute)
	d.tick(t.Context())
	d.exec(200, 1, "scp a h:")
	if f := d.put(t).Findings; len(f) != 1 || f[0].NoLonger != "" || f[0].Count != 7 {
		t.Errorf("an hour later: %+v", f)
	}
}

func TestAClosedAlertComesBackAsAnotherOnlyWithNewEvents(t *testing.T) {
	d := newDesk(t, Options{Rules: rule(t, "rare-transfer-tool")})
	d.exec(100, 1, "scp a h:")
	first := d.put(t).Findings[0]
	d.Close(first.ID, "backup by hand")
	d.tick(t.Context())
	if snap := d.Snapshot(); len(snap.Findings) != 0 || snap.Closed != 1 {
		t.Fatalf("got %+v", snap)
	}
	if f, ok := d.Finding(first.ID); !ok || !f.Alert.Closed || f.CloseReason != "backup by hand" {
		t.Errorf("closed as %+v", f)
	}
	d.wait(time.Minute).exec(101, 1, "scp a h:")
	snap := d.put(t)
	if len(snap.Findings) != 1 || snap.Findings[0].ID == first.ID || snap.Findings[0].Count != 1 {
		t.Errorf("got %+v", snap.Findings[0])
	}
	if want := "raised,closed,raised"; strings.Join(firstWords(d.told), ",") != want {
		t.Errorf("told %v", d.told)
	}
}

func firstWords(lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i], _, _ = strings.Cut(l, " ")
	}
	return out
}

func TestARestartAnotherConsoleAndARunOverHistoryGiveTheSameID(t *testing.T) {
	past := &memory{}
	r := rule(t, "rare-transfer-tool")
	one := newDesk(t, Options{Rules: r})
	one.exec(100, 1, "scp a h:").wait(time.Second).exec(101, 1, "scp a h:")
	b := one.batch()
	if err := one.Put(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if err := past.Put(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	id := one.Snapshot().Findings[0].ID

	two := newDesk(t, Options{Rules: r, History: past})
	two.scene.now = one.scene.now.Add(time.Minute)
	two.exec(500, 1, "ls")
	if f := two.put(t).Findings; len(f) != 1 || f[0].ID != id || f[0].Count != 2 {
		t.Errorf("after a restart: %+v, want id %s", f, id)
	}
	alerts, q, err := Once(t.Context(), r[0], past, one.scene.now, nil)
	if err != nil || q.Partial || len(alerts) != 1 || alerts[0].ID != id || alerts[0].Process.PID != 101 {
		t.Errorf("over history: %v, %+v, %+v, want id %s", err, q, alerts, id)
	}
}

// What was closed stays so over a restart, and what came after it stays open,
// also when the first events have left the window.
func TestARestartKeepsWhatWasClosedAndWhatCameSince(t *testing.T) {
	past := &memory{}
	r := rule(t, "rare-transfer-tool")
	one := newDesk(t, Options{Rules: r})
	run := func(d *desk, pid int) *Snapshot {
		b := d.exec(pid, 1, "scp a h:").batch()
		if err := errors.Join(d.Put(t.Context(), b), past.Put(t.Context(), b)); err != nil {
			t.Fatal(err)
		}
		return d.Snapshot()
	}
	run(one, 100)
	one.wait(50 * time.Minute)
	closed, ok := one.Close(run(one, 101).Findings[0].ID, "benign")
	if !ok || closed.Thread == "" {
		t.Fatalf("%+v was not closed", closed)
	}
	one.wait(time.Minute)
	open := run(one, 102).Findings[0]

	said := Options{Rules: r, History: past, Past: func(a Alert) Past {
		if a.Thread != closed.Thread {
			t.Errorf("asked about %+v", a)
		}
		return Past{ClosedUpTo: closed.Last}
	}}
	for later, want := range map[time.Duration]int{time.Minute: 1, 20 * time.Minute: 1, 61 * time.Minute: 0} {
		two := newDesk(t, said)
		two.scene.now = one.scene.now.Add(later)
		two.exec(500, 1, "ls")
		f := two.put(t).Findings
		if len(f) != want || want > 0 && (f[0].ID != open.ID || f[0].Count != 1) {
			t.Errorf("%v later: %+v, want %s", later, f, open.ID)
		}
	}
}

// A clock that was wrong for one event of a recording hides nothing that follows.
func TestOneEventOfTheFarFutureDoesNotBlindARecording(t *testing.T) {
	d := newDesk(t, Options{Rules: rule(t, "rare-transfer-tool"), Recording: true})
	now := d.scene.now
	d.exec(100, 1, "ls")
	d.scene.now = now.AddDate(7000, 0, 0)
	d.exec(101, 1, "ls")
	d.scene.now = now
	d.wait(time.Second).exec(102, 1, "scp a h:")
	if f := d.put(t).Findings; len(f) != 1 || f[0].Process.PID != 102 {
		t.Errorf("%+v", f)
	}
}

func TestTheSameBatchInTheSeedAndOnTheStreamCountsOnce(t *testing.T) {
	past := &memory{}
	d := newDesk(t, Options{Rules: rule(t, "rare-transfer-tool"), History: past})
	d.exec(100, 1, "scp a h:")
	b := d.batch()
	for _, sink := range []sources.Sink{past, d.Engine} {
		if err := sink.Put(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if f := d.Snapshot().Findings; len(f) != 1 || f[0].Count != 1 {
		t.Errorf("got %+v", f)
	}
}

func TestTheEnvironmentDecidesHowBadItIs(t *testing.T) {
	d := newDesk(t, Options{Rules: rule(t, "network-file-copy-tool"), Environment: func(h Host) string {
		if h.Name == "web-1" {
			return "ci"
		}
		return ""
	}})
	d.exec(100, 1, "scp a h:")
	if f := d.put(t).Findings[0]; f.Severity != "critical" || f.Risk != 99 || f.Host.Environment != "ci" {
		t.Errorf("got %+v", f.Alert)
	}
}

func TestLossIsSaidWithTheAlert(t *testing.T) {
	d := newDesk(t, Options{Rules: rule(t, "rare-transfer-tool")})
	d.exec(100, 1, "scp a h:")
	b := d.batch()
	b.Lost.Processes = 7
	if err := d.Put(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	f := d.Snapshot().Findings[0]
	if len(f.Degraded) != 1 || !strings.HasPrefix(f.Degraded[0], "7 events were lost") || d.Snapshot().Lost.Processes != 7 {
		t.Errorf("got %v", f.Degraded)
	}
}

func TestARuleThatKeepsTooMuchRunsOnItsScheduleAndSaysSo(t *testing.T) {
	past := &memory{}
	d := newDesk(t, Options{Rules: rule(t, "rare-transfer-tool"), History: past})
	for n := range 7 {
		for range 10_000 {
			d.exec(100+n, 1, "scp a h:")
		}
		b := d.batch()
		if err := d.Put(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if err := past.Put(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	s := d.Snapshot().Rules[0]
	if s.Mode != Scheduled || s.Kept != 0 || !strings.Contains(strings.Join(s.Notes, " "), "runs every") {
		t.Errorf("status %+v", s)
	}
	d.wait(time.Minute).exec(9, 1, "scp b h:")
	b := d.batch()
	if err := past.Put(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if err := d.Put(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	d.tick(t.Context())
	if f := d.Snapshot().Findings; len(f) != 1 || f[0].Process.CommandLine != "scp b h:" {
		t.Errorf("on its schedule: %+v", f)
	}
	d.wait(2 * time.Hour)
	d.tick(t.Context())
	if s := d.Snapshot().Rules[0]; s.Mode != Live {
		t.Errorf("two hours later: %+v", s)
	}
}

func TestTenThousandOpenAlertsAreHeldAndTheLeastMakeRoom(t *testing.T) {
	d := newDesk(t, Options{Rules: rule(t, "network-file-copy-tool")})
	for pid := range 12_500 {
		d.exec(100+pid, 1, fmt.Sprintf("scp %d h:", pid)).exit(100+pid, 0)
		if pid%1000 == 0 {
			d.put(t)
		}
	}
	snap := d.put(t)
	if n := len(snap.Findings); n < maxOpen || n > maxOpen*11/10 || int64(n)+snap.Dropped != 12_500 {
		t.Errorf("%d open, %d dropped", n, snap.Dropped)
	}
	if len(d.told) != 12_500 {
		t.Errorf("%d told", len(d.told))
	}
	d.wait(time.Hour)
	d.tick(t.Context())
	if s := d.Snapshot(); s.Rules[0].Groups != len(s.Findings) {
		t.Errorf("an hour later %d groups are held for %d findings", s.Rules[0].Groups, len(s.Findings))
	}
}

// A tool may start others, each of which is an alert, as often as it likes.
func TestOneTransferWithAnyNumberOfAlertsHoldsFewOfThem(t *testing.T) {
	d := newDesk(t, Options{})
	d.exec(50, 1, "rsync -a /srv h:").open(50, "/root/.ssh/id_ed25519", 400)
	first := d.put(t)
	lead := first.Findings[0].ID
	for pid := range 12_500 {
		d.exec(100+pid, 50, fmt.Sprintf("scp %d h:", pid)).exit(100+pid, 0)
		if pid%1000 == 0 {
			d.put(t)
		}
	}
	snap := d.put(t)
	if len(snap.Findings) != 1 || snap.Findings[0].ID != lead || snap.Dropped == 0 {
		t.Fatalf("%d findings, %d dropped", len(snap.Findings), snap.Dropped)
	}
	if n := len(snap.Findings[0].Alerts()); n > maxOpen {
		t.Errorf("%d alerts", n)
	}
}

func TestTheClockOfARecordingIsItsOwn(t *testing.T) {
	var told []string
	rules := rule(t, "rare-transfer-tool")
	e, err := New(Options{Rules: rules, Recording: true, OnAlert: func(a Alert, c Change) {
		told = append(told, fmt.Sprint(c, " ", a.Raised.Sub(epoch)))
	}})
	if err != nil {
		t.Fatal(err)
	}
	s := newScene()
	s.exec(1, 0, "ls").wait(10*time.Second).exec(2, 1, "scp a h:").wait(2*time.Hour).exec(3, 1, "ls")
	if err := e.Put(t.Context(), s.batch()); err != nil {
		t.Fatal(err)
	}
	if strings.Join(told, ",") != "raised 10s" {
		t.Errorf("told %v", told)
	}
}

func TestAnAlertsReceiverMayCallTheEngine(t *testing.T) {
	rules := rule(t, "rare-transfer-tool")
	s := newScene()
	var e *Engine
	var closed int
	e, err := New(Options{Rules: rules, Now: func() time.Time { return s.now }, OnAlert: func(a Alert, c Change) {
		if c == Raised {
			e.Close(a.ID, "test")
		} else if c == Closed {
			closed++
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Put(t.Context(), s.exec(2, 1, "scp a h:").batch()); err != nil {
		t.Fatal(err)
	}
	if closed != 1 || e.Snapshot().Closed != 1 {
		t.Errorf("closed %d times", closed)
	}
}

func TestRunIsTheClockAndEndsWithItsContext(t *testing.T) {
	past := &memory{}
	rules := rule(t, "rare-transfer-tool")
	e, err := New(Options{Rules: rules, History: past})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- e.Run(ctx) }()
	s := newScene()
	s.now = time.Now()
	if err := e.Put(ctx, s.exec(2, 1, "scp a h:").batch()); err != nil {
		t.Fatal(err)
	}
	<-e.Changed()
	if p, ok := e.Process(s.entity(2)); !ok || p.Name != "scp" {
		t.Errorf("process %+v", p)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// BenchmarkBatches is what the rules cost beside a stream in which nothing is of interest.
func BenchmarkBatches(b *testing.B) {
	for _, rows := range []int{10, 1000} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			rules, _ := Builtin()
			s := newScene()
			e, err := New(Options{Rules: rules, Now: func() time.Time { return s.now }})
			if err != nil {
				b.Fatal(err)
			}
			pid := 2
			for b.Loop() {
				b.StopTimer()
				for range rows {
					pid++
					s.fork(pid, 1).exec(pid, 1, "true --with some arguments").exit(pid, 0)
				}
				batch := s.batch()
				b.StartTimer()
				if err := e.Put(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/exec")
		})
	}
}

// BenchmarkFiveHundredRules is a batch of 1,000 events of which none is of interest.
func BenchmarkFiveHundredRules(b *testing.B) {
	s := newScene()
	e, err := New(Options{Rules: manyRules(b, 500), Now: func() time.Time { return s.now }})
	if err != nil {
		b.Fatal(err)
	}
	pid := 2
	for b.Loop() {
		b.StopTimer()
		for range 1000 / 3 {
			pid++
			s.fork(pid, 1).exec(pid, 1, fmt.Sprint("true --with some arguments ", pid%7)).exit(pid, 0)
		}
		batch := s.fork(pid+1, 1).batch()
		b.StartTimer()
		if err := e.Put(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "ms/batch")
}

// manyRules are rules of the kinds that Elastic's are of, each with names of its own.
func manyRules(t testing.TB, n int) []*Rule {
	t.Helper()
	texts := []string{
		`FROM logs-endpoint.events.process-* | WHERE event.action == "exec" AND process.name == "tool%[1]d"`,
		`FROM logs-endpoint.events.process-* METADATA _id, _index, _version | WHERE event.type == "start" AND process.name IN ("a%[1]d", "b%[1]d", "c%[1]d") AND process.command_line LIKE "*--to %[1]d*"`,
		`FROM logs-endpoint.events.* | WHERE host.os.type == "linux" AND TO_LOWER(process.name) RLIKE "x%[1]d.*" | STATS n = COUNT(*), u = VALUES(user.name) BY process.parent.executable | WHERE n > 3`,
		`FROM logs-endpoint.events.network-* | WHERE network.direction == "egress" AND destination.port == %[1]d AND NOT CIDR_MATCH(destination.ip, "10.0.0.0/8") | STATS c = COUNT(*) BY process.executable, destination.ip | WHERE c > 100`,
		`FROM logs-* | WHERE @timestamp > NOW() - 1 hour AND process.executable LIKE "/tmp/%[1]d/*" | EVAL line = CONCAT(process.name, " ", process.command_line) | KEEP @timestamp, host.name, line`,
	}
	out := make([]*Rule, n)
	for i := range out {
		id := fmt.Sprint("rule-", i)
		out[i] = &Rule{ID: id, Name: id, Type: "esql", Query: fmt.Sprintf(texts[i%len(texts)], i), Interval: time.Minute, Lookback: 30 * time.Minute, MaxSignals: 100, Enabled: true}
	}
	return out
}

// BenchmarkFlood is 100,000 matching executions: the cost of one must not grow with their number.
func BenchmarkFlood(b *testing.B) {
	rules, _ := Builtin()
	for _, n := range []int{10_000, 100_000} {
		for _, kind := range []string{"alike", "different"} {
			b.Run(fmt.Sprint(n, " ", kind), func(b *testing.B) {
				for b.Loop() {
					flood(b, rules, n, kind == "alike")
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/event")
			})
		}
	}
}

// BenchmarkOneMoreAlert is an alert that comes to ten thousand open ones, and the
// screen's look at all of them.
func BenchmarkOneMoreAlert(b *testing.B) {
	rules, _ := Builtin()
	e := flood(b, rules, 10_000, false)
	e.Snapshot()
	s := newScene()
	pid := 20_000
	for b.Loop() {
		pid++
		if err := e.Put(b.Context(), s.exec(pid, 1, fmt.Sprint("scp ", pid, " h:")).exit(pid, 0).batch()); err != nil {
			b.Fatal(err)
		}
		if len(e.Snapshot().Findings) == 0 {
			b.Fatal("there are none")
		}
	}
}

func TestTheWorkOfAFloodGrowsAsTheFloodDoes(t *testing.T) {
	for _, alike := range []bool{true, false} {
		for _, n := range []int{4_000, 16_000} {
			w := flood(t, seedRule(), n, alike).watches[0]
			if w.mode != Live || w.looked < int64(n)-100 || w.looked > int64(n)*(growth+1) {
				t.Errorf("%d events, alike %v: %s, %d rows looked at", n, alike, w.mode, w.looked)
			}
		}
	}
}

func seedRule() []*Rule {
	return []*Rule{{ID: "seed", Name: "seed", Type: "esql", Query: seedText, Interval: time.Hour, Lookback: 2 * time.Hour, MaxSignals: 100, Enabled: true}}
}

func flood(b testing.TB, rules []*Rule, n int, alike bool) *Engine {
	s := newScene()
	e, err := New(Options{Rules: rules, History: &memory{}, Now: func() time.Time { return s.now }})
	if err != nil {
		b.Fatal(err)
	}
	for pid := 2; pid < n+2; pid++ {
		line := "scp a h:"
		if !alike {
			line = fmt.Sprint("scp ", pid, " h:")
		}
		s.exec(pid, 1, line).exit(pid, 0)
		if pid%100 == 0 {
			if err := e.Put(b.Context(), s.batch()); err != nil {
				b.Fatal(err)
			}
		}
	}
	return e
}

// Elastic's rules ask for METADATA _id; the history must be asked for it too.
func TestARuleThatAsksForIDsIsTheSameLiveAfterARestartAndOverHistory(t *testing.T) {
	text := "[rule]\nrule_id = \"ids\"\nname = \"I\"\ndescription = \"x\"\ntype = \"esql\"\nlanguage = \"esql\"\nseverity = \"low\"\nrisk_score = 21\nfrom = \"now-1h\"\n" +
		"query = '''FROM logs-endpoint.events.process-* METADATA _id, _index | WHERE process.name == \"scp\" AND event.action == \"exec\"'''\n"
	r, problems := LoadRules(fstest.MapFS{"ids.toml": {Data: []byte(text)}})
	if len(r) != 1 {
		t.Fatal(problems)
	}
	past := &memory{}
	one := newDesk(t, Options{Rules: r})
	one.exec(100, 1, "scp a h:")
	b := one.batch()
	if err := one.Put(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if err := past.Put(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	id := one.Snapshot().Findings[0].ID
	two := newDesk(t, Options{Rules: r, History: past})
	two.scene.now = one.scene.now.Add(time.Minute)
	two.exec(500, 1, "ls")
	if f := two.put(t).Findings; len(f) != 1 || f[0].ID != id {
		t.Errorf("after a restart: %+v, %v, want id %s", f, two.Snapshot().Rules[0].Notes, id)
	}
	alerts, q, err := Once(t.Context(), r[0], past, one.scene.now, nil)
	if err != nil || q.Partial || len(alerts) != 1 || alerts[0].ID != id {
		t.Errorf("over history: %v, %+v, %+v, want id %s", err, q, alerts, id)
	}
}

func TestARuleOverTheBytesOfOneProcessFiresOnceHoweverManyRowsTellOfThem(t *testing.T) {
	s := theft()
	s.net("transfer", 4122, "203.0.113.9:22", 200_000_000, 8_000)
	s.net("transfer", 4122, "203.0.113.9:22", 300_000_000, 12_000)
	rules, _ := Builtin()
	fired := map[string]Alert{}
	e, err := New(Options{Rules: rules, Now: func() time.Time { return s.now }, OnAlert: func(a Alert, _ Change) { fired[a.RuleID] = a }})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Put(t.Context(), s.batch()); err != nil {
		t.Fatal(err)
	}
	a, ok := fired["bulk-egress-by-a-tool"]
	if !ok || a.Count < 2 || a.Fired() != 1 {
		t.Errorf("fired %d times by %d rows", a.Fired(), a.Count)
	}
	many := Alert{Count: 3, Row: []Field{{"process.pid", "4, 5, 6"}}}
	if many.Fired() != 3 {
		t.Errorf("three processes fired %d times", many.Fired())
	}
}
