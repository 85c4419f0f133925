# The first process of a lab: it holds the network that joins all (switch and
# router) and the file system of what hosts change. When its standard input ends,
# which the end of the test program does too, it takes everything away: $1 is the
# lab's directory, $2 its cgroup.
set -e
gone() {
	[ "$2" = waiting ] || echo 1 >"$1/cgroup.kill"
	n=0
	while grep -q 'populated 1' "$1/cgroup.events" && [ "$n" -lt 100 ]; do
		sleep 0.02
		n=$((n + 1))
	done
	[ "$n" -lt 100 ] || echo 1 >"$1/cgroup.kill"
}
read -r pid _ </proc/self/stat # of the machine's /proc: the number that the machine knows
mount --make-rprivate /
mount -t tmpfs -o mode=755,size=2g tmpfs "$1/fs"
for f in ipv6/conf/all/accept_dad ipv6/conf/default/accept_dad ipv6/conf/default/accept_ra; do echo 0 >"/proc/sys/net/$f"; done
for f in ipv4/ip_forward ipv6/conf/all/forwarding ipv6/conf/default/forwarding; do echo 1 >"/proc/sys/net/$f"; done
ip -batch - <<'X'
link set lo up
link add br0 type bridge forward_delay 0 mcast_snooping 0
link set br0 up
addr add 10.77.0.1/24 dev br0
addr add fd77::1/64 dev br0 nodad
X
trap '' HUP INT TERM
echo "pid $pid"
read -r _ || true
set +e
# Hosts first: what waits for them then ends by itself, and nothing is left to a
# machine whose first process may not collect orphans.
for part in boot waiting commands; do
	for g in "$2"/*/"$part" "$2/$part"; do
		[ ! -d "$g" ] || gone "$g" "$part"
	done
done
find "$2" -depth -type d -exec rmdir {} +
umount -l "$1/fs"
rm -rf "$1"
