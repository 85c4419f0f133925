package evidence

import (
	"time"
)

// What became of an item.
const (
	Taken  = "taken"  // whole
	Cut    = "cut"    // its beginning
	Gone   = "gone"   // what was asked about was not there, or was another by then
	Absent = "absent" // the host lacks the tool
	Failed = "failed"
	Late   = "late" // time was over before its turn
)

// Item is a line of the manifest: one thing that was asked for.
type Item struct {
	Key     string `json:"key"`             // of the request: "12" or, of several answers, "12.4"
	Entry   string `json:"entry,omitempty"` // in the archive; none when nothing was taken
	What    string `json:"what"`
	Source  string `json:"source"`            // path or command on the host; hostile where it is a path
	Process string `json:"process,omitempty"` // PID@START

	Outcome string `json:"outcome"`
	Why     string `json:"why,omitempty"`    // when it is not taken whole
	Status  string `json:"status,omitempty"` // exit status of the command
	Stderr  string `json:"stderr,omitempty"`

	Size   int64  `json:"size"`             // bytes as taken
	SHA256 string `json:"sha256,omitempty"` // of these, computed as they came

	Began   time.Time     `json:"began"` // clock of the machine that collects
	Ended   time.Time     `json:"ended"`
	BeganUp time.Duration `json:"began_up"` // how long the host had been up, in nanoseconds
	EndedUp time.Duration `json:"ended_up"`
}

// missing tells whether it matters that it is not there: a tool that a host does
// not have was never going to say anything.
func (i Item) missing() bool { return i.Outcome != Taken && i.Outcome != Absent }
