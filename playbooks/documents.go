package playbooks

import "context"

// Documents is a small store of JSON documents that several programs change at
// once: one database file of this machine ([LocalDocuments]), or a cluster that
// several analysts share. It knows nothing of what a document means.
//
// A document is one JSON object, whole: a case, an exception. What is said of it
// later is put into it by reading, changing and writing, and whoever finds that
// somebody else wrote meanwhile reads again and decides anew ([Change] does so).
// So that what two consoles said while they could not hear one another can be
// put together (see [Merge]), a list in a document is a log: its elements are
// objects, each with an "id" that no other element ever has ([NewID]), and an
// object is changed name by name. A document with a "uid" is never put together
// with one that has another: who comes later finds another id for theirs.
//
// A kind is a name of small letters, an id 1 to 512 bytes of printable ASCII. A
// document is 8 MiB at most and is never deleted.
type Documents interface {
	// Read gives a document and its version; version "": there is none.
	Read(ctx context.Context, kind, id string) (body []byte, version string, err error)

	// Write stores a document if its version is still the given one; "": if there is
	// none yet. ok tells whether it was stored; if not, somebody else wrote
	// meanwhile and nothing has changed.
	Write(ctx context.Context, kind, id string, body []byte, version string) (next string, ok bool, err error)

	// Changes gives each document of a kind that was written since a mark, "" being
	// the beginning, in its newest version, and the mark to go on from. A document
	// may come again though it did not change.
	Changes(ctx context.Context, kind, since string, each func(id, version string, body []byte) error) (mark string, err error)
}

// The kinds of documents.
const (
	AlertDocuments     = "alerts"     // what was said about an alert, by the alert's id
	CaseDocuments      = "cases"      // a case, whole: its alerts, its log, its tasks
	ExceptionDocuments = "exceptions" // by the exception's id
	HeadDocuments      = "heads"      // how far the journals of consoles were, written once each
)
