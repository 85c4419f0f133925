# Reads the uid, the boot id, then "process PID TICKS" and "file PATH" a line.
# Prints "secret KIND PATH NAME FINGERPRINT LOCKED EXPIRES CHANGED UID", parted by
# tabs. It never prints a secret: of settings only names that look like one.
export LC_ALL=C SSH_ASKPASS_REQUIRE=never
tab=$(printf '\t')
read -r uid
read -r boot
read -r now </proc/sys/kernel/random/boot_id
pids= r= root_pid=
[ -z "$boot" ] || [ "$boot" = "$now" ] || { echo "the host was started anew since" >&2; exit 3; }

same() { # pid ticks: is it still that process?
	s= l=
	while IFS= read -r l || [ -n "$l" ]; do s="$s $l"; done 2>/dev/null </proc/"$1"/stat || return 1
	s=${s##*") "}
	want=$2
	set -f
	set -- $s
	set +f
	[ $# -ge 20 ] || return 1
	shift 19
	[ "$1" = "$want" ]
}

files=
while IFS= read -r line; do
	case $line in
	"process "*)
		id=${line#process }
		same "${id%% *}" "${id#* }" && pids="$pids ${id%% *}" ;;
	"file "*) files="$files${line#file }
" ;;
	esac
done

for p in $pids; do
	[ -n "$root_pid" ] || root_pid=$p
done
if [ -n "$root_pid" ] && [ "$(stat -L -c %d:%i /proc/"$root_pid"/root 2>/dev/null)" != "$(stat -L -c %d:%i /)" ]; then
	r=/proc/$root_pid/root
fi
groups=" $( [ -z "$r" ] && id -G "$uid" 2>/dev/null) "

plain() { # path below $r: a regular file, and below another root no link that could lead out
	case $1 in *[[:cntrl:]]*) return 1 ;; esac
	[ -f "$r$1" ] || return 1
	[ -z "$r" ] && return 0
	f=$1
	while [ -n "$f" ]; do
		[ ! -L "$r$f" ] || return 1
		f=${f%/*}
	done
}

readable() { # by the user, as far as the file's own mode says
	[ "$uid" = 0 ] && return 0
	set -- $(stat -L -c "%a %u %g" "$r$1" 2>/dev/null)
	[ $# = 3 ] || return 1
	m=00$1
	o=${m#"${m%?}"} m=${m%?} g=${m#"${m%?}"} m=${m%?} u=${m#"${m%?}"}
	if [ "$2" = "$uid" ]; then [ "$u" -ge 4 ]
	else case $groups in *" $3 "*) [ "$g" -ge 4 ] ;; *) [ "$o" -ge 4 ] ;; esac
	fi
}

put() { # kind path name fingerprint locked expires
	printf 'secret\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" "$5" "$6" "$(stat -L -c "%Z$tab%u" "$r$2" 2>/dev/null || printf '\t')"
}

first() { head -c 262144 "$r$1" 2>/dev/null; }

# names of settings that hold secrets, joined by ", "
secretly() { sed -n 's/^[[:space:]]*\(export[[:space:]]\{1,\}\)\{0,1\}\([A-Z][A-Z0-9_]*\)=.*/\2/p' |
	grep -E '(^|_)(KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASS|PWD|CREDENTIALS?|DSN|APIKEY|AUTH)(_|$|[0-9])|^DATABASE_URL$|^REDIS_URL$|^MONGO_URL$' |
	grep -vE '^(SSH_AUTH_SOCK|PWD|OLDPWD|XAUTHORITY|GPG_AGENT_INFO)$|_(FILE|PATH)$' | sort -u | head -40 | tr '\n' ',' | sed 's/,$//; s/,/, /g'; }

list() { tr -d '\r\t' | grep -v '^$' | cut -c1-200 | sort -u | head -20 | tr '\n' ',' | sed 's/,$//; s/,/, /g'; }

jwt() { # of a token in a file: sets sub and exp
	sub= exp=
	t=$(first "$1" | head -c 16384 | tr -d '\n\r ' | cut -d. -f2 | tr '_-' '/+')
	case $((${#t} % 4)) in 2) t="$t==" ;; 3) t="$t=" ;; esac
	t=$(printf %s "$t" | base64 -d 2>/dev/null | tr -d '\000\n\t') || t=
	exp=$(printf %s "$t" | sed -n 's/.*"exp" *: *\([0-9]\{1,12\}\).*/\1/p')
	sub=$(printf %s "$t" | sed -n 's/.*"sub" *: *"\([^"]\{1,200\}\)".*/\1/p')
}

sshkey() { # kind path
	head=$(first "$2" | head -n 4)
	case $head in *"PRIVATE KEY"*) ;; *) return 1 ;; esac
	locked=
	case $head in
	*OPENSSH*) case $head in *b3BlbnNzaC1rZXktdjEAAAAABG5vbmU*) ;; *) locked=locked ;; esac ;;
	*ENCRYPTED*) locked=locked ;;
	esac
	f=$r$2
	[ ! -f "$f.pub" ] || [ -L "$f.pub" ] || f=$f.pub
	fp=$(timeout 2 ssh-keygen -l -f "$f" 2>/dev/null </dev/null | sed -n 's/.*\(SHA256:[A-Za-z0-9+/]*\).*/\1/p' | head -n 1)
	put "$1" "$2" "" "$fp" "$locked" ""
}

token() { # kind path
	jwt "$2"
	put "$1" "$2" "$sub" "" "" "$exp"
}

one() { # a file, by what it is called
	plain "$1" && readable "$1" || return 0
	case $1 in
	*.pub | */known_hosts* | */authorized_keys* | */.ssh/config | */.ssh/environment) ;;
	*/.ssh/*) sshkey "ssh key" "$1" ;;
	*/etc/ssh/ssh_host_*_key) sshkey "ssh host key" "$1" ;;
	*/.aws/credentials) put "cloud key" "$1" "$(first "$1" | sed -n 's/^[[:space:]]*aws_access_key_id[[:space:]]*=[[:space:]]*\([A-Z0-9]\{16,32\}\)[[:space:]]*$/\1/p' | list)" "" "" "" ;;
	*/gcloud/application_default_credentials.json | */service-account*.json)
		put "cloud key" "$1" "$(first "$1" | sed -n 's/.*"client_email" *: *"\([^"]*\)".*/\1/p' | list)" "" "" "" ;;
	*/gcloud/credentials.db | */gcloud/access_tokens.db | */.azure/msal_token_cache.* | */.azure/accessTokens.json) put "cloud key" "$1" "" "" "" "" ;;
	*/.kube/config | */kubeconfig | */etc/kubernetes/*.conf) put "kubernetes account" "$1" "$(first "$1" | sed -n 's#^[[:space:]-]*server:[[:space:]]*\(https\{0,1\}://[A-Za-z0-9.:_/-]*\)[[:space:]]*$#\1#p' | list)" "" "" "" ;;
	*/serviceaccount/token) token "kubernetes account" "$1" ;;
	*/.vault-token) token "vault token" "$1" ;;
	*/.git-credentials) put "git token" "$1" "$(first "$1" | sed -n 's#^[a-z]*://[^/]*@\([A-Za-z0-9.:_-]*\).*#\1#p' | list)" "" "" "" ;;
	*/.config/gh/hosts.yml | */.config/glab-cli/config.yml) put "git token" "$1" "$(first "$1" | sed -n 's/^\([a-z0-9.-]*\.[a-z]*\):.*/\1/p' | list)" "" "" "" ;;
	*/.netrc) put "password file" "$1" "$(first "$1" | sed -n 's/.*machine[[:space:]]\{1,\}\([A-Za-z0-9.:_-]*\).*/\1/p' | list)" "" "" "" ;;
	*/.npmrc) n=$(first "$1" | sed -n 's#^//\([A-Za-z0-9./_-]*\)[^=]*:\(_authToken\|_auth\|_password\)[[:space:]]*=.*#\1#p' | list)
		[ -z "$n" ] || put "package token" "$1" "$n" "" "" "" ;;
	*/.pypirc | */.cargo/credentials* | */.gem/credentials) put "package token" "$1" "$(first "$1" | sed -n 's/^[[:space:]]*\[\([A-Za-z0-9._-]*\)\].*/\1/p' | list)" "" "" "" ;;
	*/.docker/config.json) n=$(first "$1" | grep -oE '"(https?://)?[a-z0-9-]+(\.[a-z0-9-]+)+[a-z0-9./:_-]*" *: *\{' | cut -d'"' -f2 | list)
		[ -z "$n" ] || put "container registry login" "$1" "$n" "" "" "" ;;
	*/.pgpass) put "password file" "$1" "$(first "$1" | sed -n 's/^\([^#:]*\):\([^:]*\):\([^:]*\):\([^:]*\):.*/\4@\1:\2/p' | list)" "" "" "" ;;
	*/.my.cnf | */.htpasswd | */krb5.keytab | *.keytab | */wp-config.php | */.terraform.d/credentials.tfrc.json | *.tfstate | *.tfvars) put "password file" "$1" "" "" "" "" ;;
	*/krb5cc_*) put "kerberos ticket" "$1" "" "" "" "" ;;
	*/private-keys-v1.d/*.key) n=${1##*/}; put "gpg key" "$1" "${n%.key}" "" "" "" ;;
	*/etc/shadow | */etc/gshadow) put "password hashes" "$1" "" "" "" "" ;;
	*/.env | */.env.* | */.envrc) n=$(first "$1" | secretly); [ -z "$n" ] || put "file with settings" "$1" "$n" "" "" "" ;;
	*.pem | *.key | */privkey*.pem) sshkey "tls key" "$1" || : ;;
	*.p12 | *.pfx | *.jks | *.keystore | *.kdbx) put "other secret" "$1" "" "" "" "" ;;
	esac
}

each() { for f; do case $f in "$r"*) one "${f#"$r"}" ;; esac; done; }

home() {
	h=$r$1
	[ -d "$h" ] || return 0
	each "$h"/.ssh/* "$h"/.aws/credentials "$h"/.config/gcloud/*.json "$h"/.config/gcloud/*.db "$h"/.azure/*.json "$h"/.azure/*.bin "$h"/.kube/config \
		"$h"/.vault-token "$h"/.git-credentials "$h"/.config/gh/hosts.yml "$h"/.config/glab-cli/config.yml "$h"/.netrc "$h"/.npmrc "$h"/.pypirc \
		"$h"/.cargo/credentials* "$h"/.gem/credentials "$h"/.docker/config.json "$h"/.pgpass "$h"/.my.cnf "$h"/.terraform.d/credentials.tfrc.json \
		"$h"/.gnupg/private-keys-v1.d/*.key "$h"/.env
}

homes=$(awk -F: -v u="$uid" '$3 == u || u == 0 && $3 >= 1000 && $3 < 60000 { print $6 }' "$r/etc/passwd" 2>/dev/null | sort -u | head -n 30)
while IFS= read -r d; do
	case $d in /?*) home "$d" ;; esac
done <<END
$homes
END

each "$r"/var/run/secrets/kubernetes.io/serviceaccount/token "$r"/run/secrets/* "$r"/etc/ssl/private/*.key "$r"/etc/letsencrypt/live/*/privkey.pem \
	"$r"/etc/ssh/ssh_host_*_key "$r"/etc/shadow "$r"/etc/krb5.keytab "$r"/etc/kubernetes/*.conf "$r"/tmp/krb5cc_"$uid"*

dirs=
for p in $pids; do
	d=$(readlink /proc/"$p"/cwd 2>/dev/null)
	top=$(readlink /proc/"$p"/root 2>/dev/null) # not / where it is a directory that we see too
	[ "$top" = / ] || d=${d#"$top"}
	case "$dirs|" in *"|$d|"*) continue ;; esac
	dirs="$dirs|$d"
	case $d in /?*) each "$r$d"/.env "$r$d"/.env.* "$r$d"/.envrc "$r${d%/*}"/.env ;; esac
done

while IFS= read -r f; do
	[ -z "$f" ] || one "$f"
done <<END
$files
END

seen=
for p in $pids; do
	n=$(head -c 262144 /proc/"$p"/environ 2>/dev/null | tr '\n\000' '\001\n' | secretly)
	[ -z "$n" ] || case "$seen|" in *"|$n|"*) ;; *)
		seen="$seen|$n"
		put "secret in the environment" "process $p" "$n" "" "" "" ;;
	esac
	env=$(head -c 262144 /proc/"$p"/environ 2>/dev/null | tr '\n\000' '\001\n')
	case $env in *AWS_CONTAINER_CREDENTIALS_* | *AWS_WEB_IDENTITY_TOKEN_FILE=*)
		put "cloud role" "process $p" "$(printf '%s\n' "$env" | sed -n 's#^AWS_ROLE_ARN=\([A-Za-z0-9:/_+=,.@-]*\)$#\1#p' | list)" "" "" "" ;;
	esac
	a=$(printf '%s\n' "$env" | sed -n 's/^SSH_AUTH_SOCK=//p' | head -n 1)
	case $a in *[[:cntrl:]]* | "") continue ;; esac
	case "$seen|" in *"|$a|"*) continue ;; esac
	seen="$seen|$a"
	[ -z "$r" ] && [ -S "$a" ] || continue
	k=$(SSH_AUTH_SOCK=$a timeout 2 ssh-add -l 2>/dev/null </dev/null | sed -n 's/^[0-9]* \(SHA256:[A-Za-z0-9+/]*\) .*/\1/p' | list)
	put "ssh agent" "$a" "" "$k" "" ""
done

if [ -r /sys/class/dmi/id/sys_vendor ]; then
	read -r v </sys/class/dmi/id/sys_vendor
	case $v in "Amazon EC2"* | Google* | "Microsoft Corporation"*)
		grep -qi "virtual machine\|ec2\|google compute\|amazon" /sys/class/dmi/id/product_name /sys/class/dmi/id/sys_vendor 2>/dev/null &&
			put "cloud role" "169.254.169.254" "of this machine, $(printf %s "$v" | tr -d '\t'), if it has one" "" "" "" ;;
	esac
fi
echo end
