package playbooks

import (
	"regexp"
	"slices"
	"strings"
)

// hiddenWord stands where a secret stood.
const hiddenWord = "[hidden]"

// secret is one form of secret: the first group is kept, what follows it is not.
type secret struct {
	hints []string // one of them stands in every text of this form, in lower case
	form  *regexp.Regexp
	with  string
	named bool           // a name stands before it, whose end may say that it is none
	again *regexp.Regexp // finds the next one of the same command where the last has ended; nil: form does
}

// secrets are found by their form and by the words before them; a secret of neither kind is not recognised.
var secrets = func() []secret {
	const names = `(?:(?:passwor[dt]|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|private[_-]?key|credential)[a-z0-9_.-]*|pass)`
	const value = `(?:\\?"[^"]*"|'[^']*'|[^\s"'&]+)`
	words := []string{"pass", "secret", "token", "api", "access", "account", "private", "credential"}
	kept, whole := "${1}"+hiddenWord, hiddenWord
	// after is what a program's option is followed by: some take a password in a letter that others use for a port.
	after := func(hint, program, option string) secret {
		return secret{hints: []string{hint}, form: regexp.MustCompile(`((?:^|[\s/])` + program + `\s(?:[^|;]*?\s)??` + option + `)` + value), with: kept,
			again: regexp.MustCompile(`^([^|;]*?\s` + option + `)` + value)}
	}
	return []secret{
		{hints: []string{"-----begin"}, form: regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`), with: whole},
		{hints: []string{"://"}, form: regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@'"]*:)[^\s/'"]+@`), with: kept + "@"},
		{hints: []string{"://"}, form: regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)[^\s/:@'"]{20,}@`), with: kept + "@"},
		{hints: []string{"authorization"}, form: regexp.MustCompile(`(?i)(\b(?:proxy-)?authorization\\?["']?\s*[:=]\s*["']?(?:(?:basic|bearer|apikey|api-key|token|digest|negotiate|ntlm|jwt|key|splunk|hmac|aws4-hmac-sha256)\s+)?)[^\s"',;]+`), with: kept},
		{hints: []string{"bearer"}, form: regexp.MustCompile(`(?i)(\bbearer[ \s=:]+)[a-z0-9._~+/=-]{8,}`), with: kept},
		{hints: []string{"cookie"}, form: regexp.MustCompile(`(?i)(\b(?:set-)?cookie\s*[:=]\s*)[^"'\n]+`), with: kept},
		after("curl", `curl`, `(?:-b|--cookie)[\s=]+`),
		{hints: words, form: regexp.MustCompile(`(?i)((?:^|[^a-z0-9])[a-z0-9_.-]*` + names + `\\?["']?\s*[:=]\s*)` + value), with: kept, named: true},
		{hints: words, form: regexp.MustCompile(`(?i)((?:^|\s)--?[a-z0-9_.-]*` + names + `\s+)` + value), with: kept, named: true},
		{hints: []string{"secret"}, form: regexp.MustCompile(`(?i)((?:^|[^a-z0-9])[a-z0-9_.-]*secret[_-]?id\\?["']?\s*[:=]\s*)` + value), with: kept}, // Vault's, which opens like a password
		{hints: []string{"aws_se"}, form: regexp.MustCompile(`(?i)(\baws_(?:secret_access_key|session_token)\s+)` + value), with: kept},
		{hints: []string{"sig"}, form: regexp.MustCompile(`(?i)((?:^|[?&;\s,])(?:x-amz-|x-goog-)?sig(?:nature)?=)[^\s&"',;]+`), with: kept},
		after("sshpass", `sshpass`, `-p\s*`),
		{hints: []string{"-u", "user"}, form: regexp.MustCompile(`(?i)((?:^|\s)(?:-u\s*|(?:--user|--proxy-user)[\s=]+)[^\s:,%]+[:,%])\S+`), with: kept},
		after("mysql", `mysql[a-z-]*`, `-p`),
		after("mariadb", `mariadb[a-z-]*`, `-p`),
		after("7z", `7z[ar]?`, `-p`),
		after("rar", `rar`, `-h?p`),
		after("zip", `zip`, `-P\s*`),
		after("login", `(?:docker|podman|buildah|helm|oc|az|registry)\s(?:[^|;]*?\s)?login`, `-p\s*`),
		after("redis", `redis-cli`, `-a\s+`),
		after("ncftp", `ncftp[a-z]*`, `-p\s*`),
		after("ldap", `ldap[a-z]+`, `-w\s*`),
		after("ssh-keygen", `ssh-keygen`, `-[NP]\s*`),
		after("openssl", `openssl`, `-[kK]\s+`),
		{hints: []string{"hooks.slack.com"}, form: regexp.MustCompile(`(hooks\.slack\.com/(?:services|workflows|triggers)/)[^\s"']+`), with: kept},
		{hints: []string{"/api/webhooks/"}, form: regexp.MustCompile(`(/api/webhooks/)[^\s"']+`), with: kept},
		{hints: []string{":"}, form: regexp.MustCompile(`\b[0-9]{8,10}:[A-Za-z0-9_-]{35}\b`), with: whole},
		{hints: []string{"akia", "asia"}, form: regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`), with: whole},
		{hints: []string{"gh", "glpat", "xox", "xapp", "npm_", "sk-", "_live_", "_test_", "aiza", "ya29", "hvs.", "hvb.", "sg.", "pypi-", "dop_", "age-secret"}, form: regexp.MustCompile(
			`\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|x(?:ox[abeprs]|app)-[A-Za-z0-9-]{10,}|npm_[A-Za-z0-9]{30,}|sk-[A-Za-z0-9_-]{20,}|[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{20,}|hv[sb]\.[A-Za-z0-9_-]{20,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|pypi-[A-Za-z0-9_-]{20,}|dop_v1_[a-f0-9]{32,}|AGE-SECRET-KEY-1[A-Z0-9]{20,})`), with: whole},
		{hints: []string{"eyj"}, form: regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*`), with: whole},
	}
}()

// noSecret are the ends of names that say where a secret is, or that it comes otherwise: what follows is none.
var noSecret = regexp.MustCompile(`(?i)(?:[_-]?(?:file|path|dir|stdin|command|cmd|id|type|name|url)|[_-]?(?:file|path)s)\\?["']?\s*[:=]?\s*$`)

// Redact hides what looks like a secret. What is made for others to read
// (notifications, reports, exports, hand-overs) goes through it.
func Redact(s string) string {
	lower := strings.ToLower(s)
	for i := range secrets {
		one := &secrets[i]
		if slices.ContainsFunc(one.hints, func(h string) bool { return strings.Contains(lower, h) }) {
			s = one.hide(s)
		}
	}
	return s
}

func (o *secret) hide(s string) string {
	var out []byte
	form := o.form
	for {
		m := form.FindStringSubmatchIndex(s)
		if m == nil && form != o.form {
			form = o.form
			continue
		}
		if m == nil {
			break
		}
		if o.named && noSecret.MatchString(s[m[2]:m[3]]) {
			out, s = append(out, s[:m[3]]...), s[m[3]:] // what follows may hold one
			continue
		}
		out, s = form.ExpandString(append(out, s[:m[0]]...), o.with, s, m), s[m[1]:]
		if o.again != nil {
			form = o.again
		}
	}
	if out == nil {
		return s
	}
	return string(append(out, s...))
}

// innerSpace stands for a space inside of an argument.
const innerSpace = "\ue000"

// RedactArgs is Redact for arguments: what stands before a secret may be another one of them.
func RedactArgs(args []string) []string {
	each := make([]string, len(args))
	for i, a := range args {
		each[i] = strings.ReplaceAll(Redact(a), " ", innerSpace)
	}
	all := Redact(strings.Join(each, " "))
	out := strings.Split(all, " ")
	if len(out) != len(args) {
		out = []string{all} // a secret reached over several
	}
	for i := range out {
		out[i] = strings.ReplaceAll(out[i], innerSpace, " ")
	}
	return out
}
