// Package sourcetest is the one conformance suite that every [sources.Source]
// and [sources.History] passes. An adapter's test hands it constructors and
// what it expects; the suite checks the promises of package sources.
package sourcetest
