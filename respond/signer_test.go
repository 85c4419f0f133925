package respond

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestASignatureIsProvenBySSHKeygenAlone(t *testing.T) {
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	s, err := OpenSigner(dir)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := s.Sign("test", strings.NewReader("what is signed"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "sig")
	allowed := filepath.Join(dir, "allowed")
	os.WriteFile(file, sig, 0o600)
	os.WriteFile(allowed, []byte("interdict "+s.Public()+"\n"), 0o600)
	for text, want := range map[string]bool{"what is signed": true, "what is Signed": false} {
		c := exec.Command("ssh-keygen", "-Y", "verify", "-f", allowed, "-I", "interdict", "-n", "test", "-s", file)
		c.Stdin = strings.NewReader(text)
		out, err := c.CombinedOutput()
		if (err == nil) != want || want && !strings.Contains(string(out), s.Fingerprint()) {
			t.Errorf("%q: %v: %s", text, err, out)
		}
	}
	if public, fingerprint, err := CheckSignature("test", strings.NewReader("what is signed"), sig); err != nil || public != s.Public() && !strings.HasPrefix(s.Public(), public) || fingerprint != s.Fingerprint() {
		t.Errorf("%q %q %v", public, fingerprint, err)
	}
	made := exec.Command("ssh-keygen", "-Y", "sign", "-f", filepath.Join(dir, SignerFile), "-n", "test")
	made.Stdin = strings.NewReader("what is signed")
	theirs, err := made.Output()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := CheckSignature("test", strings.NewReader("what is signed"), theirs); err != nil {
		t.Errorf("ssh-keygen's own: %v\n%s", err, theirs)
	}
}

func TestASignatureForAnotherPurposeOrOfOtherBytesIsNone(t *testing.T) {
	s, err := OpenSigner(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	sig, _ := s.Sign("test", strings.NewReader("x"))
	if _, _, err := CheckSignature("other", strings.NewReader("x"), sig); !errors.Is(err, ErrSignature) {
		t.Error(err)
	}
	for i := range sig {
		flipped := append([]byte{}, sig...)
		flipped[i] ^= 1
		if _, _, err := CheckSignature("test", strings.NewReader("x"), flipped); err == nil {
			t.Errorf("byte %d flipped is taken: %s", i, flipped)
		}
	}
}

func TestAStateDirectoryHasOneKeyAndNobodyElseMayReadIt(t *testing.T) {
	dir := t.TempDir()
	var work sync.WaitGroup
	keys := make([]string, 8)
	for i := range keys {
		work.Go(func() {
			s, err := OpenSigner(dir)
			if err != nil {
				t.Error(err)
				return
			}
			keys[i] = s.Public()
		})
	}
	work.Wait()
	for _, k := range keys {
		if k == "" || k != keys[0] {
			t.Error(keys)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 2 {
		t.Error(left)
	}
	os.Chmod(filepath.Join(dir, SignerFile), 0o640)
	if _, err := OpenSigner(dir); err == nil {
		t.Error("a key that others may read is used")
	}
}
