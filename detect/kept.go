package detect

import (
	"container/heap"

	"interdict/sources/ecs"
	"interdict/sources/frame"
)

// Bounds of what a rule keeps.
const (
	maxKept      = 1 << 16
	maxKeptBytes = 32 << 20 // of arguments
)

// kept is the rows of the stream that a rule's prefix picked and that its window may still need.
type kept struct {
	fields []string // columns that are kept
	field  string   // the rule's time field
	b      *frame.Builder
	at     []int64 // ms, by row: the time that decides about the window
	bytes  int64
	snap   *frame.Frame // of b; nil: out of date
}

func newKept(columns []string, field string) *kept {
	k := &kept{field: field}
	seen := make(map[string]bool)
	for _, name := range append(columns, carried...) {
		if !seen[name] {
			seen[name] = true
			k.fields = append(k.fields, name)
		}
	}
	k.reset()
	return k
}

func (k *kept) reset() {
	k.b, k.at, k.bytes, k.snap = frame.NewBuilder(nil), nil, 0, nil
}

// carried is what an alert says about a source event, whatever its rule asks for.
var carried = names(
	ecs.Timestamp, ecs.EventIngested, ecs.EventAction, ecs.EventID, ecs.EventSequence, ecs.DataStreamDataset, ecs.DataStreamNamespace,
	ecs.LabelsEnvironment, ecs.AgentID, ecs.HostID, ecs.HostBootID, ecs.HostName, ecs.HostHostname, ecs.HostIP, ecs.HostArchitecture,
	ecs.HostOSType, ecs.HostOSName, ecs.HostOSFull, ecs.HostOSKernel, ecs.UserID, ecs.UserName, ecs.ProcessUserID, ecs.ProcessUserName,
	ecs.ProcessPID, ecs.ProcessEntityID, ecs.StartTicks, ecs.ProcessName, ecs.ProcessExecutable, ecs.ProcessCommandLine, ecs.ProcessArgs,
	ecs.ProcessWorkingDirectory, ecs.ProcessStart, ecs.ProcessInteractive, ecs.ProcessEnvVars, ecs.ProcessHashSHA256, ecs.ProcessCommandLineTruncated,
	ecs.Filename, ecs.Interpreter, ecs.ProcessTool, ecs.ProcessToolHow, ecs.LoginUID, ecs.AuditSession, ecs.EntryMetaType, ecs.EntryMetaSourceIP, ecs.CgroupPath, ecs.ContainerID, ecs.ExecutableLinks, ecs.ExecutableMemfd, ecs.ArgsBytes,
	ecs.ParentPID, ecs.ParentEntityID, ecs.ParentStartTicks, ecs.ParentName, ecs.ParentExecutable, ecs.ParentCommandLine,
	ecs.FilePath, ecs.FileSize, ecs.DestinationIP, ecs.DestinationPort, ecs.SourceIP, ecs.SourcePort, ecs.NetworkDirection, ecs.SourceBytes, ecs.DestinationBytes,
)

func names(columns ...ecs.Column) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = c.Name()
	}
	return out
}

// pick gives the columns of f that are kept.
func (k *kept) pick(f *frame.Frame) *frame.Frame {
	out := &frame.Frame{Rows: f.Rows}
	for _, name := range k.fields {
		if c := f.Column(name); c != nil {
			out.Names = append(out.Names, name)
			out.Columns = append(out.Columns, c)
		}
	}
	return out
}

// add keeps all rows of f, of which the first gets the number that is given.
func (k *kept) add(f *frame.Frame) (first int) {
	first = len(k.at)
	k.b.Append(f)
	k.snap = nil
	for row := range f.Rows {
		k.at = append(k.at, timeOf(f, k.field, row))
		n, _ := f.Int(ecs.ArgsBytes.Name(), row)
		k.bytes += n
	}
	return first
}

// timeOf gives the time by which a row is in a window or not; -1 when it has none.
func timeOf(f *frame.Frame, field string, row int) int64 {
	if field != "" && field != timestamp {
		if n, ok := f.Int(field, row); ok {
			return n
		}
	}
	if n, ok := f.Int(timestamp, row); ok {
		return n
	}
	return -1
}

func (k *kept) frame() *frame.Frame {
	if k.snap == nil {
		k.snap = k.b.Snapshot()
	}
	return k.snap
}

func (k *kept) rows(rows []uint32) *frame.Frame { return k.frame().Gather(rows) }

func (k *kept) full() bool { return len(k.at) > maxKept || k.bytes > maxKeptBytes }

// drop forgets rows before a time. It gives the new number of each row, -1 for
// those that are gone.
func (k *kept) drop(before int64) []int32 {
	renumbered := make([]int32, len(k.at))
	var rest []uint32
	for i, at := range k.at {
		renumbered[i] = -1
		if at >= before {
			renumbered[i] = int32(len(rest))
			rest = append(rest, uint32(i))
		}
	}
	f := k.rows(rest)
	k.reset()
	k.add(f)
	return renumbered
}

// edge is a moment at which a row enters or leaves its window.
type edge struct {
	at    int64 // ms
	group *group
}

type edges []edge

func (h edges) Len() int           { return len(h) }
func (h edges) Less(i, j int) bool { return h[i].at < h[j].at }
func (h edges) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *edges) Push(x any)        { *h = append(*h, x.(edge)) }
func (h *edges) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// until takes the edges up to a time.
func (h *edges) until(at int64, yield func(*group)) {
	for h.Len() > 0 && (*h)[0].at <= at {
		yield(heap.Pop(h).(edge).group)
	}
}
