package detect

import (
	"path"
	"strings"
)

// sshOption reads options that ssh, scp and sftp share.
func (w *aiming) sshOption(name, value string) {
	switch name {
	case "-J":
		w.via = value
	case "-l":
		w.user = value
	case "-P", "-p":
		w.port = value
	case "-o":
		key, v, has := strings.Cut(value, "=")
		if !has {
			key, v, _ = strings.Cut(value, " ")
		}
		v = strings.TrimSpace(v)
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "proxyjump", "proxycommand":
			w.via = v
		case "user":
			w.user = v
		case "port":
			w.port = v
		case "hostname":
			w.via = "the name of " + v
		}
	}
}

func (w *aiming) copyOption(name, value string) {
	if name != "-l" && name != "-p" { // a limit of the rate; times and modes
		w.sshOption(name, value)
	}
}

// The letters of options that take a value.
const (
	sftpValued  = "BbcDFiJloPRSsX"
	rsyncValued = "efTBM@"
	lftpValued  = "cefpu"
)

func (w *aiming) scp() {
	w.walk("cDFiJloPSX", nil, w.copyOption, func(word string) {
		if a, ok := remoteEnd(word); ok {
			w.add(a)
		}
	})
}

func (w *aiming) sftp() {
	w.walk(sftpValued, nil, w.copyOption, func(word string) {
		if a, ok := remoteEnd(word); ok {
			w.add(a)
		} else {
			w.add(loginEnd(word))
		}
	})
}

func (w *aiming) ssh() {
	for i := 0; i < len(w.args); i++ {
		word := w.args[i]
		if len(word) < 2 || word[0] != '-' {
			a := loginEnd(word)
			a.Path = strings.Join(w.args[i+1:], " ") // behind the host all is the command
			w.add(a)
			return
		}
		letters(word[1:], "BbcDEeFIiJLlmOoPpQRSWw", func() string {
			if i++; i < len(w.args) {
				return w.args[i]
			}
			return ""
		}, w.sshOption)
	}
}

// rsyncLong are the long options of rsync that take a value, in the next word too.
var rsyncLong = []string{"--rsh", "--exclude", "--include", "--filter", "--exclude-from", "--include-from", "--files-from", "--temp-dir", "--log-file", "--password-file",
	"--port", "--partial-dir", "--backup-dir", "--rsync-path", "--bwlimit", "--chmod", "--compare-dest", "--link-dest", "--copy-dest", "--suffix", "--timeout", "--address"}

func (w *aiming) rsync() {
	w.walk(rsyncValued, rsyncLong, func(name, value string) {
		switch name {
		case "-e", "--rsh":
			w.shell(value)
		case "--port":
			w.port = value
		}
	}, func(word string) {
		a, ok := remoteEnd(word)
		if !ok {
			return
		}
		a.Path = strings.TrimPrefix(a.Path, ":") // host::module
		w.add(a)
	})
}

// shell reads the remote shell of rsync: "ssh -p 2222 -J bastion".
func (w *aiming) shell(command string) {
	s := &aiming{args: wordsOfShell(command)}
	if len(s.args) == 0 {
		return
	}
	if path.Base(s.args[0]) != "ssh" {
		w.via = command
		return
	}
	s.args = s.args[1:]
	s.ssh()
	w.user, w.port, w.via = s.user, s.port, s.via
}

// wordsOfShell splits as a shell does, as far as quotes go.
func wordsOfShell(line string) (out []string) {
	var b strings.Builder
	var quote rune
	begun := false
	for _, c := range line {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			b.WriteRune(c)
		case c == '\'' || c == '"':
			quote, begun = c, true
		case c == ' ' || c == '\t':
			if begun {
				out = append(out, b.String())
			}
			b.Reset()
			begun = false
		default:
			b.WriteRune(c)
			begun = true
		}
	}
	if begun {
		out = append(out, b.String())
	}
	return out
}

// curlValued and curlLong are the options of curl that take a value: of one that is
// left out the value, which may be a password, would be taken for a far end.
const curlValued = "AbcCdDeEFhHKmoPQrtTuUwxXyYz"

var curlLong = strings.Fields(`
	--abstract-unix-socket --alt-svc --aws-sigv4 --cacert --capath --cert --cert-type --ciphers --config --connect-timeout --connect-to --continue-at
	--cookie --cookie-jar --create-file-mode --crlfile --curves --data --data-ascii --data-binary --data-raw --data-urlencode --delegation --dns-interface
	--dns-ipv4-addr --dns-ipv6-addr --dns-servers --doh-url --dump-header --egd-file --engine --etag-compare --etag-save --expect100-timeout --form
	--form-string --ftp-account --ftp-alternative-to-user --ftp-method --ftp-port --ftp-ssl-ccc-mode --happy-eyeballs-timeout-ms --header --hostpubmd5
	--hostpubsha256 --hsts --interface --json --keepalive-time --key --key-type --krb --libcurl --limit-rate --local-port --login-options --mail-auth
	--mail-from --mail-rcpt --max-filesize --max-redirs --max-time --netrc-file --noproxy --oauth2-bearer --output --output-dir --parallel-max --pass
	--pinnedpubkey --preproxy --proto --proto-default --proto-redir --proxy --proxy1.0 --proxy-cacert --proxy-capath --proxy-cert --proxy-cert-type
	--proxy-ciphers --proxy-crlfile --proxy-header --proxy-key --proxy-key-type --proxy-pass --proxy-pinnedpubkey --proxy-service-name
	--proxy-tls13-ciphers --proxy-tlsauthtype --proxy-tlspassword --proxy-tlsuser --proxy-user --pubkey --quote --random-file --range --rate --referer
	--request --request-target --resolve --retry --retry-delay --retry-max-time --sasl-authzid --service-name --socks4 --socks4a --socks5
	--socks5-gssapi-service --socks5-hostname --speed-limit --speed-time --stderr --telnet-option --tftp-blksize --time-cond --tls-max --tls13-ciphers
	--tlsauthtype --tlspassword --tlsuser --trace --trace-ascii --unix-socket --upload-file --url --url-query --user --user-agent --write-out`)

func (w *aiming) curl() {
	w.walk(curlValued, curlLong, func(name, value string) {
		switch name {
		case "-x", "--proxy", "--proxy1.0", "--preproxy", "--socks4", "--socks4a", "--socks5", "--socks5-hostname", "--connect-to":
			w.via = noPassword(value)
		case "-u", "--user":
			w.user, _, _ = strings.Cut(value, ":")
		case "--url":
			w.address(value)
		}
	}, w.address)
}

// address takes a URL, or what curl takes for one.
func (w *aiming) address(word string) {
	if !strings.Contains(word, "://") {
		word = "http://" + word
	}
	if a, ok := web(word); ok {
		w.add(a)
	}
}

// noPassword leaves out what stands before the host of a proxy.
func noPassword(proxy string) string { return proxy[strings.LastIndexByte(proxy, '@')+1:] }

// urls takes every URL among the arguments.
func (w *aiming) urls() {
	for _, word := range w.args {
		if strings.HasPrefix(word, "-") {
			_, word, _ = strings.Cut(word, "=")
		}
		if a, ok := web(word); ok {
			w.add(a)
		}
	}
}

func (w *aiming) lftp() {
	w.urls()
	w.walk(lftpValued, nil, func(name, value string) {
		switch name {
		case "-u":
			w.user, _, _ = strings.Cut(value, ",")
		case "-p":
			w.port = value
		}
	}, func(word string) {
		if !strings.Contains(word, "://") {
			w.add(loginEnd(word))
		}
	})
}

// nc takes host and port: the last two operands, or one and no port.
func (w *aiming) nc() {
	var words []string
	listens := false
	w.walk("ceGgIiMmOopPqsTVwWXx", nil, func(name, value string) {
		switch name {
		case "-l":
			listens = true
		case "-x":
			w.via = noPassword(value)
		}
	}, func(word string) { words = append(words, word) })
	if listens || len(words) == 0 {
		return
	}
	a := Aim{Host: words[0]}
	if len(words) > 1 {
		a.Host, a.Port = words[len(words)-2], words[len(words)-1]
	}
	w.add(a)
}

func (w *aiming) socat() {
	for _, word := range w.args {
		kind, rest, has := strings.Cut(word, ":")
		kind, rest = strings.ToLower(kind), upTo(rest, ",")
		switch {
		case !has || strings.Contains(kind, "listen"):
		case strings.HasPrefix(kind, "tcp") || strings.HasPrefix(kind, "udp") || strings.HasPrefix(kind, "openssl") || strings.HasPrefix(kind, "ssl") || strings.HasPrefix(kind, "sctp"):
			w.hostPort(rest)
		case strings.HasPrefix(kind, "socks") || strings.HasPrefix(kind, "proxy"):
			via, far, _ := strings.Cut(rest, ":")
			w.via = via
			w.hostPort(far)
		}
	}
}

func upTo(s, sep string) string {
	s, _, _ = strings.Cut(s, sep)
	return s
}

func (w *aiming) hostPort(word string) {
	if i := strings.LastIndexByte(word, ':'); i > 0 {
		w.add(Aim{Host: strings.Trim(word[:i], "[]"), Port: word[i+1:]})
	}
}

func (w *aiming) openssl() {
	for i, word := range w.args[:len(w.args)-1] {
		switch word {
		case "-connect":
			w.hostPort(w.args[i+1])
		case "-proxy":
			w.via = w.args[i+1]
		}
	}
}

// rclone names remotes of its configuration, "drive:backup/2026", or says what one
// is: ":sftp,host=h,user=u,pass=x:backup". Of the options only those two are told.
func (w *aiming) rclone() {
	for _, word := range w.args {
		if strings.HasPrefix(word, "-") {
			continue
		}
		word, quoted := strings.TrimPrefix(word, ":"), false
		end := strings.IndexFunc(word, func(r rune) bool {
			quoted = quoted != (r == '"' || r == '\'')
			return r == ':' && !quoted
		})
		name, options, is := strings.Cut(word[:max(end, 0)], ",")
		if !is {
			if a, ok := remoteEnd(word); ok {
				w.add(a)
			}
			continue
		}
		a := Aim{Host: name, Path: word[end+1:]}
		for _, option := range strings.Split(options, ",") {
			switch key, value, _ := strings.Cut(option, "="); key {
			case "host":
				a.Host = strings.Trim(value, `"'`)
			case "user":
				a.User = strings.Trim(value, `"'`)
			}
		}
		w.add(a)
	}
}

func (w *aiming) ncftp() {
	var words []string
	w.walk("uPpjdefTVWXYZ", nil, func(name, value string) {
		switch name {
		case "-u":
			w.user = value
		case "-P":
			w.port = value
		}
	}, func(word string) { words = append(words, word) })
	if len(words) > 1 {
		w.add(Aim{Host: words[0], Path: words[1]})
	}
}

func (w *aiming) smb() {
	w.walk("UpIMLDscOTN", nil, func(name, value string) {
		if name == "-U" {
			w.user, _, _ = strings.Cut(value, "%")
		}
	}, func(word string) {
		if rest, ok := strings.CutPrefix(strings.ReplaceAll(word, `\\`, "/"), "//"); ok {
			host, share, _ := strings.Cut(rest, "/")
			w.add(Aim{Host: host, Path: share})
		}
	})
}
