package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/esql/parse"
	"interdict/sources/frame"
)

// Began is the time of the first of the events that a history is asked about;
// the others follow, a second apart.
var Began = time.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC)

// events is how many there are: more than ES|QL's implicit limit.
const events = 1200

// names go round: event i is of names[i%4].
var names = [...]string{"scp", "rsync", "sh", "cron"}

// Holding is what the suite asks of an adapter.
type Holding struct {
	// Open gives a history that holds exactly these events.
	Open func(t *testing.T, events *frame.Frame) sources.History
	// Broken gives one that holds them but knows that something is missing; nil: it cannot be made.
	Broken func(t *testing.T, events *frame.Frame) sources.History
}

// History checks the promises of [sources.History].
func History(t *testing.T, held Holding) {
	h := held.Open(t, makeEvents())
	for name, check := range map[string]func(*testing.T, sources.History){
		"gives columns in the query's order": ordered,
		"bounds the rows by the window":      windowed,
		"judges by the fallback field":       fallsBack,
		"filters before the text":            filtered,
		"takes parameters":                   parametrised,
		"limits the rows":                    limited,
		"says an implicit limit":             implicitly,
		"finds rows by their index":          indexed,
		"takes now from the query":           timed,
		"says where the text is wrong":       positioned,
		"ends with its context":              cancelled,
		"answers several at once":            atOnce,
	} {
		t.Run(name, func(t *testing.T) { check(t, h) })
	}
	if held.Broken != nil {
		t.Run("says that an answer is partial", func(t *testing.T) { partial(t, held.Broken(t, makeEvents())) })
	}
}

func makeEvents() *frame.Frame {
	b := ecs.NewBuilder(ecs.Host{ID: "h", BootID: "b", Name: "web-1", OS: ecs.OS{Type: "linux"}})
	for i := range events {
		at := Began.Add(time.Duration(i) * time.Second)
		if i%100 == 99 {
			b.Event(ecs.Network, "disconnect_received", "end", at)
			b.IP(ecs.DestinationIP, netip.AddrFrom4([4]byte{10, 0, 0, byte(i / 100)}))
			b.Int(ecs.DestinationPort, 22)
		} else {
			b.Event(ecs.Process, "exec", "start", at)
			b.Keywords(ecs.ProcessArgs, []string{"-q", names[i%4]})
			if i < 10 {
				b.Time(ecs.EventIngested, at.Add(time.Hour))
			}
		}
		b.Keyword(ecs.ProcessName, names[i%4])
		b.Int(ecs.ProcessPID, int64(i))
	}
	return b.Build()
}

// ask gives the rows of an answer as text, values separated by spaces.
func ask(t *testing.T, h sources.History, q sources.Query) (rows []string, quality sources.Quality) {
	t.Helper()
	if q.Now.IsZero() {
		q.Now = Began.Add(events * time.Second)
	}
	f, quality, err := h.Query(t.Context(), q)
	if err != nil {
		t.Fatalf("%s: %v", q.Text, err)
	}
	for i := range f.Rows {
		cells := make([]string, len(f.Columns))
		for c, col := range f.Columns {
			cells[c] = strings.Join(col.Texts(i), ",")
		}
		rows = append(rows, strings.Join(cells, " "))
	}
	if quality.Rows != int64(f.Rows) {
		t.Errorf("%s: Quality.Rows is %d of %d", q.Text, quality.Rows, f.Rows)
	}
	return rows, quality
}

func expect(t *testing.T, h sources.History, q sources.Query, want ...string) {
	t.Helper()
	rows, quality := ask(t, h, q)
	if strings.Join(rows, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s\ngot  %q\nwant %q", q.Text, rows, want)
	}
	if quality.Partial {
		t.Errorf("%s: partial: %q", q.Text, quality.Reasons)
	}
}

func ordered(t *testing.T, h sources.History) {
	q := sources.Query{Text: `FROM logs-* | WHERE process.pid < 3 | SORT process.pid DESC | KEEP process.pid, process.name, @timestamp, process.args`}
	expect(t, h, q, "2 sh 2026-03-04T05:00:02.000Z -q,sh", "1 rsync 2026-03-04T05:00:01.000Z -q,rsync", "0 scp 2026-03-04T05:00:00.000Z -q,scp")
	f, _, err := h.Query(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	var fields []string
	for _, field := range f.Fields() {
		fields = append(fields, field.Name+":"+field.Type.String())
	}
	if got := strings.Join(fields, " "); got != "process.pid:long process.name:keyword @timestamp:date process.args:keyword" {
		t.Errorf("columns: %s", got)
	}
}

const countAll = `FROM logs-* | STATS n = COUNT(*), low = MIN(process.pid), high = MAX(process.pid)`

func windowed(t *testing.T, h sources.History) {
	at := func(i int) time.Time { return Began.Add(time.Duration(i) * time.Second) }
	expect(t, h, sources.Query{Text: countAll}, "1200 0 1199")
	expect(t, h, sources.Query{Text: countAll, Window: sources.Window{From: at(100), To: at(200)}}, "100 100 199")
	expect(t, h, sources.Query{Text: countAll, Window: sources.Window{From: at(1190)}}, "10 1190 1199")
	expect(t, h, sources.Query{Text: countAll, Window: sources.Window{Field: "@timestamp", To: at(7)}}, "7 0 6")
	expect(t, h, sources.Query{Text: countAll, Window: sources.Window{From: at(5000)}}, "0  ")
}

func fallsBack(t *testing.T, h sources.History) {
	w := sources.Window{Field: "event.ingested", Fallback: "@timestamp", From: Began.Add(20 * time.Minute)}
	expect(t, h, sources.Query{Text: countAll, Window: w}, "10 0 9")
	w = sources.Window{Field: "event.ingested", Fallback: "@timestamp", To: Began.Add(20 * time.Second)}
	expect(t, h, sources.Query{Text: countAll, Window: w}, "10 10 19")
}

func filtered(t *testing.T, h sources.History) {
	expect(t, h, sources.Query{Text: countAll, Filter: sources.Filter{"process.name": {"scp", "rsync"}}}, "600 0 1197")
	expect(t, h, sources.Query{Text: countAll, Filter: sources.Filter{"process.name": {"scp"}, "process.pid": {"8", "9"}}}, "1 8 8")
	expect(t, h, sources.Query{Text: countAll, Filter: sources.Filter{"destination.ip": {"10.0.0.2"}}}, "1 299 299")
	expect(t, h, sources.Query{Text: countAll, Filter: sources.Filter{"process.name": {"none"}}}, "0  ")
}

func parametrised(t *testing.T, h sources.History) {
	expect(t, h, sources.Query{Text: `FROM logs-* | WHERE process.name == ? AND process.pid < ? | SORT process.pid | KEEP process.pid`,
		Params: []sources.Param{{Value: "scp"}, {Value: int64(9)}}}, "0", "4", "8")
	expect(t, h, sources.Query{Text: `FROM logs-* | WHERE process.name == ?tool AND process.pid < ?most | SORT process.pid | KEEP process.pid`,
		Params: []sources.Param{{Name: "most", Value: int64(6)}, {Name: "tool", Value: "rsync"}}}, "1", "5")
	expect(t, h, sources.Query{Text: `FROM logs-* | WHERE process.name == ? | STATS n = COUNT(*)`,
		Params: []sources.Param{{Value: `x" OR true OR "`}}}, "0")
}

func limited(t *testing.T, h sources.History) {
	sorted := `FROM logs-* | SORT process.pid | KEEP process.pid`
	expect(t, h, sources.Query{Text: sorted + ` | LIMIT 2`}, "0", "1")
	expect(t, h, sources.Query{Text: sorted, Limit: 3}, "0", "1", "2")
	expect(t, h, sources.Query{Text: sorted + ` | LIMIT 5`, Limit: 1}, "0")
}

func implicitly(t *testing.T, h sources.History) {
	rows, quality := ask(t, h, sources.Query{Text: `FROM logs-* | KEEP process.pid`})
	if len(rows) != 1000 || len(quality.Warnings) == 0 {
		t.Errorf("%d rows, warnings %q", len(rows), quality.Warnings)
	}
}

func indexed(t *testing.T, h sources.History) {
	count := ` | STATS n = COUNT(*)`
	expect(t, h, sources.Query{Text: `FROM logs-endpoint.events.network-*` + count}, "12")
	expect(t, h, sources.Query{Text: `FROM logs-endpoint.events.process-default,logs-endpoint.events.network-*` + count}, "1200")
	expect(t, h, sources.Query{Text: `FROM logs-*,-*network*` + count}, "1188")
	_ = wrong(t, h, sources.Query{Text: `FROM missing-index` + count})
}

func timed(t *testing.T, h sources.History) {
	q := sources.Query{Text: `FROM logs-* | WHERE @timestamp >= NOW() - 10 seconds | STATS n = COUNT(*)`, Now: Began.Add(events * time.Second)}
	expect(t, h, q, "10")
	q.Now = Began.Add(10 * time.Second)
	expect(t, h, q, "1200")
}

func positioned(t *testing.T, h sources.History) {
	e := wrong(t, h, sources.Query{Text: "FROM logs-*\n| WHERE process.name = \"scp\""})
	if e.Type != parse.Parsing || e.Problems[0].Line != 2 {
		t.Errorf("syntax: %+v", e)
	}
	e = wrong(t, h, sources.Query{Text: "FROM logs-*\n| WHERE process.nmae == \"scp\""})
	if e.Type != parse.Verification || e.Problems[0].Line != 2 || e.Problems[0].Column != 9 {
		t.Errorf("unknown column: %+v", e)
	}
}

func wrong(t *testing.T, h sources.History, q sources.Query) *parse.Error {
	t.Helper()
	_, _, err := h.Query(t.Context(), q)
	var e *parse.Error
	if !errors.As(err, &e) || len(e.Problems) == 0 {
		t.Fatalf("%s: error %v", q.Text, err)
	}
	return e
}

func cancelled(t *testing.T, h sources.History) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := h.Query(ctx, sources.Query{Text: countAll}); !errors.Is(err, context.Canceled) {
		t.Errorf("error: %v", err)
	}
}

func atOnce(t *testing.T, h sources.History) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			q := sources.Query{Text: fmt.Sprintf(`FROM logs-* | WHERE process.pid < %d | STATS n = COUNT(*)`, 100+i), Now: Began}
			f, _, err := h.Query(t.Context(), q)
			if err != nil {
				t.Error(err)
				return
			}
			if n, _ := f.Int("n", 0); n != int64(100+i) {
				t.Errorf("%d rows of %d", n, 100+i)
			}
		})
	}
	wg.Wait()
}

func partial(t *testing.T, h sources.History) {
	rows, quality := ask(t, h, sources.Query{Text: `FROM logs-* | WHERE process.pid == 7 | KEEP process.name`})
	if !quality.Partial || len(quality.Reasons) == 0 {
		t.Errorf("partial %v, reasons %q", quality.Partial, quality.Reasons)
	}
	if len(rows) != 1 || rows[0] != "cron" {
		t.Errorf("rows %q", rows)
	}
}
