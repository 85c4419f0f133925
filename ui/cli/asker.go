package cli

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/charmbracelet/x/term"

	"interdict/respond"
	"interdict/ui/text"
)

// terminalAsker asks at the terminal itself, so that standard input stays for
// confirmations; several hosts ask one after the other.
type terminalAsker struct{ mu sync.Mutex }

// Trust shows the fingerprint. --yes does not answer it.
func (a *terminalAsker) Trust(_ context.Context, q respond.UnknownKey) (bool, error) {
	var yes bool
	err := a.terminal(func(tty *os.File) error {
		fmt.Fprintf(tty, "%s (%s) shows a host key that nobody vouches for:\n  %s %s\n", text.Clean(q.Host), text.Clean(q.Address), text.Clean(q.Type), text.Clean(q.Fingerprint))
		fmt.Fprintf(tty, "Compare it with `ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub` on the host's own console.\n")
		if q.File != "" {
			fmt.Fprintf(tty, "It is kept in %s.\n", text.Clean(q.File))
		}
		fmt.Fprint(tty, "Is it the host's own? Type yes: ")
		answer, err := bufio.NewReader(tty).ReadString('\n')
		yes = strings.TrimSpace(answer) == "yes"
		return err
	})
	return yes, err
}

// Secret reads a line, without showing it unless the question allows that.
func (a *terminalAsker) Secret(_ context.Context, q respond.SecretQuestion) (answer []byte, err error) {
	err = a.terminal(func(tty *os.File) error {
		if q.Text != "" {
			fmt.Fprintf(tty, "%s asks: %s\n", text.Clean(q.Host), text.CleanLines(q.Text))
		}
		fmt.Fprintf(tty, "%s: %s: ", text.Clean(q.Host), text.Clean(q.For))
		if q.Shown {
			line, err := bufio.NewReader(tty).ReadString('\n')
			answer = []byte(strings.TrimRight(line, "\r\n"))
			return err
		}
		answer, err = term.ReadPassword(tty.Fd())
		fmt.Fprintln(tty)
		return err
	})
	return answer, err
}

func (a *terminalAsker) terminal(f func(*os.File) error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return errNobody
	}
	defer tty.Close()
	return f(tty)
}
