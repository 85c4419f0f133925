package evidence

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"github.com/klauspost/compress/gzip"

	"interdict/respond"
)

// Fault is what does not hold in a bundle, by the entry that it is in.
type Fault struct {
	Entry string `json:"entry"`
	Why   string `json:"why"`
}

// Check is what reading a bundle found.
type Check struct {
	Path    string  `json:"path"`
	SHA256  string  `json:"sha256"`
	Size    int64   `json:"size"`
	Head    Head    `json:"head"`
	Signer  string  `json:"signer"`  // fingerprint of the key whose signature holds; "" for none
	Public  string  `json:"public"`  // that key
	Known   bool    `json:"known"`   // it is one of those that were said to be believed
	Entries int     `json:"entries"` // read
	Opened  int     `json:"opened"`  // items whose content was compared with what was acquired
	Sealed  int     `json:"sealed"`  // items that could not be opened for want of a key
	Faults  []Fault `json:"faults"`

	Items   []Item    `json:"items,omitempty"`   // the manifest's, where it could be read
	Custody []Custody `json:"custody,omitempty"` // until it was sealed, and since
	inside  int       // of Custody, in the bundle
}

// Whole tells whether every byte is as it was sealed, by whomever.
func (c Check) Whole() bool { return len(c.Faults) == 0 && c.Signer != "" }

// CheckOptions say what a check has.
type CheckOptions struct {
	Signers    []string       // public keys that are believed, as OpenSSH writes them; of allowed_signers the key counts
	Identities []age.Identity // to open what is encrypted
	Most       int64          // bytes that are unpacked of all items; 0: 8 GiB, twice what is ever taken
}

const mostUnpacked = 8 << 30

// maxText bounds entries that are read into memory.
const maxText = 64 << 20

// checker reads one bundle.
type checker struct {
	f       *os.File
	o       CheckOptions
	check   Check
	left    int64 // of what is unpacked
	entries []stored
	byName  map[string]stored
	stopped bool // by damage: what stands behind it was not read
}

// CheckBundle reads every byte of a bundle. An error means that it could not be
// read, which is no verdict.
func CheckBundle(ctx context.Context, path string, o CheckOptions) (Check, error) {
	k, err := openBundle(path, o)
	if err != nil {
		return Check{}, err
	}
	defer k.f.Close()
	if k.check.SHA256, k.check.Size, err = hashOf(k.f); err != nil {
		return Check{}, fmt.Errorf("evidence: %w", err)
	}
	k.read()
	k.sums()
	k.texts()
	if err := k.contents(ctx); err != nil {
		return Check{}, err
	}
	k.custody()
	return k.check, nil
}

func openBundle(path string, o CheckOptions) (*checker, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|nonBlock, 0)
	if err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, errors.Join(fmt.Errorf("evidence: %s is no file", path), err)
	}
	return &checker{f: f, o: o, left: cmp.Or(o.Most, mostUnpacked), byName: map[string]stored{}, check: Check{Path: path, Faults: []Fault{}}}, nil
}

func (k *checker) fault(entry, format string, args ...any) {
	k.check.Faults = append(k.check.Faults, Fault{entry, fmt.Sprintf(format, args...)})
}

// read takes the archive apart.
func (k *checker) read() {
	a := newArchive(k.f)
	for {
		e, err := a.next()
		if errors.Is(err, errArchiveEnd) {
			return
		}
		if err != nil {
			k.fault(cmp.Or(e.name, fmt.Sprintf("behind entry %d", len(k.entries))), "%v", err)
			k.stopped = true
			return
		}
		if _, twice := k.byName[e.name]; twice {
			e.faults = append(e.faults, "there are two of this name")
		}
		k.entries, k.byName[e.name] = append(k.entries, e), e
		k.check.Entries++
	}
}

// text is the content of an entry that is not encrypted.
func (k *checker) text(name string) ([]byte, bool) {
	e, ok := k.byName[name]
	if !ok || e.size > maxText {
		return nil, false
	}
	b := make([]byte, e.size)
	_, err := e.body.ReadAt(b, 0)
	return b, err == nil || errors.Is(err, io.EOF)
}

// sums compares every entry with the list, and the list with its signature. Of
// list and signature it says which one was changed.
func (k *checker) sums() {
	list, ok := k.text(nameSums)
	sig, signed := k.text(nameSignature)
	actual := k.actual()
	public, fingerprint, err := respond.CheckSignature(Namespace, bytes.NewReader(list), sig)
	if err != nil {
		if public2, fingerprint2, err2 := respond.CheckSignature(Namespace, bytes.NewReader(actual), sig); err2 == nil {
			public, fingerprint, list, ok = public2, fingerprint2, actual, true
			k.fault(nameSums, "it is not what was signed; the entries are")
			err = nil
		}
	}
	switch {
	case k.stopped && (!ok || !signed): // said already
	case !ok:
		k.fault(nameSums, "it is missing")
	case !signed:
		k.fault(nameSignature, "it is missing")
	case err != nil && bytes.Equal(list, actual):
		k.fault(nameSignature, "%v", err)
	case err != nil:
		k.fault(nameSums, "neither it nor the entries are what was signed: %v", err)
	default:
		k.check.Signer, k.check.Public, k.check.Known = fingerprint, public, k.known(public)
	}
	k.compare(list)
}

// actual is the list as it should be for the entries that are there.
func (k *checker) actual() []byte {
	var sums []sum
	for _, e := range k.entries {
		if e.name != nameSums && e.name != nameSignature {
			sums = append(sums, sum{e.name, e.sha256})
		}
	}
	return sumsText(sums)
}

// compare goes by name, and by position for an entry whose name was changed.
func (k *checker) compare(list []byte) {
	var order []string
	sums := map[string]string{}
	for line := range strings.Lines(string(list)) {
		sha, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		order, sums[name] = append(order, name), sha
	}
	seen := map[string]bool{nameSums: true, nameSignature: true}
	for i, e := range k.entries {
		name := e.name
		if _, listed := sums[name]; !listed && i < len(order) {
			if _, there := k.byName[order[i]]; !there {
				name = order[i]
			}
		}
		for _, why := range e.faults {
			k.fault(name, "%s", why)
		}
		want, listed := sums[name]
		switch {
		case name == nameSums || name == nameSignature:
		case !listed:
			k.fault(name, "it is not in the list of what was sealed")
		case name != e.name && len(e.faults) == 0:
			k.fault(name, "it is called %s", e.name)
		case want != e.sha256:
			k.fault(name, "its content was changed: its SHA-256 is %s, not %s", e.sha256, want)
		case i < len(order) && order[i] != name && len(k.check.Faults) == 0:
			k.fault(name, "it stands where %s belongs", order[i])
		}
		seen[name] = true
	}
	for _, name := range order {
		if !seen[name] && !k.stopped {
			k.fault(name, "it is missing")
		}
	}
}

// known tells whether the key is one that is believed, whatever its comment.
func (k *checker) known(public string) bool {
	key := keyOf(public)
	for _, s := range k.o.Signers {
		if key != "" && keyOf(s) == key {
			return true
		}
	}
	return false
}

// keyOf is type and key of a line of OpenSSH, also of allowed_signers.
func keyOf(line string) string {
	f := strings.Fields(line)
	for i := range f {
		if strings.HasPrefix(f[i], "ssh-") && i+1 < len(f) {
			return f[i] + " " + f[i+1]
		}
	}
	return ""
}

// texts reads what the bundle says of itself.
func (k *checker) texts() {
	b, ok := k.text(nameHead)
	if k.stopped && !ok {
		return
	}
	if err := json.Unmarshal(b, &k.check.Head); !ok || err != nil {
		k.fault(nameHead, "it cannot be read: %v", err)
	}
	if v := k.check.Head.Version; v > bundleVersion {
		k.fault(nameHead, "it has version %d, this program knows %d: use a newer one, or `sha256sum` and `ssh-keygen`", v, bundleVersion)
	}
	if b, ok := k.text(namePublic); k.check.Public != "" && (!ok || keyOf(string(b)) != keyOf(k.check.Public)) {
		k.fault(namePublic, "it is not the key that signed")
	}
}

// contents opens what can be opened and compares it with what was acquired.
func (k *checker) contents(ctx context.Context) error {
	b, _, err := k.open(nameManifest)
	if b == nil {
		if err != nil && !k.stopped {
			k.fault(k.stored(nameManifest), "%v", err)
		}
		k.check.Sealed = k.check.Head.Items
		return nil
	}
	var m manifest
	text, err := io.ReadAll(io.LimitReader(b, maxText))
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		k.fault(k.stored(nameManifest), "it cannot be read: %v", err)
		return nil
	}
	k.check.Items = m.Items
	k.acquired(m.Items)
	for _, i := range m.Items {
		if i.Entry == "" {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		k.item(i)
	}
	return nil
}

func (k *checker) acquired(items []Item) {
	r, _, err := k.open(nameAcquired)
	var b []byte
	if r != nil {
		b, err = io.ReadAll(io.LimitReader(r, maxText))
	}
	if err != nil || r != nil && !bytes.Equal(b, acquired(items)) {
		k.fault(k.stored(nameAcquired), "it is not what the manifest says")
	}
}

func (k *checker) item(i Item) {
	r, sealed, err := k.open(plainEntry(i.Entry))
	switch {
	case err != nil:
		k.fault(i.Entry, "%v", err)
	case sealed:
		k.check.Sealed++
	case i.Size < 0 || i.Size > k.left: // who wrote it may have packed nothing into very much
		k.fault(i.Entry, "it says that it unpacks to %d bytes, with the others more than a bundle holds: it was not unpacked", i.Size)
	default:
		k.left -= i.Size
		sha, n, err := hashOf(io.LimitReader(r, i.Size+1))
		if err != nil || sha != i.SHA256 || n != i.Size {
			k.fault(i.Entry, "its content is not what was acquired: %d bytes of SHA-256 %s, not %d of %s (%v)", n, sha, i.Size, i.SHA256, err)
			return
		}
		k.check.Opened++
	}
}

// stored is the name under which an entry stands in the archive.
func (k *checker) stored(name string) string {
	for _, ending := range []string{"", ".gz", ".age", ".gz.age"} {
		if _, ok := k.byName[name+ending]; ok {
			return name + ending
		}
	}
	return name
}

// open gives the content of an entry as it was taken; sealed when there is no key for it.
func (k *checker) open(name string) (r io.Reader, sealed bool, err error) {
	full := k.stored(name)
	e, ok := k.byName[full]
	if !ok {
		return nil, false, errors.New("it is missing")
	}
	r = io.NewSectionReader(e.body, 0, e.size)
	if strings.HasSuffix(full, ".age") {
		if len(k.o.Identities) == 0 {
			return nil, true, nil
		}
		var none *age.NoIdentityMatchError
		r, err = age.Decrypt(r, k.o.Identities...)
		if errors.As(err, &none) {
			return nil, true, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
	if strings.HasSuffix(strings.TrimSuffix(full, ".age"), ".gz") {
		if r, err = gzip.NewReader(r); err != nil {
			return nil, false, err
		}
	}
	return r, false, nil
}

// custody follows both logs.
func (k *checker) custody() {
	inside, ok := k.text(nameCustody)
	lines, _, err := checkCustody(inside, "")
	if !k.stopped && (!ok || err != nil) {
		k.fault(nameCustody, "it does not hold: %v", err)
	}
	since, _, err := ReadCustody(k.check.Path, k.check.SHA256)
	if errors.Is(err, ErrCustody) {
		k.fault(CustodyPath(k.check.Path), "%v", err)
	}
	k.check.inside = len(lines)
	k.check.Custody = append(lines, since...)
}

// ReadIdentities reads keys that open bundles: what age-keygen made, or an SSH
// key without a passphrase.
func ReadIdentities(path string) ([]age.Identity, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(b, []byte("-----BEGIN")) {
		id, err := agessh.ParseIdentity(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return []age.Identity{id}, nil
	}
	ids, err := age.ParseIdentities(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return ids, nil
}
