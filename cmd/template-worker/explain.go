package main

import (
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/template-worker/template-worker/internal/api"
	"github.com/template-worker/template-worker/internal/khronos"
)

func (a *app) explainCommand() *cobra.Command {
	var server clientOptions
	cmd := &cobra.Command{
		Use:   "explain ID",
		Short: "Explain why a dispatch ran, failed or never ran, and who has to act",
		Long: "Explain why a dispatch ran, failed or never ran, and who has to act.\n\n" +
			"The id is in the header X-Dispatch-ID of every answer to a dispatch, in the field dispatch of\n" +
			"errors, in the log, and in the output of logs.",
		Example: "  template-worker explain 1j4k8c2v9d03f",
		Args:    exactArgs("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := khronos.ParseDispatchID(args[0])
			if err != nil {
				return usageErrorf("%v", err)
			}
			c, err := a.dial(server)
			if err != nil {
				return err
			}
			var view api.DispatchView
			if err := c.call(cmd.Context(), http.MethodGet, "/i/dispatches/"+id.String(), nil, &view); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(view)
			}
			_, err = fmt.Fprintln(a.out, view.Explanation)
			return err
		},
	}
	server.register(cmd)
	return cmd
}
