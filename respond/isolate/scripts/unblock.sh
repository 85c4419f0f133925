# Takes places out of what is blocked: lines "SET PLACE ID", ID "-" for whoever
# blocked it. What in.block brings comes in the same step.
loaded=
take || die write "no room, or read-only: $run"
lock || die busy
same_host || die stale
true >"$dir/all" || die write
seen nft list tables >"$dir/tables" || die blind
while read -r set place note; do
	found=$(grep -qx 'table inet interdict_block' "$dir/tables" && nft list set inet interdict_block "$set" 2>/dev/null | tr ',' '\n' | sed 's/^.*{//' | awk -v place="$place" '$1 == place')
	[ -n "$found" ] || { say absent "$place"; continue; }
	if [ "$note" != - ]; then
		case $found in
		*"comment \"$note "*) ;;
		*) say other "$place"; continue ;;
		esac
	fi
	echo "delete element inet interdict_block $set { $place }" >>"$dir/all"
	say removed "$place"
done <"$dir/in.places"
cat "$dir/in.block" >>"$dir/all"
if [ -s "$dir/all" ]; then
	nft -f "$dir/all" 2>"$dir/err" || die load "$(cat "$dir/err")"
fi
# A table with nothing in it is not left behind.
if nft list table inet interdict_block 2>/dev/null >"$dir/now" && ! grep -q 'elements = ' "$dir/now"; then
	nft delete table inet interdict_block && say emptied yes
fi
rm -rf "$dir"
say end yes
