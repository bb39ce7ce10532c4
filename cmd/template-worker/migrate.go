package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/template-worker/template-worker/internal/store/sqlite"
)

func (a *app) migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "migrate",
		Short:   "Bring the store's schema up to date; serve does it too",
		Example: "  template-worker migrate --data-dir /var/lib/template-worker",
		Args:    exactArgs(),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
				return fmt.Errorf("make data folder: %w", err)
			}
			applied, err := sqlite.Migrate(cmd.Context(), filepath.Join(cfg.DataDir, databaseFile), newLogger(a.err, cfg))
			if err != nil {
				return fmt.Errorf("migrate store: %w", err)
			}
			if a.json {
				return a.printJSON(map[string][]string{"applied": applied})
			}
			if len(applied) == 0 {
				fmt.Fprintln(a.out, "the schema is up to date")
			}
			for _, name := range applied {
				fmt.Fprintln(a.out, "applied", name)
			}
			return nil
		},
	}
}
