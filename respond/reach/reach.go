package reach

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"interdict/respond"
)

// The kinds of secrets, what opens most doors first: the order to revoke them in.
const (
	CloudKey     = "cloud key"
	CloudRole    = "cloud role"
	Kubernetes   = "kubernetes account"
	SSHKey       = "ssh key"
	SSHAgent     = "ssh agent"
	VaultToken   = "vault token"
	GitToken     = "git token"
	PackageToken = "package token"
	Registry     = "container registry login"
	Kerberos     = "kerberos ticket"
	Password     = "password file"
	Variable     = "secret in the environment"
	EnvFile      = "file with settings"
	GPGKey       = "gpg key"
	TLSKey       = "tls key"
	HostKey      = "ssh host key"
	Accounts     = "password hashes"
	Other        = "other secret"
)

var order = []string{CloudKey, CloudRole, Kubernetes, SSHKey, SSHAgent, VaultToken, GitToken, PackageToken, Registry,
	Kerberos, Password, Variable, EnvFile, GPGKey, TLSKey, HostKey, Accounts, Other}

// Secret is one credential within reach. Its texts are hostile.
type Secret struct {
	Kind        string
	Path        string    // file, socket, or "process 4121"; as the process sees it
	Name        string    // which one: "AKIA…", "DATABASE_URL, API_TOKEN", "system:serviceaccount:shop:web"
	Fingerprint string    // of a key's public half, "SHA256:…"; "" where there is none
	Locked      bool      // of no use without a passphrase
	Expires     time.Time // zero: not by itself, or not known
	Changed     time.Time // of the file; zero: unknown
	UID         int       // of the file; -1: unknown
}

// Rank is the place of a secret's kind in the order of revoking; less is earlier.
func (s *Secret) Rank() int {
	if i := slices.Index(order, s.Kind); i >= 0 {
		return i
	}
	return len(order)
}

// Of says what to look for.
type Of struct {
	UID       int                 // the user whose reach it is
	Processes []respond.ProcessID // the tree's; the first that lives says what the root directory is
	Files     []string            // more files to look at: those that were read
}

// maxProcesses and maxFiles bound what is asked for at once.
const (
	maxProcesses = 40
	maxFiles     = 100
)

// Find looks. What was found comes back even when the error, which says what
// could not be looked at, is not nil.
func Find(ctx context.Context, sh respond.Shell, of Of) ([]Secret, error) {
	out, err := sh.Run(ctx, script, of.input())
	if err != nil {
		return nil, fmt.Errorf("secrets on %s: %w", sh.Name(), err)
	}
	found, ended := parse(out.Stdout)
	switch {
	case out.Cut:
		err = fmt.Errorf("secrets on %s: there are more than fit", sh.Name())
	case out.Status != 0 || !ended:
		text, _, _ := strings.Cut(strings.TrimSpace(string(out.Stderr)), "\n")
		err = fmt.Errorf("secrets on %s: the look ended early, with %d: %s", sh.Name(), out.Status, text)
	}
	return found, err
}

// input is "UID", "BOOT", then "process PID TICKS" and "file PATH" a line.
func (o Of) input() []byte {
	var b bytes.Buffer
	boot := ""
	for _, p := range o.Processes {
		boot = cmp.Or(boot, p.BootID)
	}
	fmt.Fprintf(&b, "%d\n%s\n", o.UID, clean(boot))
	for _, p := range o.Processes[:min(len(o.Processes), maxProcesses)] {
		fmt.Fprintf(&b, "process %d %d\n", p.PID, p.Ticks())
	}
	for _, f := range o.Files[:min(len(o.Files), maxFiles)] {
		if f == clean(f) && strings.HasPrefix(f, "/") {
			fmt.Fprintf(&b, "file %s\n", f)
		}
	}
	return b.Bytes()
}

// clean drops what a line cannot hold.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

// parse reads "secret" lines and whether the script came to its end.
func parse(out []byte) (found []Secret, ended bool) {
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		switch {
		case f[0] == "end":
			ended = true
		case f[0] == "secret" && len(f) == 9:
			s := Secret{Kind: f[1], Path: f[2], Name: f[3], Fingerprint: f[4], Locked: f[5] == "locked", Expires: unix(f[6]), Changed: unix(f[7]), UID: -1}
			if uid, err := strconv.Atoi(f[8]); err == nil {
				s.UID = uid
			}
			if slices.Contains(order, s.Kind) && !slices.Contains(found, s) {
				found = append(found, s)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b Secret) int { return cmp.Or(a.Rank()-b.Rank(), strings.Compare(a.Path, b.Path)) })
	return found, ended
}

func unix(s string) time.Time {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 0 && n < 1<<40 {
		return time.Unix(n, 0).UTC()
	}
	return time.Time{}
}
