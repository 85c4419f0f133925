package replay

import (
	"bytes"
	_ "embed"
	"io"
	"time"
)

//go:embed incident.ndjson.gz
var incident []byte

// Incident plays the recording that the program carries: a web shell's script
// collects files into an archive and copies it out with scp, among a
// machine's usual work. It happens now. See the recording's own README for
// whether a sensor made it or a hand.
func Incident(speed float64, now func() time.Time) *Source {
	return New(Config{Name: "the recorded incident", Speed: speed, AsNow: true, Now: now,
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(incident)), nil }})
}
