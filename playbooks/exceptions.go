package playbooks

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"interdict/detect"
)

// KnownException is an exception with what became of it.
type KnownException struct {
	detect.Exception
	EndedBy string    // who ended it before its time; "": nobody
	EndedAt time.Time // zero: nobody did
	Hidden  int64     // findings that it has hidden
	Last    time.Time // when it last hid one; zero: never
}

// InForce tells whether it acts at now.
func (x *KnownException) InForce(now time.Time) bool {
	return x.EndedAt.IsZero() && (x.Expires.IsZero() || now.Before(x.Expires))
}

// What an exception is at some time. Those that end soon and those that were never of
// use are to be looked at.
const (
	ExceptionInForce   = "in force"
	ExceptionEnded     = "ended"
	ExceptionExpired   = "expired"
	ExceptionEndsSoon  = "ends soon"
	ExceptionNeverUsed = "never used"

	endsSoon  = 3 * 24 * time.Hour
	neverUsed = 14 * 24 * time.Hour
)

// State is one of these.
func (x *KnownException) State(now time.Time) string {
	switch {
	case !x.EndedAt.IsZero():
		return ExceptionEnded
	case !x.InForce(now):
		return ExceptionExpired
	case !x.Expires.IsZero() && x.Expires.Sub(now) < endsSoon:
		return ExceptionEndsSoon
	case x.Last.IsZero() && now.Sub(x.Created) > neverUsed:
		return ExceptionNeverUsed
	}
	return ExceptionInForce
}

// Except keeps an exception and names it. Its reason, author and end must be said.
func (s *Cases) Except(ctx context.Context, x detect.Exception, by string) (detect.Exception, error) {
	if by == "" || strings.TrimSpace(x.Reason) == "" {
		return x, errors.New("an exception needs somebody who says why")
	}
	if x.Expires.IsZero() {
		return x, errors.New("an exception needs an end")
	}
	var id [6]byte
	rand.Read(id[:]) // never fails
	x.ID, x.Author, x.Created = hex.EncodeToString(id[:]), by, s.now().UTC()
	if err := x.Check(); err != nil {
		return x, err
	}
	return x, s.excepted(ctx, x.ID, by, func(d *exceptionDocument) (string, string, error) {
		body, err := json.Marshal(&x)
		d.Exception = body
		return "exception", x.Reason, err
	})
}

// EndException ends one before its time. What it hid shows up again.
func (s *Cases) EndException(ctx context.Context, id, by string) error {
	return s.excepted(ctx, id, by, func(d *exceptionDocument) (string, string, error) {
		if d.Exception == nil || d.Ended != nil {
			return "", "", fmt.Errorf("there is no exception %s in force", id)
		}
		d.Ended = &ending{by, s.now().UTC()}
		return "exception ended", "", nil
	})
}

// RenewException has one go on until another day. One that has ended stays ended.
func (s *Cases) RenewException(ctx context.Context, id, by string, until time.Time) error {
	return s.excepted(ctx, id, by, func(d *exceptionDocument) (string, string, error) {
		var x detect.Exception
		if d.Exception == nil || d.Ended != nil {
			return "", "", fmt.Errorf("there is no exception %s in force", id)
		}
		if err := json.Unmarshal(d.Exception, &x); err != nil {
			return "", "", err
		}
		if !until.After(s.now()) {
			return "", "", errors.New("an exception needs an end that is to come")
		}
		x.Expires = until.UTC()
		body, err := json.Marshal(&x)
		d.Exception = body
		return "exception renewed", "until " + x.Expires.Format(time.DateOnly), err
	})
}

// exceptionDocument is an exception as it is kept.
type exceptionDocument struct {
	V         int             `json:"v"`
	Exception json.RawMessage `json:"exception"`
	Ended     *ending         `json:"ended,omitempty"`
	Log       []logged        `json:"log"`
}

type ending struct {
	By string    `json:"by"`
	At time.Time `json:"at"`
}

// excepted changes what is kept of an exception and logs it.
func (s *Cases) excepted(ctx context.Context, id, by string, f func(*exceptionDocument) (kind, text string, err error)) error {
	return Change(ctx, s.docs, ExceptionDocuments, id, func(body []byte) ([]byte, error) {
		d := exceptionDocument{}
		if body != nil {
			if err := readDocument(ExceptionDocuments, id, body, &d); err != nil {
				return nil, err
			}
		}
		kind, text, err := f(&d)
		if err != nil {
			return nil, err
		}
		d.V = documentVersion
		d.Log = append(d.Log, logged{NewID(), Note{By: by, Kind: kind, Text: text, At: s.now().UTC()}})
		return json.Marshal(d)
	})
}

// Hid notes that an exception hides a finding, once for both.
func (s *Cases) Hid(ctx context.Context, exception, alert string) error {
	_, err := s.db.ExecContext(ctx, `INSERT OR IGNORE INTO case_hidden (exception, alert, at) VALUES (?, ?, ?)`, exception, alert, stamp(s.now()))
	return err
}

// Exceptions reads all that were ever made, the newest first. One that cannot be
// read is told of in the error and left out: what it hid is shown. What they have
// hidden is counted by each state directory for itself.
func (s *Cases) Exceptions(ctx context.Context) ([]KnownException, error) {
	hidden, err := s.hidden(ctx)
	if err != nil {
		return nil, err
	}
	var out []KnownException
	var wrong []error
	_, err = s.docs.Changes(ctx, ExceptionDocuments, "", func(id, _ string, body []byte) error {
		var d exceptionDocument
		err := readDocument(ExceptionDocuments, id, body, &d)
		x := KnownException{Hidden: hidden[id].n, Last: hidden[id].last}
		if err == nil {
			err = json.Unmarshal(d.Exception, &x.Exception)
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("exception %s is not applied: %w", id, err))
			return nil
		}
		x.ID = id
		if d.Ended != nil {
			x.EndedBy, x.EndedAt = d.Ended.By, d.Ended.At
		}
		out = append(out, x)
		return nil
	})
	slices.SortStableFunc(out, func(a, b KnownException) int { return b.Created.Compare(a.Created) })
	return out, errors.Join(append(wrong, err)...)
}

// tally is what an exception has hidden, and when last.
type tally struct {
	n    int64
	last time.Time
}

func (s *Cases) hidden(ctx context.Context) (map[string]tally, error) {
	type row struct {
		id string
		tally
	}
	rows, err := collect(ctx, s.db, func(r scanner) (out row, err error) {
		var last string
		err = r.Scan(&out.id, &out.n, &last)
		out.last, _ = time.Parse(time.RFC3339Nano, last) // what stamp did not write is no time
		return out, err
	}, `SELECT exception, COUNT(*), MAX(at) FROM case_hidden GROUP BY exception`)
	out := make(map[string]tally, len(rows))
	for _, r := range rows {
		out[r.id] = r.tally
	}
	return out, err
}
