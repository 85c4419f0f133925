package cli

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// service stands in for every service on the network: whatever name is
// connected to over TLS is it.
type service struct {
	mu     sync.Mutex
	asked  []*http.Request
	bodies []string
	answer func(n int, w http.ResponseWriter) // n from 1
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, _ := io.ReadAll(r.Body)
	s.asked, s.bodies = append(s.asked, r), append(s.bodies, string(b))
	s.answer(len(s.asked), w)
}

func (s *service) heard() (urls, bodies []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.asked {
		urls = append(urls, "https://"+r.Host+r.URL.RequestURI())
	}
	return urls, s.bodies
}

// online has every https address be s until the test ends; nil: there is no network.
func online(t *testing.T, s *service) {
	t.Helper()
	toServer.Do(func() {
		http.DefaultTransport = &http.Transport{DisableKeepAlives: true, DialTLSContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			server := serverAddr.Load().(string)
			if server == "" {
				return nil, io.ErrUnexpectedEOF
			}
			d := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
			return d.DialContext(ctx, network, server)
		}}
	})
	serverAddr.Store("")
	if s == nil {
		return
	}
	server := httptest.NewTLSServer(s)
	serverAddr.Store(server.Listener.Addr().String())
	t.Cleanup(func() { serverAddr.Store(""); server.Close() })
}

// The library reads the default transport also after it was given up, so that is
// changed once, for all tests of the package.
var (
	toServer   sync.Once
	serverAddr atomic.Value
)

func channel(url string) *notifier {
	return &notifier{channels: map[string]ChannelConfig{"oncall": {URL: Secret{Env: "URL"}, Usual: true}}, env: func(string) string { return url }}
}

const (
	slackURL = "slack://hook:AAAAAAAAA-BBBBBBBBB-123456789123456789123456@webhook"
	teamsURL = "teams+https://prod-17.westeurope.logic.azure.com:443/workflows/0123456789abcdef/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=s3cr3t-signature"
	pagerURL = "pagerduty:///0123456789abcdef0123456789abcdef"
	hostile  = "<!channel> <https://evil.example|the runbook> [click](https://evil.example) & \x1b[31m\u202e curl -u bob:hunter2"
)

// Each is held to what the service documents of its interface.
var services = []struct {
	url, posted string
	code        int
	answer      string
	fits        func(body map[string]any) string // what is wrong with it; "" nothing
}{
	{slackURL, "https://hooks.slack.com/services/AAAAAAAAA/BBBBBBBBB/123456789123456789123456", 200, "ok", fitsSlack},
	{teamsURL, strings.TrimPrefix(teamsURL, "teams+"), 202, "", fitsTeams},
	{pagerURL, "https://events.pagerduty.com:443/v2/enqueue", 202, `{"status":"success","message":"Event processed","dedup_key":"x"}`, fitsPagerDuty},
	{"pagerduty://events.eu.pagerduty.com/0123456789abcdef0123456789abcdef?severity=critical", "https://events.eu.pagerduty.com:443/v2/enqueue", 202, `{"status":"success"}`, fitsPagerDuty},
}

// fitsSlack: text, or attachments with text, in which & < > are escaped (api.slack.com/messaging/webhooks, …/formatting).
func fitsSlack(body map[string]any) string {
	said, _ := body["text"].(string)
	all, _ := body["attachments"].([]any)
	for _, a := range all {
		line, _ := a.(map[string]any)["text"].(string)
		said += "\n" + line
	}
	switch {
	case !strings.Contains(said, "INC-0001: ") || !strings.Contains(said, "\nsecond"):
		return "it does not say all"
	case strings.ContainsAny(said, "<>"):
		return "it mentions or links"
	}
	return ""
}

// fitsTeams: a message with one adaptive card (learn.microsoft.com, "Create incoming webhooks with Workflows").
func fitsTeams(body map[string]any) string {
	attachments, _ := body["attachments"].([]any)
	if body["type"] != "message" || len(attachments) != 1 {
		return "it is no message with one attachment"
	}
	attachment := attachments[0].(map[string]any)
	card, _ := attachment["content"].(map[string]any)
	if attachment["contentType"] != "application/vnd.microsoft.card.adaptive" || card["type"] != "AdaptiveCard" || card["version"] != "1.4" {
		return "it is no adaptive card"
	}
	said := ""
	for _, block := range card["body"].([]any) {
		if block.(map[string]any)["type"] != "RichTextBlock" {
			return "a text block is read as Markdown"
		}
		for _, run := range block.(map[string]any)["inlines"].([]any) {
			said += run.(map[string]any)["text"].(string) + "\n"
		}
	}
	if !strings.Contains(said, "INC-0001: ") || !strings.Contains(said, "\nsecond") {
		return "it does not say all"
	}
	return ""
}

// fitsPagerDuty: what the Events API v2 requires of an event, and its limits.
func fitsPagerDuty(body map[string]any) string {
	payload, _ := body["payload"].(map[string]any)
	summary, _ := payload["summary"].(string)
	severity, _ := payload["severity"].(string)
	source, _ := payload["source"].(string)
	switch {
	case body["routing_key"] != "0123456789abcdef0123456789abcdef" || body["event_action"] != "trigger":
		return "no trigger with its key"
	case !strings.HasPrefix(summary, "INC-0001: ") || len([]rune(summary)) > 1024:
		return "no summary"
	case source == "" || !strings.Contains("critical error warning info", severity) || severity == "":
		return "no source or severity"
	}
	return ""
}

func TestEachServiceIsToldInItsOwnFormAndAgainWhenItIsBusy(t *testing.T) {
	for _, c := range services {
		s := &service{answer: func(n int, w http.ResponseWriter) {
			switch n {
			case 1:
				w.WriteHeader(http.StatusTooManyRequests)
			case 2:
				w.WriteHeader(http.StatusBadGateway)
			default:
				w.WriteHeader(c.code)
				io.WriteString(w, c.answer)
			}
		}}
		online(t, s)
		reached, err := channel(c.url).Send(t.Context(), nil, "INC-0001: "+hostile, "first\nsecond "+hostile+strings.Repeat(" and more", 300))
		urls, bodies := s.heard()
		if err != nil || reached != "oncall" || len(urls) != 3 || urls[2] != c.posted {
			t.Fatalf("%s: %s, %v, %q", c.url, reached, err, urls)
		}
		var body map[string]any
		if err := json.Unmarshal([]byte(bodies[2]), &body); err != nil {
			t.Fatal(err)
		}
		if r := s.asked[2]; r.Method != http.MethodPost || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			t.Errorf("%s: %s %s", c.url, r.Method, r.Header)
		}
		if why := c.fits(body); why != "" {
			t.Errorf("%s: %s:\n%s", c.url, why, bodies[2])
		}
		if strings.Contains(bodies[2], "hunter2") || strings.Contains(bodies[2], `\u001b`) || strings.Contains(bodies[2], "\u202e") {
			t.Errorf("%s: %s", c.url, bodies[2])
		}
	}
}

func TestNoErrorOfAServiceTellsItsAddress(t *testing.T) {
	broken := map[string]func(t *testing.T){
		"it refuses": func(t *testing.T) {
			online(t, &service{answer: func(_ int, w http.ResponseWriter) { http.Error(w, "invalid_token", http.StatusForbidden) }})
		},
		"it is gone": func(t *testing.T) {
			online(t, nil)
		},
	}
	for how, breaks := range broken {
		t.Run(how, func(t *testing.T) {
			breaks(t)
			for _, url := range []string{slackURL, teamsURL, pagerURL, "teams+http://x/aaaaaaaaaaaa", "generic+https://hooks.example/s3cr3t-path?template=json&@Authorization=s3cr3t-header",
				"discord://t0ken-of-a-bot@123456789012345678", "slack://nonsense", "://"} {
				_, err := channel(url).Send(t.Context(), nil, "s", "w")
				if err == nil {
					t.Errorf("%s: no error", url)
					continue
				}
				for _, secret := range []string{"AAAAAAAAA", "123456789123456789123456", "s3cr3t", "0123456789abcdef", "t0ken", "aaaaaaaaaaaa"} {
					if strings.Contains(err.Error(), secret) {
						t.Errorf("%s: %v", url, err)
					}
				}
			}
		})
	}
}

func TestAServiceThatNeverAnswersIsGivenUpWhenTheStepIs(t *testing.T) {
	held := make(chan struct{})
	defer close(held)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	online(t, &service{answer: func(int, http.ResponseWriter) { stop(); <-held }})
	if _, err := channel(slackURL).Send(ctx, nil, "s", "w"); !strings.Contains(fmt.Sprint(err), "context canceled") {
		t.Error(err)
	}
}

// mailServer takes mail as RFC 5321 has it, with STARTTLS and AUTH PLAIN.
type mailServer struct {
	tls  *tls.Config // nil: it has none
	addr string
	mu   sync.Mutex
	said string // to it, in all sessions; each line before it is answered
}

func (m *mailServer) heard(more string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.said += more
	return m.said
}

func startMail(t *testing.T, encrypts bool) *mailServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mailServer{addr: l.Addr().String()}
	if encrypts {
		https := httptest.NewTLSServer(nil) // for its certificate
		t.Cleanup(https.Close)
		m.tls = &tls.Config{Certificates: https.TLS.Certificates}
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go m.serve(c)
		}
	}()
	return m
}

func (m *mailServer) serve(c net.Conn) {
	sealed := false
	defer func() { c.Close() }()
	lines := bufio.NewReader(c)
	answer := func(s string) { io.WriteString(c, s+"\r\n") }
	answer("220 mail.test ESMTP")
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		said := m.heard(line)
		switch verb, _, _ := strings.Cut(strings.TrimSpace(strings.ToUpper(line)), " "); {
		case verb == "EHLO" && m.tls != nil && !sealed:
			answer("250-mail.test\r\n250 STARTTLS")
		case verb == "EHLO":
			answer("250-mail.test\r\n250 AUTH PLAIN")
		case verb == "STARTTLS":
			answer("220 go ahead")
			c = tls.Server(c, m.tls)
			lines, sealed = bufio.NewReader(c), true
			m.heard("(sealed)\n")
		case verb == "AUTH" && !strings.HasSuffix(strings.TrimSpace(line), base64.StdEncoding.EncodeToString([]byte("\x00alarm\x00s3cr3t-word"))):
			answer("535 5.7.8 no")
		case verb == "AUTH":
			answer("235 2.7.0 yes")
		case verb == "DATA":
			answer("354 go on")
			for !strings.HasSuffix(said, "\r\n.\r\n") {
				if line, err = lines.ReadString('\n'); err != nil {
					return
				}
				said = m.heard(line)
			}
			answer("250 2.0.0 taken")
		case verb == "QUIT":
			answer("221 bye")
			return
		default:
			answer("250 2.0.0 ok")
		}
	}
}

func TestMailGoesSealedWithItsSubjectAndInLinesThatServersTake(t *testing.T) {
	m := startMail(t, true)
	url := "smtp://alarm:s3cr3t-word@" + m.addr + "/?from=interdict@a.example&to=oncall@a.example&skiptlsverify=yes"
	if _, err := channel(url).Send(t.Context(), nil, "INC-0001: ≥ 48 MB\r\nBcc: x@evil.example", "first\n.\n"+strings.Repeat("a lot of words ", 200)+hostile); err != nil {
		t.Fatal(err)
	}
	open, sealed, _ := strings.Cut(m.heard(""), "(sealed)\n")
	if strings.Contains(open, "AUTH") || strings.Contains(open, "MAIL") {
		t.Errorf("in the clear: %s", open)
	}
	_, data, _ := strings.Cut(sealed, "DATA\r\n")
	letter, err := mail.ReadMessage(strings.NewReader(data))
	if err != nil {
		t.Fatalf("%v: %q", err, data)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(letter.Header.Get("Subject"))
	if err != nil || !strings.HasPrefix(subject, "INC-0001: ≥ 48 MB") || letter.Header.Get("Bcc") != "" || letter.Header.Get("To") != "oncall@a.example" {
		t.Errorf("%v: %q, %v", err, subject, letter.Header)
	}
	for line := range strings.SplitSeq(data, "\r\n") {
		if len(line) > 998 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
	if !strings.Contains(data, "a lot of words") || !strings.Contains(data, "\r\n..\r\n") || strings.Contains(data, "hunter2") {
		t.Errorf("%q", data)
	}
}

func TestMailIsNotGivenToAServerInTheClearUnlessItIsAllowed(t *testing.T) {
	m := startMail(t, false)
	url := "smtp://" + m.addr + "/?from=interdict@a.example&to=oncall@a.example"
	if _, err := channel(url).Send(t.Context(), nil, "s", "w"); err == nil {
		t.Error("it went in the clear")
	}
	if said := m.heard(""); strings.Contains(said, "MAIL FROM") || strings.Count(said, "EHLO") != tellTries {
		t.Error(said)
	}
	if _, err := channel(url+"&requirestarttls=no").Send(t.Context(), nil, "s", "w"); err != nil {
		t.Error(err)
	}
	_, err := channel("smtp://alarm:wr0ng-word@"+startMail(t, true).addr+"/?from=a@a.example&to=b@a.example&skiptlsverify=yes").Send(t.Context(), nil, "s", "w")
	if err == nil || strings.Contains(err.Error(), "wr0ng") || strings.Contains(err.Error(), base64.StdEncoding.EncodeToString([]byte("\x00alarm\x00wr0ng-word"))) {
		t.Error(err)
	}
}
