package respond

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// Signers are who may be a second person, read from a file in the form of
// OpenSSH's allowed_signers.
type Signers []signer

type signer struct {
	names []string // patterns; the first one is what the person is called
	key   ssh.PublicKey
	after time.Time
	until time.Time // zero: for ever
	only  []string  // namespaces; none: every one
}

// ReadSigners reads lines "NAME[,NAME…] [OPTIONS] TYPE KEY". A line that cannot
// be read is an error: a list that counts in part is none.
func ReadSigners(b []byte) (Signers, error) {
	var all Signers
	for i, line := range strings.Split(string(b), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		s, err := readSigner(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		all = append(all, s)
	}
	return all, nil
}

func readSigner(line string) (signer, error) {
	names, rest, _ := strings.Cut(line, " ")
	s := signer{names: strings.Split(strings.Trim(names, `"`), ",")}
	key, _, options, more, err := ssh.ParseAuthorizedKey([]byte(strings.TrimSpace(rest)))
	if err != nil || len(bytes.TrimSpace(more)) > 0 {
		return s, errors.New("wants NAME TYPE KEY, as in allowed_signers of ssh-keygen(1)")
	}
	s.key = key
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		value = strings.Trim(value, `"`)
		switch strings.ToLower(name) {
		case "namespaces":
			s.only = strings.Split(value, ",")
		case "valid-after":
			s.after, err = signerTime(value)
		case "valid-before":
			s.until, err = signerTime(value)
		default:
			err = fmt.Errorf("the option %s is not taken here", name)
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

// signerTime reads YYYYMMDD[HHMM[SS]][Z].
func signerTime(text string) (time.Time, error) {
	zone := time.Local
	if t, utc := strings.CutSuffix(text, "Z"); utc {
		text, zone = t, time.UTC
	}
	for _, form := range []string{"20060102", "200601021504", "20060102150405"} {
		if len(text) == len(form) {
			return time.ParseInLocation(form, text, zone)
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time: YYYYMMDD[HHMM[SS]][Z]", text)
}

// Who says to whom a key belongs, if it may sign now.
func (s Signers) Who(key ssh.PublicKey) (string, error) {
	why := "nobody of the list has that key"
	for _, one := range s {
		if !bytes.Equal(one.key.Marshal(), key.Marshal()) {
			continue
		}
		switch now := time.Now(); {
		case now.Before(one.after), !one.until.IsZero() && !now.Before(one.until):
			why = one.names[0] + "'s key is out of its time"
		case one.only != nil && !slices.ContainsFunc(one.only, func(p string) bool { return matches(p, Namespace) }):
			why = one.names[0] + "'s key is not for " + Namespace
		default:
			return one.names[0], nil
		}
	}
	return "", errors.New(why)
}

// Of gives the fingerprints of the keys that the list has for an actor's name.
func (s Signers) Of(a Actor) (keys []string) {
	for _, one := range s {
		for _, name := range loginNames(a) {
			if name != "" && slices.ContainsFunc(one.names, func(p string) bool { return matches(p, name) }) {
				keys = append(keys, ssh.FingerprintSHA256(one.key))
			}
		}
	}
	return keys
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil || pattern == name
}

// loginNames are those by which a list may call an actor: behind sudo the login
// alone, since the account that it became is everybody's.
func loginNames(a Actor) []string {
	login, _, _ := strings.Cut(a.User, " (as ")
	if login == "root" {
		return nil // an account of several people
	}
	return []string{login}
}
