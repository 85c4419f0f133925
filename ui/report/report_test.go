package report

import (
	"bytes"
	"database/sql"
	"fmt"
	"html"
	"io"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"interdict/detect"
	"interdict/playbooks"
	"interdict/respond/reach"
	"interdict/ui/text"

	_ "modernc.org/sqlite"
)

// hostile are texts that would be something else than text if they were let.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `[click](https://evil.example/)`, `![x](https://evil.example/x.png)`,
	"```\n# heading", `| cell | cell |`, `&lt;b&gt;`, `https://evil.example/a`, `www.evil.example`, `mailto:a@evil.example`, `bob@evil.example`, `*bold* _it_ ~~gone~~ $x$`,
	"1. one", "- [x] task", "\x1b]0;title\a\u202egnp.exe", `javascript:alert(1)`, `</td></tr></table><h1>x`, `{{.}}`, `\`, "`` ` ``", "<!-- x -->", "a\nb\n\n# c", "=== ", "+ x", "[^1]: foot", "xmpp:a@b.example",
}

func TestNothingInAReportBecomesMarkup(t *testing.T) {
	m := goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote))
	tag := regexp.MustCompile(`<[^>]*>`)
	for _, s := range hostile {
		var out bytes.Buffer
		if err := m.Convert([]byte("x "+md(s)+"\n"), &out); err != nil {
			t.Fatal(err)
		}
		for _, found := range tag.FindAllString(out.String(), -1) {
			if found != "<p>" && found != "</p>" && !strings.HasPrefix(found, `<a href="mailto:`) && found != "</a>" {
				t.Errorf("%q became %s: %s", s, found, out.String())
			}
		}
		if got, want := strings.Join(strings.Fields(html.UnescapeString(tag.ReplaceAllString(out.String(), ""))), " "), strings.Join(strings.Fields("x "+text.Clean(s)), " "); got != want {
			t.Errorf("%q is read as %q, not %q", s, got, want)
		}
		out.Reset()
		if err := m.Convert([]byte("| a |\n|---|\n| "+md(s)+" |\n"), &out); err != nil {
			t.Fatal(err)
		}
		if strings.Count(out.String(), "<td>") != 1 || strings.Contains(out.String(), "evil.example\"") && !strings.Contains(out.String(), "mailto") {
			t.Errorf("%q leaves its cell: %s", s, out.String())
		}
	}
}

func TestAWholeReportOfHostileNamesHoldsThemAsText(t *testing.T) {
	for _, s := range hostile {
		r := reportOf(t, s, 1)
		var page, plain bytes.Buffer
		if err := HTML(&page, r); err != nil {
			t.Fatal(err)
		}
		if err := Markdown(&plain, r); err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"<script", "<img", "onerror=alert(1)>", "<a ", "<link", "<iframe", "\x1b", "\u202e", "hunter2"} {
			if strings.Contains(page.String(), bad) {
				t.Errorf("%q: the page holds %q", s, bad)
			}
		}
		if n := strings.Count(page.String(), "<h1>"); n != 1 {
			t.Errorf("%q: %d headings", s, n)
		}
		for _, bad := range []string{"<script", "<img", "\x1b", "\u202e", "hunter2"} {
			if strings.Contains(plain.String(), bad) {
				t.Errorf("%q: the text holds %q", s, bad)
			}
		}
		if !strings.Contains(page.String(), html.EscapeString(strings.Fields(text.Clean(s))[0])) && !strings.Contains(html.UnescapeString(page.String()), text.Clean(s)) {
			t.Errorf("%q is not in the page", s)
		}
	}
}

func TestAReaderWhoKnowsOnlyTheReportCanAnswer(t *testing.T) {
	r := reportOf(t, "/srv/export/customers.csv", 1)
	for name, write := range Formats {
		var b bytes.Buffer
		if err := write(&b, r); err != nil {
			t.Fatal(err)
		}
		said := strings.NewReplacer(`\`, "").Replace(html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(b.String(), " ")))
		for what, want := range map[string]string{
			"what left": "/srv/export/customers.csv, 162 MB, customer data", "from where": "web-1 (production)", "to where": "203.0.113.9:22", "how much": "≥ 48.2 MB",
			"when": "2026-11-03 03:12:33Z", "how sure": "LIKELY THEFT: 2 facts against", "what was done": "what was done is not known: there is no journal", "what is open": "find out whether it is contained",
			"what is unknown": "how much of it arrived", "the open question": "announced by a user?", "who": "bob",
			"how": "scp 4121 as www-data, started by", "since when it is known": "first alert 2026-11-03 03:12:41Z, first person", "what is to be replaced": "replace credential 1 of 2: ssh key /home/a/.ssh/id, READ 03:12:34Z",
			"what was in reach": "replace credential 2 of 2: .env file /srv/app/.env, was within reach", "what was seen late": "the alert of scp 4121 came 8 s after it began", "the time it took": "not contained yet",
		} {
			if !strings.Contains(said, want) {
				t.Errorf("%s does not say %s (%q):\n%s", name, what, want, said)
			}
		}
	}
}

func TestBytesOverTimeAreDrawnInBothForms(t *testing.T) {
	r := reportOf(t, "/srv/a", 1)
	at := time.Date(2026, 11, 3, 3, 0, 0, 0, time.UTC)
	r.Losses[0].Flow = []playbooks.Sample{{At: at, Sent: 0}, {At: at.Add(20 * time.Second), Sent: 0}, {At: at.Add(40 * time.Second), Sent: 8_000_000}}
	var md, page bytes.Buffer
	if err := Markdown(&md, r); err != nil || !strings.Contains(md.String(), "left by then: ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▂▃▃▄▄▅▆▆▇█ of 8.0 MB, 2026-11-03 03:00:00Z to 2026-11-03 03:00:40Z") {
		t.Errorf("%v: %s", err, md.String())
	}
	if err := HTML(&page, r); err != nil || !strings.Contains(page.String(), `<polyline points="0.0,140.0 320.0,140.0 640.0,0.0"`) {
		t.Errorf("%v: %s", err, page.String())
	}
}

func TestSamplesThatNoKernelCountedAreDrawnToo(t *testing.T) {
	r := reportOf(t, "/srv/a", 1)
	at := time.Date(2026, 11, 3, 3, 0, 0, 0, time.UTC)
	r.Losses[0].Flow = []playbooks.Sample{{At: at, Sent: -5}, {At: at.Add(20 * time.Second), Sent: 1 << 62}, {At: at.Add(40 * time.Second), Sent: 8}}
	if err := Markdown(io.Discard, r); err != nil {
		t.Error(err)
	}
}

func TestAReportOfTenThousandEventsIsWhole(t *testing.T) {
	r := reportOf(t, "/srv/a", 12)
	if len(r.Timeline) < 10_000 {
		t.Fatalf("only %d moments", len(r.Timeline))
	}
	for name, write := range Formats {
		var b bytes.Buffer
		if err := write(&b, r); err != nil || strings.Count(b.String(), "/f999") < 11 {
			t.Errorf("%s: %v, %d bytes", name, err, b.Len())
		}
	}
}

func BenchmarkReportOfTenThousandEvents(b *testing.B) {
	cases, k := caseOf(b, "/srv/a", 12)
	for b.Loop() {
		r := made(b, cases, k)
		for _, write := range Formats {
			if err := write(io.Discard, r); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func reportOf(t testing.TB, name string, findings int) *playbooks.Report {
	t.Helper()
	cases, k := caseOf(t, name, findings)
	return made(t, cases, k)
}

func made(t testing.TB, cases *playbooks.Cases, id string) *playbooks.Report {
	t.Helper()
	k, err := cases.Case(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	b, err := cases.Brief(t.Context(), nil, k)
	if err != nil {
		t.Fatal(err)
	}
	r, err := cases.Report(t.Context(), b, nil, "", "ana", "interdict test")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// caseOf is a case in which everything that a thief names is called name.
func caseOf(t testing.TB, name string, findings int) (*playbooks.Cases, string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "interdict.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	cases, err := playbooks.OpenCases(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 3, 3, 12, 33, 0, time.UTC)
	id := ""
	for n := range findings {
		tool := detect.Process{PID: 4121, Start: 1, Name: "scp", Executable: "/usr/bin/" + name, CommandLine: "scp PASSWORD=hunter2 " + name, User: "www-data", Started: at}
		up := detect.Process{PID: 4110, Start: 1, Name: "." + name, Executable: "/dev/shm/" + name, CommandLine: name, Started: at.Add(-time.Second), Deleted: true}
		tr := &detect.Transfer{Direction: detect.Out, Tool: tool, Ancestors: []detect.Process{up}, Members: []detect.Process{tool}, Sent: 48_200_000, Spark: []int64{1e6, 2e6, 3e6}, Live: true, Started: at,
			Peers: []detect.Peer{{Addr: netip.MustParseAddr("203.0.113.9"), Port: 22, Sent: 48_200_000, First: at, Last: at.Add(time.Second)}},
			Files: []detect.File{{Path: name, Size: 162_000_000, Sensitive: "customer data", At: at}}}
		if findings > 1 {
			for i := range 1000 {
				tr.Files = append(tr.Files, detect.File{Path: fmt.Sprintf("/srv/data/f%d", i), Size: 10, At: at.Add(time.Duration(i) * time.Millisecond)})
			}
		}
		f := &detect.Finding{Transfer: tr, Alert: detect.Alert{ID: fmt.Sprint("A", n), RuleName: name, Raised: at.Add(8 * time.Second), First: at, Last: at, Why: name, Process: tool,
			Host: detect.Host{ID: "h1", Name: "web-1", Environment: "production"}}}
		g := &playbooks.Guide{Made: at, Verdict: playbooks.Verdict{Word: playbooks.Theft, Against: []string{name, "destination never seen"}, Open: []string{"announced by a user?"}},
			Answers: []playbooks.Answer{{ID: "credentials", State: playbooks.BAD}}, Credentials: playbooks.Credentials{All: []playbooks.Credential{
				{Secret: reach.Secret{Kind: "ssh key", Path: "/home/a/.ssh/id"}, Read: at.Add(time.Second)}, {Secret: reach.Secret{Kind: ".env file", Path: "/srv/app/.env"}}}}}
		k, err := cases.OpenCase(t.Context(), f, g, "bob")
		if err != nil {
			t.Fatal(err)
		}
		id = k.ID
	}
	return cases, id
}
