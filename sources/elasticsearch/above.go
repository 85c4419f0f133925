package elasticsearch

import (
	"slices"

	"interdict/sources/ecs"
	"interdict/sources/frame"
)

// above remembers the processes that started transfer tools until they end: one
// that still runs can start the tool again, and whoever reads of what tools do
// alone would take all of them for running.
type above map[string]bool

// mostAbove bounds it; beyond, the earlier ones are taken for running.
const mostAbove = 10_000

// take learns from a row, and tells whether the row is the end of one of them.
func (a above) take(f *frame.Frame, row int) bool {
	if f.Text(ecs.EventAction.Name(), row) == "end" {
		id := f.Text(ecs.ProcessEntityID.Name(), row)
		known := a[id]
		delete(a, id)
		return known
	}
	if tool := f.Column(ecs.ProcessTool.Name()); tool == nil || tool.IsNull(row) {
		if _, named := ecs.ToolNamed(f.Text(ecs.ProcessName.Name(), row)); !named {
			return false
		}
	}
	if len(a) > mostAbove {
		clear(a)
	}
	if id := f.Text(ecs.ParentEntityID.Name(), row); id != "" {
		a[id] = true
	}
	if c := f.Column(ecs.ProcessAncestry.Name()); c != nil {
		for _, id := range c.Texts(row) {
			a[id] = true
		}
	}
	return false
}

// ids are at most so many of them as a question takes.
func (a above) ids() []string {
	const most = 4096
	out := make([]string, 0, min(len(a), most))
	for id := range a {
		if len(out) == most {
			break
		}
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}
