# Validates, arms the timer, loads. Leaves nothing when it fails.
loaded=
take || die write "no room, or read-only: $run"
lock || die busy
same_host || die stale "the host was started again, or is another one"
look
[ -z "$blind" ] || die blind "$blind"
[ "$now" = "$expect" ] || die taken "$now"
others >"$dir/before" || die blind
remember || die write
check 2>"$dir/err" || die invalid "$(cat "$dir/err")"
echo "$tool" >"$dir/tool" || die write
echo $(($(uptime) + seconds)) >"$dir/deadline" || die write
true >"$dir/armed" || die write

arm() {
	if [ -d /run/systemd/system ] && has systemd-run && systemd-run --quiet --collect --unit="interdict-$id" --on-active="$seconds" \
		--timer-property=AccuracySec=1s --property=Type=oneshot /bin/sh "$dir/in.restore" "$id" now 9>&- 2>"$dir/err" &&
		systemctl is-active --quiet "interdict-$id.timer"; then
		say timer systemd
		return
	fi
	if has setsid; then
		setsid sh "$dir/in.restore" "$id" wait </dev/null >/dev/null 2>&1 9>&- &
	else
		(trap '' HUP && exec sh "$dir/in.restore" "$id" wait) </dev/null >/dev/null 2>&1 9>&- &
	fi
	n=0
	until [ -e "$dir/waiting" ]; do
		n=$((n + 1))
		[ "$n" -gt 100 ] && return 1
		nap
	done
	say timer process
}
arm || die arm "$(cat "$dir/err" 2>/dev/null)"
if ! load 2>"$dir/err"; then
	mv "$dir/armed" "$dir/failed"
	stop_timer "$id"
	die load "$(cat "$dir/err")"
fi
loaded=yes
rm -f "$dir/waiting"
say applied "$id"
