// Package sqlite is a [store.Store] in one SQLite file, the default of a single
// machine.
//
// It owns the file and the three beside it (-wal, -shm and .lock). What a method
// acknowledged is on the disk: the journal is WAL and every commit is synced
// (synchronous=FULL), so neither kill -9 nor a power cut takes it back. There
// is one writing connection, so writers queue in order instead of meeting
// SQLITE_BUSY, and several reading ones, which never wait for the writer.
// The schema is brought up to date when the file is opened.
//
// It starts no goroutine of its own. Times in the file are microseconds since
// the Unix epoch.
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
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/template-worker/template-worker/internal/store"
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
	write pool // one connection, transactions begin as writers
	read  pool // query_only connections

	// mu guards the fields below.
	mu     sync.Mutex
	closed bool
	calls  sync.WaitGroup // calls under way; grows only while not closed
}

var _ store.Store = (*Store)(nil)

// Open opens the database file at path, makes it when it is missing (mode
// 0600; the folder must exist), and applies the migrations that it lacks. The
// caller closes the store. log hears of applied migrations only.
func Open(ctx context.Context, path string, log *slog.Logger) (*Store, error) {
	s, _, err := open(ctx, path, log)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	if err := errors.Join(s.read.prepare(ctx, reading), s.write.prepare(ctx, writing)); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), s.Close())
	}
	return s, nil
}

// Migrate brings the database file at path up to date, makes it when it is
// missing, and returns the names of the migrations that it applied.
func Migrate(ctx context.Context, path string, log *slog.Logger) ([]string, error) {
	s, applied, err := open(ctx, path, log)
	if err != nil {
		return nil, fmt.Errorf("migrate database %s: %w", path, err)
	}
	return applied, s.Close()
}

// open returns a migrated database without prepared statements, and the names
// of the applied migrations.
func open(ctx context.Context, path string, log *slog.Logger) (s *Store, applied []string, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return nil, nil, err
	}
	unlock, err := lockFile(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if err := createFile(path); err != nil {
		return nil, nil, err
	}
	if s, err = connect(path); err != nil {
		return nil, nil, err
	}
	if applied, err = migrate(ctx, s.write.db, log); err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return s, applied, nil
}

func connect(path string) (*Store, error) {
	write, err := sql.Open("sqlite", address(path, "_txlock=immediate"))
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	read, err := sql.Open("sqlite", address(path, "_query_only=1"))
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	return &Store{write: pool{db: write}, read: pool{db: read}}, nil
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
	return s.view(ctx, func(tx txn) error {
		var some int
		return tx.row(ctx, pingSQL).Scan(&some)
	})
}

// Close implements [store.Store].
func (s *Store) Close() error {
	s.mu.Lock()
	already := s.closed
	s.closed = true
	s.mu.Unlock()
	if already {
		return nil
	}
	s.calls.Wait()
	// The writer last: the last connection moves the journal into the file.
	return errors.Join(s.read.db.Close(), s.write.db.Close())
}
