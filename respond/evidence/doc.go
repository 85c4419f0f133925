// Package evidence takes what a host can say of a process and of itself, and
// seals it: a [respond.Action] that changes nothing on the host.
//
// Everything on the host is one constant script, which reads what is to be
// taken from its standard input and streams what it found; nothing is written
// there. What is most volatile is taken first (RFC 3227). What was taken is
// hashed as it comes and goes, encrypted where there are recipients, straight
// into the bundle: nothing secret is ever on this machine's disk in the clear.
//
// A bundle is a tar archive. SHA256SUMS in it lists every other entry, and
// SHA256SUMS.sig signs that list, so that `sha256sum`, `ssh-keygen -Y verify`,
// `age` and `gunzip` prove it and open it without this program: docs/evidence.md.
//
// Promises:
//   - A bundle has its final name only when it is whole, signed and flushed. One
//     that was cut short is a .partial beside it, and Apply with the
//     same plan goes on with it.
//   - What could not be taken, was cut or came too late is in the manifest, with
//     the reason. A process that was asked for is never confused with another
//     one that has its number.
//   - Contents (open files, transferred files, memory, packets) are taken only for
//     recipients, by a named approver, into the configured store.
package evidence
