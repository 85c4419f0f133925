package evidence

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	"unicode"

	"filippo.io/age"
	"filippo.io/age/agessh"

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
	// HostAnyway takes what the host says also when all of Processes have ended since.
	HostAnyway bool
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
	Extra []Extra `json:"-"`

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
	Progress   func(Progress) `json:"-"` // may be nil; called while applying, from one goroutine at a time
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
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended"`
}

// Failure is one item that is missing or cut.
type Failure struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

const (
	mib             = 1 << 20
	defaultDeadline = 10 * time.Minute
)

// limits fills in the defaults.
func (l Limits) orDefault() Limits {
	fill := func(n *int64, value int64) {
		if *n <= 0 {
			*n = value
		}
	}
	fill(&l.Item, 8*mib)
	fill(&l.Exe, 256*mib)
	fill(&l.File, 256*mib)
	fill(&l.Memory, 512*mib)
	fill(&l.Total, 4<<30)
	return l
}

// contents tells whether anything is asked for that needs an approver.
func (o Options) contents() bool {
	return o.Content || len(o.Files) > 0 || o.Memory || o.Packets > 0
}

// Codes of refusals.
const (
	CodeNoRecipient = "evidence-recipients"
	CodeNoApprover  = "evidence-approver"
	CodeNoStore     = "evidence-store"
)

// check refuses what must not be taken like this.
func (o Options) check() error {
	var no respond.Refusal
	refuse := func(when bool, code, text string) {
		if when {
			no.Reasons = append(no.Reasons, respond.Reason{Code: code, Text: text})
		}
	}
	if o.contents() {
		refuse(len(o.Recipients) == 0, CodeNoRecipient, "contents of files, memory and packets are only taken for recipients: name their public keys, or set evidence.recipients")
		refuse(strings.TrimSpace(o.Approver) == "", CodeNoApprover, "contents of files, memory and packets are only taken when somebody approved it: name who")
		refuse(o.Store == "", CodeNoStore, "contents of files, memory and packets only go to the configured store: set evidence.store")
		refuse(o.Out != "", CodeNoStore, "contents of files, memory and packets go to the configured store, not to a file of your own")
	}
	if len(no.Reasons) > 0 {
		return &no
	}
	switch {
	case o.Keys == "" || o.Dir == "" && o.Store == "" && o.Out == "":
		return errors.New("evidence: no directory for the bundle, or for the key that signs it")
	case o.Packets < 0 || o.Packets > time.Minute:
		return errors.New("evidence: packets are taken for a minute at most")
	case len(o.PacketsOf) > 3:
		return errors.New("evidence: packets of three far ends at most; name none for all")
	case o.Capture && (o.Memory || o.Packets > 0):
		return errors.New("evidence: memory and packets take longer than a capture may")
	}
	for _, e := range o.Extra {
		if !extraName.MatchString(e.Name) || e.Open == nil {
			return fmt.Errorf("evidence: %q is no name for something that is given", e.Name)
		}
	}
	_, err := parseRecipients(o.Recipients)
	return err
}

var extraName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,59}$`)

// parseRecipients reads age's own recipients and those that are SSH keys.
func parseRecipients(lines []string) ([]age.Recipient, error) {
	var all []age.Recipient
	for _, l := range lines {
		var r age.Recipient
		var err error
		switch l = strings.TrimSpace(l); {
		case strings.HasPrefix(l, "AGE-SECRET-KEY-"):
			return nil, errors.New("evidence: a recipient is a public key; this is a secret one")
		case strings.HasPrefix(l, "ssh-"):
			r, err = agessh.ParseRecipient(l)
		default:
			r, err = age.ParseX25519Recipient(l)
		}
		if err != nil {
			return nil, fmt.Errorf("evidence: recipient %q: %w", l, err)
		}
		all = append(all, r)
	}
	return all, nil
}

// place is the directory that the bundle goes to and its name there.
func (o Options) place(id string, host string) (dir, name string) {
	if o.Out != "" {
		return filepath.Dir(o.Out), filepath.Base(o.Out)
	}
	if dir = o.Store; dir == "" {
		dir = o.Dir
	}
	kind := "evidence"
	if o.Capture {
		kind = "capture"
	}
	return dir, fmt.Sprintf("%s-%s-%s.tar", kind, fileName(host), id)
}

// fileName makes one harmless part of a file's name of s.
func fileName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 128 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-", r)) {
			return r
		}
		return '_'
	}, s)
	s = strings.TrimLeft(s, ".-")
	return s[:min(len(s), 60)]
}
