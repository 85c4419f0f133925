package playbooks

import (
	"fmt"
	"strings"
)

// elasticAlerts is what Elastic Security itself found on the host lately.
const elasticAlerts = `FROM .alerts-security.alerts-*
| WHERE host.id == ?host_id AND @timestamp >= ?recent AND @timestamp <= ?now
| STATS alerts = COUNT(*), earliest = MIN(@timestamp), latest = MAX(@timestamp) BY kibana.alert.rule.name, kibana.alert.severity
| SORT latest DESC
| LIMIT 20`

// elasticLines tells of alerts that a cluster has of its own. They count for
// nothing here: what raised them is not known well enough. A cluster that keeps
// none is not worth a line, one that does not let us read them is.
func (e *evidence) elasticLines(r *reply) {
	q := e.elastic
	switch {
	case q == nil:
		return
	case !q.known():
		if !strings.Contains(q.unasked, "Unknown index") {
			r.line("alerts of Elastic Security", q.unasked)
		}
		return
	}
	for i := range q.count() {
		text := fmt.Sprintf("%s (%s), %s, last %s", q.text1("kibana.alert.rule.name", i), orElse(q.text1("kibana.alert.severity", i), "no severity"),
			plural(q.int("alerts", i), "time"), clock(q.time("latest", i)))
		r.line("alert of Elastic Security", text)
	}
	if d := q.doubts(); d != "" {
		r.line("alerts of Elastic Security", d)
	}
}
