package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/template-worker/template-worker/internal/api"
	"github.com/template-worker/template-worker/internal/khronos"
)

func (a *app) workersCommand() *cobra.Command {
	var server clientOptions
	cmd := &cobra.Command{Use: "workers", Short: "Show and steer the workers", Args: noSubcommand, RunE: showHelp}
	server.register(cmd)
	cmd.AddCommand(a.workersList(&server),
		a.workersSteer(&server, "kill", "Stop a worker, or all; it stays down until it is started", "/i/kill-worker"),
		a.workersSteer(&server, "start", "Start a killed worker, or all", "/i/start-worker"),
		a.workersRestart(&server), a.workersDump(&server))
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
	fmt.Fprintln(w, "ID\tSTATE\tFOR\tGENERATION\tPID\tRESTARTS\tTENANTS\tQUEUED\tRUNNING\tHEAP\tRSS\tWHY")
	for _, s := range list {
		fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%.1f MiB\t%.1f MiB\t%s\n", s.ID, s.State, time.Since(s.Since).Round(time.Second),
			s.Generation, s.PID, s.Restarts, s.Tenants, s.Queued, s.Running, mebibytes(s.HeapBytes), mebibytes(s.RSSBytes), workerReason(&s))
	}
	return w.Flush()
}

// workerReason says why a worker is in its state, and how its last life ended.
func workerReason(s *api.WorkerStatus) string {
	var parts []string
	if s.Solo {
		parts = append(parts, "runs alone what a worker may have died of")
	}
	if s.Trouble != "" {
		parts = append(parts, "in trouble: "+s.Trouble)
	}
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

func (a *app) workersRestart(server *clientOptions) *cobra.Command {
	var all, rolling bool
	cmd := &cobra.Command{
		Use:   "restart ID | --all | --rolling",
		Short: "Replace a worker, or all, without losing what runs",
		Long: "Replace a worker, or all, without losing what runs.\n\n" +
			"Each new worker starts beside the one it replaces and takes over when it has shown that it\n" +
			"works. With --rolling it is one worker after the other, and none after one that does not become\n" +
			"healthy; with --all it is all at once. A worker that cannot be replaced goes on as it is.",
		Example: "  template-worker workers restart --rolling\n  template-worker workers restart 1",
		RunE: func(cmd *cobra.Command, args []string) error {
			body := map[string]any{"rolling": rolling}
			switch {
			case (all || rolling) && !(all && rolling) && len(args) == 0:
			case !all && !rolling && len(args) == 1:
				id, err := strconv.Atoi(args[0])
				if err != nil || id < 0 {
					return usageErrorf("worker id %q: want a number", args[0])
				}
				body["id"] = id
			default:
				return usageErrorf("workers restart wants one worker id, --all or --rolling")
			}
			c, err := a.dial(*server)
			if err != nil {
				return err
			}
			return a.followRestart(cmd.Context(), c, body)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every worker, all at once")
	cmd.Flags().BoolVar(&rolling, "rolling", false, "every worker, one after the other")
	return cmd
}

// followRestart asks for a restart and prints each step as it is done.
func (a *app) followRestart(ctx context.Context, c *client, body any) error {
	lines, err := c.stream(ctx, http.MethodPost, "/i/restart-workers", body)
	if err != nil {
		return err
	}
	defer lines.Close()
	for steps := json.NewDecoder(lines); ; {
		var step api.RestartStep
		if err := steps.Decode(&step); err != nil {
			return fmt.Errorf("follow the restart: the server stopped telling: %w", err)
		}
		if a.json {
			if err := json.NewEncoder(a.out).Encode(step); err != nil {
				return err
			}
		}
		switch {
		case step.Done && step.Error != "":
			return errors.New("restart workers: " + step.Error)
		case step.Done:
			return nil
		case !a.json:
			a.printStep(step)
		}
	}
}

func (a *app) printStep(step api.RestartStep) {
	took := time.Duration(step.TookMS) * time.Millisecond
	switch {
	case step.Skipped != "":
		fmt.Fprintf(a.out, "worker %d: left out: %s\n", *step.Worker, step.Skipped)
	case step.Error != "":
		fmt.Fprintf(a.out, "worker %d: not replaced after %s: %s\n", *step.Worker, took, step.Error)
	default:
		fmt.Fprintf(a.out, "worker %d: generation %d took over from %d in %s\n", *step.Worker, step.To, step.From, took)
	}
}

func (a *app) workersDump(server *clientOptions) *cobra.Command {
	return &cobra.Command{
		Use:     "dump ID",
		Short:   "Show what every script of a worker is at, with its stack",
		Example: "  template-worker workers dump 1",
		Args:    exactArgs("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.Atoi(args[0])
			if err != nil || id < 0 {
				return usageErrorf("worker id %q: want a number", args[0])
			}
			c, err := a.dial(*server)
			if err != nil {
				return err
			}
			var list []khronos.ScriptStack
			if err := c.call(cmd.Context(), http.MethodGet, "/i/workers/"+strconv.Itoa(id)+"/dump", nil, &list); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(list)
			}
			for _, s := range list {
				fmt.Fprintf(a.out, "%s %s %q version %d, dispatch %s: %s", s.Tenant, s.Event, s.Template, s.Version, s.Dispatch, s.State)
				if s.Waits != "" {
					fmt.Fprintf(a.out, " for %s", s.Waits)
				}
				fmt.Fprintf(a.out, ", since %s\n", time.Since(s.Since).Round(time.Millisecond))
				for line := range strings.Lines(s.Stack) {
					fmt.Fprintf(a.out, "    %s\n", strings.TrimSuffix(line, "\n"))
				}
			}
			return nil
		},
	}
}
