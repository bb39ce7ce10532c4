package main

import (
	"fmt"
	"net/http"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// versionInfo is what the API says of a kept version.
type versionInfo struct {
	Version       int64     `json:"version"`
	Current       bool      `json:"current"`
	From          string    `json:"from,omitempty"`
	Subscriptions []string  `json:"subscriptions"`
	Capabilities  []string  `json:"capabilities"`
	CreatedAt     time.Time `json:"created_at"`
}

func (t *templateCommands) versions() *cobra.Command {
	return &cobra.Command{
		Use:     "versions NAME --tenant TENANT",
		Short:   "List the kept versions of a template, newest first",
		Example: "  template-worker templates versions raid-guard --tenant guild:81384788765712384",
		Args:    exactArgs("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, c, err := t.dial()
			if err != nil {
				return err
			}
			var list []versionInfo
			if err := c.call(cmd.Context(), http.MethodGet, templatePath(id, args[0])+"/versions", nil, &list); err != nil {
				return err
			}
			if t.json {
				return t.printJSON(list)
			}
			w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "VERSION\tIN FORCE\tMADE\tGRANTED\tEVENTS")
			for _, v := range list {
				fmt.Fprintf(w, "%d\t%t\t%s\t%s\t%s\n", v.Version, v.Current, v.CreatedAt.Format(time.RFC3339), orDash(v.Capabilities), orDash(v.Subscriptions))
			}
			return w.Flush()
		},
	}
}

// regrant adds the flag of commands that go back to an older version.
func regrant(cmd *cobra.Command, grant *bool) *cobra.Command {
	cmd.Flags().BoolVar(grant, "grant", false, "let it have again what was taken away since")
	return cmd
}

func (t *templateCommands) activate() *cobra.Command {
	var grant bool
	return regrant(&cobra.Command{
		Use:     "activate NAME VERSION --tenant TENANT",
		Short:   "Put a kept version in force; new events go to it at once",
		Example: "  template-worker templates activate raid-guard 3 --tenant guild:81384788765712384",
		Args:    exactArgs("NAME", "VERSION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			version, err := strconv.ParseInt(args[1], 10, 64)
			if err != nil || version < 1 {
				return usageErrorf("version %q: want a number from 1", args[1])
			}
			return t.change(cmd.Context(), http.MethodPost, args[0], fmt.Sprintf("/versions/%d/activate?grant=%t", version, grant), nil, "in force")
		},
	}, &grant)
}

func (t *templateCommands) rollback() *cobra.Command {
	var grant bool
	return regrant(&cobra.Command{
		Use:     "rollback NAME --tenant TENANT",
		Short:   "Put the version before the one in force in force",
		Example: "  template-worker templates rollback raid-guard --tenant guild:81384788765712384",
		Args:    exactArgs("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.change(cmd.Context(), http.MethodPost, args[0], fmt.Sprintf("/rollback?grant=%t", grant), nil, "in force")
		},
	}, &grant)
}
