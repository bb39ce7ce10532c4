package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/template-worker/template-worker/internal/host"
)

func (a *app) typesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "types [DIR]",
		Short: "Write the definition files of the script API for luau-lsp",
		Long: "Write the definition files of the script API for luau-lsp into DIR (default types), replacing those of another version.\n\n" +
			"Then set luau-lsp.types.definitionFiles to DIR/template-worker.d.luau, and let the alias antiraid of .luaurc lead to DIR/antiraid.",
		Example: "  template-worker types\n  template-worker types ~/templates/types",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageErrorf("%s wants at most one folder, got %d arguments", cmd.CommandPath(), len(args))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "types"
			if len(args) == 1 {
				dir = args[0]
			}
			return a.runTypes(dir)
		},
	}
}

func (a *app) runTypes(dir string) error {
	files := host.Definitions()
	paths := []string{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("write definition files: %w", err)
		}
		if err := os.WriteFile(path, []byte(files[name]), 0o644); err != nil {
			return fmt.Errorf("write definition files: %w", err)
		}
		paths = append(paths, path)
	}
	if a.json {
		return a.printJSON(map[string][]string{"files": paths})
	}
	for _, path := range paths {
		fmt.Fprintln(a.out, path)
	}
	return nil
}
