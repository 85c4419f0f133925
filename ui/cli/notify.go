package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

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

func sendTo(ctx context.Context, raw, subject, words string) error {
	sender, err := shoutrrr.CreateSender(raw)
	if err != nil {
		return err
	}
	sender.Timeout = tellLimit
	sent := make(chan error, 1) // the library knows no context
	go func() {
		sent <- errors.Join(sender.Send(words, &types.Params{types.TitleKey: subject})...)
	}()
	select {
	case err := <-sent:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// without hides in an error whatever of a channel's address may be a secret.
func without(raw string, err error) error {
	if err == nil {
		return nil
	}
	said := err.Error()
	parts := []string{raw}
	if u, bad := url.Parse(raw); bad == nil {
		password, _ := u.User.Password()
		parts = append(parts, u.User.Username(), password)
		parts = append(parts, strings.FieldsFunc(u.Path+"/"+u.RawQuery, func(r rune) bool { return strings.ContainsRune("/&=?,", r) })...)
		if !strings.Contains(u.Hostname(), ".") { // a token takes the place of the host with some services
			parts = append(parts, u.Host)
		}
	}
	for _, part := range parts {
		if len(part) > 3 {
			said = strings.ReplaceAll(said, part, "[hidden]")
		}
	}
	return errors.New(playbooks.Redact(said))
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
