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
}

// secrets are found by their form and by the words before them; a secret of neither kind is not recognised.
var secrets = func() []secret {
	const names = `(?:passwor[dt]|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)[a-z0-9_.-]*`
	const value = `(?:"[^"]*"|'[^']*'|[^\s"',;&]+)`
	words := []string{"passwor", "passwd", "passphrase", "secret", "token", "api", "access", "private", "credential"}
	kept, whole := "${1}"+hiddenWord, hiddenWord
	return []secret{
		{[]string{"-----begin"}, regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`), whole},
		{[]string{"://"}, regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@'"]*:)[^\s/@'"]+@`), kept + "@"},
		{[]string{"authorization"}, regexp.MustCompile(`(?i)(\b(?:authorization|proxy-authorization)["']?\s*[:=]\s*["']?(?:basic|bearer|apikey|token)?\s*)[^\s"',;]+`), kept},
		{words, regexp.MustCompile(`(?i)((?:^|[^a-z0-9])[a-z0-9_.-]*` + names + `["']?\s*[:=]\s*)` + value), kept},
		{words, regexp.MustCompile(`(?i)((?:^|\s)--?[a-z0-9_.-]*` + names + `\s+)` + value), kept},
		{[]string{"sshpass"}, regexp.MustCompile(`((?:^|\s)sshpass\s+-p\s*)\S+`), kept},
		{[]string{"-u", "user"}, regexp.MustCompile(`((?:^|\s)(?:-u|--user|--proxy-user)[\s=]+[^\s:]+:)\S+`), kept},
		{[]string{"akia", "asia"}, regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`), whole},
		{[]string{"gh", "glpat", "xox", "npm_", "sk-", "aiza", "hvs.", "hvb."}, regexp.MustCompile(
			`\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|xox[abeprs]-[A-Za-z0-9-]{10,}|npm_[A-Za-z0-9]{30,}|sk-[A-Za-z0-9_-]{20,}|AIza[A-Za-z0-9_-]{30,}|hv[sb]\.[A-Za-z0-9_-]{20,})`), whole},
		{[]string{"eyj"}, regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*`), whole},
	}
}()

// Redact hides what looks like a secret. What is made for others to read
// (notifications, reports, exports, hand-overs) goes through it.
func Redact(s string) string {
	lower := strings.ToLower(s)
	for _, one := range secrets {
		if slices.ContainsFunc(one.hints, func(h string) bool { return strings.Contains(lower, h) }) {
			s = one.form.ReplaceAllString(s, one.with)
		}
	}
	return s
}
