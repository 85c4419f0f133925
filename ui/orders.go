package ui

import (
	"interdict/respond"
	"interdict/respond/isolate"
	"interdict/respond/process"
)

// FromOrder makes an action again from what was asked for; false for a kind that
// this program does not know.
func FromOrder(kind string, order []byte) (respond.Action, bool) {
	if a, ok := process.FromOrder(kind, order); ok {
		return a, true
	}
	return isolate.FromOrder(kind, order)
}

// TakenBack is the kind of change that a kind takes back; "" for none.
func TakenBack(kind string) string {
	return map[string]string{isolate.KindRelease: isolate.KindIsolate, isolate.KindUnblock: isolate.KindBlock, process.KindResume: process.KindFreeze}[kind]
}

// Queues tells whether a kind of change can wait for a host that is down. One
// that names processes cannot: the host may have been started again by then.
func Queues(kind string) bool {
	return kind == isolate.KindIsolate || kind == isolate.KindBlock || kind == isolate.KindRelease || kind == isolate.KindUnblock
}
