package evidence

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"interdict/respond"
)

// Namespace is what a bundle's signature is made for.
const Namespace = "interdict-evidence"

// bundleVersion is that of the layout of a bundle.
const bundleVersion = 1

// The entries beside items, as they are written.
const (
	nameReadme    = "README.txt"
	nameManifest  = "manifest.json"
	nameAcquired  = "ACQUIRED"
	nameCustody   = "custody.ndjson"
	nameHead      = "bundle.json"
	namePublic    = "signer.pub"
	nameSums      = "SHA256SUMS"
	nameSignature = "SHA256SUMS.sig"
)

//go:embed readme.txt
var readme []byte

// Head is what a bundle says of itself to whoever cannot open it.
type Head struct {
	Version    int              `json:"version"`
	ID         string           `json:"id"`
	Tool       string           `json:"tool"`
	Host       string           `json:"host"` // of the inventory
	Identity   respond.Identity `json:"identity"`
	Case       string           `json:"case,omitempty"`
	By         string           `json:"by"`
	Approver   string           `json:"approver,omitempty"`
	AwareSince *time.Time       `json:"aware_since,omitempty"`
	Capture    bool             `json:"capture"`
	Follows    string           `json:"follows,omitempty"` // the capture that this completes
	Processes  []string         `json:"processes"`         // PID@START
	Began      time.Time        `json:"began"`
	Sealed     time.Time        `json:"sealed"`
	Recipients int              `json:"recipients"` // 0: not encrypted
	Items      int              `json:"items"`      // in it
	Missing    int              `json:"missing"`    // asked for, and not or not wholly in it
	Partial    string           `json:"partial"`    // why it ended early; "" if it did not
	Clock      Clock            `json:"clock"`
}

// Clock compares the clocks of the host and of the machine that collected, at
// one moment. The host's own word for its time is the first item.
type Clock struct {
	Here   time.Time     `json:"here"`
	HostUp time.Duration `json:"host_up"` // how long it had been up, in nanoseconds
}

// manifest is what recipients read.
type manifest struct {
	Head
	Limits Limits `json:"limits"`
	Items  []Item `json:"items"`
}

// sealer finishes a bundle.
type sealer struct {
	spool  *spool
	signer *respond.Signer
	now    time.Time
	tell   func(what string) // of each step
	err    error
}

// put adds an entry; on a full disk the reserve is given back first.
func (s *sealer) put(name string, seal bool, b []byte) {
	if s.err != nil {
		return
	}
	s.tell("sealing: " + name)
	if _, s.err = s.spool.put(name, false, seal, b, s.now); s.err != nil && os.Remove(reservePath(s.spool.path)) == nil {
		_, s.err = s.spool.put(name, false, seal, b, s.now)
	}
}

// seal writes what stands behind the items, and gives the bundle its name only
// when everything is on disk.
func (s *sealer) seal(h Head, limits Limits, items []Item, custody []byte) error {
	full, err := json.MarshalIndent(manifest{Head: h, Limits: limits, Items: items}, "", " ")
	if err != nil {
		return err
	}
	head, err := json.MarshalIndent(h, "", " ")
	if err != nil {
		return err
	}
	s.put(nameManifest, true, append(full, '\n'))
	s.put(nameAcquired, true, acquired(items))
	s.put(nameCustody, false, custody)
	s.put(nameHead, false, append(head, '\n'))
	s.put(namePublic, false, []byte(s.signer.Public()+"\n"))
	if s.err != nil {
		return s.err
	}
	sums := sumsText(s.spool.sums)
	sig, err := s.signer.Sign(Namespace, bytes.NewReader(sums))
	if err != nil {
		return err
	}
	s.put(nameSums, false, sums)
	s.put(nameSignature, false, sig)
	if s.err != nil {
		return s.err
	}
	if _, err := s.spool.f.WriteAt(make([]byte, 2*blockSize), s.spool.at); err != nil {
		return err
	}
	return s.publish()
}

// publish: flushed, then named, then the name flushed.
func (s *sealer) publish() error {
	p := s.spool
	s.tell("flushing")
	if err := p.sync(); err != nil {
		return err
	}
	if err := os.Link(partialPath(p.path), p.path); err != nil { // unlike rename it replaces nothing
		if _, there := os.Lstat(p.path); there == nil {
			return err
		}
		if err := os.Rename(partialPath(p.path), p.path); err != nil { // a file system without hard links
			return err
		}
	}
	s.tell("sealed")
	dir, err := os.Open(filepath.Dir(p.path))
	if err == nil {
		err = errors.Join(dir.Sync(), dir.Close())
	}
	os.Remove(partialPath(p.path))
	os.Remove(logPath(p.path))
	return err
}

func sumsText(sums []sum) []byte {
	var b bytes.Buffer
	for _, s := range sums {
		fmt.Fprintf(&b, "%s  %s\n", s.SHA256, s.Name)
	}
	return b.Bytes()
}

// acquired is what `sha256sum -c` reads once everything was decrypted and unpacked.
func acquired(items []Item) []byte {
	var b bytes.Buffer
	for _, i := range items {
		if i.Entry != "" {
			fmt.Fprintf(&b, "%s  %s\n", i.SHA256, plainEntry(i.Entry))
		}
	}
	return b.Bytes()
}

func plainEntry(entry string) string {
	return strings.TrimSuffix(strings.TrimSuffix(entry, ".age"), ".gz")
}
