package main

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/template-worker/template-worker/internal/api"
)

func (a *app) workersCommand() *cobra.Command {
	var server clientOptions
	cmd := &cobra.Command{Use: "workers", Short: "Show and steer the workers", Args: noSubcommand, RunE: showHelp}
	server.register(cmd)
	cmd.AddCommand(a.workersList(&server),
		a.workersSteer(&server, "kill", "Stop a worker, or all; it stays down until it is started", "/i/kill-worker"),
		a.workersSteer(&server, "start", "Start a killed worker, or all", "/i/start-worker"))
	return cmd
}

func (a *app) workersList(server *clientOptions) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the workers with their state, restarts and load",
		Example: "  template-worker workers list",
		Args:    exactArgs(),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.dial(*server)
			if err != nil {
				return err
			}
			var list []api.WorkerStatus
			if err := c.call(cmd.Context(), http.MethodGet, "/i/workers", nil, &list); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(list)
			}
			return writeWorkers(a.out, list)
		},
	}
}

// writeWorkers writes the table of workers.
func writeWorkers(out io.Writer, list []api.WorkerStatus) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tSTATE\tFOR\tGENERATION\tPID\tRESTARTS\tTENANTS\tQUEUED\tRUNNING\tHEAP\tWHY")
	for _, s := range list {
		fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%.1f MiB\t%s\n", s.ID, s.State, time.Since(s.Since).Round(time.Second),
			s.Generation, s.PID, s.Restarts, s.Tenants, s.Queued, s.Running, mebibytes(s.HeapBytes), workerReason(&s))
	}
	return w.Flush()
}

// workerReason says why a worker is in its state, and how its last life ended.
func workerReason(s *api.WorkerStatus) string {
	var parts []string
	if s.State == "killed" {
		parts = append(parts, "stopped by hand, `workers start` undoes it")
	}
	if s.NextStart != nil {
		parts = append(parts, fmt.Sprintf("starts again in %s after %d failures", max(time.Until(*s.NextStart), 0).Round(100*time.Millisecond), s.Failures))
	}
	if s.LastExit != "" {
		parts = append(parts, "last exit: "+s.LastExit)
	}
	return strings.Join(parts, "; ")
}

func (a *app) workersSteer(server *clientOptions, verb, short, path string) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:     verb + " ID | --all",
		Short:   short,
		Example: "  template-worker workers " + verb + " 1\n  template-worker workers " + verb + " --all",
		RunE: func(cmd *cobra.Command, args []string) error {
			body := map[string]int{}
			switch {
			case all && len(args) == 0:
			case !all && len(args) == 1:
				id, err := strconv.Atoi(args[0])
				if err != nil || id < 0 {
					return usageErrorf("worker id %q: want a number", args[0])
				}
				body["id"] = id
			default:
				return usageErrorf("workers %s wants one worker id, or --all", verb)
			}
			c, err := a.dial(*server)
			if err != nil {
				return err
			}
			return c.call(cmd.Context(), http.MethodPost, path, body, nil)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every worker")
	return cmd
}
