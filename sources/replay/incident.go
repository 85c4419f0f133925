package replay

import (
	"bytes"
	_ "embed"
	"io"
	"time"
)

//go:embed incident.ndjson.gz
var incident []byte

// incidentNote says where the recording comes from.
const incidentNote = "nothing of it happens on this machine"

// Incident plays the recording that the program carries: a web shell's script
// collects files into an archive and copies it out with scp, among a
// machine's usual work. It happens now. Where it comes from is in Stats().Notes.
func Incident(speed float64, now func() time.Time) *Source {
	return New(Config{Name: "the recorded incident", Note: incidentNote, Speed: speed, AsNow: true, Now: now,
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(incident)), nil }})
}
