package playbooks

import (
	"context"
	"fmt"
	"time"

	"interdict/detect"
)

// ClosedLike is what an exception would have hidden of the alerts that people
// closed, at whatever console.
type ClosedLike struct {
	Closed  int // in all
	Hidden  int // of them the exception fits
	Thefts  int // of these were closed as such
	Unknown int // of Closed: nothing is kept that could be compared
}

// ClosedLike counts over what was closed since a time.
func (s *Cases) ClosedLike(ctx context.Context, x *detect.Exception, since time.Time) (n ClosedLike, err error) {
	_, err = s.docs.Changes(ctx, AlertDocuments, "", func(id, _ string, body []byte) error {
		d, err := readAlert(id, body)
		if err != nil || d.Triage.State != Closed || d.Triage.At.Before(since) {
			return nil // what a newer program wrote is left out, as everywhere
		}
		n.Closed++
		switch {
		case d.About == nil:
			n.Unknown++
		case x.FitsFields(d.About):
			n.Hidden++
			if d.Triage.Reason == TruePositive {
				n.Thefts++
			}
		}
		return nil
	})
	return n, err
}

// String is "would have hidden 14 of 31 alerts closed in 14 d, of them 1 closed as true positive".
func (n ClosedLike) String() string {
	s := fmt.Sprintf("would have hidden %d of %s closed in 14 d", n.Hidden, plural(int64(n.Closed), "alert"))
	if n.Thefts > 0 {
		s += fmt.Sprintf(", of them %d closed as %s", n.Thefts, TruePositive)
	}
	if n.Unknown > 0 {
		s += fmt.Sprintf("; of %d nothing is kept to compare", n.Unknown)
	}
	return s
}
