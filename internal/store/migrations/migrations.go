// Package migrations applies numbered schema changes to a database, forward only.
//
// It owns the rules (each change in a transaction of its own, a newer schema is
// refused) and no schema: the packages of the databases bring their files.
package migrations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// State is one migration and whether a database has it.
type State struct {
	Name      string
	Applied   bool
	AppliedAt time.Time // zero: not applied
}

// Up applies what db lacks and returns the names of the applied migrations. A
// database that a newer program has migrated further is refused: this one does
// not know what its tables mean. On PostgreSQL two at once take turns; elsewhere the caller sees to that.
func Up(ctx context.Context, dialect goose.Dialect, db *sql.DB, files fs.FS, log *slog.Logger) ([]string, error) {
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger())}
	if dialect == goose.DialectPostgres {
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return nil, fmt.Errorf("migrate: %w", err)
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider(dialect, db, files, options...)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	has, err := provider.GetDBVersion(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the schema version: %w", err)
	}
	sources := provider.ListSources()
	if newest := sources[len(sources)-1].Version; has > newest {
		return nil, fmt.Errorf("migrate: its schema has version %d and this program knows up to %d: use a newer program", has, newest)
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	applied := make([]string, len(results))
	for i, r := range results {
		applied[i] = r.Source.Path
		log.Info("database migrated", "migration", r.Source.Path, "took", r.Duration)
	}
	return applied, nil
}

// Status lists the migrations in files and which of them db has. exists is a
// query that gives one row when goose's table is there. It changes nothing.
func Status(ctx context.Context, db *sql.DB, exists string, files fs.FS) ([]State, error) {
	list, err := sources(files)
	if err != nil {
		return nil, err
	}
	var one int
	err = db.QueryRowContext(ctx, exists).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return states(list, nil), nil
	}
	if err != nil {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, `SELECT version_id, tstamp FROM goose_db_version WHERE is_applied`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	applied := make(map[int64]time.Time)
	for rows.Next() {
		var version int64
		var at time.Time
		if err := rows.Scan(&version, &at); err != nil {
			return nil, err
		}
		applied[version] = at
	}
	return states(list, applied), rows.Err()
}

// Missing is the Status of a database that is not there.
func Missing(files fs.FS) ([]State, error) {
	list, err := sources(files)
	return states(list, nil), err
}

// source is one migration: its file begins with its number.
type source struct {
	version int64
	name    string
}

func sources(files fs.FS) ([]source, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	list := make([]source, len(names)) // sorted by Glob
	for i, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", name, err)
		}
		list[i] = source{version, name}
	}
	return list, nil
}

func states(list []source, applied map[int64]time.Time) []State {
	out := make([]State, len(list))
	for i, s := range list {
		at, ok := applied[s.version]
		out[i] = State{Name: s.name, Applied: ok, AppliedAt: at}
	}
	return out
}
