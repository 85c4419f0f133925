# Adds places to what is blocked or held to a rate, in one transaction.
loaded=
take || die write "no room, or read-only: $run"
lock || die busy
same_host || die stale
has nft || die invalid "nft is not installed"
{ nft -j list table inet interdict_block 2>/dev/null | head -c 900000 | tr '\n' ' '; echo; } | each before
true >"$dir/all" || die write
nft list table inet interdict_block >/dev/null 2>&1 || cat "$dir/in.blocktable" >>"$dir/all"
if [ -s "$dir/in.rate" ]; then
	nft list set inet interdict_block "host4_$seconds" >/dev/null 2>&1 || cat "$dir/in.rate" >>"$dir/all"
fi
cat "$dir/in.block" >>"$dir/all"
nft -c -f "$dir/all" 2>"$dir/err" || die invalid "$(cat "$dir/err")"
nft -f "$dir/all" 2>"$dir/err" || die load "$(cat "$dir/err")"
rm -rf "$dir"
say applied "$id"
