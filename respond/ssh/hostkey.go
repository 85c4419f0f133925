package ssh

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"interdict/respond"
)

// keyCheck checks the key of one host against the files, read anew.
type keyCheck struct {
	ctx    context.Context
	target Target
	net    *Network
	watch  *watch
	known  *knownhosts.HostKeyDB
	shown  ssh.PublicKey // what the host showed
	asked  bool          // a person said yes to it just now
	err    error         // why it was refused; the library wraps it in text
}

func (n *Network) newKeyCheck(ctx context.Context, t Target, w *watch) (*keyCheck, error) {
	var files []string
	for _, f := range t.KnownHosts {
		if _, err := os.Stat(f); errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err := checkRevoked(f); err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	known, err := knownhosts.NewDB(files...)
	if err != nil {
		return nil, fmt.Errorf("known hosts: %w", err)
	}
	return &keyCheck{ctx: ctx, target: t, net: n, watch: w, known: known}, nil
}

// checkRevoked refuses a file with a revocation that cannot be read: the
// library passes over lines that it cannot read, which is right for all others.
func checkRevoked(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("known hosts: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		text := bytes.TrimSpace(lines.Bytes())
		if !bytes.HasPrefix(text, []byte("@revoked")) {
			continue
		}
		if _, _, _, _, _, err := ssh.ParseKnownHosts(append(bytes.Clone(text), '\n')); err != nil {
			return fmt.Errorf("known hosts: %s:%d: a revoked key that cannot be read: %w", path, n, err)
		}
	}
	return lines.Err()
}

// algorithms are those of the keys that are known, so that the host shows one of
// them and not another that nobody knows. nil: it is unknown, any will do.
func (k *keyCheck) algorithms() []string {
	all := k.known.HostKeyAlgorithms(k.target.known())
	return slices.DeleteFunc(all, func(a string) bool { // SHA-1
		return a == ssh.KeyAlgoRSA || a == ssh.CertAlgoRSAv01
	})
}

// check is the ssh.HostKeyCallback.
func (k *keyCheck) check(_ string, remote net.Addr, key ssh.PublicKey) error {
	k.shown = key
	if cert, ok := key.(*ssh.Certificate); ok {
		k.shown = cert.Key
	}
	k.err = k.judge(remote, key)
	return k.err
}

func (k *keyCheck) judge(remote net.Addr, key ssh.PublicKey) error {
	err := k.known.HostKeyCallback()(k.target.known(), remote, key)
	var revoked *xknownhosts.RevokedError
	var mismatch *xknownhosts.KeyError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &revoked):
		return refuseKey(CodeRevokedKey, "%s shows a host key that %s:%d revokes", k.target.Name, revoked.Revoked.Filename, revoked.Revoked.Line)
	case !errors.As(err, &mismatch):
		return refuseKey(CodeChangedKey, "the host key of %s is not accepted: %v", k.target.Name, err)
	case len(mismatch.Want) > 0:
		want := mismatch.Want[0]
		return refuseKey(CodeChangedKey, "the host key of %s has CHANGED: it shows %s %s, %s:%d knows %s. Somebody may be in between, or the host was installed anew; find out from its console",
			k.target.Name, key.Type(), ssh.FingerprintSHA256(key), want.Filename, want.Line, ssh.FingerprintSHA256(want.Key))
	}
	return k.unknown(key)
}

// unknown asks a person, and keeps the key when the answer is yes.
func (k *keyCheck) unknown(key ssh.PublicKey) error {
	fingerprint := ssh.FingerprintSHA256(k.shown)
	if k.net.accepted(k.target.known(), fingerprint) {
		k.asked = true
		return nil
	}
	q := respond.UnknownKey{Host: k.target.Name, Address: k.target.dial(), Type: k.shown.Type(), Fingerprint: fingerprint}
	if len(k.target.KnownHosts) > 0 {
		q.File = k.target.KnownHosts[0]
	}
	no := refuseKey(CodeUnknownKey, "the host key of %s is unknown: %s %s at %s; compare it with `ssh-keygen -lf` on the host and connect once with ssh, or answer when you are asked",
		k.target.Name, q.Type, q.Fingerprint, q.Address)
	if k.net.options.Ask == nil {
		return no
	}
	var yes bool
	var err error
	k.watch.person(func() { yes, err = k.net.options.Ask.Trust(k.ctx, q) })
	if err != nil {
		return err
	}
	if !yes {
		return no
	}
	k.asked = true
	k.net.accept(k.target.known(), fingerprint)
	if _, isCert := key.(*ssh.Certificate); isCert || q.File == "" {
		return nil
	}
	return remember(q.File, k.target.known(), key)
}

// remember appends to the file; what the person said holds for this run anyway.
func remember(path, address string, key ssh.PublicKey) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("known hosts: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("known hosts: %w", err)
	}
	text := knownhosts.Line([]string{address}, key) + "\n"
	last := make([]byte, 1) // a last line without an end would swallow this one
	if info, err := f.Stat(); err == nil && info.Size() > 0 {
		if _, err := f.ReadAt(last, info.Size()-1); err == nil && last[0] != '\n' {
			text = "\n" + text
		}
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// hint tells what is meant when the library could not agree on a host key.
func (k *keyCheck) hint(err error) error {
	algorithms := k.algorithms()
	if k.shown != nil || len(algorithms) == 0 || !strings.Contains(err.Error(), "no common algorithm for host key") {
		return err
	}
	return refuseKey(CodeChangedKey, "%s shows no host key of a kind that is known of it (%s): its key has changed, or the known hosts are to be completed",
		k.target.Name, strings.Join(algorithms, ", "))
}
