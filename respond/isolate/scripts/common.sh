# Shared by all scripts of this package. POSIX sh; what is variable comes on
# standard input. Facts go out as lines "name<TAB>value".
PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin
LC_ALL=C
export PATH LC_ALL
umask 077
run=/run/interdict
id= dir= expect= kind= tool= seconds= boot= machine=

has() { command -v "$1" >/dev/null 2>&1; }
say() { printf '%s\t%s\n' "$1" "$2"; }
each() { while IFS= read -r line; do say "$1" "$line"; done; }
nap() { sleep 0.05 2>/dev/null || sleep 1; }
uptime() { read -r up _ </proc/uptime && echo "${up%.*}"; }

# die says why, and leaves nothing behind of what was not loaded.
die() {
	say error "$1"
	[ -n "$2" ] && printf '%s\n' "$2" | head -n 5 | each detail
	[ -n "$dir" ] && [ -z "$loaded" ] && rm -rf "$dir"
	exit 9
}

# A redirection that fails ends the shell behind ":" and other special words, but
# not behind "true".

# take reads "name value" lines into variables, and what stands below
# "=== name" into the file in.name of the change's directory.
take() {
	mkdir -p "$run" || return 1
	to=
	while IFS= read -r line; do
		case $line in
		'=== '*)
			to=$dir/in.${line#=== }
			true >"$to" || return 1
			continue ;;
		esac
		if [ -n "$to" ]; then
			printf '%s\n' "$line" >>"$to" || return 1
			continue
		fi
		case $line in
		'id '*)
			id=${line#id } dir=$run/$id
			mkdir -p "$dir" || return 1 ;;
		'expect '*) expect=${line#expect } ;;
		'tool '*) tool=${line#tool } ;;
		'seconds '*) seconds=${line#seconds } ;;
		'boot '*) boot=${line#boot } ;;
		'machine '*) machine=${line#machine } ;;
		esac
	done
	use "$tool"
}

# use chooses what writes the rules: nft, or one of the iptables.
use() {
	tool=$1 kind=ipt
	[ "$tool" = nft ] && kind=nft
	tool6=ip6${tool#ip}
	[ -e /proc/net/if_inet6 ] || tool6=
}

# lock keeps two consoles, and the timer, from acting at once.
lock() {
	mkdir -p "$run" || return 1
	if has flock; then
		true >>"$run/lock" || return 1 # where exec fails, the shell ends
		exec 9>"$run/lock" && flock -w 15 9
		return
	fi
	n=0
	until mkdir "$run/lock.d" 2>/dev/null; do
		n=$((n + 1))
		[ "$n" -gt 15 ] && return 1
		holder=$(cat "$run/lock.d/pid" 2>/dev/null)
		[ -n "$holder" ] && [ ! -d "/proc/$holder" ] && rm -rf "$run/lock.d"
		sleep 1
	done
	echo $$ >"$run/lock.d/pid"
	trap 'rm -rf "$run/lock.d"' EXIT
}

# came is SSH_CONNECTION of the operator: sudo takes the variable away, a shell above has it.
came() {
	p=$$ n=0 ssh=$SSH_CONNECTION
	while [ -z "$ssh" ] && [ "${p:-1}" -gt 1 ] && [ "$n" -lt 12 ]; do
		ssh=$(tr '\0' '\n' <"/proc/$p/environ" 2>/dev/null | sed -n 's/^SSH_CONNECTION=//p' | head -n 1)
		p=$(sed 's/^.*) . //; s/ .*//' "/proc/$p/stat" 2>/dev/null)
		n=$((n + 1))
	done
	echo "$ssh"
}

same_host() {
	[ "$(cat /proc/sys/kernel/random/boot_id)" = "$boot" ] && [ "$(cat /etc/machine-id 2>/dev/null)" = "$machine" ]
}

# seen runs what lists rules, and prints that. It fails, saying why, when there is
# no answer; a kernel that has no such rules has answered: there are none.
seen() {
	answer=$("$@" 2>&1) && { printf '%s\n' "$answer"; return; }
	case $answer in *'not supported'*) return 0 ;; esac
	printf '%s: %s\n' "$1" "$(printf '%s\n' "$answer" | head -n 1)" >&2
	return 1
}

# saved is the filter table of one of the iptables. The old kind makes the table
# by looking at it, so that is looked for first.
saved() {
	case $("$1" -V 2>/dev/null) in
	*nf_tables*) ;;
	*)
		names=/proc/net/ip_tables_names
		[ "${1#ip6}" = "$1" ] || names=/proc/net/ip6_tables_names
		grep -qx filter "$names" 2>/dev/null || return 0 ;;
	esac
	seen "$1-save" -t filter $2
}

# ours prints what of ours is loaded, without counters. It fails when that cannot
# be seen: no answer is not "nothing".
ours() {
	if [ "$kind" = nft ]; then
		names=$(seen nft list tables) || return 1
		for t in inet netdev; do
			! echo "$names" | grep -qx "table $t interdict" || seen nft -s list table "$t" interdict || return 1
		done
		return 0
	fi
	for t in $tool $tool6; do
		chains=$(saved "$t") || return 1
		echo "$chains" | grep INTERDICT_ | grep -v INTERDICT_BLOCK | sed -e 's/ \[[0-9:]*\]$//' -e "s/^/$t /"
	done
	return 0
}

# standing prints the id of the isolation that is loaded, "unknown" for one that
# does not say, nothing for none. It fails as ours does.
standing() {
	rules=$(ours) || return 1
	found=$(printf '%s\n' "$rules" | sed -n 's/.*comment "id \([0-9a-f]*\)".*/\1/p' | head -n 1)
	[ -z "$found" ] && [ -n "$rules" ] && found=unknown
	echo "$found"
}

# look sets now to what stands, and blind to why that cannot be seen.
look() {
	blind=
	now=$(standing 2>&1) || blind=${now:-$tool} now=
}

# others prints every rule on the host but ours, without counters and handles. It
# fails as ours does.
others() {
	if has nft; then
		listed=$(seen nft -s list ruleset) || return 1
		printf '%s\n' "$listed" | awk '/^table (inet interdict|inet interdict_block|netdev interdict) [{]/ {skip = 1} !skip && NF {print} /^}/ {skip = 0}'
	fi
	for save in iptables-legacy-save ip6tables-legacy-save; do
		names=/proc/net/ip_tables_names
		[ "$save" = ip6tables-legacy-save ] && names=/proc/net/ip6_tables_names
		[ -s "$names" ] && has "$save" && "$save" 2>/dev/null | sift "$save"
	done
	if ! has nft; then
		for save in iptables-save ip6tables-save; do
			has "$save" && "$save" 2>/dev/null | sift "$save"
		done
	fi
	return 0
}

# sift leaves out what an empty table looks like.
sift() { grep -v -e '^#' -e INTERDICT -e '^:[A-Z]* ACCEPT' -e '^\*' -e '^COMMIT' | sed -e "s/^/$1 /" -e 's/ \[[0-9:]*\]$//'; }

# load applies in.rules (nft), or in.rules4 and in.rules6.
load() {
	if [ "$kind" = nft ]; then
		nft -f "$dir/in.rules"
		return
	fi
	apply_ipt "$tool" 4 || return 1
	[ -z "$tool6" ] || apply_ipt "$tool6" 6 && return 0
	without "$tool" >"$dir/undo4" && "$tool-restore" --noflush <"$dir/undo4"
	return 1
}

# apply_ipt works from a file: who waits on a pipe for jumps holds the lock that jumps needs.
apply_ipt() {
	jumps "$1" "$dir/in.rules$2" >"$dir/rules$2" && "$1-restore" $3 --noflush <"$dir/rules$2"
}

check() {
	if [ "$kind" = nft ]; then
		nft -c -f "$dir/in.rules"
		return
	fi
	apply_ipt "$tool" 4 --test || return 1
	[ -z "$tool6" ] || apply_ipt "$tool6" 6 --test
}

# jumps adds to a set of chains the jumps to them that are not there yet.
jumps() {
	cat "$2"
	for pair in INPUT:IN OUTPUT:OUT FORWARD:FWD; do
		"$1" -C "${pair%:*}" -j "INTERDICT_${pair#*:}" 2>/dev/null || echo "-I ${pair%:*} 1 -j INTERDICT_${pair#*:}"
	done
	echo COMMIT
}

# without is the transaction that takes our chains out. It fails as ours does.
without() {
	chains=$(saved "$1") || return 1
	printf '%s\n' "$chains" | awk '
		/^-A (INPUT|OUTPUT|FORWARD) .*-j INTERDICT_(IN|OUT|FWD)$/ { sub(/^-A/, "-D"); gone = gone $0 "\n" }
		/^:INTERDICT_(IN|OUT|FWD|ABOUT) / { name = substr($1, 2); flush = flush "-F " name "\n"; drop = drop "-X " name "\n" }
		END { if (gone flush != "") printf "*filter\n%s%s%sCOMMIT\n", gone, flush, drop }'
}

# remove takes out everything that ours prints; with a file, what that brings
# comes in the same step. When the tool does not say what there is, it has failed:
# nothing would be taken out, and that must be tried again.
remove() {
	if [ "$kind" = ipt ]; then
		for t in $tool $tool6; do
			without "$t" >"$run/undo.$$" && { [ ! -s "$run/undo.$$" ] || "$t-restore" --noflush <"$run/undo.$$"; } || { rm -f "$run/undo.$$"; return 1; }
		done
		rm -f "$run/undo.$$"
		return 0
	fi
	tables=$(nft list tables 2>/dev/null) || return 1
	{
		echo "$tables" | grep -qx 'table inet interdict' && echo 'delete table inet interdict'
		echo "$tables" | grep -qx 'table netdev interdict' && echo 'delete table netdev interdict'
		[ -n "$1" ] && cat "$1"
		:
	} >"$run/undo.$$"
	nft -f "$run/undo.$$"
	status=$?
	rm -f "$run/undo.$$"
	return "$status"
}

# restore puts back what was loaded before this change, and brings the block of
# the alert's destinations in the same step.
restore() {
	if [ "$kind" = nft ]; then
		cp "$dir/prev" "$dir/back" || return 1
		if [ -s "$dir/in.block" ]; then
			nft list table inet interdict_block >/dev/null 2>&1 || cat "$dir/in.blocktable" >>"$dir/back"
			cat "$dir/in.block" >>"$dir/back"
		fi
		remove "$dir/back" && return
		remove "$dir/prev" # a block that does not load must not keep the host cut off
		return
	fi
	remove || return 1
	for t in $tool $tool6; do
		[ ! -s "$dir/prev.$t" ] || "$t-restore" --noflush <"$dir/prev.$t" || return 1
	done
	block_ipt
	return 0
}

block_ipt() { :; }

# remember saves what restore needs.
remember() {
	if [ "$kind" = nft ]; then
		ours >"$dir/prev"
		return
	fi
	for t in $tool $tool6; do
		chains=$(saved "$t") || return 1
		chains=$(printf '%s\n' "$chains" | grep -E '^(:|-A )INTERDICT_(IN|OUT|FWD|ABOUT) ')
		[ -n "$chains" ] || continue
		printf '%s\n' "*filter" "$chains" '-I INPUT 1 -j INTERDICT_IN' '-I OUTPUT 1 -j INTERDICT_OUT' '-I FORWARD 1 -j INTERDICT_FWD' COMMIT >"$dir/prev.$t" || return 1
	done
	return 0
}

# find looks for what of ours is loaded, by whichever tool. Where nothing is found,
# blind says which of them gave no answer.
find() {
	unseen=
	for t in nft iptables iptables-legacy; do
		has "$t" && { [ "$t" = nft ] || has "$t-save"; } || continue
		use "$t"
		look
		[ -n "$now" ] && return
		unseen=${unseen:-$blind}
	done
	blind=$unseen
	has nft && use nft || use iptables
}

stop_timer() {
	[ -d /run/systemd/system ] && has systemctl && systemctl stop "interdict-$1.timer" >/dev/null 2>&1
	return 0
}
