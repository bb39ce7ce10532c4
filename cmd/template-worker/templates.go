package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/templates"
)

// templateInfo is what the API says of a template.
type templateInfo struct {
	Name          string   `json:"name"`
	Version       int64    `json:"version"`
	Subscriptions []string `json:"subscriptions"`
	Capabilities  []string `json:"capabilities"`
	Paused        bool     `json:"paused"`
	SizeBytes     int      `json:"size_bytes"`
}

func (a *app) templatesCommand() *cobra.Command {
	var server clientOptions
	var tenant string
	cmd := &cobra.Command{Use: "templates", Short: "Manage a tenant's templates", Args: noSubcommand, RunE: showHelp}
	server.register(cmd)
	cmd.PersistentFlags().StringVar(&tenant, "tenant", "", "guild:ID or user:ID (required)")
	cmd.AddCommand(a.templatesPush(&server, &tenant), a.templatesList(&server, &tenant), a.templatesDelete(&server, &tenant))
	return cmd
}

func templatesPath(tenant khronos.TenantID) string {
	return "/i/tenants/" + tenant.String() + "/templates"
}

func templatePath(tenant khronos.TenantID, name string) string {
	return templatesPath(tenant) + "/" + url.PathEscape(name)
}

func (a *app) templatesPush(server *clientOptions, tenant *string) *cobra.Command {
	var name string
	var capabilities []string
	var paused bool
	cmd := &cobra.Command{
		Use:   "push FOLDER --tenant TENANT",
		Short: "Store a template folder; the tenant uses it from the next event on",
		Long: "Store a template folder; the tenant uses it from the next event on.\n\n" +
			"The folder's .luau, .lua and .luaurc files are sent. Its template.json may give the\n" +
			"name and the capabilities; flags win over it.",
		Example: "  template-worker templates push examples/raid-guard --tenant guild:81384788765712384",
		Args:    exactArgs("FOLDER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := tenantFlag(*tenant)
			if err != nil {
				return err
			}
			t, err := templates.ReadFolder(args[0])
			if err != nil {
				return err
			}
			if name != "" {
				t.Name = name
			}
			if cmd.Flags().Changed("cap") {
				t.Capabilities = capabilities
			}
			c, err := a.dial(*server)
			if err != nil {
				return err
			}
			body := map[string]any{"files": t.Files, "capabilities": t.Capabilities, "paused": paused || t.Paused}
			var stored templateInfo
			if err := c.call(cmd.Context(), http.MethodPut, templatePath(id, t.Name), body, &stored); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(stored)
			}
			fmt.Fprintf(a.out, "%s version %d of %s, handles %s\n", stored.Name, stored.Version, id, strings.Join(stored.Subscriptions, ", "))
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "template name (default: template.json, else the folder's name)")
	cmd.Flags().StringArrayVar(&capabilities, "cap", nil, "capability, such as kv:*; may be repeated (default: template.json)")
	cmd.Flags().BoolVar(&paused, "paused", false, "store it, but send it no events")
	return cmd
}

func (a *app) templatesList(server *clientOptions, tenant *string) *cobra.Command {
	return &cobra.Command{
		Use:     "list --tenant TENANT",
		Short:   "List a tenant's templates",
		Example: "  template-worker templates list --tenant guild:81384788765712384",
		Args:    exactArgs(),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := tenantFlag(*tenant)
			if err != nil {
				return err
			}
			c, err := a.dial(*server)
			if err != nil {
				return err
			}
			var list []templateInfo
			if err := c.call(cmd.Context(), http.MethodGet, templatesPath(id), nil, &list); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(list)
			}
			w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tVERSION\tBYTES\tPAUSED\tCAPABILITIES\tEVENTS")
			for _, t := range list {
				fmt.Fprintf(w, "%s\t%d\t%d\t%t\t%s\t%s\n", t.Name, t.Version, t.SizeBytes, t.Paused, strings.Join(t.Capabilities, " "), strings.Join(t.Subscriptions, " "))
			}
			return w.Flush()
		},
	}
}

func (a *app) templatesDelete(server *clientOptions, tenant *string) *cobra.Command {
	return &cobra.Command{
		Use:     "delete NAME --tenant TENANT",
		Short:   "Delete a template; what it kept in KV stays",
		Example: "  template-worker templates delete raid-guard --tenant guild:81384788765712384",
		Args:    exactArgs("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := tenantFlag(*tenant)
			if err != nil {
				return err
			}
			c, err := a.dial(*server)
			if err != nil {
				return err
			}
			return c.call(cmd.Context(), http.MethodDelete, templatePath(id, args[0]), nil, nil)
		},
	}
}

// noSubcommand refuses unknown words after a group of commands.
func noSubcommand(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageErrorf("unknown command %q for %s", args[0], cmd.CommandPath())
	}
	return nil
}

func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }
