package evidence

import (
	"io"
	"net/netip"
	"time"

	"interdict/respond"
)

// KindCollect names the action.
const KindCollect = "evidence.collect"

// CaptureTime is how long a capture may take, whatever the host does:
// containment waits for it.
const CaptureTime = 5 * time.Second

// Options say what to take, for whom, and where it goes. The zero value is an
// error: Dir and Keys are needed.
type Options struct {
	// Processes are what is asked about: by identity, or with a Start of 0 the one
	// that has the number when it is planned. None: the host alone.
	Processes []respond.ProcessID
	Tree      bool // and everything that descends from them, found when it is planned
	// Capture takes only what a kill or an isolation would destroy, in at most
	// CaptureTime, sealed as a bundle of its own. What comes later is said to be
	// missing. Freeze before it. The rest follows with another action without
	// Capture, whose Follows is the capture's id.
	Capture bool
	Follows string
	// From and To are the window of logs; zero: the hour before now.
	From, To time.Time

	// Contents: each needs Recipients, Approver and Store.
	Content   bool          // of regular files that the processes have open
	Files     []File        // transferred or staged files, as the sensor saw them
	Memory    bool          // of the processes
	Packets   time.Duration // of network traffic, with the host's tcpdump; 0: none
	PacketsOf []netip.Addr  // of these far ends alone; none: all

	// Extra is what the caller knows itself: alert, guide, events. It is read once, while applying.
	Extra []Extra

	By         string    // who collects
	Case       string    // "INC-0012"; "" for none
	Approver   string    // who approved taking contents
	AwareSince time.Time // when a person first knew, which starts the clocks of the law; zero: not recorded
	Recipients []string  // age1… or ssh-ed25519/ssh-rsa public keys; none: nothing is encrypted, and no secret is taken
	Store      string    // configured directory for bundles with contents; "" for none
	Dir        string    // directory for bundles where there is no Store
	Out        string    // a file instead, not for contents
	Keys       string    // directory of the signing key: the state directory
	Tool       string    // name and version of this program
	Limits     Limits
	Deadline   time.Duration  // for all of it; 0: 10 minutes, of a capture always CaptureTime
	Progress   func(Progress) // may be nil; called while applying, from one goroutine at a time
}

// File is a file by its path as the process saw it. A zero process stands for
// the host's own view.
type File struct {
	Path    string            `json:"path"`
	Process respond.ProcessID `json:"process"`
}

// Extra is something that is not taken from the host.
type Extra struct {
	Name string // "alert.json": letters, digits, '.', '_' and '-'
	Open func() (io.ReadCloser, error)
}

// Limits bound what is taken, in bytes; 0 is the default. What is cut is said.
type Limits struct {
	Item   int64 `json:"item"`   // one text that the host wrote; 8 MiB
	Exe    int64 `json:"exe"`    // one executable; 256 MiB
	File   int64 `json:"file"`   // one content; 256 MiB
	Memory int64 `json:"memory"` // of one process; 512 MiB
	Total  int64 `json:"total"`  // of all; 4 GiB
}

// Progress is how far it is.
type Progress struct {
	Done, Of int    // requests
	Bytes    int64  // taken
	Now      string // what is being taken
}

// Collected is the body of a result.
type Collected struct {
	ID      string    `json:"id"`
	Bundle  string    `json:"bundle"` // path of the sealed bundle
	SHA256  string    `json:"sha256"` // of it
	Size    int64     `json:"size"`
	Signer  string    `json:"signer"` // fingerprint of the key that signed
	Sealed  bool      `json:"sealed"` // encrypted to recipients
	Capture bool      `json:"capture"`
	Taken   int       `json:"taken"`   // items in the bundle
	Failed  []Failure `json:"failed"`  // what was asked for and is not, or not wholly, in it
	Partial string    `json:"partial"` // why it ended early; "" if it did not
	Took    Took      `json:"took"`
}

// Took is when, by the clock of this machine.
type Took struct {
	Began, Ended time.Time
}

// Failure is one item that is missing or cut.
type Failure struct {
	What string `json:"what"`
	Why  string `json:"why"`
}
