package ssh

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"interdict/respond"
)

// Phase is how far a connection or a run had come.
type Phase string

// The phases, in order.
const (
	Connecting Phase = "connecting"
	Version    Phase = "waiting for its version"
	Exchange   Phase = "exchanging keys"
	Login      Phase = "logging in"
	Session    Phase = "opening a session"
	Running    Phase = "running"
)

// Error is why a host could not be reached or a run did not end well.
type Error struct {
	Host  string
	Phase Phase
	Err   error
	Hint  string // what a person can do about it; ""
}

// Error names host, phase and cause.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %s: %v", e.Host, e.Phase, e.Err)
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is tells a host that could not be reached from one that could, and then failed.
func (e *Error) Is(target error) bool {
	return target == respond.ErrUnreachable && (e.Phase == Connecting || e.Phase == Version || e.Phase == Exchange)
}

// Causes that callers and tests tell apart.
var (
	ErrSilent  = errors.New("it did not answer in time")
	ErrLost    = errors.New("the connection was lost")
	ErrFlood   = errors.New("it sent far more than was asked for")
	ErrNoShell = errors.New("the login shell did not run the script")
	ErrNoRoot  = errors.New("sudo does not let this login run it as root")
	ErrNoEnd   = errors.New("it closed the session without saying how the script ended")
	ErrTimeout = fmt.Errorf("the script did not end in time: %w", context.DeadlineExceeded)
)

// Codes of refusals that concern host keys.
const (
	CodeUnknownKey = "host-key-unknown"
	CodeChangedKey = "host-key-changed"
	CodeRevokedKey = "host-key-revoked"
)

func refuseKey(code, format string, args ...any) error {
	return respond.Refuse(code, format, args...)
}

// silent is ErrSilent with its bound.
func silent(after time.Duration) error { return fmt.Errorf("%w (%s)", ErrSilent, after) }

// line is the first line of what a host wrote, bounded.
func line(b []byte) string {
	text, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "…"
	}
	return text
}
