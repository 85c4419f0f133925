# The host's own way back, run by its timer: id, and "wait" when it is to wait
# for the deadline itself.
id=$1 dir=$run/$1
use "$(cat "$dir/tool")"
if [ "$2" = wait ]; then
	for g in /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/unified/cgroup.procs /sys/fs/cgroup/systemd/cgroup.procs; do
		[ -w "$g" ] && echo $$ >"$g" # out of a session that ends with its login
	done 2>/dev/null
	true >"$dir/waiting"
	read -r end <"$dir/deadline"
	while [ -e "$dir/armed" ] && [ "$(uptime)" -lt "$end" ]; do sleep 1; done
	[ -e "$dir/armed" ] || exit 0
fi
n=0
until lock; do
	n=$((n + 1))
	[ "$n" -gt 4 ] && break # what holds the lock for a minute does not come back
done
mv "$dir/armed" "$dir/restored" 2>/dev/null || exit 0
now=$(standing)
[ -z "$now" ] || [ "$now" = "$id" ] || exit 0 # another isolation has taken its place
n=0
until restore 2>"$dir/err"; do
	n=$((n + 1))
	[ "$n" -gt 300 ] && exit 1
	sleep 1
done
