# Puts the isolation back when it is not as it was confirmed. Run by the host's
# timer and by its firewall services. It writes below /run alone.
keep=/etc/interdict/isolation
dir=$run/assert
lock || exit 1
[ -e "$keep/tool" ] || exit 0
use "$(cat "$keep/tool")"
look
mine=$(sed -n 's/.*comment "id \([0-9a-f]*\)".*/\1/p' "$keep/listing" | head -n 1)
[ -z "$now" ] || [ "$now" = unknown ] || [ "$now" = "$mine" ] || exit 0 # another has taken its place
ours 2>/dev/null | cmp -s - "$keep/listing" && exit 0
mkdir -p "$dir" || exit 1
for f in rules rules4 rules6; do [ -e "$keep/$f" ] && cp "$keep/$f" "$dir/in.$f"; done
load
