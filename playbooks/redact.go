package playbooks

import "regexp"

// hiddenWord stands where a secret stood.
const hiddenWord = "[hidden]"

// secrets are what is hidden before text leaves the console: the first group
// is kept, what follows it is not. They find secrets by their form and by the
// words before them; a secret of neither kind is not recognised.
var secrets = []*regexp.Regexp{
	regexp.MustCompile(`()(?s:-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$))`),
	regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@'"]*:)[^\s/@'"]+(?:@)`),
	regexp.MustCompile(`(?i)(\b(?:authorization|proxy-authorization)["']?\s*[:=]\s*["']?(?:basic|bearer|apikey|token)?\s*)[^\s"',;]+`),
	regexp.MustCompile(`(?i)((?:^|[^a-z0-9])[a-z0-9_.-]*(?:passwor[dt]|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)[a-z0-9_.-]*["']?\s*[:=]\s*)(?:"[^"]*"|'[^']*'|[^\s"',;&]+)`),
	regexp.MustCompile(`(?i)((?:^|\s)--?[a-z0-9_.-]*(?:passwor[dt]|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)[a-z0-9_.-]*\s+)(?:"[^"]*"|'[^']*'|[^\s"',;&]+)`),
	regexp.MustCompile(`((?:^|\s)sshpass\s+-p\s*)\S+`),
	regexp.MustCompile(`((?:^|\s)(?:-u|--user|--proxy-user)[\s=]+[^\s:]+:)\S+`),
	regexp.MustCompile(`()\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`),
	regexp.MustCompile(`()\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|xox[abeprs]-[A-Za-z0-9-]{10,}|npm_[A-Za-z0-9]{30,}|sk-[A-Za-z0-9_-]{20,}|AIza[A-Za-z0-9_-]{30,}|hv[sb]\.[A-Za-z0-9_-]{20,})`),
	regexp.MustCompile(`()\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*`),
}

// Redact hides what looks like a secret. What is made for others to read
// (notifications, reports, exports, hand-overs) goes through it.
func Redact(s string) string {
	for i, r := range secrets {
		with := "${1}" + hiddenWord
		if i == 1 {
			with += "@"
		}
		s = r.ReplaceAllString(s, with)
	}
	return s
}
