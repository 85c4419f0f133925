# What a plan is made from. Changes nothing.
say machine "$(cat /etc/machine-id 2>/dev/null)"
say boot "$(cat /proc/sys/kernel/random/boot_id)"
say hostname "$(uname -n)"
say uptime "$(cat /proc/uptime)"
say uid "$(id -u)"
say now "$(date +%s)"

# What can write rules here.
works=
mkdir -p "$run" 2>/dev/null
if has nft; then
	say nft "$(nft --version 2>&1 | head -n 1)"
	printf 'table inet interdict_test {\n\tchain c {\n\t\ttype filter hook input priority 0;\n\t}\n}\n' |
		nft -c -f - >/dev/null 2>&1 && say works nft && works=yes
	printf 'table netdev interdict_test {\n\tchain c {\n\t\ttype filter hook egress device "lo" priority 0;\n\t}\n}\n' |
		nft -c -f - >/dev/null 2>&1 && say works egress
	nft list tables 2>/dev/null | head -n 100 | each table
	nft -s list ruleset 2>/dev/null | grep -c 'policy drop' | each drops
fi
# Even a test of iptables-legacy makes tables: only where nothing else can be had.
printf '*filter\n:INTERDICT_TEST - [0:0]\nCOMMIT\n' >"$run/test.$$" 2>/dev/null
for t in iptables iptables-nft iptables-legacy; do
	[ "$works" = yes ] && break
	has "$t-restore" && has "$t-save" || continue
	t6=ip6${t#ip}
	"$t-restore" --test --noflush <"$run/test.$$" >/dev/null 2>&1 || continue
	if [ -e /proc/net/if_inet6 ]; then
		has "$t6-restore" || { say no6 "$t"; continue; }
		"$t6-restore" --test --noflush <"$run/test.$$" >/dev/null 2>&1 || { say no6 "$t"; continue; }
	fi
	say works "$t"
	works=yes
done
rm -f "$run/test.$$"
[ -s /proc/net/ip_tables_names ] || [ -s /proc/net/ip6_tables_names ] && say legacy yes
[ -e /proc/net/if_inet6 ] && say ipv6 yes
for t in awk sed ss setsid systemd-run flock timeout bash nc diff; do has "$t" && say has "$t"; done
[ -d /run/systemd/system ] && say has systemd
mkdir -p "$run" 2>/dev/null && true >"$run/.writable" 2>/dev/null && say has run
rm -f "$run/.writable"

# What of ours stands already.
find
[ -n "$blind" ] && say blind "$blind"
[ -n "$now" ] && say standing "$tool $now" && ours | grep -o 'comment "[^"]*"' | each about
[ -n "$now" ] && [ -e "$run/$now/armed" ] && say armed "$now"

# How the operator came here.
ssh=$(came)
say ssh "$ssh"
peer=${ssh%% *}
port=${ssh##* }
[ -n "$peer" ] && has ip && ip -o route get "$peer" 2>/dev/null | head -n 1 | each route
hexport=$(printf %04X "${port:-22}" 2>/dev/null)

# Connections: all that go to other machines are counted, those of the SSH port told.
cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v ssh="$hexport" '
	function port(s) { sub(/.*:/, "", s); return s }
	function addr(s) { sub(/:.*/, "", s); return s }
	$4 == "0A" { listens[port($2)] = 1 }
	$4 == "01" {
		if (addr($2) == addr($3) || addr($3) ~ /^(0100007F|00000000000000000000000001000000)$/) next
		total++
		clients[port($2)]++
		far[addr($3)]++
		if (port($2) == ssh && shown++ < 200) print "session\t" $2 " " $3
		if (port($3) == "0016") jumps++
	}
	END {
		print "connections\t" total + 0
		for (a in far) if (f++ < 2000) print "far\t" a " " far[a]
		print "sshout\t" jumps + 0
		for (p in listens) if (n++ < 200) print "listen\t" p " " clients[p] + 0
	}'
[ -s /proc/net/packet ] && say raw "$(($(wc -l </proc/net/packet) - 1))"
who 2>/dev/null | head -n 50 | each who

# What runs here.
cat /proc/[0-9]*/comm 2>/dev/null | sort -u | head -n 1000 | each comm
cat /proc/[0-9]*/cgroup 2>/dev/null | grep -oE '[0-9a-f]{64}' | sort -u | wc -l | each containers
for f in /proc/[0-9]*/cmdline; do tr '\0' ' ' <"$f" 2>/dev/null; echo; done 2>/dev/null | grep -a '^postgres: ' | head -n 50 | each postgres
awk '$3 ~ /^(nfs|nfs4|cifs|ceph|glusterfs|fuse[.]glusterfs|fuse[.]sshfs|ocfs2|gfs2)$/ {print $3, $2}' /proc/mounts | head -n 50 | each mount
ls /sys/class/iscsi_session 2>/dev/null | head -n 10 | each iscsi
for f in sys_vendor product_name chassis_asset_tag; do cat "/sys/class/dmi/id/$f" 2>/dev/null; done | head -n 3 | each dmi

# Interfaces and addresses.
for d in /sys/class/net/*; do
	flags=
	[ -e "$d/brport" ] && flags="$flags port"
	[ -e "$d/device" ] && flags="$flags device"
	[ -e "$d/tun_flags" ] && flags="$flags tun"
	flags="$flags type=$(cat "$d/type" 2>/dev/null) $(sed -n 's/^DEVTYPE=//p' "$d/uevent" 2>/dev/null)"
	say link "${d##*/} $flags"
done | head -n 300
has ip && ip -o -d link 2>/dev/null | head -n 300 | each ipd
has ip && ip -o addr 2>/dev/null | head -n 300 | each addr
has ip && ip -o route show default 2>/dev/null | head -n 5 | each gateway
has ip && ip -6 -o route show default 2>/dev/null | head -n 5 | each gateway
sed -n 's/^nameserver[ \t]*//p' /etc/resolv.conf 2>/dev/null | head -n 5 | each resolver

# What a login needs.
sed -n 's/^passwd:[ \t]*//p' /etc/nsswitch.conf 2>/dev/null | head -n 1 | each nss
has ss && ss -tnpH state established 2>/dev/null |
	awk '/"(sssd_be|krb5_child|ldap_child|nslcd|winbindd|nscd)"/ {print $4, $5}' | head -n 50 | each loginflow
{
	sed -n -E 's/^[ \t]*(ldap_uri|ldap_backup_uri|krb5_server|ad_server|ipa_server|uri|URI|kdc|admin_server)[ \t]*[= \t][ \t]*(.*)$/\2/p' \
		/etc/sssd/sssd.conf /etc/sssd/conf.d/*.conf /etc/nslcd.conf /etc/ldap.conf /etc/ldap/ldap.conf /etc/openldap/ldap.conf /etc/krb5.conf /etc/krb5.conf.d/*
} 2>/dev/null | tr ' ,' '\n\n' | sed -E 's,^[a-z]+://,,; s,[:/].*$,,' | grep -E '^[A-Za-z0-9][A-Za-z0-9.-]*$' | sort -u | head -n 8 |
	while IFS= read -r name; do
		if has timeout; then timeout 2 getent ahosts "$name"; else getent ahosts "$name"; fi 2>/dev/null |
			awk '{print $1}' | sort -u | head -n 8 | each login
	done
cat /run/systemd/netif/leases/* /var/lib/NetworkManager/internal-*.lease 2>/dev/null | sed -n 's/^SERVER_ADDRESS=//p' | sort -u | head -n 8 | each dhcp
cat /var/lib/dhcp/*.leases /var/lib/dhclient/*.lease* /var/lib/NetworkManager/dhclient*.lease 2>/dev/null |
	sed -n 's/.*dhcp-server-identifier \([0-9.]*\);.*/\1/p' | sort -u | tail -n 8 | each dhcp
say end yes
