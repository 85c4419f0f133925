package playbooks

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"interdict/detect"
	"interdict/sources"
)

// ofExecutions are those fields of an exception that their events have.
var ofExecutions = []string{"process.name", "process.executable", "process.command_line", "process.working_directory", "process.parent.name",
	"process.parent.executable", "process.parent.command_line", "interdict.tool", "user.name", "user.id", "container.id", "host.name", "host.id", "host.os.type", "agent.id", "labels.environment"}

// PreviewQuery is the ES|QL text that counts the transfers of the past that an
// exception fits, and the fields that it cannot ask about: the count is then an upper bound.
func PreviewQuery(x *detect.Exception) (text string, params []sources.Param, left []string) {
	var b strings.Builder
	b.WriteString("FROM logs-endpoint.events.process-*\n| WHERE event.action == \"exec\" AND interdict.tool IS NOT NULL")
	for i, e := range x.Entries {
		if !slices.Contains(ofExecutions, e.Field) {
			left = append(left, e.Field)
			continue
		}
		not := ""
		if e.Not {
			not = "NOT "
		}
		if e.Exists {
			fmt.Fprintf(&b, "\n    AND %s(%s IS NOT NULL)", not, e.Field)
			continue
		}
		var any []string
		for k, v := range e.Values {
			op, name := "==", fmt.Sprintf("v%d_%d", i, k)
			if e.Wildcard {
				op = "LIKE"
			}
			any = append(any, fmt.Sprintf("%s %s ?%s", e.Field, op, name))
			params = append(params, sources.Param{Name: name, Value: v})
		}
		fmt.Fprintf(&b, "\n    AND %s(%s)", not, strings.Join(any, " OR "))
	}
	b.WriteString("\n| STATS runs = COUNT(*), hosts = COUNT_DISTINCT(host.name), earliest = MIN(@timestamp)")
	return b.String(), params, left
}

// Preview says how many transfers of the last 14 days an exception fits.
func Preview(ctx context.Context, h sources.History, x *detect.Exception, now time.Time) string {
	if h == nil {
		return "not known: there is no history to ask"
	}
	text, params, left := PreviewQuery(x)
	f, quality, err := h.Query(ctx, sources.Query{Text: text, Params: params, Now: now, Window: sources.Window{From: now.Add(-baselineSpan), To: now}})
	if err != nil {
		return "not known: " + err.Error()
	}
	runs, _ := f.Int("runs", 0)
	hosts, _ := f.Int("hosts", 0)
	s := fmt.Sprintf("%s on %s in 14 d", plural(runs, "transfer"), plural(hosts, "host"))
	if len(left) > 0 {
		s = "at most " + s + ": " + strings.Join(left, ", ") + " not looked at"
	}
	if quality.Partial {
		s += "; the answer is partial"
	}
	return s
}
