package playbooks

import (
	"strings"
	"testing"
)

func TestSecretsAreHiddenAndTheRestIsKept(t *testing.T) {
	for in, want := range map[string]string{
		"curl -u bob:hunter2 https://x/":                         "curl -u bob:[hidden] https://x/",
		"https://bob:hunter2@files.example/in":                   "https://bob:[hidden]@files.example/in",
		"sshpass -p hunter2 scp a b:":                            "sshpass -p [hidden] scp a b:",
		"PGPASSWORD=hunter2 pg_dump":                             "PGPASSWORD=[hidden] pg_dump",
		"mysql --password 'hun ter2' shop":                       "mysql --password [hidden] shop",
		`-H "Authorization: Bearer hunter2"`:                     `-H "Authorization: Bearer [hidden]"`,
		"aws AKIAABCDEFGHIJKLMNOP x":                             "aws [hidden] x",
		"x ghp_abcdefghijklmnopqrstuvwx1234 y":                   "x [hidden] y",
		"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln":              "[hidden]",
		"-----BEGIN OPENSSH PRIVATE KEY-----\nabc":               "[hidden]",
		"reads /srv/app/.env (credentials), 900 B":               "reads /srv/app/.env (credentials), 900 B",
		"scp -q /tmp/.c/customers.tar.gz deploy@203.0.113.9:in/": "scp -q /tmp/.c/customers.tar.gz deploy@203.0.113.9:in/",
		"rsync -u a b": "rsync -u a b",
	} {
		if got := Redact(in); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
	if got := Redact(strings.Repeat("token=a ", 3)); strings.Contains(got, "=a") {
		t.Error(got)
	}
}
