// Package sqlite is a [store.Store] in one SQLite file, the default of a single
// machine.
//
// It owns the file and the three beside it (-wal, -shm and .lock), the
// connections and the schema; what is asked of them is sqlstore's. What a method
// acknowledged is on the disk: the journal is WAL and every commit is synced
// (synchronous=FULL), so neither kill -9 nor a power cut takes it back.
//
// One goroutine writes. It joins the changes that wait into one transaction, each under
// a savepoint of its own, so that they share one sync and still succeed or fail alone.
// Several connections read; they never wait for the writer. The schema is
// brought up to date when the file is opened.
//
// Times in the file are microseconds since the Unix epoch.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/template-worker/template-worker/internal/store"
	"github.com/template-worker/template-worker/internal/store/migrations"
	"github.com/template-worker/template-worker/internal/store/sqlstore"
)

const (
	// readers bounds the reading connections. Each holds a page cache of up to
	// 2 MiB, and reading is bound by the processor.
	readers = 4
	// busyTimeout is how long a connection waits for another process that has
	// the file locked, such as a second `migrate` or a backup.
	busyTimeout = 5 * time.Second
)

// Store implements [store.Store]. Make one with Open.
type Store struct {
	*sqlstore.Store
	db *database
}

var _ store.Store = (*Store)(nil)

// Open opens the database file at path, makes it when it is missing (mode
// 0600; the folder must exist), and applies the migrations that it lacks. The
// caller closes the store. log hears of applied migrations only.
func Open(ctx context.Context, path string, log *slog.Logger) (*Store, error) {
	write, read, _, err := open(ctx, path, log)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	db, err := newDatabase(ctx, write, read)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), read.Close(), write.Close())
	}
	return &Store{Store: sqlstore.New(db, sqlstore.Dialect{}), db: db}, nil
}

// Migrate brings the database file at path up to date, makes it when it is
// missing, and returns the names of the migrations that it applied.
func Migrate(ctx context.Context, path string, log *slog.Logger) ([]string, error) {
	write, read, applied, err := open(ctx, path, log)
	if err != nil {
		return nil, fmt.Errorf("migrate database %s: %w", path, err)
	}
	return applied, errors.Join(read.Close(), write.Close())
}

// existsSQL tells whether a migration was ever applied.
const existsSQL = `SELECT 1 FROM sqlite_master WHERE name = 'goose_db_version'`

// Status lists the migrations of this program and which of them the file at
// path has. It changes nothing; a file that is missing has none.
func Status(ctx context.Context, path string) ([]migrations.State, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return migrations.Missing(files)
	}
	db, err := sql.Open("sqlite", address(path, "_query_only=1"))
	if err != nil {
		return nil, err
	}
	list, err := migrations.Status(ctx, db, existsSQL, files)
	if err != nil {
		err = fmt.Errorf("read the schema of %s: %w", path, err)
	}
	return list, errors.Join(err, db.Close())
}

// open returns the connections of a migrated database, and the names of the
// applied migrations.
func open(ctx context.Context, path string, log *slog.Logger) (write, read *sql.DB, applied []string, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return nil, nil, nil, err
	}
	unlock, err := lockFile(ctx, path)
	if err != nil {
		return nil, nil, nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if err := createFile(path); err != nil {
		return nil, nil, nil, err
	}
	if write, read, err = connect(path); err != nil {
		return nil, nil, nil, err
	}
	if applied, err = migrations.Up(ctx, goose.DialectSQLite3, write, files, log); err != nil {
		return nil, nil, nil, errors.Join(err, read.Close(), write.Close())
	}
	return write, read, applied, nil
}

func connect(path string) (write, read *sql.DB, err error) {
	if write, err = sql.Open("sqlite", address(path, "_txlock=immediate")); err != nil {
		return nil, nil, err
	}
	write.SetMaxOpenConns(1)
	if read, err = sql.Open("sqlite", address(path, "_query_only=1")); err != nil {
		return nil, nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	return write, read, nil
}

// createFile makes an empty database file that only its owner can read, and
// makes sure that its name is on the disk too. SQLite gives the files beside it
// the same mode.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// address is the driver's name for the file with our settings, which hold for
// every connection of the pool.
func address(path, extra string) string {
	query := fmt.Sprintf("_busy_timeout=%d&_journal_mode=WAL&_synchronous=FULL&_foreign_keys=1&_dqs=0&_defensive=1&%s",
		busyTimeout.Milliseconds(), extra)
	u := url.URL{Scheme: "file", Path: path, RawQuery: query}
	return u.String()
}

// pingSQL touches the file, which `SELECT 1` would not.
const pingSQL = `SELECT count(*) FROM (SELECT 1 FROM tenants LIMIT 1)`

// Ping implements [store.Store].
func (s *Store) Ping(ctx context.Context) error {
	return s.db.One(ctx, func(tx sqlstore.Tx) error {
		var some int
		return tx.Row(ctx, pingSQL).Scan(&some)
	})
}

// Close implements [store.Store].
func (s *Store) Close() error { return s.db.close() }
