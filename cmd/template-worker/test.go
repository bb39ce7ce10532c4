package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/template-worker/template-worker/internal/config"
	"github.com/template-worker/template-worker/internal/host"
	"github.com/template-worker/template-worker/internal/templates"
	"github.com/template-worker/template-worker/internal/tenant"
	"github.com/template-worker/template-worker/internal/trial"
)

// testOptions are the flags of test.
type testOptions struct {
	only    string
	cover   bool
	timeout time.Duration
}

func (a *app) testCommand() *cobra.Command {
	var o testOptions
	cmd := &cobra.Command{
		Use:   "test FOLDER",
		Short: "Run a template's tests, its *.test.luau files, under the same limits",
		Long: "Run a template's tests under the same limits as on a server. A *.test.luau file returns a\n" +
			"table from name to function(t); each runs in an installation of its own with an empty store.\n" +
			"docs/TEMPLATES.md says what t can do. A failed test ends with exit code 3.",
		Example: "  template-worker test examples/raid-guard\n  template-worker test examples/levels --only rank --cover",
		Args:    exactArgs("FOLDER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			return a.runTests(cmd.Context(), cfg, args[0], o)
		},
	}
	cmd.Flags().StringVar(&o.only, "only", "", "run only tests whose name has this in it")
	cmd.Flags().BoolVar(&o.cover, "cover", false, "tell which lines the tests have not reached")
	cmd.Flags().DurationVar(&o.timeout, "timeout", 10*time.Second, "of one test")
	return cmd
}

// testReport is the JSON form of a run.
type testReport struct {
	Tests  []trial.Result `json:"tests"`
	Failed int            `json:"failed"`
	Cover  []trial.Cover  `json:"cover,omitempty"`
}

func (a *app) runTests(ctx context.Context, cfg config.Config, dir string, o testOptions) error {
	t, err := templates.ReadFolder(dir)
	if err != nil {
		return err
	}
	tests, err := templates.ReadTests(dir)
	if err != nil {
		return err
	}
	if len(tests) == 0 {
		return withTry(fmt.Errorf("%s has no *.test.luau files", dir), "see docs/TEMPLATES.md")
	}
	programs := host.NewPrograms()
	if o.cover {
		programs = host.NewCoveringPrograms()
	}
	report := testReport{Tests: []trial.Result{}}
	err = trial.Run(ctx, trial.Config{
		Name: t.Name, Files: t.Files, Tests: tests, Timeout: o.timeout,
		Only:    func(name string) bool { return strings.Contains(name, o.only) },
		Fixture: func(name string) ([]byte, error) { return readFixture(dir, name) },
		Install: func(ctx context.Context, wrap func(tenant.Door) tenant.Door, use func(context.Context, trial.Dispatcher) error) error {
			return a.runLocal(ctx, cfg, localOptions{wrap: wrap, programs: programs, quiet: true}, func(ctx context.Context, l *local) error {
				if _, err := l.put(ctx, trial.Subject, t); err != nil {
					return err
				}
				return use(ctx, l.thread)
			})
		},
	}, func(r trial.Result) {
		report.Tests = append(report.Tests, r)
		if r.Failure != "" {
			report.Failed++
		}
		if !a.json {
			a.printTest(r)
		}
	})
	if err != nil {
		return err
	}
	if o.cover {
		report.Cover = trial.Covered(programs, t.Files)
	}
	return a.endTests(report)
}

// readFixture reads fixtures/NAME.json, and nothing outside that folder.
func readFixture(dir, name string) ([]byte, error) {
	root, err := os.OpenRoot(filepath.Join(dir, "fixtures"))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.ReadFile(name + ".json")
}

// printTest writes one result for people.
func (a *app) printTest(r trial.Result) {
	verdict := "ok  "
	if r.Failure != "" {
		verdict = "FAIL"
	}
	fmt.Fprintf(a.out, "%s %s: %s (%s)\n", verdict, r.File, r.Name, r.Took.Round(100*time.Microsecond))
	if r.Failure == "" {
		return
	}
	fmt.Fprintf(a.out, "     %s\n", r.Failure)
	for _, line := range r.Log {
		fmt.Fprintf(a.out, "     | %s\n", line)
	}
}

// endTests sums up, and fails when a test has.
func (a *app) endTests(report testReport) error {
	if a.json {
		if err := a.printJSON(report); err != nil {
			return err
		}
	}
	for _, c := range report.Cover {
		if a.json {
			break
		}
		if c.Lines == 0 {
			fmt.Fprintf(a.out, "%s: never loaded\n", c.File)
			continue
		}
		fmt.Fprintf(a.out, "%s: %d of %d lines reached", c.File, c.Reached, c.Lines)
		if len(c.Missed) > 0 {
			fmt.Fprintf(a.out, ", not %s", strings.Trim(fmt.Sprint(c.Missed), "[]"))
		}
		fmt.Fprintln(a.out)
	}
	switch {
	case report.Failed > 0:
		return &failure{code: exitScriptError, err: fmt.Errorf("%d of %d tests failed", report.Failed, len(report.Tests))}
	case len(report.Tests) == 0:
		return withTry(fmt.Errorf("no test has run"), "template-worker test without --only")
	}
	if !a.json {
		fmt.Fprintf(a.out, "%d tests passed\n", len(report.Tests))
	}
	return nil
}
