package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate applies what db lacks, each migration in a transaction of its own,
// and returns the names of the applied ones. A database that a newer program
// has migrated further is refused: this one does not know what its tables mean.
func migrate(ctx context.Context, db *sql.DB, log *slog.Logger) ([]string, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
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
