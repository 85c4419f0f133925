# Reads a word that nobody else knows, then a request a line, and answers each
# in order with frames on standard output:
#	\n#WORD B ID UPTIME\n content \n#WORD E STATUS UPTIME\n
# STATUS is the exit status of what ran, or gone, none, type, link, fs, tool. A
# request with several answers has them as ID.N before the one that is ID. What
# is written to standard error stands behind "#WORD ID". Nothing is written to the
# host, nothing but regular files is opened, nothing is read without a bound.
IFS= read -r n || exit 2
T=
if command -v timeout >/dev/null 2>&1; then
	case $(timeout --help 2>&1) in
	*BusyBox*) ;; # its watcher keeps a pipe open for a second
	*) T='timeout 10' ;;
	esac
fi
exec 4>&1

up() { read -r u rest </proc/uptime; }
begin() {
	up
	printf '\n#%s B %s %s\n' "$n" "$1" "$u"
	printf '\n#%s %s\n' "$n" "$1" >&2
}
end() {
	up
	printf '\n#%s E %s %s\n' "$n" "$1" "$u"
}

# ticks sets t to the start of process $1 in ticks since boot; "" when it is gone.
ticks() {
	t= s=
	while IFS= read -r l || [ -n "$l" ]; do s="$s $l"; done 2>/dev/null </proc/"$1"/stat || return 0
	s=${s##*") "}
	set -f
	set -- $s
	set +f
	[ $# -lt 20 ] || { shift 19; t=$1; }
}
# is: process $1 is still the one that began at $2.
is() {
	ticks "$1"
	[ -n "$t" ] && [ "$t" = "$2" ]
}
# after ends a frame with status $3, unless $1 was not the process that began at $2 to the last.
after() { if is "$1" "$2"; then end "$3"; else end gone; fi; }

# bounded runs a command, at most $1 bytes and some seconds of it, and sets s to its status.
bounded() {
	cap=$1
	shift
	command -v "$1" >/dev/null 2>&1 || { s=tool; return; }
	s=$({ { $T "$@" </dev/null 4>&- || { echo $? >&3; exit; }; echo 0 >&3; } | head -c "$cap" >&4; } 3>&1)
	s=${s:-141}
}

# plain: no part of path $2 below $1 is a link, so that nobody leads us elsewhere.
plain() {
	x=$1 r=$2
	while [ -n "$r" ]; do
		part=${r%%/*}
		case $r in */*) r=${r#*/} ;; *) r= ;; esac
		case $part in '') continue ;; . | ..) return 1 ;; esac
		x=$x/$part
		[ ! -L "$x" ] || return 1
	done
}

# content writes at most $2 bytes of file $1 when that is a regular file which is stored somewhere.
content() {
	$T test -e "$1" || { s=none; return; }
	$T test -f "$1" || { s=type; return; }
	case $($T stat -f -L -c %T "$1" 2>/dev/null || $T stat -f -c %T "$1" 2>/dev/null) in
	proc | sysfs | debugfs | tracefs | securityfs | cgroup* | bpf* | pstore | efivarfs | configfs | selinux) s=fs; return ;;
	esac
	$T head -c "$2" <"$1"
	s=$?
}

# home sets h to the home of user $1.
home() { h=$(awk -F: -v u="$1" '$3 == u { print $6; exit }' /etc/passwd); }

memory() {
	left=$(($3 / 4096)) ix=
	while read -r range perms off dev inode name; do
		case $perms in r*) ;; *) continue ;; esac
		case $name in '[v'* | /dev/* | anon_inode*) continue ;; esac
		from=${range%-*} to=${range#*-}
		[ ${#from} -le 15 ] || continue
		pages=$(((0x$to - 0x$from) / 4096)) at=$((0x$from / 4096))
		[ "$pages" -le "$left" ] || pages=$left
		[ "$pages" -gt 0 ] || continue
		dd if=/proc/"$1"/mem bs=4096 skip="$at" count="$pages" conv=noerror,sync 2>/dev/null
		left=$((left - pages))
		ix="$ix$range $perms $off $pages $name
"
	done </proc/"$1"/maps
}

# has: without $1 there is nothing to ask.
has() { [ -e "$1" ] || { s=none; return 1; }; }

host() {
	case $3 in
	uname) bounded "$2" uname -a ;;
	clock) bounded "$2" sh -c 'date -u +%Y-%m-%dT%H:%M:%SZ; date +%z; cat /proc/uptime; timedatectl show 2>/dev/null || chronyc tracking 2>/dev/null; :' ;;
	stats) bounded "$2" sh -c 'cd /proc && head -v -c 1024 [0-9]*/stat 2>/dev/null; :' ;;
	commands) bounded "$2" sh -c 'grep -a -z -H "" /proc/[0-9]*/cmdline 2>/dev/null; :' ;;
	exes) bounded "$2" sh -c 'ls -ln /proc/[0-9]*/exe 2>/dev/null; :' ;;
	ps) bounded "$2" ps auxww ;;
	sockets) bounded "$2" ss -anpeiO ;;
	nettables) bounded "$2" sh -c 'cd /proc/net && head -v -c 1048576 tcp tcp6 udp udp6 unix raw raw6 packet 2>/dev/null; :' ;;
	routes) bounded "$2" ip route show table all ;;
	rules) bounded "$2" ip rule ;;
	neighbours) bounded "$2" ip neigh ;;
	links) bounded "$2" ip -s -d addr ;;
	resolver) bounded "$2" sh -c 'cat /etc/resolv.conf /etc/hosts' ;;
	nft) bounded "$2" nft list ruleset ;;
	iptables) bounded "$2" iptables-save ;;
	ip6tables) bounded "$2" ip6tables-save ;;
	mounts) bounded "$2" cat /proc/mounts ;;
	modules) has /proc/modules && bounded "$2" cat /proc/modules ;;
	bpf) bounded "$2" bpftool prog show ;;
	sessions) bounded "$2" who -a ;;
	logins) has /var/log/wtmp && bounded "$2" last -w -F -n 200 ;;
	refused) has /var/log/btmp && bounded "$2" lastb -w -F -n 200 ;;
	logind) has /run/systemd/system && bounded "$2" loginctl list-sessions --no-legend ;;
	users) bounded "$2" cat /etc/passwd ;;
	groups) bounded "$2" cat /etc/group ;;
	release) bounded "$2" cat /etc/os-release ;;
	cron) bounded "$2" sh -c 'find /etc/crontab /etc/anacrontab /etc/cron.d /etc/cron.hourly /etc/cron.daily /etc/cron.weekly /etc/cron.monthly /var/spool/cron /var/spool/at -type f -exec ls -ln {} + -exec head -v -c 65536 {} + 2>/dev/null; :' ;;
	timers) has /run/systemd/system && bounded "$2" systemctl list-timers --all --no-pager ;;
	units) has /run/systemd/system && bounded "$2" systemctl list-units --type=service --all --no-pager --plain ;;
	journal) bounded "$2" journalctl --no-pager -o short-iso-precise --since "@$4" --until "@$5" ;;
	auth) bounded "$2" sh -c 'for f in /var/log/auth.log /var/log/secure /var/log/syslog /var/log/messages; do [ -f "$f" ] && [ ! -L "$f" ] && echo "==> $f <==" && tail -c 1048576 "$f"; done; :' ;;
	audit) has /var/log/audit/audit.log && bounded "$2" tail -c 4194304 /var/log/audit/audit.log ;;
	tmp) bounded "$2" sh -c 'find /tmp /var/tmp /dev/shm /run/shm -xdev -mindepth 1 -maxdepth 4 -exec ls -ldn {} + 2>/dev/null; :' ;;
	*) s=2 ;;
	esac
}

while read -r id kind a b c d e; do
	case $kind in open | memory) ;; *) begin "$id" ;; esac
	case $kind in
	host) # CAP NAME [FROM TO]
		host 0 "$a" "$b" "$c" "$d"
		end "$s" ;;
	look) # PID TICKS CAP: what a plan says of it
		is "$a" "$b" || { end gone; continue; }
		set -- $($T stat -L -c '%s %d:%i' /proc/"$a"/exe 2>/dev/null)
		echo "exe ${1:-0} ${2:-?}"
		while read -r key value rest; do
			case $key in Uid:) echo "uid $value" ;; VmRSS:) echo "rss $value" ;; esac
		done </proc/"$a"/status
		set -- $($T stat -L -c '%F/%s' /proc/"$a"/fd/* 2>/dev/null | awk -F/ '/^regular/ { n++; b += $2 } END { printf "%d %.0f", n, b }')
		echo "open ${1:-0} ${2:-0}"
		printf 'link '
		readlink -n /proc/"$a"/exe | head -c 4096
		after "$a" "$b" 0 ;;
	proc) # PID TICKS CAP NAME
		is "$a" "$b" || { end gone; continue; }
		$T head -c "$c" /proc/"$a"/"$d"
		after "$a" "$b" $? ;;
	links) # PID TICKS CAP
		is "$a" "$b" || { end gone; continue; }
		bounded "$c" ls -ln /proc/"$a"/exe /proc/"$a"/cwd /proc/"$a"/root /proc/"$a"/ns/
		after "$a" "$b" "$s" ;;
	fds) # PID TICKS CAP
		is "$a" "$b" || { end gone; continue; }
		bounded "$c" sh -c 'ls -ln /proc/"$1"/fd/ && cd /proc/"$1"/fdinfo && head -v -c 512 * 2>/dev/null; :' sh "$a"
		after "$a" "$b" "$s" ;;
	exe) # PID TICKS CAP
		is "$a" "$b" || { end gone; continue; }
		head -c "$c" </proc/"$a"/exe
		after "$a" "$b" $? ;;
	owner) # PID TICKS CAP
		is "$a" "$b" || { end gone; continue; }
		p=$(readlink /proc/"$a"/exe)
		if command -v dpkg-query >/dev/null 2>&1; then bounded "$c" dpkg-query -S "$p"
		elif command -v rpm >/dev/null 2>&1; then bounded "$c" rpm -qf -- "$p"
		else bounded "$c" apk info -W "$p"; fi
		after "$a" "$b" "$s" ;;
	memory) # PID TICKS CAP: the bytes, and then which ranges they are
		is "$a" "$b" || { begin "$id"; end gone; continue; }
		begin "$id.0"
		memory "$a" "$b" "$c"
		after "$a" "$b" 0
		begin "$id"
		printf '%s' "$ix"
		end 0 ;;
	open) # PID TICKS CAP: an answer for each regular file that it has open
		is "$a" "$b" || { begin "$id"; end gone; continue; }
		k=0 more=0
		for f in /proc/"$a"/fd/*; do
			$T test -f "$f" || continue
			[ "$k" -lt 1000 ] || { more=more; break; } # the reader takes no more either
			k=$((k + 1))
			begin "$id.${f##*/}"
			readlink "$f" >&2
			content "$f" "$c"
			after "$a" "$b" "$s"
		done
		begin "$id"
		end "$more" ;;
	file) # PID TICKS CAP PATH: PATH has every byte but letters and digits as \0OOO
		p=$(printf '%b_' "$d")
		p=${p%_} root=
		if [ "$a" != 0 ]; then
			is "$a" "$b" || { end gone; continue; }
			root=/proc/$a/root
		fi
		if plain "$root" "$p"; then content "$root/${p#/}" "$c"; else s=link; fi
		if [ "$a" = 0 ]; then end "$s"; else after "$a" "$b" "$s"; fi ;;
	home) # UID CAP PATH
		home "$a"
		[ -n "$h" ] || { end gone; continue; }
		if plain "$h" "$c"; then content "$h/$c" "$b"; else s=link; fi
		end "$s" ;;
	keys) # UID CAP
		home "$a"
		[ -n "$h" ] || { end gone; continue; }
		plain "$h" .ssh || { end link; continue; }
		command -v ssh-keygen >/dev/null 2>&1 || { end tool; continue; }
		for f in "$h"/.ssh/*; do
			[ ! -L "$f" ] && $T test -f "$f" || continue
			case $f in */known_hosts* | */config) continue ;; esac
			k=$($T ssh-keygen -lf "$f" </dev/null 2>/dev/null) || continue
			ls -ln "$f"
			printf '%s\n' "$k"
		done | head -c "$b"
		end 0 ;;
	packets) # SECONDS CAP ADDRESS...
		set -- $c $d $e
		filter=
		for x; do filter="$filter${filter:+ or }host $x"; done
		command -v tcpdump >/dev/null 2>&1 && command -v timeout >/dev/null 2>&1 || { end tool; continue; }
		timeout "$a" tcpdump -i any -n -U -w - $filter </dev/null | head -c "$b"
		end 0 ;;
	*) end 2 ;;
	esac
done
printf '\n#%s .\n' "$n"
