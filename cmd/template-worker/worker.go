package main

import (
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/template-worker/template-worker/internal/process"
	"github.com/template-worker/template-worker/internal/tenant"
	"github.com/template-worker/template-worker/internal/worker"
)

// workerCommand is the child's side of a worker process. It is hidden: only a
// master can start it, with its start record and death pipe on descriptors 3 and 4.
func (a *app) workerCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "worker",
		Hidden: true,
		Args:   exactArgs(),
		RunE: func(cmd *cobra.Command, args []string) error {
			inherited, err := process.InheritedIO(newTenantRuntime)
			if err != nil {
				return usageErrorf("%v", err)
			}
			return process.RunChild(cmd.Context(), inherited)
		},
	}
}

func newTenantRuntime(s process.Settings, door tenant.Door, runs tenant.RunningMap, log *slog.Logger) worker.Runtime {
	return tenant.New(tenant.Config{Limits: s.Limits, Slots: s.Slots, Door: door, BotUser: s.BotUser, Map: runs, Log: log})
}
