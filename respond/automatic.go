package respond

import (
	"context"
	"fmt"
	"time"
)

// AutoQueue is Actor.Auto of what a person asked for and a queue made later.
const AutoQueue = "the queue"

// ByItself tells whether no person asked for it.
func (a Actor) ByItself() bool { return a.Auto != "" && a.Auto != AutoQueue }

// Automatic counts the changes that were begun by themselves since a moment, by
// any program on this journal: what a breaker goes by.
func (j *Journal) Automatic(ctx context.Context, since time.Time) (n int, err error) {
	err = j.db.QueryRowContext(ctx, `SELECT COUNT(DISTINCT op) FROM journal_entries WHERE phase = ? AND wall >= ?
		AND COALESCE(json_extract(actor, '$.auto'), '') NOT IN ('', ?)`, string(Applying), since.UTC().Format(time.RFC3339Nano), AutoQueue).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("journal: %w", damaged(err))
	}
	return n, nil
}
