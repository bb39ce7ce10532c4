// Package postgres is a [store.Store] in a PostgreSQL database, for
// installations that outgrow one machine's file.
//
// It owns the connections and the schema; what is asked of the database is
// sqlstore's. Every change is a transaction that is durable when it returns, as
// long as the server's synchronous_commit and fsync are on. The schema is
// brought up to date when the database is opened; several programs may do so at once.
//
// Errors never hold the database's address, which carries a password.
package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/template-worker/template-worker/internal/store"
	"github.com/template-worker/template-worker/internal/store/migrations"
	"github.com/template-worker/template-worker/internal/store/sqlstore"
)

// connections is how many connections are opened at most, unless the address says pool_max_conns.
const connections = 16

//go:embed migrations/*.sql
var embedded embed.FS

// files are the migrations.
var files = func() fs.FS {
	sub, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return sub
}()

// Store implements [store.Store]. Make one with Open.
type Store struct {
	*sqlstore.Store
	db *database
}

var _ store.Store = (*Store)(nil)

// Open connects to the database at address, a postgres:// URL, and applies the
// migrations that it lacks. The caller closes the store. log hears of applied migrations only.
func Open(ctx context.Context, address string, log *slog.Logger) (*Store, error) {
	pool, _, err := open(ctx, address, log)
	if err != nil {
		return nil, fmt.Errorf("open PostgreSQL database: %w", err)
	}
	db := &database{pool: pool}
	return &Store{
		Store: sqlstore.New(db, sqlstore.Dialect{ForUpdate: " FOR UPDATE", SkipLocked: " FOR UPDATE SKIP LOCKED"}),
		db:    db,
	}, nil
}

// Migrate brings the database up to date and returns the names of the migrations that it applied.
func Migrate(ctx context.Context, address string, log *slog.Logger) ([]string, error) {
	pool, applied, err := open(ctx, address, log)
	if err != nil {
		return nil, fmt.Errorf("migrate PostgreSQL database: %w", err)
	}
	pool.Close()
	return applied, nil
}

// existsSQL tells whether a migration was ever applied.
const existsSQL = `SELECT 1 WHERE to_regclass('goose_db_version') IS NOT NULL`

// Status lists the migrations of this program and which of them the database has. It changes nothing.
func Status(ctx context.Context, address string) ([]migrations.State, error) {
	pool, err := connect(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("read the schema of the PostgreSQL database: %w", err)
	}
	defer pool.Close()
	db := stdlib.OpenDBFromPool(pool)
	list, err := migrations.Status(ctx, db, existsSQL, files)
	if err := errors.Join(err, db.Close()); err != nil {
		return nil, fmt.Errorf("read the schema of the PostgreSQL database: %w", err)
	}
	return list, nil
}

// open returns connections to a migrated database, and the names of the applied migrations.
func open(ctx context.Context, address string, log *slog.Logger) (*pgxpool.Pool, []string, error) {
	pool, err := connect(ctx, address)
	if err != nil {
		return nil, nil, err
	}
	db := stdlib.OpenDBFromPool(pool)
	applied, err := migrations.Up(ctx, goose.DialectPostgres, db, files, log)
	if err := errors.Join(err, db.Close()); err != nil {
		pool.Close()
		return nil, nil, err
	}
	return pool, applied, nil
}

// connect makes the pool and one connection, so that a wrong address shows at once.
func connect(ctx context.Context, address string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, errors.New("its address is not a valid postgres:// URL") // the error shows parts of it
	}
	if !strings.Contains(address, "pool_max_conns") {
		config.MaxConns = connections
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

// Ping implements [store.Store].
func (s *Store) Ping(ctx context.Context) error {
	return s.db.One(ctx, func(tx sqlstore.Tx) error {
		var some int64
		return tx.Row(ctx, `SELECT count(*) FROM (SELECT 1 FROM tenants LIMIT 1) AS t`).Scan(&some)
	})
}

// Close implements [store.Store].
func (s *Store) Close() error {
	s.db.close()
	return nil
}

// database is a [sqlstore.DB].
type database struct {
	pool *pgxpool.Pool

	// mu guards the fields below.
	mu     sync.Mutex
	closed bool
	calls  sync.WaitGroup // calls under way; grows only while not closed
}

// close waits for the calls under way and frees everything, once.
func (d *database) close() {
	d.mu.Lock()
	already := d.closed
	d.closed = true
	d.mu.Unlock()
	if already {
		return
	}
	d.calls.Wait()
	d.pool.Close()
}

// enter registers a call, unless the store is closed.
func (d *database) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return store.ErrClosed
	}
	d.calls.Add(1)
	return nil
}

// One implements [sqlstore.DB].
func (d *database) One(ctx context.Context, f func(sqlstore.Tx) error) error {
	if err := d.enter(ctx); err != nil {
		return err
	}
	defer d.calls.Done()
	c, err := d.pool.Acquire(ctx)
	if err != nil {
		return contextError(ctx, err)
	}
	defer c.Release()
	return contextError(ctx, f(txn{c}))
}

// View implements [sqlstore.DB].
func (d *database) View(ctx context.Context, f func(sqlstore.Tx) error) error {
	return d.transact(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, f)
}

// Update implements [sqlstore.DB]. It reads what is committed: the tenant's row,
// which each change locks first, keeps the changes of one tenant apart.
func (d *database) Update(ctx context.Context, f func(sqlstore.Tx) error) error {
	return d.transact(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, f)
}

func (d *database) transact(ctx context.Context, options pgx.TxOptions, f func(sqlstore.Tx) error) error {
	if err := d.enter(ctx); err != nil {
		return err
	}
	defer d.calls.Done()
	err := pgx.BeginTxFunc(ctx, d.pool, options, func(tx pgx.Tx) error { return f(txn{tx}) })
	return contextError(ctx, err)
}

// txn is a [sqlstore.Tx] over a transaction or a connection.
type txn struct{ q querier }

// querier is what pgx's transactions and connections have in common.
type querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Exec implements [sqlstore.Tx].
func (t txn) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := t.q.Exec(ctx, query, args...)
	return tag.RowsAffected(), err
}

// Row implements [sqlstore.Tx].
func (t txn) Row(ctx context.Context, query string, args ...any) sqlstore.Scanner {
	return t.q.QueryRow(ctx, query, args...)
}

// Query implements [sqlstore.Tx].
func (t txn) Query(ctx context.Context, query string, args ...any) (sqlstore.Rows, error) {
	return t.q.Query(ctx, query, args...)
}

// contextError puts ctx's error before err when ctx has ended.
func contextError(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil || errors.Is(err, ctx.Err()) {
		return err
	}
	return fmt.Errorf("%w: %w", ctx.Err(), err)
}
