// Package sqlstore is what the two databases do alike: every operation of
// [store.Store] in SQL that SQLite and PostgreSQL both read.
//
// It owns the statements, the order in which rows are locked and the form of
// what is kept. It opens no database, knows no driver and starts no goroutine:
// the packages beside it bring a [DB], their migrations and the rest of the
// contract (Ping and Close).
//
// Times are microseconds since the Unix epoch, snowflakes the same 64 bits as
// a signed number. Each writing transaction locks the row of its tenant first,
// so the changes of one tenant come one after the other and its counts are
// exact; one that touches several tenants locks them in the order of their ids.
//
// See RATIONALE.md, "Why both databases run the same statements".
package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/template-worker/template-worker/internal/store"
)

// DB runs transactions. Each method returns f's error, or why the transaction
// could not be begun or committed; store.ErrClosed after the end. f may be run
// by another goroutine, once, before the method returns.
type DB interface {
	// One runs f, which makes a single query, without more of a transaction than that query is.
	One(ctx context.Context, f func(Tx) error) error
	// View runs f in a reading transaction: all its queries see one state.
	View(ctx context.Context, f func(Tx) error) error
	// Update runs f in a writing transaction, which is durable when it returns nil.
	Update(ctx context.Context, f func(Tx) error) error
}

// Tx is a transaction. Placeholders are $1, $2 and so on. A Rows must be closed before
// the next call.
type Tx interface {
	Exec(ctx context.Context, query string, args ...any) (affected int64, err error)
	// Row's Scan returns an error that is sql.ErrNoRows when there is no row.
	Row(ctx context.Context, query string, args ...any) Scanner
	Query(ctx context.Context, query string, args ...any) (Rows, error)
}

// Scanner reads one row.
type Scanner interface{ Scan(dest ...any) error }

// Rows reads rows one after the other.
type Rows interface {
	Scanner
	Next() bool
	Err() error
	Close()
}

// Dialect is where the databases differ.
type Dialect struct {
	// ForUpdate stands after a SELECT that locks what it reads; empty where there
	// is one writer.
	ForUpdate string
	// SkipLocked stands after a SELECT that locks what nobody else has locked.
	SkipLocked string
}

// Store does the operations. The packages of the databases embed it.
type Store struct {
	db  DB
	sql dialectSQL
}

// New returns the operations over db.
func New(db DB, d Dialect) *Store {
	return &Store{db: db, sql: dialectSQL{
		lockTenant: lockTenantSQL + d.ForUpdate,
		forget:     forgetSQL + d.SkipLocked + forgetEndSQL,
	}}
}

// dialectSQL is the statements that the dialect changes.
type dialectSQL struct{ lockTenant, forget string }

// never is the expires_at of a row that stays, a constant in statements so that
// the index of what expires can leave such rows out.
const never = math.MaxInt64

const neverSQL = "9223372036854775807"

// each calls f for every row and closes rows.
func each(rows Rows, f func() error) error {
	defer rows.Close()
	for rows.Next() {
		if err := f(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// notFound turns "no rows" into the contract's error.
func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return store.ErrNotFound
	}
	return err
}

// jsonText writes strings as a JSON array. Equal lists give equal texts.
func jsonText(list []string) string {
	if len(list) == 0 {
		return "[]"
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic("BUG: a list of strings has a JSON form: " + err.Error())
	}
	return string(text)
}

func readTexts(what, text string) ([]string, error) {
	list := []string{}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("decode %s: %w", what, err)
	}
	return list, nil
}

func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

func nowMicros() int64 { return store.Now().UnixMicro() }
