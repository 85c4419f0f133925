package respond

import (
	"bytes"
	"slices"

	"golang.org/x/crypto/ssh"
)

// Approval is a second person's yes to what a proposal says.
type Approval struct {
	By        string `json:"by"`        // as the list of signers calls them
	Key       string `json:"key"`       // fingerprint: "SHA256:…"
	Proposal  Hash   `json:"proposal"`  // SHA-256 of the document that was signed
	Signature string `json:"signature"` // as `ssh-keygen -Y sign -n interdict` makes it
}

// Namespace keeps a signature that was made for something else from counting here.
const Namespace = "interdict"

// Codes of refusals that concern the second person.
const (
	CodeNotSigned  = "not-signed"
	CodeSameKey    = "same-key"
	CodeSamePerson = "same-person"
	CodeUnknownKey = "signer-unknown"
)

// Sign signs a proposal with a person's own key, as `ssh-keygen -Y sign -n interdict` does.
func Sign(key ssh.Signer, document []byte) ([]byte, error) {
	return (&Signer{key}).Sign(Namespace, bytes.NewReader(document))
}

// Approve checks a second person's signature under a proposal: by a key of the
// list, which is none that those who act had at hand, and none that the list has
// for their names.
func (s Signers) Approve(document, signature []byte, acting ...Person) (*Approval, error) {
	key, err := signedBy(Namespace, bytes.NewReader(document), signature)
	if err != nil {
		return nil, Refuse(CodeNotSigned, "the signature of a second person: %v", err)
	}
	print := ssh.FingerprintSHA256(key)
	by, err := s.Who(key)
	if err != nil {
		return nil, Refuse(CodeUnknownKey, "the proposal is signed with %s: %v", print, err)
	}
	for _, p := range acting {
		if slices.Contains(p.Keys, print) {
			return nil, Refuse(CodeSameKey, "the signature is by a key of %s, who acts (%s): a second person signs", p.Actor.User, print)
		}
		if slices.Contains(s.Of(p.Actor), print) {
			return nil, Refuse(CodeSamePerson, "%s signed, and %s acts: a second person signs", by, p.Actor.User)
		}
	}
	return &Approval{By: by, Key: print, Proposal: SumOf(document), Signature: string(signature)}, nil
}
