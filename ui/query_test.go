package ui

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/esql"
	"interdict/sources/esql/parse"
	"interdict/sources/frame"
)

// askable checks a query as a history does and answers with two rows, of which
// an attacker wrote one.
type askable struct {
	got   []sources.Query
	rows  int
	block bool
}

func (h *askable) Query(ctx context.Context, q sources.Query) (*frame.Frame, sources.Quality, error) {
	h.got = append(h.got, q)
	if h.block {
		<-ctx.Done()
		return nil, sources.Quality{}, ctx.Err()
	}
	s, err := esql.Prepare(q.Text)
	if err == nil {
		err = s.Check(ecs.Fields())
	}
	if err != nil {
		return nil, sources.Quality{}, err
	}
	b := frame.NewBuilder([]frame.Field{{Name: "process.name", Type: frame.Keyword}, {Name: "n", Type: frame.Long}, {Name: "process.command_line", Type: frame.Keyword}})
	for range max(h.rows, 1) {
		b.Row()
		b.Keyword(0, "scp")
		b.Int(1, 41)
		b.Keyword(2, "scp a\x1b]0;owned\x07 b:")
	}
	return b.Build(), sources.Quality{Scanned: 1_234_567, Took: 4 * time.Millisecond, Partial: true, Reasons: []string{"a segment is damaged"}, Warnings: []string{"No limit defined"}}, nil
}

type askedList struct{ all []string }

func (a *askedList) Queries() ([]string, error) { return slices.Clone(a.all), nil }
func (a *askedList) Add(q string) error         { a.all = append(a.all, q); return nil }

func queryWorld(t *testing.T) (*world, *askable, *askedList) {
	h, asked := &askable{}, &askedList{all: []string{"ROW old = 1", "ROW newer = 2"}}
	return newWorld(t, 100, 30, func(c *Config) { c.History, c.Asked = h, asked }), h, asked
}

func TestAQueryIsWrittenCompletedAskedAndRemembered(t *testing.T) {
	w, h, asked := queryWorld(t)
	w.press("5")
	w.write("fr")
	w.press("tab")
	w.write(" logs-endpoint.events.p")
	w.press("tab")
	w.write(" | whe")
	w.press("tab")
	w.write(" process.command_li")
	w.press("tab")
	w.write(` LIKE "*scp*"`)
	w.shows(`FROM logs-endpoint.events.process-default | WHERE process.command_line LIKE "*scp*"`)
	w.press("enter")
	w.shows("1 row of 1 234 567 looked at", "4 ms", "PARTIAL: a segment is damaged", "No limit defined", `scp a\x1b]0;owned\x07 b:`)
	if len(h.got) != 1 || !h.got[0].Now.Equal(noon) {
		t.Errorf("asked %v", h.got)
	}
	if len(asked.all) != 3 || !strings.HasPrefix(asked.all[2], "FROM logs-") {
		t.Errorf("remembered %q", asked.all)
	}
	w.press("right")
	w.shows("1 column to the left")
	w.press("r")
	if len(asked.all) != 3 || len(h.got) != 2 {
		t.Error("the same query is remembered twice, or was not run again")
	}
}

func TestCompletionNamesWhatThereIs(t *testing.T) {
	for query, want := range map[string]string{
		"":                                 "FROM ROW SHOW INFO",
		"FROM a | S":                       "SORT STATS",
		"FROM logs-endpoint.events.f":      "logs-endpoint.events.file-default",
		"FROM a | EVAL mine = 1 | WHERE m": "mine",
		"FROM a | STATS count_d":           "count_distinct(",
		"FROM a | WHERE process.working_":  "process.working_directory",
	} {
		_, all := candidatesAt(query)
		if got := strings.Join(all, " "); !strings.Contains(got, want) {
			t.Errorf("%q: %s", query, got)
		}
	}
}

func TestAProblemOfAQueryIsPointedAtAndTheQueryStaysThere(t *testing.T) {
	w, _, _ := queryWorld(t)
	w.press("5")
	w.write("FROM logs-*")
	w.send(tea.KeyMsg{Type: tea.KeyCtrlJ})
	w.write("| WHERE process.nam == 1")
	w.press("enter")
	w.shows("2:9", "did you mean", "no answer")
	lines := strings.Split(w.View(), "\n")
	for i, l := range lines {
		if strings.HasSuffix(strings.TrimRight(l, " "), "^") {
			if at := strings.Index(l, "^"); !strings.HasPrefix(lines[i-1][at:], "process.nam") {
				t.Errorf("the mark is at %d of %q", at, lines[i-1])
			}
			w.write("x")
			w.shows("== 1x")
			return
		}
	}
	t.Error("no mark")
}

func TestEarlierQueriesComeBack(t *testing.T) {
	w, _, _ := queryWorld(t)
	w.press("5")
	w.write("draft")
	w.press("up")
	w.shows("ROW newer = 2")
	w.press("up")
	w.shows("ROW old = 1")
	w.press("up", "down", "down")
	w.shows("draft")
}

func TestAQueryIsCalledOff(t *testing.T) {
	w, h, _ := queryWorld(t)
	h.block = true
	p := w.Model.query()
	p.answer = &queryAnswer{text: "ROW before = 1", rows: &frame.Frame{}}
	ended := make(chan tea.Msg, 1)
	w.press("5")
	cmd := p.run(w.Model, "FROM logs-*")
	go func() {
		for _, c := range cmd().(tea.BatchMsg) {
			if msg, ok := c().(queryAnswered); ok {
				ended <- msg
			}
		}
	}()
	w.dirty = true
	w.shows("x calls it off")
	w.press("x")
	w.send(<-ended)
	w.shows("called off")
	if p.answer.rows != nil {
		t.Error("an answer that nobody waits for came to the screen")
	}
}

func TestAnAnswerIsWrittenToANewFileOnly(t *testing.T) {
	w, _, _ := queryWorld(t)
	name := filepath.Join(t.TempDir(), "out.csv")
	w.press("5")
	w.write("FROM logs-*")
	w.press("enter", "w")
	w.send(tea.KeyMsg{Type: tea.KeyCtrlU})
	w.write(name)
	w.press("enter")
	got, err := os.ReadFile(name)
	if err != nil || !strings.HasPrefix(string(got), "process.name,n,process.command_line\n") {
		t.Fatalf("%q, %v", got, err)
	}
	w.shows("1 row written")
	w.press("w")
	w.send(tea.KeyMsg{Type: tea.KeyCtrlU})
	w.write(name)
	w.press("enter")
	w.shows("not written")
}

func TestTheGuidesQueryCanBeChanged(t *testing.T) {
	w, _, _ := queryWorld(t)
	w.press("enter", "e")
	w.shows("? FROM logs-endpoint.events.process-* | WHERE process.command_line == ?")
	w.press("esc", "esc", "down", "e")
	w.shows("no query is behind this answer")
}

func TestHostileQueriesAndAnswersStayInTheirPlace(t *testing.T) {
	for _, size := range [][2]int{{60, 15}, {80, 24}, {200, 50}} {
		w, h, _ := queryWorld(t)
		h.rows = 300
		w.send(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
		w.press("5")
		w.send(tea.KeyMsg{Type: tea.KeyRunes, Paste: true, Runes: []rune("FROM \u202elogs-*\r\n| EVAL `\x1b[2J` = 1\n| LIMIT 5")})
		w.fits(w.View())
		w.press("enter", "esc", "down", "pgdown", "right", "right", "right", "right")
		w.fits(w.View())
	}
}

func TestThePlainConsoleAsksToo(t *testing.T) {
	k := startTalk(t, func(c *Config) { c.History = &askable{} })
	k.types(`query FROM logs-* | WHERE process.name == "a  b"`)
	k.until(`process.name=scp  n=41  process.command_line=scp a\x1b]0;owned\x07 b:`)
	k.until("Partial: a segment is damaged")
	k.until("1 row.")
	k.types("query FROM")
	k.until("line 1:")
}

func TestOfALongLineThePlaceOfAnErrorIsShown(t *testing.T) {
	query := "FROM x | WHERE " + strings.Repeat("a == 1 OR ", 5000) + "¿ == 2 OR " + strings.Repeat("b == 1 OR ", 5000) + "true"
	at := strings.Index(query, "¿") + 1
	line, mark, ok := Pointed(query, parse.Errorf(parse.Parsing, parse.Pos{Line: 1, Column: at}, "no"))
	if !ok || len([]rune(line)) > longLine+2 || !strings.HasPrefix(string([]rune(line)[len(mark)-1:]), "¿ == 2") {
		t.Errorf("%d characters\n%s\n%s", len([]rune(line)), line, mark)
	}
}
