package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/templates"
)

func (a *app) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check PATH...",
		Short: "Check templates: syntax, upload rules, and the events they handle",
		Long: "Check templates as an upload would: the rules for files, the syntax of every file, and\n" +
			"what init.luau returns. A script's error ends with exit code 3.",
		Example: "  template-worker check examples/raid-guard examples/levels",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageErrorf("check wants at least one PATH")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			return a.runLocal(cmd.Context(), cfg, localOptions{}, func(ctx context.Context, l *local) error {
				for _, path := range args {
					if err := l.check(ctx, a, path); err != nil {
						return fmt.Errorf("%s: %w", path, err)
					}
				}
				return nil
			})
		},
	}
}

// check stores the template at path in the local installation, which applies every rule.
func (l *local) check(ctx context.Context, a *app, path string) error {
	t, err := readTemplate(path)
	if err != nil {
		return err
	}
	stored, err := l.templates.Put(ctx, khronos.TenantID{Kind: khronos.TenantGuild, ID: 1}, templates.Upload{Name: t.Name, Files: t.Files})
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"path": path, "name": stored.Name, "subscriptions": stored.Subscriptions, "asked": t.Capabilities})
	}
	fmt.Fprintf(a.out, "%s: ok, handles %v\n", path, stored.Subscriptions)
	return nil
}
