# The first process of a host, up to the point where it becomes systemd (or, in a
# light host, stays what starts sshd and collects orphans). It runs in namespaces
# of its own, below the lab's file system $1/NAME; $2 is the host's name, $3 "light"
# or "systemd". What it makes in upper, ssh and units outlives a reboot; the rest
# does not.
set -e
fs=$1/$2 name=$2 kind=$3
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
read -r pid _ </proc/self/stat # of the machine's /proc: the number that the machine knows
echo "pid $pid"
read -r _ # the cable is plugged, and nobody else is in the cgroup

root=$fs/root
mkdir -p "$root" "$fs/upper" "$fs/work" "$fs/units"
mount -t overlay -o "lowerdir=/,upperdir=$fs/upper,workdir=$fs/work,index=off" overlay "$root"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
cat /proc/sys/kernel/random/uuid >"$fs/boot_id"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount --bind "$root/proc/sys/net" "$root/proc/sys/net"
mount -o remount,bind,ro "$root/proc/sys"
mount --bind "$fs/boot_id" "$root/proc/sys/kernel/random/boot_id"
[ ! -e /proc/sysrq-trigger ] || mount --bind /dev/null "$root/proc/sysrq-trigger"
mount -t sysfs -o nosuid,nodev,noexec sysfs "$root/sys"
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$root/sys/fs/cgroup"
mount -o remount,bind,ro "$root/sys"
for d in run tmp var/tmp root home var/log mnt media; do
	[ -d "$root/$d" ] || continue
	mount -t tmpfs -o nosuid,nodev,mode=755 tmpfs "$root/$d"
done
chmod 1777 "$root/tmp" "$root/var/tmp"
chmod 700 "$root/root"
mkdir -p "$root/run/lock" "$root/run/sshd"
true >"$root/run/utmp"
mount -t tmpfs -o nosuid,mode=755,size=1m tmpfs "$root/dev"
for n in null zero full random urandom tty; do
	true >"$root/dev/$n"
	mount --bind "/dev/$n" "$root/dev/$n"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for n in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${n%:*}" "$root/dev/${n#*:}"; done
true >"$root/dev/console"
mount --bind /dev/null "$root/dev/console"
mount --bind "$fs/ssh" "$root/etc/ssh"

if [ ! -e "$fs/seeded" ]; then
	tr -d - </proc/sys/kernel/random/uuid >"$fs/machine-id"
	rm -f "$root/etc/machine-id"
	cp "$fs/machine-id" "$root/etc/machine-id"
	echo "$name" >"$root/etc/hostname"
	true >"$root/etc/fstab"
	echo "# no resolver in the lab" >"$fs/resolv.conf"
	rm -f "$root/etc/resolv.conf"
	cp "$fs/resolv.conf" "$root/etc/resolv.conf"
	cp "$fs/hosts" "$root/etc/hosts"
	cp "$fs/nftables.conf" "$root/etc/nftables.conf"
	sed -i -e 's/^root:[^:]*:/root:*:/' "$root/etc/shadow"
	sed -i -e '/^root:/s/:[^:]*$/:\/bin\/sh/' "$root/etc/passwd"
	true >"$fs/seeded"
fi
hostname "$name"

if [ "$kind" = systemd ]; then
	# Of what the machine's packages bring along only this is started, and what the
	# host itself has in /etc/systemd/system.
	units=$root/usr/lib/systemd/system
	for target in sysinit multi-user sockets local-fs timers basic graphical getty; do
		[ ! -d "$units/$target.target.wants" ] || mount -t tmpfs -o mode=755 tmpfs "$units/$target.target.wants"
	done
	ln -s ../systemd-journald.service "$units/sysinit.target.wants/"
	mount -t tmpfs -o mode=755 tmpfs "$root/usr/lib/systemd/system-generators"
	if [ ! -e "$fs/units/default.target" ]; then
		ln -s /usr/lib/systemd/system/multi-user.target "$fs/units/default.target"
		mkdir "$fs/units/multi-user.target.wants" "$fs/units/sysinit.target.wants"
		ln -s /lib/systemd/system/ssh.service "$fs/units/multi-user.target.wants/"
		ln -s /lib/systemd/system/nftables.service "$fs/units/sysinit.target.wants/"
		for u in systemd-udevd.service systemd-logind.service dbus.socket dbus.service; do ln -s /dev/null "$fs/units/$u"; done
		mkdir -p "$root/etc/systemd/journald.conf.d" "$root/etc/systemd/system.conf.d"
		printf '[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=\n' >"$root/etc/systemd/journald.conf.d/lab.conf"
		printf '[Manager]\nDefaultTimeoutStopSec=5s\nDefaultTimeoutStartSec=20s\n' >"$root/etc/systemd/system.conf.d/lab.conf"
	fi
	mount --bind "$fs/units" "$root/etc/systemd/system"
fi

cd "$root"
pivot_root . .
umount -l .
cd /
# As on a machine, and as container managers do: what systemd mounts for a unit, its credentials, is seen by the unit.
[ "$kind" != systemd ] || mount --make-rshared /
# A host must not touch what the kernel has only one of.
init='/usr/sbin/sshd; while :; do sleep 3600 & wait; done'
if [ "$kind" = systemd ]; then set -- /lib/systemd/systemd --show-status=0 --log-target=journal; else set -- /bin/sh -c "$init"; fi
exec setpriv --bounding-set=-sys_module,-sys_rawio,-sys_time,-mknod,-mac_override,-mac_admin,-syslog,-wake_alarm,-block_suspend \
	env -i container=lab LANG=C.UTF-8 PATH="$PATH" "$@" </dev/null >/dev/null 2>&1
