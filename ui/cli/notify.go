package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/nicholas-fedor/shoutrrr"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
	"github.com/spf13/cobra"

	"interdict/playbooks"
	"interdict/ui/text"
)

// ChannelConfig is one way to tell people.
type ChannelConfig struct {
	URL   Secret `toml:"url"`   // of a service, as shoutrrr has it: slack://, teams://, pagerduty://, smtp://, generic+https:// …
	Owner bool   `toml:"owner"` // owners of hosts are told here
	Usual bool   `toml:"usual"` // everything that names no channel is told here
}

const (
	tellTries = 3
	tellWait  = time.Second // before the second try; then three times as long
	tellLimit = 15 * time.Second
	mostTold  = 4000 // characters
)

// notifier tells people through the configured channels.
type notifier struct {
	channels map[string]ChannelConfig
	env      func(string) string
	wait     time.Duration
}

// notifier is nil when no channel is configured.
func (c *command) notifier() playbooks.Messenger {
	if len(c.config.Notify) == 0 {
		return nil
	}
	return &notifier{c.config.Notify, c.Env, tellWait}
}

// Send tells the channels that are named: by their name, or as "owner". Without a name it tells the usual ones.
func (n *notifier) Send(ctx context.Context, to []string, subject, words string) (string, error) {
	var reached []string
	var errs []error
	names := n.named(to)
	for _, name := range names {
		if err := n.tell(ctx, n.channels[name], short(playbooks.Redact(text.Clean(subject)), 200), short(playbooks.Redact(text.CleanLines(words)), mostTold)); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			continue
		}
		reached = append(reached, name)
	}
	if len(names) == 0 {
		errs = append(errs, fmt.Errorf("no channel is for %s: set usual or owner in [notify.NAME]", cmp.Or(strings.Join(to, ", "), "it")))
	}
	return strings.Join(reached, ", "), errors.Join(errs...)
}

func short(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

func (n *notifier) named(to []string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(n.channels)), func(name string) bool {
		c := n.channels[name]
		switch {
		case len(to) == 0:
			return !c.Usual
		case slices.Contains(to, name):
			return false
		}
		return !slices.Contains(to, "owner") || !c.Owner
	})
}

// tell sends one message, again when that fails.
func (n *notifier) tell(ctx context.Context, c ChannelConfig, subject, words string) error {
	raw, err := c.URL.read(ctx, n.env)
	if err != nil {
		return fmt.Errorf("its url cannot be read: %w", err)
	}
	wait := n.wait
	for try := 1; ; try++ {
		if err = sendTo(ctx, raw, subject, words); err == nil || try == tellTries {
			return without(raw, err)
		}
		select {
		case <-ctx.Done():
			return without(raw, errors.Join(err, ctx.Err()))
		case <-time.After(wait):
			wait *= 3
		}
	}
}

// sendTo sends one message to the service that an address names.
func sendTo(ctx context.Context, raw, subject, words string) error {
	scheme, rest, _ := strings.Cut(raw, "://")
	switch strings.ToLower(scheme) {
	case "teams+https":
		return postCard(ctx, "https://"+rest, subject, words)
	case "slack":
		escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;") // else it would mention everybody, or link to anywhere
		subject, words = escape.Replace(subject), escape.Replace(words)
	case "pagerduty":
		raw, subject, words = pagerHost(raw), "", subject+": "+words // it knows a summary alone
	case "smtp":
		if raw = startTLS(raw); !ascii(subject) {
			subject = mime.QEncoding.Encode("utf-8", subject)
		}
		words = wrapLines(words)
	}
	sent := make(chan error, 1) // the library knows no context
	go func() { sent <- sendByLibrary(raw, subject, words) }()
	select {
	case err := <-sent:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// mailLine is how long a line of a mail is; beyond 998 servers may refuse it.
const mailLine = 200

func wrapLines(s string) string {
	var out []string
	for l := range strings.Lines(s) {
		out = append(out, strings.Join(text.Wrap(strings.TrimRight(l, "\n"), mailLine, mostTold), "\n"))
	}
	return strings.Join(out, "\n")
}

// pagerHost is the address with the host that the service has, where it names none.
func pagerHost(raw string) string {
	u, err := url.Parse(raw)
	if err == nil && u.Port() == "" {
		u.Host = cmp.Or(u.Hostname(), "events.pagerduty.com") + ":443"
		raw = u.String()
	}
	return raw
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}

// startTLS has a mail refused to a server that would take it in the clear, unless the address says that it may.
func startTLS(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	q := u.Query()
	for name := range q {
		if slices.Contains([]string{"requirestarttls", "usestarttls", "starttls", "encryption"}, strings.ToLower(name)) {
			return raw
		}
	}
	q.Set("requirestarttls", "yes")
	u.RawQuery = q.Encode()
	return u.String()
}

// sendByLibrary has no mistake of the library's end the console.
func sendByLibrary(raw, subject, words string) (err error) {
	defer func() {
		if broken := recover(); broken != nil {
			err = fmt.Errorf("the address cannot be used: %v", broken)
		}
	}()
	sender, err := shoutrrr.CreateSender(raw)
	if err != nil {
		return err
	}
	sender.Timeout = tellLimit
	params := types.Params{}
	if subject != "" {
		params[types.TitleKey] = subject
	}
	return errors.Join(sender.Send(words, &params)...)
}

// postCard posts an adaptive card, as a workflow of Teams takes it. Its texts
// are runs of rich text, in which nothing is markup.
func postCard(ctx context.Context, address, subject, words string) error {
	line := func(s string, bold bool) map[string]any {
		run := map[string]any{"type": "TextRun", "text": s}
		if bold {
			run["weight"] = "Bolder"
		}
		return map[string]any{"type": "RichTextBlock", "inlines": []any{run}}
	}
	body := []any{line(subject, true)}
	for l := range strings.Lines(words) {
		body = append(body, line(strings.TrimRight(l, "\n"), false))
	}
	card := map[string]any{"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4", "body": body}
	message, err := json.Marshal(map[string]any{"type": "message", "attachments": []any{map[string]any{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}}})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, tellLimit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(message))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("it answered %s", answer.Status)
	}
	return nil
}

// without hides in an error whatever of a channel's address may be a secret.
func without(raw string, err error) error {
	if err == nil {
		return nil
	}
	said := strings.ReplaceAll(err.Error(), raw, "[hidden]")
	for _, part := range secretParts(raw) {
		said = strings.ReplaceAll(said, part, "[hidden]")
	}
	return errors.New(playbooks.Redact(said))
}

// secretParts are the parts of an address that may be a secret, the longest
// first: services take tokens in the place of the password, the user, the path,
// the host or a parameter, and put them together anew.
func secretParts(raw string) (parts []string) {
	u, err := url.Parse(raw)
	if err != nil {
		return []string{raw}
	}
	all := []string{u.Path, u.EscapedPath()}
	if password, ok := u.User.Password(); ok {
		all = append(all, password, url.QueryEscape(password))
	} else {
		all = append(all, u.User.Username())
	}
	for _, values := range u.Query() {
		for _, v := range values {
			all = append(all, v, url.QueryEscape(v))
		}
	}
	if !strings.Contains(u.Hostname(), ".") {
		all = append(all, u.Hostname())
	}
	for _, s := range all {
		pieces := strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		for _, piece := range append(pieces, strings.Trim(s, "/")) {
			if len(piece) > 5 || piece == s && len(piece) > 3 {
				parts = append(parts, piece)
			}
		}
	}
	slices.SortFunc(parts, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(parts)
}

// notify is a command that tries the channels out.
func (c *command) notify() *cobra.Command {
	return &cobra.Command{Use: "notify [CHANNEL...]", Short: "Send a test message to the configured channels",
		RunE: func(cmd *cobra.Command, args []string) error {
			n := c.notifier()
			if n == nil {
				return errors.New("no channel is configured: [notify.NAME] with a url")
			}
			reached, err := n.Send(cmd.Context(), args, "interdict: a test", "This is a test of interdict: nothing has happened.")
			if reached != "" {
				fmt.Fprintln(c.Stdout, "told: "+reached)
			}
			return err
		}}
}
