package main

import (
	"net/http"

	"github.com/spf13/cobra"
)

func (a *app) tenantsCommand() *cobra.Command {
	var server clientOptions
	cmd := &cobra.Command{Use: "tenants", Short: "Steer tenants", Args: noSubcommand, RunE: showHelp}
	server.register(cmd)
	cmd.AddCommand(&cobra.Command{
		Use:     "drop TENANT",
		Short:   "Unload a tenant: its running dispatches end, the next event loads it anew",
		Example: "  template-worker tenants drop guild:81384788765712384",
		Args:    exactArgs("TENANT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := tenantFlag(args[0])
			if err != nil {
				return err
			}
			c, err := a.dial(server)
			if err != nil {
				return err
			}
			return c.call(cmd.Context(), http.MethodPost, "/i/drop-tenant", map[string]string{"tenant": id.String()}, nil)
		},
	})
	return cmd
}
