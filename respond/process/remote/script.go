package remote

import (
	"time"

	"interdict/respond"
)

// ticks sets t to the start of process $1 in ticks since boot and st to its
// state; "" when it has ended. Its name may hold anything, line ends too.
const ticks = `ticks() {
	t= st= s=
	while IFS= read -r l || [ -n "$l" ]; do s="$s $l"; done 2>/dev/null </proc/"$1"/stat || return 0
	s=${s##*") "}
	set -f
	set -- $s
	st=$1
	[ $# -lt 20 ] || { shift 19; t=$1; }
}
read -r boot </proc/sys/kernel/random/boot_id
`

// signalScript reads "SIGNAL BOOT" and then "PID TICKS" a line.
var signalScript = respond.Script{Name: "process.signal", Root: true, Limit: 20 * time.Second, Text: ticks + `read -r sig want
[ -z "$want" ] || [ "$want" = "$boot" ] || sig=gone
by=sh
if [ "$sig" != gone ]; then
	if perl -e 'my $f = syscall(434, $$ + 0, 0); exit($f < 0)' 2>/dev/null; then by=perl
	elif python3 -c 'import os, signal; os.close(os.pidfd_open(os.getpid())); signal.pidfd_send_signal' 2>/dev/null; then by=python3
	fi
fi
echo "by $by"
case $by in
perl) exec perl -e '
	use POSIX ();
	$| = 1;
	my $sig = shift;
	while (my $line = <STDIN>) {
		my ($pid, $want) = split " ", $line;
		my $fd = syscall(434, $pid + 0, 0);
		if ($fd < 0) {
			my $e = $! + 0;
			print $e == 3 || $e == 22 ? "signal $pid $want gone\n" : "signal $pid $want failed $!\n";
			next;
		}
		my $now = "";
		if (open(my $f, "<", "/proc/$pid/stat")) {
			local $/;
			my $s = <$f>;
			$s =~ s/^.*\) //s;
			$now = (split " ", $s)[19];
		}
		if ($now ne $want) {
			print "signal $pid $want gone\n";
		} elsif (syscall(424, $fd, $sig + 0, 0, 0) == 0) {
			print "signal $pid $want sent\n";
		} else {
			print $! == 3 ? "signal $pid $want gone\n" : "signal $pid $want failed $!\n";
		}
		POSIX::close($fd);
	}' "$sig" ;;
python3) exec python3 -c '
import os, signal, sys
def send(sig, pid, want):
    try:
        fd = os.pidfd_open(pid)
    except OSError as e:
        return "gone" if e.errno in (3, 22) else "failed " + e.strerror
    try:
        with open("/proc/%d/stat" % pid, "rb") as f:
            now = f.read().rsplit(b") ", 1)[1].split()[19]
        if now != want.encode():
            return "gone"
        signal.pidfd_send_signal(fd, sig)
        return "sent"
    except OSError as e:
        return "gone" if e.errno in (2, 3) else "failed " + e.strerror
    finally:
        os.close(fd)
for line in sys.stdin:
    pid, want = line.split()
    print("signal", pid, want, send(int(sys.argv[1]), int(pid), want), flush=True)
' "$sig" ;;
esac
say() { echo "signal $pid $want $*"; }
while read -r pid want; do
	ticks "$pid"
	[ "$sig" != gone ] && [ "$t" = "$want" ] || { say gone; continue; }
	was=$st
	case $sig in
	0) say sent; continue ;;
	18) kill -18 "$pid" 2>/dev/null && say sent || say failed the signal was not taken; continue ;;
	esac
	kill -19 "$pid" 2>/dev/null || { say failed the signal was not taken; continue; }
	ticks "$pid"
	if [ "$t" != "$want" ]; then
		case $was in T | t) ;; *) kill -18 "$pid" 2>/dev/null ;; esac
		say gone
		continue
	fi
	[ "$sig" != 9 ] || kill -9 "$pid" 2>/dev/null || { say failed the signal was not taken; continue; }
	say sent
done`}

// awaitScript reads "HUNDREDTHS BOOT" and then "PID TICKS" a line.
var awaitScript = respond.Script{Name: "process.await", Root: true, Limit: awaitLongest + 10*time.Second, Text: ticks + `now() { read -r up rest </proc/uptime; up=${up%.*}${up#*.}; }
read -r span want
[ -z "$want" ] || [ "$want" = "$boot" ] || exit 0
now
end=$((${up#0} + span))
ids=$(cat)
while [ -n "$ids" ]; do
	left=
	set -f
	set -- $ids
	while [ $# -gt 1 ]; do
		pid=$1 begun=$2
		shift 2
		ticks "$pid"
		[ "$t" = "$begun" ] || continue
		case $st in Z | X) ;; *) left="$left $pid $begun" ;; esac
	done
	ids=$left
	now
	[ -n "$ids" ] && [ "${up#0}" -lt "$end" ] || break
	sleep 0.05 2>/dev/null || sleep 1
done
set -- $ids
while [ $# -gt 1 ]; do
	echo "left $1 $2"
	shift 2
done`}

// operatorScript goes up from its own shell to the login service.
var operatorScript = respond.Script{Name: "process.operator", Root: true, Limit: 10 * time.Second, Text: ticks + `echo "boot $boot"
pid=$$ all=
while [ "$pid" -gt 1 ]; do
	name=
	IFS= read -r name 2>/dev/null </proc/"$pid"/comm || break
	ticks "$pid"
	case $name in sshd* | dropbear* | tinysshd*)
		echo "operator $pid $t"
		exit 0 ;;
	esac
	all="$all
operator $pid $t"
	set -- $s
	pid=$2
done
echo "$all"`}

// mount sets m to where cgroups of version 2 are mounted; "" where they are not.
const mount = `m=
while IFS= read -r l; do
	case $l in *" - cgroup2 "*)
		set -f
		set -- $l
		m=$5
		break ;;
	esac
done </proc/self/mountinfo
`

// cgroupScript reads a path.
var cgroupScript = respond.Script{Name: "process.cgroup", Root: true, Limit: 20 * time.Second, Text: mount + `IFS= read -r c
d=$m$c
[ -n "$m" ] && [ -d "$d" ] || { echo absent; exit 0; }
[ ! -e "$d/cgroup.freeze" ] || echo freezable
! grep -q "^frozen 1" "$d/cgroup.events" 2>/dev/null || echo frozen
find "$d" -name cgroup.procs -exec cat {} + 2>/dev/null | sed "s/^/pid /"
exit 0`}

// freezeScript reads "WANTED HUNDREDTHS" and a path.
var freezeScript = respond.Script{Name: "process.freeze", Root: true, Limit: 15 * time.Second, Text: mount + `now() { read -r up rest </proc/uptime; up=${up%.*}${up#*.}; }
read -r want span
IFS= read -r c
d=$m$c
[ -n "$m" ] && [ -d "$d" ] || {
	[ "$want" = 1 ] || { echo done; exit 0; }
	echo "no such cgroup" >&2
	exit 1
}
echo "$want" >"$d/cgroup.freeze" || exit 1
now
end=$((${up#0} + span))
while :; do
	! grep -q "^frozen $want" "$d/cgroup.events" || { echo done; exit 0; }
	now
	[ "${up#0}" -lt "$end" ] || exit 0
	sleep 0.05 2>/dev/null || sleep 1
done`}

// tableScript reads how "/" is spelt and how much of each command line is wanted.
var tableScript = respond.Script{Name: "process.table", Root: true, Limit: 30 * time.Second, Text: `read -r n
read -r args
read -r boot </proc/sys/kernel/random/boot_id
p=/proc$n
section() { printf "\n==> %s/0/%s <==\n" "$p" "$1"; }
pack() { if command -v gzip >/dev/null; then gzip -c; else cat; fi; }
{
	section boot
	echo "$boot"
	printf "%s\0" "$p"/[0-9]*/stat | xargs -0 head -v -c 4096
	printf "%s\0" "$p"/[0-9]*/status | xargs -0 head -v -c 4096
	printf "%s\0" "$p"/[0-9]*/cgroup | xargs -0 head -v -c 8192
	printf "%s\0" "$p"/[0-9]*/stat | xargs -0 grep -lE "\) [TtZ] " | while IFS= read -r f; do
		printf "%s\0" "${f%stat}"task/[0-9]*/stat | xargs -0 head -v -c 4096
	done
	section links
	printf "%s\0" "$p"/[0-9]*/exe "$p"/[0-9]*/cwd | xargs -0 ls -ldn
	section gone
	printf "%s\0" "$p"/[0-9]*/exe | xargs -0 ls -ldnL | while read -r mode links rest; do
		[ "$links" = 0 ] || continue
		f=${rest##* }
		echo "gone $f"
		to=$(readlink "$f")
		[ ! -e "${f%exe}root${to% (deleted)}" ] || echo "replaced $f"
	done
	if [ -d /sys/fs/cgroup/freezer ]; then
		section frozen
		find "/sys$n/fs/cgroup/freezer" -name freezer.state -exec grep -L THAWED {} +
	fi
	[ "$args" = 0 ] || printf "%s\0" "$p"/[0-9]*/cmdline | xargs -0 head -v -c "$args"
	printf "%s\0" "$p"/./[0-9]*/stat | xargs -0 head -v -c 4096
	section end
} 2>/dev/null | pack`}

// factsScript reads how "/" is spelt and then "PID TICKS" a line.
var factsScript = respond.Script{Name: "process.facts", Root: true, Limit: 20 * time.Second, Text: `read -r n
p=/proc$n
section() { printf "\n==> %s/0/%s <==\n" "$p" "$1"; }
pack() { if command -v gzip >/dev/null; then gzip -c; else cat; fi; }
{
	section machine
	uname -m
	seen= inodes= pids=
	while read -r pid start; do
		head -v -c 4096 "$p/$pid/stat" "$p/$pid/cgroup"
		section links
		printf "%s\0" "$p/$pid"/fd/[0-9]* | xargs -0 ls -ldn
		inodes="$inodes $(printf "%s\0" "$p/$pid"/fd/[0-9]* | xargs -0 ls -ldn | sed -n "s/.* -> socket:\[\([0-9]*\)\]\$/\1/p")"
		pids="$pids $pid"
	done
	inodes=" $(echo $inodes) "
	section tcp
	for pid in $pids; do
		ns=$(readlink "$p/$pid/ns/net") || continue
		case " $seen " in *" $ns "*) continue ;; esac
		seen="$seen $ns"
		for f in tcp tcp6; do
			[ ! -e "$p/$pid/net/$f" ] || awk -v w="$inodes" "index(w, \" \" \$10 \" \")" "$p/$pid/net/$f"
		done
	done
	section unix
	if command -v ss >/dev/null; then ss -xpnH; else echo absent; fi
	section end
} 2>/dev/null | pack`}

// unitScript reads names of services.
var unitScript = respond.Script{Name: "process.units", Root: true, Limit: 15 * time.Second, Text: `[ -d /run/systemd/system ] || exit 0
while read -r u; do
	echo "unit $u"
	systemctl show --property=MainPID,Restart,WatchdogUSec -- "$u" 2>/dev/null
done
exit 0`}
