package playbooks

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestWhoElseUsedADestinationIsSaidOrThatItIsNotKnown(t *testing.T) {
	now := func() time.Time { return night }
	ask := func(u func() []string) string { return strings.Join(u(), "\n") }
	places := []netip.Prefix{netip.MustParsePrefix("10.0.4.0/24"), netip.MustParsePrefix("198.51.100.7/32")}
	users := Users(recorded(t), now)
	got := ask(func() []string { return users(t.Context(), places) })
	if !strings.Contains(got, "10.0.4.0/24: used in 14 days by 1 host: web-1 (13 connections, last ") ||
		!strings.Contains(got, "198.51.100.7: no host that is seen from here used it in 14 days") {
		t.Error(got)
	}
	blind := Users(nil, now)
	if got := ask(func() []string { return blind(t.Context(), places[:1]) }); !strings.Contains(got, "is not known: there is no history to ask") {
		t.Error(got)
	}
}
