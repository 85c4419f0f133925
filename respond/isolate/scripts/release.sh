# Takes out what is ours, and shows that nothing else changed by it.
loaded=yes
take || die write
lock || die busy
[ -z "$boot" ] || same_host || die stale
find
[ -z "$blind" ] || die blind "$blind"
[ -z "$expect" ] || [ -z "$now" ] || [ "$now" = "$expect" ] || die taken "$now"
unsurvive
mine=${now:-$expect}
others >"$run/others.1" || die blind
if [ -n "$now" ]; then
	mine=$now
	remove 2>"$run/err" || die remove "$(cat "$run/err")"
	look
	[ -z "$blind" ] || die blind "$blind"
	[ -z "$now" ] || die remains "$now"
	say removed "$mine"
else
	say none yes
fi
others >"$run/others.2" || die blind
if cmp -s "$run/others.1" "$run/others.2"; then say same yes; else
	say same no
	diff "$run/others.1" "$run/others.2" | head -n 100 | each disturbed
fi
if [ -n "$mine" ] && [ -d "$run/$mine" ]; then
	[ -e "$run/$mine/armed" ] && mv "$run/$mine/armed" "$run/$mine/released"
	stop_timer "$mine"
fi
before=$run/$mine/before
[ -e "$before" ] || before=$run/before.survived
if [ -e "$before" ]; then
	say compared yes
	diff "$before" "$run/others.2" | grep '^[<>]' | head -n 200 | each meanwhile
fi
rm -f "$run/others.1" "$run/others.2" "$run/err" "$run/before.survived"
for d in "$run"/*/; do
	[ -e "$d/restored" ] || [ -e "$d/confirmed" ] || [ "$d" = "$run/$mine/" ] && rm -rf "$d"
done
say end yes
