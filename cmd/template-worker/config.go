package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) configCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "config",
		Short:   "Check the settings and print the result, secrets masked",
		Example: "  template-worker config --config tw.yaml\n  template-worker config --set limits.heap_bytes=32MiB",
		Args:    exactArgs(),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(cfg)
			}
			fmt.Fprint(a.out, cfg.Redacted())
			return nil
		},
	}
}

// settingOf is the configuration name of a flag.
func settingOf(flag string) string { return strings.ReplaceAll(flag, "-", "_") }
