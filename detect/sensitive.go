package detect

import (
	"path"
	"strings"
)

// LoginKey is the class of a key that ssh read to log in, not to send.
const LoginKey = "login key"

// sensitive classes, by what they are named after. Order decides: the first that fits is the class.
var sensitive = []struct {
	class                      string
	bases, suffixes, fragments []string
}{
	{"key material",
		[]string{"id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk", "identity", "secring.gpg", "vault.key"},
		[]string{".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".ppk", ".kdbx", ".asc", ".gpg"},
		[]string{"/private-keys-v1.d/", "/etc/ssl/private/", "/etc/pki/tls/private/", "/etc/letsencrypt/archive/", "/etc/ssh/ssh_host_"}},
	{"credentials",
		[]string{"shadow", "shadow-", "gshadow", "gshadow-", "passwd-", "sudoers", "opasswd", "krb5.keytab", ".pgpass", ".my.cnf", ".netrc", ".git-credentials",
			".env", ".htpasswd", ".npmrc", ".pypirc", "credentials", "credentials.json", "credentials.db", "access_tokens.db", "kubeconfig", "wp-config.php",
			"terraform.tfstate", "logins.json", "key4.db", "Login Data", ".bash_history", ".zsh_history", "authorized_keys", "application_default_credentials.json"},
		[]string{".keytab", ".tfstate", ".tfvars", ".ovpn", ".rdp"},
		[]string{"/.aws/", "/.azure/", "/.config/gcloud/", "/.kube/", "/.docker/config.json", "/var/run/secrets/", "/run/secrets/", "/etc/kubernetes/", "/proc/self/environ"}},
	{"database",
		[]string{"ibdata1", "dump.rdb", "appendonly.aof", "NTDS.dit"},
		[]string{".sql", ".dump", ".sqlite", ".sqlite3", ".db", ".mdb", ".accdb", ".ibd", ".frm", ".myd", ".bson", ".dmp", ".bak", ".rdb", ".wt"},
		[]string{"/var/lib/mysql/", "/var/lib/postgresql/", "/var/lib/mongodb/", "/var/lib/redis/", "/var/lib/clickhouse/"}},
	{"customer data", nil,
		[]string{".csv", ".xlsx", ".xls", ".parquet", ".ndjson", ".avro"},
		[]string{"customer", "client_list", "payroll", "invoice", "patient", "/export/", "/exports/", "pii"}},
	{"mail", nil, []string{".pst", ".ost", ".mbox", ".eml"}, []string{"/var/mail/", "/var/spool/mail/", "/Maildir/"}},
	{"source code", nil, []string{".bundle"}, []string{"/.git/", "/src/"}},
	{"archive", nil,
		[]string{".tar", ".tgz", ".gz", ".tbz2", ".bz2", ".xz", ".txz", ".zst", ".zip", ".7z", ".rar", ".cpio", ".lz4", ".img", ".iso", ".qcow2", ".vmdk", ".ova"}, nil},
	{"document", nil, []string{".docx", ".doc", ".pdf", ".pptx", ".odt"}, nil},
}

// kind gives the class of a file by its path, what the configuration says
// included; "" when nothing says that it matters. Of two classes the graver counts.
func (k *tracker) kind(file string) string {
	return graver(builtinKind(file), kindByPlace(k.places, file))
}

// graver of two classes.
func graver(a, b string) string {
	for i := range sensitive {
		if c := sensitive[i].class; a == c || b == c {
			return c
		}
	}
	return ""
}

// Grave tells of which classes the loss is an incident by itself.
func Grave(class string) bool {
	switch class {
	case "key material", "credentials", "database", "customer data", "mail":
		return true
	}
	return false
}

func builtinKind(file string) string {
	base := path.Base(file)
	lower := strings.ToLower(file)
	if strings.HasSuffix(lower, ".pub") || strings.HasSuffix(lower, ".crt") {
		return ""
	}
	for i := range sensitive {
		s := &sensitive[i]
		for _, b := range s.bases {
			if base == b {
				return s.class
			}
		}
		for _, x := range s.suffixes {
			if strings.HasSuffix(lower, x) {
				return s.class
			}
		}
		for _, x := range s.fragments {
			if strings.Contains(lower, strings.ToLower(x)) {
				return s.class
			}
		}
	}
	return ""
}

// surroundings are what every program reads to start and to look up names.
var surroundings = []string{"/usr/lib", "/lib/", "/lib64/", "/usr/share/", "/usr/libexec/", "/proc/", "/sys/", "/dev/", "/etc/ld.so", "/etc/nsswitch.conf", "/etc/resolv.conf",
	"/etc/hosts", "/etc/host.conf", "/etc/passwd", "/etc/group", "/etc/localtime", "/etc/gai.conf", "/etc/services", "/etc/protocols",
	"/etc/ssl/openssl.cnf", "/etc/ssl/certs/", "/etc/ssh/ssh_config", "/etc/crypto-policies/", "/etc/pki/tls/certs/", "/etc/locale", "/etc/terminfo/", "/usr/bin/", "/usr/sbin/", "/bin/"}

// surrounding tells whether a file is read by running alone, unless the command line names it.
func surrounding(file, commandLine string) bool {
	for _, s := range surroundings {
		if strings.HasPrefix(file, s) {
			return !strings.Contains(commandLine, file)
		}
	}
	return false
}

// settings tells whether a file is ssh's own: known hosts, public keys, configuration.
func settings(p *Process, file string) bool {
	return p.Name == "ssh" && ofSystem(p) && (strings.Contains(file, "/.ssh/") || strings.HasPrefix(file, "/etc/ssh/"))
}

// ofSystem tells whether p runs a program from where only root puts some: a
// thief's tool in his own place may be called ssh. One whose place is not known is taken for it.
func ofSystem(p *Process) bool {
	for _, place := range [...]string{"/usr/", "/bin/", "/sbin/", "/opt/", "/snap/", "/nix/store/"} {
		if strings.HasPrefix(p.Executable, place) {
			return true
		}
	}
	return p.Executable == ""
}

// readBy gives the class of a file for who read it: ssh's own keys are not sent.
func readBy(p *Process, file, class string) string {
	if p.Name != "ssh" && p.Name != "sshd" && p.Name != "sshd-session" || !ofSystem(p) {
		return class
	}
	switch {
	case class == "key material":
		return LoginKey
	case strings.Contains(file, "/.ssh/") || strings.HasPrefix(file, "/etc/ssh/"):
		return ""
	}
	return class
}
