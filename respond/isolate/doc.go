// Package isolate cuts a host, or one destination, off the network, proves
// that it is cut off, and gives it back as it was.
//
// What is loaded is one list of rules (see [rules]) that four renderers write:
// nftables for the inet and the netdev family, iptables for IPv4 and IPv6. The
// filter is stateless, so that nothing that was established before passes, and
// it is loaded in one transaction.
//
// Promises:
//   - Everything variable in a rule set is an address, a port or a number that
//     this package formatted, or a name of a closed alphabet. It reaches the host
//     on standard input.
//   - The host restores itself when it is not told in time that a new login
//     works; that needs neither the console nor the network. What stays then is
//     the block of the alert's destinations, unless that would cut the manager.
//   - Only tables, chains and files named interdict are changed. What others
//     change meanwhile is listed, never reverted.
//   - What a host says is text from a host that may be hostile: it is parsed
//     into the types above or shown, never run.
//
// It never resolves a name, dials a host or chooses one.
package isolate
