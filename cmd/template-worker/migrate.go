package main

import (
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) migrateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "migrate",
		Short:   "Bring the store's schema up to date; serve does it too",
		Example: "  template-worker migrate --data-dir /var/lib/template-worker\n  template-worker migrate status",
		Args:    exactArgs(),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
				return fmt.Errorf("make data folder: %w", err)
			}
			applied, err := migrateStore(cmd.Context(), cfg, newLogger(a.err, cfg))
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
	cmd.AddCommand(a.migrateStatusCommand())
	return cmd
}

// migrationStatus is one line of `migrate status --json`.
type migrationStatus struct {
	Name      string     `json:"name"`
	Applied   bool       `json:"applied"`
	AppliedAt *time.Time `json:"applied_at"`
}

func (a *app) migrateStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "List the schema changes and which of them the store has; changes nothing",
		Example: "  template-worker migrate status --json",
		Args:    exactArgs(),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			states, err := storeSchema(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			if a.json {
				list := make([]migrationStatus, len(states))
				for i, s := range states {
					list[i] = migrationStatus{s.Name, s.Applied, timeOrNil(s.AppliedAt)}
				}
				return a.printJSON(list)
			}
			w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "MIGRATION\tAPPLIED")
			for _, s := range states {
				at := "no"
				if s.Applied {
					at = s.AppliedAt.UTC().Format(time.RFC3339)
				}
				fmt.Fprintf(w, "%s\t%s\n", s.Name, at)
			}
			return w.Flush()
		},
	}
}
