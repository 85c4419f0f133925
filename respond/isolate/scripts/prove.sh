# Runs over a new login, which is the first half of the proof. Looks whether the
# host is cut off; confirms and stops the timer when it is, restores when not.
loaded=yes
take || die write
lock || die busy
same_host || die stale
look
[ -z "$blind" ] || die blind "$blind"
[ -e "$dir/tool" ] || loaded= # the host never had this change: nothing of it stays
[ -e "$dir/confirmed" ] && [ "$now" = "$id" ] && say confirmed earlier && ours | each listing && exit 0
[ -e "$dir/restored" ] && die restored
[ -n "$now" ] && [ "$now" != "$id" ] && die taken "$now"
[ -e "$dir/armed" ] && [ -n "$now" ] || die gone

# flows prints the TCP connections to places that are not kept, with what they moved.
flows() {
	ss -tinH state established 2>/dev/null | awk '
		function bare(s) { sub(/:[0-9]*$/, "", s); gsub(/[][]/, "", s); sub(/^::ffff:/, "", s); sub(/%.*/, "", s); return s }
		FNR == NR { keep[$1] = 1; next }
		/^[ \t]/ {
			moved = ""
			for (i = 1; i <= NF; i++) if ($i ~ /^bytes_(acked|received):/) moved = moved " " $i
			far = bare(peer)
			if (!(far in keep) && far !~ /^127[.]/ && far != "::1" && far != bare(here)) print here, peer moved
			next
		}
		{ here = $3; peer = $4 }' "$dir/in.keep" - | sort
}

dropped() {
	if [ "$kind" = nft ]; then
		nft list counter inet interdict cut_out 2>/dev/null | sed -n 's/.*packets \([0-9]*\).*/\1/p'
		return
	fi
	for t in $tool $tool6; do saved "$t" -c; done |
		sed -n 's/^\[\([0-9]*\):.*-A INTERDICT_OUT -j DROP$/\1/p' | awk '{n += $1} END {print n + 0}'
}

# reach tries to connect: 0 it could, 1 not, 2 nothing here can try.
reach() {
	if has timeout && has bash; then
		timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null && return 0
	elif has nc; then
		nc -z -w 1 "$1" "$2" </dev/null >/dev/null 2>&1 && return 0
	elif has timeout && has python3; then
		timeout 2 python3 -c 'import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 1)' "$1" "$2" 2>/dev/null && return 0
	elif has ping; then
		ping -c 1 -W 1 "$1" >/dev/null 2>&1 && return 0
	else
		return 2
	fi
	return 1
}

flows >"$dir/flows.1"
first=$(dropped)
last=$first
for try in 1 2 3; do # a host that is busy may need longer to try than to give up
	while read -r addr port; do
		(
			reach "$addr" "$port"
			case $? in
			0) say reached "$addr $port" ;;
			1) say unreached "$addr $port" ;;
			*) say untried "$addr $port" ;;
			esac
		) &
	done <"$dir/in.targets" >"$dir/tried" 9>&-
	sleep 1 9>&- &
	wait
	last=$(dropped)
	[ "${last:-0}" -gt "${first:-0}" ] && break
	grep -q '^reached' "$dir/tried" && break
done
flows >"$dir/flows.2"
cat "$dir/tried"
say counted "$((${last:-0} - ${first:-0}))"
has ss || say noss yes
sort "$dir/flows.1" "$dir/flows.1" "$dir/flows.2" | uniq -u | head -n 20 >"$dir/moved"
each moved <"$dir/moved"
say flows "$(wc -l <"$dir/flows.2")"

why=
grep -q '^reached' "$dir/tried" && why=reached
[ -z "$why" ] && [ "${last:-0}" -le "${first:-0}" ] && why=uncounted
[ -z "$why" ] && [ -s "$dir/moved" ] && ! grep -q '[*]' "$dir/in.keep" && why=moved
if [ -n "$why" ]; then
	mv "$dir/armed" "$dir/restored" 2>/dev/null || die restored
	restore 2>"$dir/err" || die unrestored "$(cat "$dir/err")"
	stop_timer "$id"
	die unproven "$why"
fi
ours >"$dir/listing" || die blind
if [ -s "$dir/in.unit" ]; then
	survive 2>"$dir/err" && say survives yes || say survives "no: $(head -n 1 "$dir/err")"
fi

# heard tells whether all that was sent over the operator's connection has arrived.
heard() {
	cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v here="$1" -v there="$2" '
		$2 ~ here && $3 ~ there && $4 == "01" { found = 1; if ($5 !~ /^00000000:/) waits = 1 }
		END { exit !found || waits }'
}

# A link that was cut since must lead back: what was found goes out first, and is
# confirmed when it has arrived.
ssh=$(came)
if [ -n "$ssh" ]; then
	say proven yes
	far=${ssh#* }
	here=":$(printf %04X "${ssh##* }")$" there=":$(printf %04X "${far%% *}")$"
	read -r end <"$dir/deadline"
	nap # until sshd has passed it on
	until heard "$here" "$there"; do
		if [ "$(uptime)" -ge "$end" ]; then
			unsurvive
			die unheard
		fi
		nap
	done
fi
if ! mv "$dir/armed" "$dir/confirmed" 2>/dev/null; then
	unsurvive
	die restored
fi
stop_timer "$id"
[ -s "$dir/in.unit" ] || unsurvive # of the isolation whose place this one took
say confirmed now
each listing <"$dir/listing"
