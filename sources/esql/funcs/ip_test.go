package funcs

import (
	"net/netip"
	"testing"
)

func TestAddressesAreFoundInBlocks(t *testing.T) {
	v4, v6 := netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("fe80::1")
	checkCalls(t, "cidr_match", []example{
		{list{v4, "10.0.0.0/8"}, true}, {list{v4, "192.168.0.0/16", "10.1.2.3"}, true}, {list{v4, list{"::1", "10.1.2.0/24"}}, refusal(MultiValue)}, {list{v4, "::1", "FE80::/10"}, false},
		{list{v4, "::/0"}, true}, {list{v4, "::ffff:10.0.0.0/104"}, true}, {list{v6, "FE80::/10"}, true}, {list{v6, "0.0.0.0/0"}, false}, {list{nil, "::1"}, nil},
		{list{list{v4, v6}, "::/0"}, refusal(MultiValue)},
	})
	if got := callOnce(t, "cidr_match", true, list{v4, "10.0.0.0/33"}); got != refusal("'10.0.0.0/33' is not an IP string literal.") {
		t.Error(got)
	}
	if got := callOnce(t, "cidr_match", false, list{v4, "home"}); got != refusal("java.lang.IllegalArgumentException: 'home' is not an IP string literal.") {
		t.Error(got)
	}
}

func TestPrefixesKeepLeadingBits(t *testing.T) {
	v4, v6 := netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("fe80:1::1")
	checkCalls(t, "ip_prefix", []example{{list{v4, 24, 0}, "10.1.2.0"}, {list{v6, 24, 16}, "fe80::"},
		{list{v4, 33, 0}, refusal("java.lang.IllegalArgumentException: Prefix length v4 must be in range [0, 32], found 33")}})
}

func TestDirectionIsSeenFromInternalNetworks(t *testing.T) {
	home, near, far := netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("93.184.216.34")
	nets := list{"private", "127.0.0.0/8"}
	checkCalls(t, "network_direction", []example{{list{home, near, nets}, "internal"}, {list{home, far, nets}, "outbound"}, {list{far, home, nets}, "inbound"},
		{list{far, far, nets}, "external"}, {list{far, nil, nets}, nil},
		{list{far, far, "somewhere"}, refusal("java.lang.IllegalArgumentException: 'somewhere' is not an IP string literal.")}})
}
