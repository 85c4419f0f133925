package playbooks

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"interdict/detect"
	"interdict/respond"
	"interdict/respond/reach"
)

// Credential is one that may have to be replaced after a transfer: by name and
// fingerprint, never the secret itself.
type Credential struct {
	reach.Secret
	Read  time.Time // when the transfer read it; zero: it was within reach, which is all that is known
	Login bool      // it was read to log in, not to be sent
}

// Credentials is what may have to be replaced, in the order to do it in.
type Credentials struct {
	All     []Credential
	Unknown string // why there may be more; "" when all was looked at
}

// Lifetime says when a credential ends by itself.
func (c *Credential) Lifetime(now time.Time) string {
	switch {
	case c.Expires.IsZero():
		return "does not end by itself, as far as it says"
	case c.Expires.Before(now):
		return "ended " + moment(c.Expires, now)
	}
	return fmt.Sprintf("ends %s, in %s", moment(c.Expires, now), span(c.Expires.Sub(now)))
}

// describe is a credential in one line, its reading apart.
func (c *Credential) describe(now time.Time) string {
	s := c.Kind + " " + c.Path
	if c.Name != "" {
		s += ": " + short(c.Name, 160)
	}
	if c.Fingerprint != "" {
		s += " " + c.Fingerprint
	}
	if c.Locked {
		s += ", needs its passphrase"
	}
	if !c.Expires.IsZero() {
		s += ", " + c.Lifetime(now)
	}
	return s
}

// secretsWanted is what to look for on the host, or why nothing can be.
func (s *subject) secretsWanted() (reach.Of, error) {
	uid, err := strconv.Atoi(s.tool.UserID)
	if err != nil {
		return reach.Of{}, fmt.Errorf("the event does not say whose process it is")
	}
	of := reach.Of{UID: uid}
	head := s.head()
	for _, p := range append([]detect.Process{s.tool}, s.ancestors...) {
		if p.Alive() && p.PID > 1 {
			of.Processes = append(of.Processes, s.identity(p))
		}
		if p.PID == head.PID {
			break
		}
	}
	for _, f := range s.transfer.Files {
		if secretFile(f) {
			of.Files = append(of.Files, f.Path)
		}
	}
	if len(of.Processes) == 0 { // the boot has to be proven all the same
		of.Processes = []respond.ProcessID{s.identity(s.tool)}
	}
	return of, nil
}

func secretFile(f detect.File) bool {
	return f.Sensitive == "key material" || f.Sensitive == "credentials" || f.Sensitive == detect.LoginKey
}

// lookSecrets asks the host for what was within reach.
func (a *Assessor) lookSecrets(ctx context.Context, g *gathering) {
	e := g.e
	of, err := e.secretsWanted()
	if a.Secrets == nil || err != nil {
		if e.secretsErr = err; err == nil {
			e.secretsErr = fmt.Errorf("no host can be looked at from here")
		}
		return
	}
	e.secretsErr = errStillAsked
	g.begin(func() func() {
		ctx, cancel := context.WithTimeout(ctx, a.deadline())
		defer cancel()
		begun := time.Now()
		found, err := a.Secrets(ctx, e.f.Host, of)
		took := time.Since(begun)
		return func() { e.reached, e.secretsErr, e.looked.took["credentials"] = found, err, took }
	})
}

// credentials joins what the sensor saw being read with what the host showed.
func (e *evidence) credentials() (c Credentials) {
	read := map[string]detect.File{}
	for _, f := range e.transfer.Files {
		if secretFile(f) {
			read[f.Path] = f
		}
	}
	for _, s := range e.reached {
		one := Credential{Secret: s}
		if f, ok := read[s.Path]; ok {
			one.Read, one.Login = f.At, f.Sensitive == detect.LoginKey
			delete(read, s.Path)
		}
		c.All = append(c.All, one)
	}
	for path, f := range read {
		c.All = append(c.All, Credential{Secret: reach.Secret{Kind: kindOf(f), Path: path, UID: -1}, Read: f.At, Login: f.Sensitive == detect.LoginKey})
	}
	slices.SortFunc(c.All, func(a, b Credential) int {
		return cmp.Or(a.urgency()-b.urgency(), a.Rank()-b.Rank(), strings.Compare(a.Path, b.Path), strings.Compare(a.Name, b.Name))
	})
	if e.secretsErr != nil {
		c.Unknown = e.secretsErr.Error()
	}
	return c
}

// urgency: what was read to be sent comes first, what needs a passphrase late.
func (c *Credential) urgency() int {
	switch {
	case !c.Read.IsZero() && !c.Login:
		return 0
	case c.Locked:
		return 3
	case c.Login:
		return 1
	}
	return 2
}

// kindOf a file that only the sensor knows.
func kindOf(f detect.File) string {
	switch {
	case strings.Contains(f.Path, "/.aws/") || strings.Contains(f.Path, "/gcloud/") || strings.Contains(f.Path, "/.azure/"):
		return reach.CloudKey
	case strings.Contains(f.Path, "/.kube/") || strings.Contains(f.Path, "/serviceaccount/"):
		return reach.Kubernetes
	case strings.Contains(f.Path, "/.ssh/") || f.Sensitive == detect.LoginKey:
		return reach.SSHKey
	case strings.HasSuffix(f.Path, "shadow"):
		return reach.Accounts
	}
	return reach.Other
}

// maxCredentialLines bounds what is told of what was within reach alone.
const maxCredentialLines = 20

func (e *evidence) answerCredentials() reply {
	r, c := reply{state: OK}, e.credentials()
	var read, reach, login []string
	for i := range c.All {
		one := &c.All[i]
		text := fmt.Sprintf("%d. %s", i+1, one.describe(e.now))
		switch {
		case one.Login:
			r.line("revoke", text+", read "+moment(one.Read, e.before)+" to log in")
			login = append(login, one.Path)
		case !one.Read.IsZero():
			r.line("revoke", text+", read "+moment(one.Read, e.before))
			read = append(read, one.Path)
		default:
			reach = append(reach, one.Path)
			if len(reach) <= maxCredentialLines {
				r.line("in reach", text)
			}
		}
	}
	if n := len(reach) - maxCredentialLines; n > 0 {
		r.line("in reach", fmt.Sprintf("%d more", n))
	}
	used := e.usedElsewhere(&r)
	who := orElse(e.tool.User, "user "+e.tool.UserID)
	switch {
	case len(read) > 0:
		r.state, r.why = BAD, fmt.Sprintf("%s read", few(read, 2))
	case e.accused() != "" && len(reach) > 0:
		r.state, r.why = OPEN, "none was seen being read to be sent, but only transfer tools are watched for that"
	default:
		r.why = "none was seen being read to be sent"
	}
	if len(login) > 0 {
		r.why += " · " + few(login, 2) + " read to log in"
	}
	switch {
	case len(reach) > 0:
		r.why += fmt.Sprintf(" · %d within reach of %s: %s", len(reach), who, few(reach, 2))
	case c.Unknown == "":
		r.why += " · none known is within reach of " + who
	}
	if r.why += " · " + used; c.Unknown != "" {
		r.line("not looked", c.Unknown)
		if r.why += " · what is within reach could not be looked at"; r.state == OK {
			r.state = OPEN
		}
	}
	if len(r.against) > 0 {
		r.state = BAD
	}
	return r
}

// usedElsewhere tells whether the account or the far end showed up on other
// hosts since. What is used where nobody watches cannot be told.
func (e *evidence) usedElsewhere(r *reply) string {
	q := e.queries["credentials"]
	if q == nil || !q.known() {
		return "whether one was used elsewhere since is not known"
	}
	r.line("not seen", "use where nothing of ours watches: cloud interfaces, other companies' hosts")
	if q.count() == 0 {
		if n := e.hostsSeen(); n > 1 {
			return fmt.Sprintf("not seen used on %s since", e.otherHosts())
		}
		return "no other host is seen from here"
	}
	var all []string
	for i := range q.count() {
		used, host := q.text1("used", i), orElse(q.text1("host.name", i), "a host without a name")
		text := fmt.Sprintf("%s %s since %s, %s", used, host, moment(q.time("earliest", i), e.before), times(q.int("times", i)))
		r.line("used", text)
		all = append(all, text)
		if used == farConnected {
			r.against = append(r.against, text)
			r.strong = true
		}
	}
	return few(all, 2)
}

// farConnected is what the query calls a connection from the far end to another host.
const farConnected = "the far end connected to"
