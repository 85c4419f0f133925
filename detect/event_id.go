package detect

import (
	"crypto/sha256"
	"encoding/base32"
	"hash"
	"strconv"

	"interdict/sources/ecs"
)

// short is the alphabet of ids: no letter that looks like a digit.
var short = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// eventID names a source event. It follows from the event's own fields, so
// that the stream, the archive and another console give the same one.
func eventID(v *view, row int) string {
	if id := v.text(ecs.EventID, row); id != "" {
		return id
	}
	_, ours := v.int(ecs.StartTicks, row)
	if c := v.f.Column("_id"); c != nil && !ours && !c.IsNull(row) {
		return c.Text(row)
	}
	h := sha256.New()
	for _, c := range identifying {
		write(h, v.text(c, row))
	}
	return short.EncodeToString(h.Sum(nil)[:15])
}

var identifying = []ecs.Column{
	ecs.Timestamp, ecs.EventAction, ecs.EventSequence, ecs.HostID, ecs.AgentID, ecs.HostBootID, ecs.ProcessPID, ecs.StartTicks,
	ecs.ProcessExecutable, ecs.ProcessCommandLine, ecs.FilePath, ecs.DestinationIP, ecs.DestinationPort, ecs.SourceIP, ecs.SourcePort,
	ecs.SourceBytes, ecs.DestinationBytes,
}

func write(h hash.Hash, s string) {
	h.Write(strconv.AppendInt(nil, int64(len(s)), 10))
	h.Write([]byte{':'})
	h.Write([]byte(s))
}

// nameOf makes an id of parts: rule and group name a thread of alerts, with the
// first source event since the last closure one alert of it.
func nameOf(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		write(h, p)
	}
	return short.EncodeToString(h.Sum(nil)[:15])
}
