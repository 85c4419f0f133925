# What a container engine does: a bridge, a network behind it, a published port.
# Run on the host after each boot.
ip netns add ctr
ip link add docker0 type bridge
ip addr add 172.30.0.1/24 dev docker0
ip addr add fd30::1/64 dev docker0 nodad
ip link set docker0 up
ip link add veth-ctr type veth peer name eth0 netns ctr
ip link set veth-ctr master docker0 up
ip -n ctr link set lo up
ip -n ctr link set eth0 up
ip -n ctr addr add 172.30.0.2/24 dev eth0
ip -n ctr addr add fd30::2/64 dev eth0 nodad
ip -n ctr route add default via 172.30.0.1
ip -n ctr route add default via fd30::1
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
iptables -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 172.30.0.2:80
iptables -t nat -A POSTROUTING -s 172.30.0.0/24 ! -o docker0 -j MASQUERADE
ip6tables -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination '[fd30::2]:80'
ip6tables -t nat -A POSTROUTING -s fd30::/64 ! -o docker0 -j MASQUERADE
