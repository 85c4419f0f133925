# Units that load the rules at boot and put them back when somebody flushes them.
keep=/etc/interdict/isolation
units=/etc/systemd/system
firewalls="nftables firewalld netfilter-persistent iptables ip6tables ufw docker"
survive() {
	[ -d /run/systemd/system ] || { echo "no systemd here" >&2; return 1; }
	mkdir -p "$keep" || return 1
	cp "$dir/before" "$keep/before" && cp "$dir/in.assert" "$keep/assert" && cp "$dir/tool" "$keep/tool" && cp "$dir/listing" "$keep/listing" || return 1
	for f in rules rules4 rules6; do
		[ ! -s "$dir/in.$f" ] || cp "$dir/in.$f" "$keep/$f" || return 1
	done
	for f in $firewalls; do
		mkdir -p "$units/$f.service.d" && cp "$dir/in.dropin" "$units/$f.service.d/interdict.conf" || return 1
	done
	cp "$dir/in.unit" "$units/interdict-isolation.service" &&
		cp "$dir/in.timerunit" "$units/interdict-isolation.timer" &&
		systemctl daemon-reload && systemctl --quiet enable interdict-isolation.service interdict-isolation.timer &&
		systemctl start interdict-isolation.timer
}

unsurvive() {
	[ -d "$keep" ] || return 0
	if [ -d /run/systemd/system ]; then
		systemctl --quiet disable --now interdict-isolation.timer interdict-isolation.service 2>/dev/null
	fi
	cp "$keep/before" "$run/before.survived" 2>/dev/null
	for f in $firewalls; do
		rm -f "$units/$f.service.d/interdict.conf"
		rmdir "$units/$f.service.d" 2>/dev/null
	done
	rm -rf "$keep" "$run/assert" "$units/interdict-isolation.service" "$units/interdict-isolation.timer"
	rmdir /etc/interdict 2>/dev/null
	[ -d /run/systemd/system ] && systemctl daemon-reload
	return 0
}
