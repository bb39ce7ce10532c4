package main

import (
	"fmt"
	"net/http"
	"strconv"
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
			w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tSTATE\tFOR\tGENERATION\tPID\tRESTARTS\tTENANTS\tQUEUED\tRUNNING\tHEAP\tLAST EXIT")
			for _, s := range list {
				fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%.1f MiB\t%s\n", s.ID, s.State, time.Since(s.Since).Round(time.Second),
					s.Generation, s.PID, s.Restarts, s.Tenants, s.Queued, s.Running, float64(s.HeapBytes)/(1<<20), s.LastExit)
			}
			return w.Flush()
		},
	}
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
