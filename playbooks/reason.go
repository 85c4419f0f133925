package playbooks

import (
	"fmt"
	"strings"

	"interdict/detect"
	"interdict/sources"
	"interdict/sources/esql/parse"
)

// Reasons are why the risk of a finding is what it is, each as an answer to
// nobody's question: what it adds, and the query that shows what it stands on.
func Reasons(f *detect.Finding) []Answer {
	out := make([]Answer, 0, len(f.Reasons))
	for i, r := range f.Reasons {
		out = append(out, Answer{ID: fmt.Sprint("risk ", i+1), Question: "Risk: " + r.Name, State: State(fmt.Sprintf("%+d", r.Risk)), Why: r.Text, Query: reasonQuery(f, r)})
	}
	return out
}

// reasonQuery is the text behind a reason: how often it was counted, on which
// hosts and days, else the events that say it.
func reasonQuery(f *detect.Finding, r detect.Reason) string {
	if r.Value != "" {
		return writeOut(detect.CountsQuery, []sources.Param{{Name: "of", Value: r.Of}, {Name: "value", Value: r.Value}})
	}
	if f.Transfer == nil {
		return ""
	}
	switch r.Name {
	case "content":
		return writeOut(`FROM logs-endpoint.events.file-*
| WHERE host.id == ?host AND process.entity_id IN (`+entities(f.Transfer.Members)+`)
| KEEP @timestamp, process.name, file.path, file.size
| SORT file.size DESC`, hostParam(f))
	case "volume", "direction":
		return writeOut(`FROM logs-endpoint.events.network-*
| WHERE host.id == ?host AND process.entity_id IN (`+entities(f.Transfer.Members)+`)
| STATS sent = MAX(source.bytes), received = MAX(destination.bytes), latest = MAX(@timestamp)
    BY process.entity_id, network.direction, source.ip, destination.ip, destination.port`, hostParam(f))
	}
	return writeOut(`FROM logs-endpoint.events.process-*
| WHERE host.id == ?host AND process.entity_id IN (`+entities(append([]detect.Process{f.Transfer.Tool}, f.Transfer.Ancestors...))+`)
| KEEP @timestamp, event.action, process.entity_id, process.executable, process.command_line, user.name, interdict.tool, interdict.tool_how
| SORT @timestamp`, hostParam(f))
}

func hostParam(f *detect.Finding) []sources.Param {
	return []sources.Param{{Name: "host", Value: f.Host.ID}}
}

// mostEntities bounds the ids of one query.
const mostEntities = 32

// entities are ids of processes, quoted.
func entities(all []detect.Process) string {
	var out []string
	for _, p := range all[:min(len(all), mostEntities)] {
		out = append(out, parse.Quote(p.EntityID))
	}
	if out == nil {
		return parse.Quote("")
	}
	return strings.Join(out, ", ")
}
