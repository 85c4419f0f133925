# What of ours the host holds. Changes nothing.
say machine "$(cat /etc/machine-id 2>/dev/null)"
say boot "$(cat /proc/sys/kernel/random/boot_id)"
say hostname "$(uname -n)"
say uptime "$(cat /proc/uptime)"
say now "$(date +%s)"
say uid "$(id -u)"
find
listing=$(ours 2>/dev/null) || blind=${blind:-$tool}
blocks=
if has nft && names=$(seen nft list tables 2>/dev/null) && echo "$names" | grep -qx 'table inet interdict_block'; then
	blocks=$(nft -j list table inet interdict_block 2>/dev/null) || blind=${blind:-nft}
fi
[ -z "$blind" ] || say blind "$blind"
say tool "$tool"
[ "$kind" = ipt ] && say tool "$tool6"
say standing "$now"
[ -z "$listing" ] || printf '%s\n' "$listing" | each listing
dir=$run/$now
if [ -n "$now" ] && [ -d "$dir" ]; then
	[ -e "$dir/armed" ] && read -r end <"$dir/deadline" && say armed "$((end - $(uptime)))"
	[ -e "$dir/confirmed" ] && say confirmed yes
	if [ -e "$dir/listing" ]; then
		printf '%s\n' "$listing" | cmp -s - "$dir/listing" && say intact yes || say intact no
	fi
fi
for d in "$run"/*/; do
	[ -e "$d/confirmed" ] && [ "$d" != "$dir/" ] && say missing "$(basename "$d")"
	[ -e "$d/restored" ] && say restored "$(basename "$d")"
done
[ -e /etc/interdict/isolation/rules ] && say survives yes
[ -e /etc/interdict/isolation/tool ] && [ -d /run/systemd/system ] && ! systemctl is-active --quiet interdict-isolation.timer && say survives stopped
[ -z "$blocks" ] || { printf '%s\n' "$blocks" | head -c 900000 | tr '\n' ' '; echo; } | each blocks
say end yes
