package respond

import "context"

// Asker asks the person at the terminal while a host is being connected to.
// Texts in questions may be hostile. Implementations are safe for concurrent use.
type Asker interface {
	// Trust asks whether a host key that nothing vouches for is the host's own.
	Trust(ctx context.Context, q UnknownKey) (bool, error)
	// Secret asks for one line of text.
	Secret(ctx context.Context, q SecretQuestion) ([]byte, error)
}

// UnknownKey is a host key that no file knows.
type UnknownKey struct {
	Host        string // the inventory's name, with the jump host's where it is one
	Address     string // as dialled
	Type        string // "ssh-ed25519"
	Fingerprint string // "SHA256:…", as ssh-keygen -l prints it
	File        string // where it is kept when the answer is yes
}

// SecretQuestion asks for one line of text.
type SecretQuestion struct {
	Host  string
	For   string // "password of ana", "passphrase of /home/ana/.ssh/id_ed25519", "sudo password of ana"
	Text  string // what the host itself asks; hostile
	Shown bool   // what is typed may be shown
}
