package respond

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

// Ordered is an action that can be made again from what was asked for, before
// there is a plan: on a host that is down now, or that failed.
type Ordered interface {
	Action
	// Order is what was asked for; whoever made the action can read it.
	Order() ([]byte, error)
}

// Order is a change that was asked for and not made.
type Order struct {
	ID       int64
	Host     string
	Kind     string
	Body     []byte    // as Ordered gives it
	Actor    Actor     // who asked
	Approval *Approval // by a second person, where one was needed
	Run      string    // the same for all hosts of one command
	Why      string    // it was not made
	Until    time.Time // until when it is made once the host is up; zero: only when it is asked for again
	Made     time.Time
}

// Queued tells whether it is made by itself.
func (o Order) Queued(now time.Time) bool { return o.Until.After(now) }

// Orders keeps what was asked for and not made. It owns the tables orders_* of
// the database.
type Orders struct{ db *sql.DB }

var orderSteps = []string{
	`CREATE TABLE orders_open (
		id       INTEGER PRIMARY KEY,
		host     TEXT NOT NULL,
		kind     TEXT NOT NULL,
		body     BLOB NOT NULL,
		actor    BLOB NOT NULL,
		approval BLOB NOT NULL,
		run      TEXT NOT NULL,
		why      TEXT NOT NULL,
		until    INTEGER NOT NULL,
		made     INTEGER NOT NULL,
		taken    INTEGER NOT NULL DEFAULT 0
	) STRICT`,
}

// keptFor is how long an order is kept after it expired, or was not made.
const keptFor = 7 * 24 * time.Hour

// OpenOrders brings the table up to date and deletes what is old.
func OpenOrders(ctx context.Context, db *sql.DB) (*Orders, error) {
	err := Transact(ctx, db, func(c *sql.Conn) error {
		if err := Migrate(ctx, c, "orders_schema", orderSteps); err != nil {
			return err
		}
		return forgetOrders(ctx, c)
	})
	if err != nil {
		return nil, fmt.Errorf("orders: %w", damaged(err))
	}
	return &Orders{db}, nil
}

func forgetOrders(ctx context.Context, c *sql.Conn) error {
	_, err := c.ExecContext(ctx, `DELETE FROM orders_open WHERE MAX(until, made) <= ?`, time.Now().Add(-keptFor).Unix())
	return err
}

// Keep adds what was not made; those of the same change on the same host that
// were there before are replaced, and what is old is deleted.
func (q *Orders) Keep(ctx context.Context, orders ...Order) error {
	err := Transact(ctx, q.db, func(c *sql.Conn) error {
		if err := forgetOrders(ctx, c); err != nil {
			return err
		}
		for _, o := range orders {
			actor, err := json.Marshal(o.Actor)
			if err != nil {
				return err
			}
			approval, err := json.Marshal(o.Approval)
			if err != nil {
				return err
			}
			if _, err := c.ExecContext(ctx, `DELETE FROM orders_open WHERE host = ? AND kind = ? AND body = ?`, o.Host, o.Kind, []byte(o.Body)); err != nil {
				return err
			}
			if _, err := c.ExecContext(ctx, `INSERT INTO orders_open (host, kind, body, actor, approval, run, why, until, made) VALUES (?,?,?,?,?,?,?,?,?)`,
				o.Host, o.Kind, []byte(o.Body), actor, approval, o.Run, o.Why, unixOf(o.Until), time.Now().Unix()); err != nil {
				return err
			}
		}
		return nil
	})
	return wrapOrders(err)
}

// All are those that are kept, oldest first. What expired a week ago is not.
func (q *Orders) All(ctx context.Context) ([]Order, error) {
	rows, err := q.db.QueryContext(ctx, `SELECT id, host, kind, body, actor, approval, run, why, until, made FROM orders_open WHERE MAX(until, made) > ? ORDER BY id`,
		time.Now().Add(-keptFor).Unix())
	if err != nil {
		return nil, wrapOrders(err)
	}
	defer rows.Close()
	var all []Order
	for rows.Next() {
		var o Order
		var body, actor, approval []byte
		var until, made int64
		if err := rows.Scan(&o.ID, &o.Host, &o.Kind, &body, &actor, &approval, &o.Run, &o.Why, &until, &made); err != nil {
			return nil, wrapOrders(err)
		}
		if err := json.Unmarshal(actor, &o.Actor); err != nil {
			return nil, wrapOrders(err)
		}
		if err := json.Unmarshal(approval, &o.Approval); err != nil {
			return nil, wrapOrders(err)
		}
		o.Body, o.Made = body, time.Unix(made, 0).UTC()
		if until > 0 {
			o.Until = time.Unix(until, 0).UTC()
		}
		all = append(all, o)
	}
	return all, wrapOrders(rows.Err())
}

// Take claims an order for a time, so that two programs do not make it at once;
// false when another one has it, or it is gone.
func (q *Orders) Take(ctx context.Context, id int64, span time.Duration) (bool, error) {
	now := time.Now()
	r, err := q.db.ExecContext(ctx, `UPDATE orders_open SET taken = ? WHERE id = ? AND taken < ?`, now.Add(span).Unix(), id, now.Unix())
	if err != nil {
		return false, wrapOrders(err)
	}
	n, err := r.RowsAffected()
	return n == 1, wrapOrders(err)
}

// End says what became of an order that was taken: made, or given up (why), or
// to be tried again while it is queued.
func (q *Orders) End(ctx context.Context, o Order, made bool, why string, again bool) error {
	var err error
	switch {
	case made:
		_, err = q.db.ExecContext(ctx, `DELETE FROM orders_open WHERE id = ?`, o.ID)
	case again:
		_, err = q.db.ExecContext(ctx, `UPDATE orders_open SET taken = 0, why = ? WHERE id = ?`, why, o.ID)
	default:
		_, err = q.db.ExecContext(ctx, `UPDATE orders_open SET taken = 0, until = 0, why = ? WHERE id = ?`, why, o.ID)
	}
	return wrapOrders(err)
}

// Drop forgets orders on a host: of a kind ("": of all), and of what was asked
// for (nil: whatever it was).
func (q *Orders) Drop(ctx context.Context, host, kind string, body []byte) (int64, error) {
	r, err := q.db.ExecContext(ctx, `DELETE FROM orders_open WHERE host = ?1 AND (?2 = '' OR kind = ?2) AND (?3 IS NULL OR body = ?3)`, host, kind, body)
	if err != nil {
		return 0, wrapOrders(err)
	}
	n, err := r.RowsAffected()
	return n, wrapOrders(err)
}

func unixOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func wrapOrders(err error) error {
	if err != nil {
		return fmt.Errorf("orders: %w", damaged(err))
	}
	return nil
}
