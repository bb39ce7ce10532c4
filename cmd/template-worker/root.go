package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/template-worker/template-worker/internal/config"
	"github.com/template-worker/template-worker/internal/khronos"
)

// The exit codes, as docs/OPERATIONS.md lists them.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitScriptError = 3
)

// stdio is what a command reads and writes.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// app is what every command needs: the streams, the environment and the flags
// that all commands share.
type app struct {
	stdio
	getenv func(string) string
	hurry  context.Context // ends when stopping has to be quick

	configFile string
	settings   []string // --set name=value
	dataDir    string
	json       bool
}

// run is the whole program without its process: tests call it. When ctx ends the
// command stops in order; when hurry ends too, what it waits for is cut off. The
// returned number is the exit code.
func run(ctx, hurry context.Context, args []string, std stdio, getenv func(string) string) int {
	a := &app{stdio: std, getenv: getenv, hurry: hurry}
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	return a.report(err)
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "template-worker",
		Short: "Run untrusted Luau templates for many tenants",
		Long: "Run untrusted Luau templates for many tenants.\n\n" +
			"Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a script's error.",
		Example: "  template-worker serve\n" +
			"  template-worker templates push examples/raid-guard --tenant guild:81384788765712384\n" +
			"  template-worker run examples/raid-guard --event MESSAGE --data @examples/raid-guard/fixtures/message.json",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageErrorf("unknown command %q", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageErrorf("%v", err) })
	flags := root.PersistentFlags()
	flags.StringVar(&a.configFile, "config", "", "settings file in YAML (TW_CONFIG)")
	flags.StringArrayVar(&a.settings, "set", nil, "set one setting or limit, as name=value; `template-worker config` lists them")
	flags.StringVar(&a.dataDir, "data-dir", "", "data folder (default ./data, TW_DATA_DIR)")
	flags.BoolVar(&a.json, "json", false, "machine-readable output, errors included")
	root.AddCommand(
		a.serveCommand(), a.runCommand(), a.testCommand(), a.devCommand(), a.dispatchCommand(), a.checkCommand(),
		a.templatesCommand(), a.workersCommand(), a.tenantsCommand(), a.tokenCommand(),
		a.explainCommand(), a.logsCommand(), a.topCommand(),
		a.migrateCommand(), a.typesCommand(), a.configCommand(), a.versionCommand(), a.workerCommand(),
	)
	return root
}

// config reads the settings: flags over environment over file over defaults.
func (a *app) config() (config.Config, error) {
	flags := map[string]string{}
	for _, setting := range a.settings {
		name, value, ok := strings.Cut(setting, "=")
		if !ok {
			return config.Config{}, usageErrorf("--set %s: want name=value", setting)
		}
		flags[name] = value
	}
	if a.dataDir != "" {
		flags["data_dir"] = a.dataDir
	}
	file := a.configFile
	if file == "" {
		file = a.getenv("TW_CONFIG")
	}
	cfg, err := config.Load(file, a.getenv, flags)
	if err != nil {
		return cfg, usageErrorf("%v", err)
	}
	return cfg, nil
}

// failure is an error with its exit code and, when we know it, what to try.
type failure struct {
	code int
	err  error
	try  string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func usageErrorf(format string, args ...any) error {
	return &failure{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// withTry adds a hint to an error.
func withTry(err error, try string) error { return &failure{code: exitFailed, err: err, try: try} }

// report prints an error on one line, a hint on a second, and picks the exit code.
func (a *app) report(err error) int {
	f := &failure{code: exitFailed, err: err}
	if !errors.As(err, &f) {
		var e *khronos.Error
		if errors.As(err, &e) && slices.Contains([]khronos.Owner{khronos.OwnerScript, khronos.OwnerTenantLimit}, e.Kind.Owner()) {
			f.code = exitScriptError
		}
	}
	if a.json {
		json.NewEncoder(a.err).Encode(map[string]any{"error": err.Error(), "try": f.try, "exit_code": f.code})
		return f.code
	}
	fmt.Fprintf(a.err, "template-worker: %v\n", err)
	if f.try != "" {
		fmt.Fprintf(a.err, "try: %s\n", f.try)
	}
	return f.code
}

// exactArgs is cobra.ExactArgs with our exit code and the arguments' names.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return usageErrorf("%s wants %s, got %d arguments", cmd.CommandPath(), strings.Join(names, " "), len(args))
		}
		return nil
	}
}

// printJSON writes v indented.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
