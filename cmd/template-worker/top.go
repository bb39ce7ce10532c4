package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/template-worker/template-worker/internal/api"
)

func (a *app) topCommand() *cobra.Command {
	var (
		server clientOptions
		once   bool
		every  time.Duration
		n      int
	)
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Watch the workers and the tenants that use most CPU",
		Long: "Watch the workers and the tenants that used most CPU in the last minute.\n\n" +
			"With --json every refresh is one object.",
		Example: "  template-worker top\n  template-worker top --once --json",
		Args:    exactArgs(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if n < 1 || n > 1000 {
				return usageErrorf("--tenants %d: want 1 to 1000", n)
			}
			if every < 100*time.Millisecond {
				return usageErrorf("--every %s: want at least 100ms", every)
			}
			c, err := a.dial(server)
			if err != nil {
				return err
			}
			tick := time.NewTicker(every)
			defer tick.Stop()
			for {
				var view api.TopView
				if err := c.call(cmd.Context(), http.MethodGet, fmt.Sprintf("/i/top?limit=%d", n), nil, &view); err != nil {
					if cmd.Context().Err() != nil {
						return nil // interrupted: the way to end it
					}
					return err
				}
				if err := a.printTop(&view, !once); err != nil || once {
					return err
				}
				select {
				case <-tick.C:
				case <-cmd.Context().Done():
					return nil
				}
			}
		},
	}
	server.register(cmd)
	cmd.Flags().BoolVar(&once, "once", false, "print once and end")
	cmd.Flags().DurationVar(&every, "every", 2*time.Second, "time between two refreshes")
	cmd.Flags().IntVar(&n, "tenants", 20, "at most so many tenants")
	return cmd
}

// clearScreen moves to the upper left corner and clears what is below.
const clearScreen = "\x1b[H\x1b[J"

// printTop prints one state; over the one before when it is refreshed on a
// terminal that may be steered.
func (a *app) printTop(view *api.TopView, refresh bool) error {
	if a.json {
		return a.printJSON(view)
	}
	var b strings.Builder
	if refresh && a.getenv("NO_COLOR") == "" && isTerminal(a.out) {
		b.WriteString(clearScreen)
	}
	writeWorkers(&b, view.Workers)
	b.WriteString("\n")
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TENANT\tCPU/MIN\tDISPATCHES/MIN\tFAILED\tLIVE\tHEAP")
	for _, t := range view.Tenants {
		fmt.Fprintf(w, "%s\t%.1f ms\t%d\t%d\t%d\t%.1f MiB\n", t.Tenant, t.CPUMs, t.Dispatches, t.Failures, t.Live, mebibytes(t.HeapBytes))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(a.out, b.String())
	return err
}

// isTerminal tells that out is one, or another device that letters are written to.
func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }
