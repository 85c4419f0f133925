# Units that load the rules at boot and put them back when somebody flushes them.
keep=/etc/interdict/isolation
survive() {
	[ -d /run/systemd/system ] || { echo "no systemd here" >&2; return 1; }
	mkdir -p "$keep" || return 1
	cp "$dir/before" "$keep/before" && cp "$dir/in.assert" "$keep/assert" && cp "$dir/tool" "$keep/tool" && cp "$dir/listing" "$keep/listing" || return 1
	for f in rules rules4 rules6; do
		[ ! -s "$dir/in.$f" ] || cp "$dir/in.$f" "$keep/$f" || return 1
	done
	cp "$dir/in.unit" /etc/systemd/system/interdict-isolation.service &&
		cp "$dir/in.timerunit" /etc/systemd/system/interdict-isolation.timer &&
		systemctl daemon-reload && systemctl --quiet enable interdict-isolation.service interdict-isolation.timer &&
		systemctl start interdict-isolation.timer
}

unsurvive() {
	[ -d "$keep" ] || return 0
	if [ -d /run/systemd/system ]; then
		systemctl --quiet disable --now interdict-isolation.timer interdict-isolation.service 2>/dev/null
	fi
	cp "$keep/before" "$run/before.survived" 2>/dev/null
	rm -rf "$keep" /etc/systemd/system/interdict-isolation.service /etc/systemd/system/interdict-isolation.timer
	rmdir /etc/interdict 2>/dev/null
	[ -d /run/systemd/system ] && systemctl daemon-reload
	return 0
}
