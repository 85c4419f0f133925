package respond

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"
)

// SignerFile is the private key that this program signs with, in the state
// directory, as OpenSSH writes one; beside it is its public half, ".pub", to be
// given to whoever has to verify.
const SignerFile = "signing.key"

// Signer signs as `ssh-keygen -Y sign` does, so that `ssh-keygen -Y verify`
// proves it without this program. One state directory has one key.
type Signer struct{ key ssh.Signer }

// OpenSigner reads the key of a state directory, and makes it at first use. A
// key that others may read is refused.
func OpenSigner(dir string) (*Signer, error) {
	path := filepath.Join(dir, SignerFile)
	b, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeKey(path); err == nil {
			b, err = readKey(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	key, err := ssh.ParsePrivateKey(b)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", path, err)
	}
	return &Signer{key}, nil
}

func readKey(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s may be read by others (mode %04o): whoever did could sign in its name; make a new one", path, info.Mode().Perm())
	}
	return os.ReadFile(path)
}

// makeKey leaves a whole key or none; another program's key is never replaced.
func makeKey(path string) error {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(private, "interdict")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), SignerFile+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(pem.EncodeToMemory(block))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	err = os.Link(f.Name(), path)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil:
		return err
	}
	public, err := ssh.NewSignerFromKey(private)
	if err == nil {
		err = os.WriteFile(path+".pub", ssh.MarshalAuthorizedKey(public.PublicKey()), 0o644)
	}
	return err
}

// Public is the public key as one line of OpenSSH.
func (s *Signer) Public() string {
	return string(bytes.TrimSpace(ssh.MarshalAuthorizedKey(s.key.PublicKey())))
}

// Fingerprint is that of the public key: "SHA256:…".
func (s *Signer) Fingerprint() string { return ssh.FingerprintSHA256(s.key.PublicKey()) }

const sshsig = "SSHSIG"

// signedData is what is signed, as PROTOCOL.sshsig of OpenSSH has it.
func signedData(namespace string, r io.Reader) ([]byte, error) {
	h := sha512.New()
	if _, err := io.Copy(h, r); err != nil {
		return nil, err
	}
	return append([]byte(sshsig), ssh.Marshal(struct{ Namespace, Reserved, Algorithm, Hash string }{namespace, "", "sha512", string(h.Sum(nil))})...), nil
}

type signature struct {
	Version                                            uint32
	Key, Namespace, Reserved, HashAlgorithm, Signature string
}

// Sign gives an armoured signature. namespace says what is signed, so that a
// signature for one purpose is none for another.
func (s *Signer) Sign(namespace string, r io.Reader) ([]byte, error) {
	data, err := signedData(namespace, r)
	if err != nil {
		return nil, err
	}
	sig, err := signData(s.key, data)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	body := ssh.Marshal(signature{1, string(s.key.PublicKey().Marshal()), namespace, "", "sha512", string(ssh.Marshal(sig))})
	return armour(append([]byte(sshsig), body...)), nil
}

// signData signs with RSA as it is taken today.
func signData(key ssh.Signer, data []byte) (*ssh.Signature, error) {
	if s, ok := key.(ssh.AlgorithmSigner); ok && key.PublicKey().Type() == ssh.KeyAlgoRSA {
		return s.SignWithAlgorithm(rand.Reader, data, ssh.KeyAlgoRSASHA512)
	}
	return key.Sign(rand.Reader, data)
}

// armour is base64 in lines of 70 characters, as ssh-keygen writes it.
func armour(b []byte) []byte {
	const width = 70
	out, text := []byte("-----BEGIN SSH SIGNATURE-----\n"), base64.StdEncoding.EncodeToString(b)
	for len(text) > 0 {
		n := min(width, len(text))
		out, text = append(append(out, text[:n]...), '\n'), text[n:]
	}
	return append(out, "-----END SSH SIGNATURE-----\n"...)
}

// ErrSignature: a signature is none, or of something else.
var ErrSignature = errors.New("the signature does not hold")

// CheckSignature gives the key that signed, as one line of OpenSSH, and its
// fingerprint. Whether that key is one to believe is the caller's to know.
func CheckSignature(namespace string, r io.Reader, armoured []byte) (public, fingerprint string, err error) {
	key, err := signedBy(namespace, r, armoured)
	if err != nil {
		return "", "", err
	}
	if key.Type() != ssh.KeyAlgoED25519 {
		return "", "", fmt.Errorf("%w: not by an ed25519 key", ErrSignature)
	}
	return string(bytes.TrimSpace(ssh.MarshalAuthorizedKey(key))), ssh.FingerprintSHA256(key), nil
}

// signedBy gives the key that signed, of whatever kind it is.
func signedBy(namespace string, r io.Reader, armoured []byte) (ssh.PublicKey, error) {
	block, rest := pem.Decode(armoured)
	if block == nil || len(rest) > 0 || !bytes.Equal(armour(block.Bytes), armoured) {
		return nil, fmt.Errorf("%w: it is not what ssh-keygen -Y sign writes", ErrSignature)
	}
	var s signature
	body, ok := bytes.CutPrefix(block.Bytes, []byte(sshsig))
	if err := ssh.Unmarshal(body, &s); !ok || err != nil || s.Version != 1 || s.HashAlgorithm != "sha512" || s.Reserved != "" {
		return nil, fmt.Errorf("%w: it is of a form that is not known here", ErrSignature)
	}
	if s.Namespace != namespace {
		return nil, fmt.Errorf("%w: it was made for %q", ErrSignature, s.Namespace)
	}
	key, err := ssh.ParsePublicKey([]byte(s.Key))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if _, is := key.(*ssh.Certificate); is {
		return nil, fmt.Errorf("%w: it was made with a certificate; sign with the key itself", ErrSignature)
	}
	var sig ssh.Signature
	if err := ssh.Unmarshal([]byte(s.Signature), &sig); err != nil || sig.Format == ssh.KeyAlgoRSA { // with SHA-1
		return nil, fmt.Errorf("%w: its algorithm is not taken", ErrSignature)
	}
	data, err := signedData(namespace, r)
	if err != nil {
		return nil, err
	}
	if err := key.Verify(data, &sig); err != nil {
		return nil, fmt.Errorf("%w: it is of other bytes", ErrSignature)
	}
	return key, nil
}
