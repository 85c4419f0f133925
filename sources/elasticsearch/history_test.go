package elasticsearch

import (
	"strings"
	"testing"
	"time"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/frame"
	"interdict/sources/sourcetest"
)

func TestTheClusterKeepsThePromisesOfAHistory(t *testing.T) {
	sourcetest.History(t, sourcetest.Holding{Open: func(t *testing.T, events *frame.Frame) sources.History {
		hold(t, events)
		return connect(t).History()
	}})
}

// exec is an index with one execution, and fields that only some tests need.
func exec(t *testing.T, set func(b *ecs.Builder)) {
	b := ecs.NewBuilder(ecs.Host{ID: "h", BootID: "b", Name: "web-1"})
	b.Event(ecs.Process, "exec", "start", time.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC))
	b.Keyword(ecs.ProcessName, "scp")
	if set != nil {
		set(b)
	}
	hold(t, b.Build())
}

func TestAFieldThatNoIndexHasIsANullColumn(t *testing.T) {
	exec(t, nil)
	h := connect(t).History()
	f, quality, err := h.Query(t.Context(), sources.Query{Text: `FROM logs-* // a remark
| WHERE process.name == "scp" AND interdict.tool IS NULL
| STATS n = COUNT(*), p = VALUES(process.pid) BY process.parent.name, destination.ip
| KEEP n, p, process.parent.name, destination.ip`})
	if err != nil || quality.Partial {
		t.Fatal(err, quality)
	}
	var got []string
	for i, field := range f.Fields() {
		got = append(got, field.Name+":"+field.Type.String()+"="+f.Columns[i].Text(0))
	}
	want := "n:long=1 p:long= process.parent.name:keyword= destination.ip:ip="
	if strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAnErrorBehindANullColumnPointsIntoTheTextAsGiven(t *testing.T) {
	exec(t, nil)
	text := "FROM logs-*\n| WHERE process.parent.name IS NULL AND NOW() > \"2020-01-01\" AND procss.name == \"é\" AND process.nmae == \"scp\""
	_, _, err := connect(t).History().Query(t.Context(), sources.Query{Text: text, Now: time.Now(), Limit: 5})
	e := asParseError(t, err)
	if len(e.Problems) != 2 {
		t.Fatalf("%+v", e)
	}
	for i, name := range []string{"procss.name", "process.nmae"} {
		p := e.Problems[i]
		if at := offsetOf(text, p.Line, p.Column); !strings.HasPrefix(text[at:], name) || !strings.Contains(p.Message, name) {
			t.Errorf("%d:%d is %q: %s", p.Line, p.Column, text[at:], p.Message)
		}
	}
}

func TestValuesOfEveryTypeComeBackExact(t *testing.T) {
	exec(t, func(b *ecs.Builder) {
		b.Int(ecs.StartTicks, 9223372036854775807)
		b.Keyword(ecs.ProcessCommandLine, "a \"b\" \\ \x1b[2J é 🜁 \u202e |\n| LIMIT 1 // */")
		b.Keywords(ecs.ProcessArgs, []string{"b", "a", "é"})
	})
	text := `FROM logs-* | EVAL big = 18446744073709551615, d = 1.5e300, tiny = -9223372036854775808, yes = true, v = TO_VERSION("1.2.3"), ip = TO_IP("::1"),
 ns = TO_DATE_NANOS("2026-03-04T05:06:07.123456789Z"), i = TO_INTEGER(7), point = TO_GEOPOINT("POINT(1 2)"), nothing = null, many = [1, 2]
| KEEP interdict.start_ticks, process.command_line, process.args, big, d, tiny, yes, v, ip, ns, i, point, nothing, many`
	f, quality, err := connect(t).History().Query(t.Context(), sources.Query{Text: text})
	if err != nil || quality.Partial {
		t.Fatal(err, quality)
	}
	want := map[string]string{
		"interdict.start_ticks": "long 9223372036854775807", "process.command_line": "keyword a \"b\" \\ \x1b[2J é 🜁 \u202e |\n| LIMIT 1 // */",
		"process.args": "keyword a,b,é", "big": "unsigned_long 18446744073709551615", "d": "double 1.5e+300",
		"tiny": "long -9223372036854775808", "yes": "boolean true", "v": "version 1.2.3", "ip": "ip ::1",
		"ns": "date_nanos 2026-03-04T05:06:07.123456789Z", "i": "integer 7", "point": "keyword POINT (1.0 2.0)", "nothing": "null ", "many": "integer 1,2",
	}
	if len(f.Names) != len(want) {
		t.Errorf("columns %q", f.Names)
	}
	for i, name := range f.Names {
		got := f.Columns[i].Type.String() + " " + strings.Join(f.Columns[i].Texts(0), ",")
		if got != want[name] {
			t.Errorf("%s: got %q, want %q", name, got, want[name])
		}
	}
}

func TestHostileParametersStayValues(t *testing.T) {
	exec(t, func(b *ecs.Builder) { b.Keyword(ecs.ProcessCommandLine, `x") | DROP process.name // \`) })
	h := connect(t).History()
	for _, q := range []sources.Query{
		{Text: `FROM logs-* | WHERE process.command_line == ?c | STATS n = COUNT(*)`, Params: []sources.Param{{Name: "c", Value: `x") | DROP process.name // \`}}},
		{Text: `FROM logs-* | WHERE process.command_line IN (?c) | STATS n = COUNT(*)`, Params: []sources.Param{{Name: "c", Value: []string{"other", `x") | DROP process.name // \`}}}},
		{Text: `FROM logs-* | STATS n = COUNT(*)`, Filter: sources.Filter{"process.command_line": {`x") | DROP process.name // \`}}},
	} {
		f, _, err := h.Query(t.Context(), q)
		if err != nil {
			t.Errorf("%s: %v", q.Text, err)
			continue
		}
		if n, _ := f.Int("n", 0); n != 1 {
			t.Errorf("%s: %d rows", q.Text, n)
		}
	}
}

func TestUnnamedColumnsKeepTheirTextWhereNowIsWrittenIn(t *testing.T) {
	exec(t, nil)
	now := time.Date(2026, 3, 4, 6, 0, 0, 0, time.UTC)
	text := "FROM logs-* | EVAL NOW() - 1 day | STATS MAX(now()), MIN(`NOW() - 1 day`), n = COUNT(*) BY BUCKET(NOW(), 1 hour)"
	f, _, err := connect(t).History().Query(t.Context(), sources.Query{Text: text, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(f.Names, "; "); got != "MAX(now()); MIN(`NOW() - 1 day`); n; BUCKET(NOW(), 1 hour)" {
		t.Errorf("columns %s", got)
	}
	if got := f.Text("MIN(`NOW() - 1 day`)", 0); got != "2026-03-03T06:00:00.000Z" {
		t.Errorf("now() gave %s", got)
	}
}

func TestTenThousandRowsOfMoreAreAPartialAnswer(t *testing.T) {
	exec(t, nil)
	h := connect(t).History()
	text := `ROW a = 1 | EVAL b = SPLIT(REPEAT("x,", 101), ","), c = SPLIT(SUBSTRING(REPEAT("x,", 101), 1, 201), ",") | MV_EXPAND b | MV_EXPAND c`
	for _, c := range []struct {
		limit   string
		most    int
		rows    int64
		partial bool
	}{{" | LIMIT 10000", 0, 10_000, false}, {" | LIMIT 10001", 0, 10_000, true}, {"", 20_000, 10_000, true}, {"", 7, 7, false}} {
		_, quality, err := h.Query(t.Context(), sources.Query{Text: text + c.limit, Limit: c.most})
		if err != nil {
			t.Fatal(err)
		}
		if quality.Rows != c.rows || quality.Partial != c.partial || quality.Partial != (len(quality.Reasons) > 0) {
			t.Errorf("%q, %d: %+v", c.limit, c.most, quality)
		}
	}
}

func TestWarningsOfTheClusterComeWithTheAnswer(t *testing.T) {
	exec(t, func(b *ecs.Builder) { b.Int(ecs.ProcessPID, 7) })
	_, quality, err := connect(t).History().Query(t.Context(), sources.Query{Text: `FROM logs-* | EVAL z = process.pid / 0 | STATS MAX(z)`})
	if err != nil || !strings.Contains(strings.Join(quality.Warnings, "\n"), "/ by zero") {
		t.Errorf("%q, %v", quality.Warnings, err)
	}
}

func TestAnAnswerThatSaysPartialIsPartial(t *testing.T) {
	exec(t, nil)
	// Its own parser refuses a blank there, and the cluster then answers 200 without rows.
	_, quality, err := connect(t).History().Query(t.Context(), sources.Query{Text: `FROM logs-* | WHERE KQL("process.name: (a or b") | STATS n = COUNT(*)`})
	if err == nil && !quality.Partial {
		t.Errorf("an answer that nobody may trust: %+v", quality)
	}
}
