package main

import (
	"context"
	"log/slog"
	"path/filepath"

	"github.com/template-worker/template-worker/internal/config"
	"github.com/template-worker/template-worker/internal/store"
	"github.com/template-worker/template-worker/internal/store/migrations"
	"github.com/template-worker/template-worker/internal/store/postgres"
	"github.com/template-worker/template-worker/internal/store/sqlite"
)

// databaseFile is the embedded store in the data folder.
const databaseFile = "template-worker.db"

// openStore opens the configured store. This file is the only place that names the databases.
func openStore(ctx context.Context, cfg config.Config, log *slog.Logger) (store.Store, error) {
	if cfg.DatabaseURL != "" {
		return postgres.Open(ctx, cfg.DatabaseURL, log)
	}
	return sqlite.Open(ctx, filepath.Join(cfg.DataDir, databaseFile), log)
}

// migrateStore brings the configured store's schema up to date and returns what it applied.
func migrateStore(ctx context.Context, cfg config.Config, log *slog.Logger) ([]string, error) {
	if cfg.DatabaseURL != "" {
		return postgres.Migrate(ctx, cfg.DatabaseURL, log)
	}
	return sqlite.Migrate(ctx, filepath.Join(cfg.DataDir, databaseFile), log)
}

// storeSchema says which migrations the configured store has.
func storeSchema(ctx context.Context, cfg config.Config) ([]migrations.State, error) {
	if cfg.DatabaseURL != "" {
		return postgres.Status(ctx, cfg.DatabaseURL)
	}
	return sqlite.Status(ctx, filepath.Join(cfg.DataDir, databaseFile))
}
