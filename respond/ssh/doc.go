// Package ssh is a host behind SSH: it runs constant scripts there, and nothing else.
//
// Promises:
//   - A host is dialled only as its [Target] says. Its key is checked against
//     known_hosts (plain, hashed, several types, authorities, revoked), at every
//     jump too. A key that is unknown is refused unless a person says yes to its
//     fingerprint; one that changed is refused always.
//   - Every run is one exec of a constant command line. Whatever varies goes to
//     its standard input. No terminal, no agent forwarding, no environment.
//   - Everything ends: each phase has a bound (TCP, version, key exchange,
//     login, session, run), and a connection that stays silent is given up.
//     Time that a person takes to answer is not counted.
//   - All runs on a host share one connection, which is kept warm, and no more
//     sessions are open on it than the host allows.
//   - Output is hostile: it is bounded and comes back as bytes.
//   - Passwords are in memory only. One for sudo is sent when sudo asks for it,
//     never before, and once: a wrong one is not tried twice.
//
// Login shells that are no relative of sh (csh, tcsh) do not take the command
// line; that is told from the missing first line of output, never guessed.
package ssh
