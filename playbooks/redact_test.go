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
		"curl -u id:pa55 https://x/":                             "curl -u id:[hidden] https://x/",
		"curl https://name:pa55@x/":                              "curl https://name:[hidden]@x/",
		"lftp -u profile,pa55 sftp://x":                          "lftp -u profile,[hidden] sftp://x",
		"rsync -u a b":                                           "rsync -u a b",

		"curl -uuser:pa55,w;rd https://x/":                       "curl -uuser:[hidden] https://x/",
		"curl --user=user:pa55wrd https://x/":                    "curl --user=user:[hidden] https://x/",
		"curl -H Authorization: Bearer pa55wrd https://x/":       "curl -H Authorization: Bearer [hidden] https://x/",
		"curl -H Authorization: Basic cGE1NXdyZA== https://x/":   "curl -H Authorization: Basic [hidden] https://x/",
		"curl -H X-Api-Key: pa55wrd -T f https://x/":             "curl -H X-Api-Key: [hidden] -T f https://x/",
		"curl -H 'Cookie: session=pa55wrd; b=c' -T f":            "curl -H 'Cookie: [hidden]' -T f",
		"curl -b session=pa55wrd -T f https://x/":                "curl -b [hidden] -T f https://x/",
		"curl -b a=pa55wrd -s -b b=pa55wrd x; curl -b c=pa55wrd": "curl -b [hidden] -s -b [hidden] x; curl -b [hidden]",
		"curl --oauth2-bearer pa55wrd1 https://x/":               "curl --oauth2-bearer [hidden] https://x/",
		`curl -d {\"password\":\"pa55wrd\"} https://x/`:          `curl -d {\"password\":[hidden]} https://x/`,
		"curl https://pa55wrdpa55wrdpa55wrd@x/":                  "curl https://[hidden]@x/",
		"curl ftp://bob:p@ss:w@x/":                               "curl ftp://bob:[hidden]@x/",
		"curl -T f https://x/?sv=1&sig=pa55wrd&se=2":             "curl -T f https://x/?sv=1&sig=[hidden]&se=2",
		"curl -T f https://s3/x?X-Amz-Signature=pa55wrd":         "curl -T f https://s3/x?X-Amz-Signature=[hidden]",
		"curl https://hooks.slack.com/services/T0/B0/pa55":       "curl https://hooks.slack.com/services/[hidden]",
		"wget --user=bob --password=pa55,wrd https://x/":         "wget --user=bob --password=[hidden] https://x/",
		"sshpass -ppa55wrd scp a b:":                             "sshpass -p[hidden] scp a b:",
		"sshpass -p 'pa55 wrd' scp -P 22 a b:":                   "sshpass -p [hidden] scp -P 22 a b:",
		"/usr/bin/sshpass -p pa55wrd rsync a b:":                 "/usr/bin/sshpass -p [hidden] rsync a b:",
		"sshpass -f /root/pw scp a b:":                           "sshpass -f /root/pw scp a b:",
		"rsync --password-file=/etc/rsync.pw a b::c":             "rsync --password-file=/etc/rsync.pw a b::c",
		"rsync --password-file /etc/rsync.pw a b::c":             "rsync --password-file /etc/rsync.pw a b::c",
		"RSYNC_PASSWORD=pa55wrd":                                 "RSYNC_PASSWORD=[hidden]",
		"AWS_SECRET_ACCESS_KEY=pa55wrd/+x":                       "AWS_SECRET_ACCESS_KEY=[hidden]",
		"AWS_ACCESS_KEY_ID=AKIAABCDEFGHIJKLMNOP":                 "AWS_ACCESS_KEY_ID=[hidden]",
		"AWS_SHARED_CREDENTIALS_FILE=/root/.aws/credentials":     "AWS_SHARED_CREDENTIALS_FILE=/root/.aws/credentials",
		"aws configure set aws_secret_access_key pa55wrd":        "aws configure set aws_secret_access_key [hidden]",
		"AccountKey=pa55wrd==;EndpointSuffix=x":                  "AccountKey=[hidden]",
		"lftp -u bob,pa55wrd -e mirror sftp://x":                 "lftp -u bob,[hidden] -e mirror sftp://x",
		"smbclient //x/y -U bob%pa55wrd -c put":                  "smbclient //x/y -U bob%[hidden] -c put",
		"ncftpput -u bob -p pa55wrd x / f":                       "ncftpput -u bob -p [hidden] x / f",
		"rclone copy a :sftp: --sftp-pass pa55wrd":               "rclone copy a :sftp: --sftp-pass [hidden]",
		"RCLONE_CONFIG_X_PASS=pa55wrd":                           "RCLONE_CONFIG_X_PASS=[hidden]",
		"mysqldump -u root -ppa55wrd shop":                       "mysqldump -u root -p[hidden] shop",
		"mysqldump -u root -p shop":                              "mysqldump -u root -p shop",
		"7z a -ppa55wrd out.7z in":                               "7z a -p[hidden] out.7z in",
		"zip -r -P pa55wrd out.zip in":                           "zip -r -P [hidden] out.zip in",
		"openssl enc -aes-256-cbc -pass pass:pa55wrd":            "openssl enc -aes-256-cbc -pass [hidden]",
		"openssl enc -aes-256-cbc -k pa55wrd":                    "openssl enc -aes-256-cbc -k [hidden]",
		"docker login -u bob -p pa55wrd reg.example":             "docker login -u bob -p [hidden] reg.example",
		"docker login -u bob --password-stdin reg.example":       "docker login -u bob --password-stdin reg.example",
		"curl -d token_type=bearer;access_token=pa55wrd x":       "curl -d token_type=bearer;access_token=[hidden] x",
		"curl --token-url=https://x/?token=pa55wrd&a=b":          "curl --token-url=https://x/?token=[hidden]&a=b",
		"x --password-file --token pa55wrd":                      "x --password-file --token [hidden]",
		"vault write auth/approle/login secret_id=pa55wrd":       "vault write auth/approle/login secret_id=[hidden]",
		"redis-cli -h x -a pa55wrd --rdb f":                      "redis-cli -h x -a [hidden] --rdb f",
		"ssh-keygen -t ed25519 -N pa55wrd -f k":                  "ssh-keygen -t ed25519 -N [hidden] -f k",
		"age -i AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQ":            "age -i [hidden]",

		"scp -P 2222 a b:":                           "scp -P 2222 a b:",
		"ssh -p 2222 bob@x":                          "ssh -p 2222 bob@x",
		"mkdir -p /srv/a":                            "mkdir -p /srv/a",
		"sftp -b - deploy@203.0.113.9":               "sftp -b - deploy@203.0.113.9",
		"sftp://deploy@203.0.113.9/in":               "sftp://deploy@203.0.113.9/in",
		"ftp --passive x":                            "ftp --passive x",
		"reads /srv/app/secrets.yaml, 900 B":         "reads /srv/app/secrets.yaml, 900 B",
		"by then 25.5 MB had gone to 203.0.113.9:22": "by then 25.5 MB had gone to 203.0.113.9:22",
		"PWD=/srv/app":                               "PWD=/srv/app",
		"ps -u bob":                                  "ps -u bob",
	} {
		if got := Redact(in); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
	if got := Redact(strings.Repeat("token=a ", 3)); strings.Contains(got, "=a") {
		t.Error(got)
	}
}

func TestASecretIsHiddenAlsoWhenItIsAnArgumentOfItsOwn(t *testing.T) {
	for in, want := range map[string]string{
		"curl|-u|bob:pa55 wrd|https://x/":                 "curl|-u|bob:[hidden]|https://x/",
		"curl|-H|Authorization: Bearer pa55wrd|-T|a b":    "curl|-H|Authorization:[hidden]|-T|a b",
		"sshpass|-p|pa55 wrd|scp|-P|22|a|b:":              "sshpass|-p|[hidden]|scp|-P|22|a|b:",
		"mysqldump|--password|pa55wrd|shop":               "mysqldump|--password|[hidden]|shop",
		"lftp|-u|bob,pa55wrd|sftp://x":                    "lftp|-u|bob,[hidden]|sftp://x",
		"HOME=/root|AWS_SECRET_ACCESS_KEY=pa55wrd|LANG=C": "HOME=/root|AWS_SECRET_ACCESS_KEY=[hidden]|LANG=C",
		"scp|-q|/tmp/a b|deploy@203.0.113.9:":             "scp|-q|/tmp/a b|deploy@203.0.113.9:",
	} {
		if got := strings.Join(RedactArgs(strings.Split(in, "|")), "|"); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
}
