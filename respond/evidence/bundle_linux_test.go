package evidence_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"interdict/respond/evidence"
	"interdict/respond/local"
	"interdict/testdata/part"
)

// bundle makes one of a process, for the identity that is written to keyFile.
func bundle(t *testing.T, sealed bool) (path, keyFile, signer string) {
	t.Helper()
	o, key := options(t, begin(t, exec.Command("sleep", "1011")))
	if !sealed {
		o.Recipients = nil
	}
	_, done := collected(t, local.New(), o)
	dir := filepath.Dir(filepath.Dir(done.Bundle))
	keyFile, signer = filepath.Join(dir, "key.txt"), filepath.Join(dir, "signer.pub")
	os.WriteFile(keyFile, []byte(key.(interface{ String() string }).String()+"\n"), 0o600)
	c, err := evidence.CheckBundle(t.Context(), done.Bundle, evidence.CheckOptions{})
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(signer, []byte(c.Public+"\n"), 0o600)
	return done.Bundle, keyFile, signer
}

// shell gives the commands that the document tells third parties.
func shell(t *testing.T) string {
	t.Helper()
	doc, err := os.ReadFile("../../docs/evidence.md")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(doc), -1) {
		text.WriteString(m[1])
	}
	return text.String()
}

func thirdParty(t *testing.T, text, bundle, key, signer string) (string, error) {
	t.Helper()
	for _, tool := range []string{"tar", "sha256sum", "ssh-keygen", "age", "gunzip"} {
		if _, err := exec.LookPath(tool); err != nil {
			part.Missing(t, "lab", err)
		}
	}
	c := exec.Command("sh", "-e", "-c", text)
	c.Dir = t.TempDir()
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.Dir, "BUNDLE=" + bundle, "KEY=" + key, "SIGNER=" + signer}
	out, err := c.CombinedOutput()
	return string(out), err
}

func TestAThirdPartyProvesAndOpensABundleWithOrdinaryTools(t *testing.T) {
	path, key, signer := bundle(t, true)
	out, err := thirdParty(t, shell(t), path, key, signer)
	if err != nil || !strings.Contains(out, `Good "interdict-evidence" signature`) {
		t.Fatalf("%v\n%s", err, out)
	}
	other, _, otherSigner := bundle(t, true)
	if out, err := thirdParty(t, shell(t), path, key, otherSigner); err == nil {
		t.Errorf("another's signature is taken:\n%s", out)
	}
	b, _ := os.ReadFile(other)
	b[at(t, other, "bundle.json")] ^= 1
	os.WriteFile(other, b, 0o600)
	if out, err := thirdParty(t, shell(t), other, key, otherSigner); err == nil || !strings.Contains(out, "bundle.json: FAILED") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestTheBundlesOwnReadmeSaysHowToProveAndOpenIt(t *testing.T) {
	path, key, signer := bundle(t, true)
	readme, err := os.ReadFile("readme.txt")
	if err != nil {
		t.Fatal(err)
	}
	text := "tar xf \"$BUNDLE\"\n"
	for _, l := range strings.Split(string(readme), "\n") {
		for _, tool := range []string{"  sha256sum ", "  echo ", "  ssh-keygen ", "  find ", "  gunzip "} {
			if strings.HasPrefix(l, tool) {
				text += strings.ReplaceAll(l, "-i KEY", "-i \"$KEY\"") + "\n"
			}
		}
	}
	if out, err := thirdParty(t, text, path, key, signer); err != nil || strings.Count(text, "\n") < 6 {
		t.Errorf("%v\n%s\n%s", err, text, out)
	}
}

// at is where the content of an entry begins.
func at(t *testing.T, path, name string) int64 {
	t.Helper()
	for _, e := range layout(t, path) {
		if e.name == name {
			return e.body
		}
	}
	t.Fatal(name)
	return 0
}

type place struct {
	name               string
	header, body, next int64
}

// layout is read by another reader than ours.
func layout(t *testing.T, path string) []place {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []place
	for r, from := tar.NewReader(f), int64(0); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		p := place{h.Name, from, from + 512, from + 512 + (h.Size+511)/512*512}
		all, from = append(all, p), p.next
	}
}

func TestAByteThatWasFlippedIsNamedWithItsEntry(t *testing.T) {
	for _, sealed := range []bool{true, false} {
		path, _, _ := bundle(t, sealed)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		entries := layout(t, path)
		if len(entries) < 20 {
			t.Fatal(entries)
		}
		flip := func(pos int64, want string) {
			t.Helper()
			b := bytes.Clone(whole)
			b[pos] ^= 1
			os.WriteFile(path, b, 0o600)
			c, err := evidence.CheckBundle(t.Context(), path, evidence.CheckOptions{})
			if err != nil || c.Whole() {
				t.Fatalf("byte %d of %s was flipped and nothing is said: %v", pos, want, err)
			}
			if !slices.ContainsFunc(c.Faults, func(f evidence.Fault) bool { return f.Entry == want }) {
				t.Errorf("byte %d of %s was flipped: %+v", pos, want, c.Faults)
			}
		}
		for _, e := range entries {
			for _, in := range []int64{0, 99, 124, 134, 150, 156, 511} { // name, its end, size, checksum, type, the unused end
				if in > 0 || !strings.HasPrefix(e.name, "SHA256SUMS") { // which nothing lists
					flip(e.header+in, e.name)
				}
			}
			last := e.next - 1
			for last > e.body && whole[last] == 0 {
				last--
			}
			for _, pos := range []int64{e.body, (e.body + last) / 2, last, e.next - 1} {
				if pos < e.next && e.next > e.body {
					flip(pos, e.name)
				}
			}
		}
		for _, pos := range []int64{int64(len(whole)) - 1, int64(len(whole)) - 1024} {
			b := bytes.Clone(whole)
			b[pos] ^= 1
			os.WriteFile(path, b, 0o600)
			if c, err := evidence.CheckBundle(t.Context(), path, evidence.CheckOptions{}); err != nil || c.Whole() {
				t.Errorf("a byte of the end: %+v %v", c, err)
			}
		}
		for name, b := range map[string][]byte{"cut": whole[:len(whole)-700], "longer": append(bytes.Clone(whole), 0), "empty": nil} {
			os.WriteFile(path, b, 0o600)
			if c, err := evidence.CheckBundle(t.Context(), path, evidence.CheckOptions{}); err != nil || c.Whole() {
				t.Errorf("%s: %+v %v", name, c, err)
			}
		}
		os.WriteFile(path, whole, 0o600)
		if c, err := evidence.CheckBundle(t.Context(), path, evidence.CheckOptions{}); err != nil || !c.Whole() {
			t.Errorf("%+v %v", c, err)
		}
	}
}

func TestAnEntryThatWasRemovedAddedOrMovedIsNamed(t *testing.T) {
	path, _, _ := bundle(t, false)
	whole, _ := os.ReadFile(path)
	entries := layout(t, path)
	cut := func(p place) []byte { return whole[p.header:p.next] }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	a, b := entries[3], entries[4]
	for what, text := range map[string][]byte{
		"removed": join(whole[:a.header], whole[a.next:]),
		"moved":   join(whole[:a.header], cut(b), cut(a), whole[b.next:]),
		"twice":   join(whole[:b.next], cut(a), whole[b.next:]),
	} {
		os.WriteFile(path, text, 0o600)
		c, err := evidence.CheckBundle(t.Context(), path, evidence.CheckOptions{})
		if err != nil || c.Whole() || !slices.ContainsFunc(c.Faults, func(f evidence.Fault) bool { return f.Entry == a.name || what == "moved" && f.Entry == b.name }) {
			t.Errorf("%s %s: %+v %v", a.name, what, c.Faults, err)
		}
	}
}

func TestTheCustodyLogBesideABundleIsAChainThatBelongsToIt(t *testing.T) {
	path, _, _ := bundle(t, false)
	c, _ := evidence.CheckBundle(t.Context(), path, evidence.CheckOptions{})
	if err := evidence.AddCustody(path, c.SHA256, "ben", "given to the police"); err != nil {
		t.Fatal(err)
	}
	c, err := evidence.CheckBundle(t.Context(), path, evidence.CheckOptions{})
	if err != nil || !c.Whole() || len(c.Custody) < 4 || c.Custody[len(c.Custody)-1].Who != "ben" {
		t.Fatalf("%+v %v", c, err)
	}
	log := evidence.CustodyPath(path)
	text, _ := os.ReadFile(log)
	for i := range bytes.IndexByte(text, '\n') { // the last line is held by none that follows it
		b := bytes.Clone(text)
		b[i] ^= 1
		os.WriteFile(log, b, 0o600)
		if _, _, err := evidence.ReadCustody(path, c.SHA256); err == nil {
			t.Fatalf("byte %d of the log was changed: %s", i, b)
		}
	}
}

// Whoever hands a bundle over may have made it, and what stands beside it.
func TestNothingThatABundleSaysHoldsUpWhoeverChecksIt(t *testing.T) {
	path, _, _ := bundle(t, false)
	check := func(o evidence.CheckOptions) string {
		t.Helper()
		c, err := evidence.CheckBundle(t.Context(), path, o)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(c.Faults)
	}
	if said := check(evidence.CheckOptions{Most: 10_000}); !strings.Contains(said, "it was not unpacked") || strings.Contains(said, "changed") {
		t.Errorf("more than is unpacked: %s", said)
	}
	os.Remove(evidence.CustodyPath(path))
	if err := syscall.Mkfifo(evidence.CustodyPath(path), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := check(evidence.CheckOptions{}); !strings.Contains(said, "no file of a log's size") {
		t.Errorf("a pipe that nobody writes to: %s", said)
	}
}
