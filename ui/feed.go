package ui

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"interdict/sources"
	"interdict/sources/ecs"
	"interdict/sources/frame"
)

const (
	feedRows  = 1_000_000 // rows kept at most, in whole chunks
	chunkRows = 1 << 14
	feedBytes = 128 << 20 // of text and rows, at most
	feedText  = 1 << 10   // of one value; what is longer says so
)

// FeedRow is one line of the live events.
type FeedRow struct {
	At                                 time.Time
	Action, Name, Parent, Command      string
	CommandBytes                       int // true length of Command
	User, Host, Environment, Far, File string
	PID                                int
	Tool                               bool
}

// Feed is a sink that keeps the newest rows worth looking at (executions,
// connections, files read by tools) for the screen: bounded in rows and bytes,
// any row by number at constant cost. Put never waits for the screen.
type Feed struct {
	mu      sync.RWMutex
	chunks  []*chunk
	bytes   int
	next    uint64 // number of the next row
	dropped int64
	changed chan struct{}
	max     int
}

// NewFeed makes an empty feed of a million rows.
func NewFeed() *Feed { return &Feed{changed: make(chan struct{}, 1), max: feedRows} }

// Changed receives after rows came in; signals are coalesced.
func (f *Feed) Changed() <-chan struct{} { return f.changed }

// Bounds gives the numbers of the rows that are there: from first up to next,
// which is not there yet. A row keeps its number.
func (f *Feed) Bounds() (first, next uint64) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if len(f.chunks) == 0 {
		return f.next, f.next
	}
	return f.chunks[0].first, f.next
}

// Row gives a row by its number; false when it has made room for newer ones.
func (f *Feed) Row(number uint64) (FeedRow, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if len(f.chunks) == 0 || number < f.chunks[0].first || number >= f.next {
		return FeedRow{}, false
	}
	lo, hi := 0, len(f.chunks) // the last chunk that begins at or before number
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; f.chunks[mid].first <= number {
			lo = mid
		} else {
			hi = mid
		}
	}
	c := f.chunks[lo]
	return c.row(int(number - c.first)), true
}

// Put takes what is worth looking at from the batch.
func (f *Feed) Put(ctx context.Context, b sources.Batch) error {
	f.put(b.Events)
	select {
	case f.changed <- struct{}{}:
	default:
	}
	return ctx.Err()
}

func (f *Feed) put(events *frame.Frame) {
	if events == nil || events.Rows == 0 {
		return
	}
	in := newIntake(events)
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range events.Rows {
		if !in.wanted(i) {
			continue
		}
		f.bytes += f.openChunk().add(in, i)
		f.next++
	}
	f.shed()
}

func (f *Feed) openChunk() *chunk {
	if n := len(f.chunks); n > 0 && len(f.chunks[n-1].rows) < chunkRows {
		return f.chunks[n-1]
	}
	if n := len(f.chunks); n > 0 {
		f.chunks[n-1].codes = nil // sealed
	}
	c := newChunk(f.next)
	f.chunks = append(f.chunks, c)
	return c
}

// shed lets go of the oldest chunks, never of the open one.
func (f *Feed) shed() {
	for len(f.chunks) > 1 && (f.next-f.chunks[1].first >= uint64(f.max) || f.bytes > feedBytes) {
		f.bytes -= f.chunks[0].bytes
		f.dropped += int64(len(f.chunks[0].rows))
		f.chunks[0] = nil
		f.chunks = f.chunks[1:]
	}
}

// chunk holds some rows with the texts they share.
type chunk struct {
	first uint64
	rows  []packedRow
	texts []string
	codes map[string]uint32 // nil once sealed
	bytes int
}

type packedRow struct {
	at    int64 // milliseconds
	text  [numTexts]uint32
	pid   int32
	bytes int32 // true length of the command line
}

const (
	textAction = iota
	textName
	textParent
	textCommand
	textUser
	textHost
	textEnvironment
	textFar
	textFile
	textTool
	numTexts
)

const rowBytes = 8 + 4*numTexts + 8

func newChunk(first uint64) *chunk {
	return &chunk{first: first, texts: []string{""}, codes: map[string]uint32{"": 0}}
}

func (c *chunk) add(in *intake, i int) int {
	before := c.bytes
	at, _ := in.at.Int(i)
	r := packedRow{at: at, pid: int32(in.number(in.pid, i))}
	for t, column := range in.text {
		if t == textFar || column == nil {
			continue
		}
		r.text[t] = c.code(column.Text(i))
	}
	r.text[textFar] = c.code(in.farEnd(i))
	if column := in.text[textCommand]; column != nil {
		r.bytes = int32(max(int64(len(column.Text(i))), in.number(in.argBytes, i)))
	}
	c.rows = append(c.rows, r)
	c.bytes += rowBytes
	return c.bytes - before
}

func (c *chunk) code(s string) uint32 {
	if code, ok := c.codes[s]; ok {
		return code
	}
	if len(s) > feedText {
		s = strings.Clone(s[:feedText]) // a slice would keep the whole
		if code, ok := c.codes[s]; ok {
			return code
		}
	}
	code := uint32(len(c.texts))
	c.texts = append(c.texts, s)
	c.codes[s] = code
	c.bytes += len(s) + 16
	return code
}

func (c *chunk) row(i int) FeedRow {
	r := c.rows[i]
	t := func(k int) string { return c.texts[r.text[k]] }
	return FeedRow{
		At: time.UnixMilli(r.at).UTC(), PID: int(r.pid), Action: t(textAction), Name: t(textName), Parent: t(textParent),
		Command: t(textCommand), CommandBytes: int(r.bytes), User: t(textUser), Host: t(textHost), Environment: t(textEnvironment),
		Far: t(textFar), File: t(textFile), Tool: r.text[textTool] != 0,
	}
}

// intake is the columns of a batch that the feed reads.
type intake struct {
	at, action, pid, argBytes *frame.Column
	ip, port                  *frame.Column
	text                      [numTexts]*frame.Column
	want                      map[uint32]bool // by code of the action
}

var shown = map[string]bool{
	"exec": true, "connection_attempted": true, "connection_accepted": true, "disconnect_received": true, "open": true,
}

func newIntake(f *frame.Frame) *intake {
	c := func(column ecs.Column) *frame.Column { return f.Column(column.Name()) }
	in := &intake{
		at: c(ecs.Timestamp), action: c(ecs.EventAction), pid: c(ecs.ProcessPID), argBytes: c(ecs.ArgsBytes),
		ip: c(ecs.DestinationIP), port: c(ecs.DestinationPort), want: map[uint32]bool{},
	}
	in.text = [numTexts]*frame.Column{
		textAction: in.action, textName: c(ecs.ProcessName), textParent: c(ecs.ParentName), textCommand: c(ecs.ProcessCommandLine),
		textUser: c(ecs.UserName), textHost: c(ecs.HostName), textEnvironment: c(ecs.LabelsEnvironment),
		textFile: c(ecs.FilePath), textTool: c(ecs.ProcessTool),
	}
	if in.action == nil || in.action.Dict == nil {
		return in
	}
	for action := range shown {
		if code, ok := in.action.Dict.Code(action); ok {
			in.want[code] = true
		}
	}
	return in
}

func (in *intake) wanted(i int) bool {
	if in.at == nil || in.action == nil {
		return false
	}
	lo, hi := in.action.Range(i)
	return lo < hi && in.want[in.action.Codes[lo]]
}

func (in *intake) number(c *frame.Column, i int) int64 {
	if c == nil {
		return 0
	}
	v, _ := c.Int(i)
	return v
}

func (in *intake) farEnd(i int) string {
	if in.ip == nil || in.ip.IsNull(i) {
		return ""
	}
	s := in.ip.Text(i)
	if p := in.number(in.port, i); p > 0 {
		s += ":" + strconv.FormatInt(p, 10)
	}
	return s
}
