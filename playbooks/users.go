package playbooks

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"interdict/sources"
)

const (
	usersBack  = 14 * 24 * time.Hour
	usersLimit = 3 * time.Second
	usersShown = 5
)

// Users answers who used destinations in the last 14 days: a sentence for each place.
func Users(history sources.History, now func() time.Time) func(context.Context, []netip.Prefix) []string {
	return func(ctx context.Context, places []netip.Prefix) (said []string) {
		for _, p := range places {
			said = append(said, usersOf(ctx, history, now().UTC(), p))
		}
		return said
	}
}

const usersQuery = `FROM logs-endpoint.events.network-*
| WHERE @timestamp >= ?from AND @timestamp <= ?now
| WHERE CIDR_MATCH(destination.ip, ?place)
| STATS connections = COUNT(*), latest = MAX(@timestamp) BY host.name
| SORT latest DESC
| LIMIT 10000`

func usersOf(ctx context.Context, history sources.History, now time.Time, place netip.Prefix) string {
	name := place.String()
	if place.IsSingleIP() {
		name = place.Addr().String()
	}
	a := &Assessor{History: history, Deadline: usersLimit}
	q := a.ask(ctx, "", usersQuery, map[string]any{"from": now.Add(-usersBack), "now": now, "place": place.String()}, now)
	switch {
	case !q.known():
		return name + ": who else used it is not known: " + q.unasked
	case q.count() == 0:
		return withDoubts(name+": no host that is seen from here used it in 14 days", &q)
	}
	var hosts []string
	for i := range q.count() {
		if i == usersShown {
			hosts = append(hosts, fmt.Sprintf("and %d more", q.count()-usersShown))
			break
		}
		hosts = append(hosts, fmt.Sprintf("%s (%s, last %s)", orElse(q.text1("host.name", i), "one without a name"), plural(q.int("connections", i), "connection"), moment(q.time("latest", i), now)))
	}
	return withDoubts(fmt.Sprintf("%s: used in 14 days by %s: %s", name, plural(int64(q.count()), "host"), strings.Join(hosts, ", ")), &q)
}

func withDoubts(text string, q *asked) string {
	if d := q.doubts(); d != "" {
		return text + "; " + d
	}
	return text
}
