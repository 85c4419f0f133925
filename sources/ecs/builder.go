package ecs

import (
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"
	"net/netip"
	"time"

	"interdict/sources/frame"
)

// Host is what every event of one machine has in common.
type Host struct {
	ID           string // machine-id
	BootID       string
	Name         string
	AgentID      string // defaults to ID
	Architecture string
	OS           OS
	IPs          []netip.Addr
}

// OS is host.os.*; Type is "linux" for events of ours.
type OS struct{ Type, Name, Full, Version, Kernel, Platform, Family string }

// Builder makes batches of events. Not safe for concurrent use.
type Builder struct{ b *frame.Builder }

// NewBuilder makes a builder whose rows belong to host unless they say otherwise.
func NewBuilder(host Host) *Builder {
	if host.AgentID == "" {
		host.AgentID = host.ID
	}
	b := &Builder{b: frame.NewBuilder(catalogue[:])}
	for c, s := range map[Column]string{
		EventKind: "event", EventModule: "endpoint", DataStreamType: "logs", DataStreamNamespace: "default", AgentType: "interdict",
		AgentID: host.AgentID, HostID: host.ID, HostBootID: host.BootID, HostName: host.Name, HostArchitecture: host.Architecture,
		HostOSType: host.OS.Type, HostOSName: host.OS.Name, HostOSFull: host.OS.Full, HostOSVersion: host.OS.Version,
		HostOSKernel: host.OS.Kernel, HostOSPlatform: host.OS.Platform, HostOSFamily: host.OS.Family,
	} {
		if s != "" {
			b.b.Always(int(c), s)
		}
	}
	var ips []string
	for _, ip := range host.IPs {
		if ip.IsValid() {
			ips = append(ips, frame.AddrKey(ip))
		}
	}
	b.b.Always(int(HostIP), ips...)
	return b
}

// Event begins a row: the time and kind of the event. The host's fields are
// every row's. typ is event.type: start, end, change, info, access…
func (b *Builder) Event(d Dataset, action, typ string, at time.Time) {
	b.b.Row()
	b.Time(Timestamp, at)
	b.Keyword(EventCategory, datasets[d].category)
	b.Keyword(EventType, typ)
	b.Keyword(EventAction, action)
	b.Keyword(EventDataset, datasets[d].name)
	b.Keyword(DataStreamDataset, datasets[d].name)
}

// Keyword sets text; "" leaves the field null.
func (b *Builder) Keyword(c Column, s string) {
	if s != "" {
		b.b.Keyword(int(c), s)
	}
}

// Keywords sets several values; no values leave the field null.
func (b *Builder) Keywords(c Column, ss []string) { b.b.Keywords(int(c), ss) }

// Int sets an integer field.
func (b *Builder) Int(c Column, v int64) { b.b.Int(int(c), v) }

// Bool sets a boolean field.
func (b *Builder) Bool(c Column, v bool) { b.b.Bool(int(c), v) }

// Time sets a date; the zero time leaves the field null.
func (b *Builder) Time(c Column, t time.Time) {
	if !t.IsZero() {
		b.b.Time(int(c), t)
	}
}

// IP sets an address; an invalid one leaves the field null.
func (b *Builder) IP(c Column, a netip.Addr) { b.b.IP(int(c), a) }

// Len is the number of rows begun since the last Build.
func (b *Builder) Len() int { return b.b.Len() }

// Build gives the rows as a frame, without the columns that no row set, and empties the builder.
func (b *Builder) Build() *frame.Frame { return b.b.Build() }

// EntityID derives process.entity_id: 16 characters, the same for the same
// process everywhere, unlike for any other process of any other boot.
// start is in nanoseconds since boot.
func EntityID(bootID string, pid int, start int64) string {
	h := fnv.New32a()
	h.Write([]byte(bootID))
	var raw [12]byte
	binary.BigEndian.PutUint32(raw[:], h.Sum32()^uint32(pid))
	binary.BigEndian.PutUint64(raw[4:], uint64(start)^uint64(pid)<<40)
	return base64.RawURLEncoding.EncodeToString(raw[:])
}
