// Package reach says which credentials of a host a process could reach: keys,
// agents, tokens, cloud and cluster accounts, by name and fingerprint.
//
// One constant POSIX script looks, here and on other hosts alike. No secret
// leaves the host, is written anywhere or reaches this program: of a key comes its
// public fingerprint, of a token its subject and end, of a file with settings
// the names of the variables that hold secrets.
//
// What the script sees was left there by whoever may write it, so it is as
// hostile as the owner of those files. A path with control characters is left out.
package reach
