package main

import (
	"cmp"
	"context"
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
	Name          string            `json:"name"`
	Version       int64             `json:"version"`
	From          string            `json:"from,omitempty"`
	Subscriptions []string          `json:"subscriptions"`
	Asked         []string          `json:"asked"`
	Capabilities  []string          `json:"capabilities"`
	Missing       []string          `json:"missing"`
	Paused        bool              `json:"paused"`
	SizeBytes     int               `json:"size_bytes"`
	Files         map[string]string `json:"files,omitempty"`
}

// templateCommands is what the commands about one tenant's templates share.
type templateCommands struct {
	*app
	server clientOptions
	tenant string
}

func (a *app) templatesCommand() *cobra.Command {
	t := &templateCommands{app: a}
	cmd := &cobra.Command{Use: "templates", Short: "Manage a tenant's templates", Args: noSubcommand, RunE: showHelp}
	t.server.register(cmd)
	cmd.PersistentFlags().StringVar(&t.tenant, "tenant", "", "guild:ID or user:ID (required)")
	cmd.AddCommand(
		t.push(), t.pull(), t.list(), t.versions(), t.activate(), t.rollback(), t.grant(),
		t.pause("pause", "Send a template no more events; what runs goes on"), t.pause("resume", "Send a paused template events again"),
		t.delete(),
	)
	return cmd
}

// dial finds tenant and server.
func (t *templateCommands) dial() (khronos.TenantID, *client, error) {
	id, err := tenantFlag(t.tenant)
	if err != nil {
		return id, nil, err
	}
	c, err := t.app.dial(t.server)
	return id, c, err
}

func templatesPath(tenant khronos.TenantID) string {
	return "/i/tenants/" + tenant.String() + "/templates"
}

func templatePath(tenant khronos.TenantID, name string) string {
	return templatesPath(tenant) + "/" + url.PathEscape(name)
}

// change makes a request that answers with the template as it is then, and says so.
func (t *templateCommands) change(ctx context.Context, method, name, rest string, body any, what string) error {
	id, c, err := t.dial()
	if err != nil {
		return err
	}
	var now templateInfo
	if err := c.call(ctx, method, templatePath(id, name)+rest, body, &now); err != nil {
		return err
	}
	if t.json {
		return t.printJSON(now)
	}
	fmt.Fprintf(t.out, "%s version %d of %s: %s\n", now.Name, now.Version, id, what)
	return nil
}

func (t *templateCommands) list() *cobra.Command {
	return &cobra.Command{
		Use:     "list --tenant TENANT",
		Short:   "List a tenant's templates",
		Example: "  template-worker templates list --tenant guild:81384788765712384",
		Args:    exactArgs(),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, c, err := t.dial()
			if err != nil {
				return err
			}
			var list []templateInfo
			if err := c.call(cmd.Context(), http.MethodGet, templatesPath(id), nil, &list); err != nil {
				return err
			}
			if t.json {
				return t.printJSON(list)
			}
			w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tVERSION\tBYTES\tPAUSED\tGRANTED\tNOT GRANTED\tEVENTS\tFROM")
			for _, tpl := range list {
				fmt.Fprintf(w, "%s\t%d\t%d\t%t\t%s\t%s\t%s\t%s\n", tpl.Name, tpl.Version, tpl.SizeBytes, tpl.Paused,
					orDash(tpl.Capabilities), orDash(tpl.Missing), orDash(tpl.Subscriptions), cmp.Or(tpl.From, "-"))
			}
			return w.Flush()
		},
	}
}

func (t *templateCommands) pull() *cobra.Command {
	var version int64
	cmd := &cobra.Command{
		Use:   "pull NAME [FOLDER] --tenant TENANT",
		Short: "Write a template's files into a folder (default: one of its name here)",
		Long: "Write a template's files into a folder, by default one of its name here. Files of the same\n" +
			"names are replaced, others are left alone.",
		Example: "  template-worker templates pull raid-guard --tenant guild:81384788765712384\n" +
			"  template-worker templates pull raid-guard old --version 3 --tenant guild:81384788765712384",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 && len(args) != 2 {
				return usageErrorf("%s wants NAME and at most one FOLDER, got %d arguments", cmd.CommandPath(), len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			id, c, err := t.dial()
			if err != nil {
				return err
			}
			path := templatePath(id, args[0])
			if version != 0 {
				path += fmt.Sprintf("/versions/%d", version)
			}
			var tpl templateInfo
			if err := c.call(cmd.Context(), http.MethodGet, path, nil, &tpl); err != nil {
				return err
			}
			dir := args[len(args)-1]
			if err := templates.WriteFolder(dir, tpl.Files); err != nil {
				return err
			}
			if t.json {
				return t.printJSON(tpl)
			}
			fmt.Fprintf(t.out, "%s version %d of %s: %d files in %s\n", tpl.Name, tpl.Version, id, len(tpl.Files), dir)
			return nil
		},
	}
	cmd.Flags().Int64Var(&version, "version", 0, "version (default: the one in force)")
	return cmd
}

func (t *templateCommands) grant() *cobra.Command {
	return &cobra.Command{
		Use:   "grant NAME [CAPABILITY...] --tenant TENANT",
		Short: "Say exactly what a template may do; without a CAPABILITY, nothing",
		Long: "Say exactly what a template may do; without a CAPABILITY, nothing. What it asks for is in\n" +
			"its template.toml, and `templates list` shows what of that it was not granted.",
		Example: "  template-worker templates grant raid-guard 'kv:*' --tenant guild:81384788765712384",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageErrorf("%s wants NAME", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			capabilities := append([]string{}, args[1:]...)
			return t.change(cmd.Context(), http.MethodPut, args[0], "/grants", map[string]any{"capabilities": capabilities},
				"granted "+orDash(capabilities))
		},
	}
}

func (t *templateCommands) pause(verb, short string) *cobra.Command {
	return &cobra.Command{
		Use:     verb + " NAME --tenant TENANT",
		Short:   short,
		Example: "  template-worker templates " + verb + " raid-guard --tenant guild:81384788765712384",
		Args:    exactArgs("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.change(cmd.Context(), http.MethodPost, args[0], "/"+verb, nil, verb+"d")
		},
	}
}

func (t *templateCommands) delete() *cobra.Command {
	return &cobra.Command{
		Use:     "delete NAME --tenant TENANT",
		Short:   "Delete a template with its versions; what it kept in KV stays",
		Example: "  template-worker templates delete raid-guard --tenant guild:81384788765712384",
		Args:    exactArgs("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, c, err := t.dial()
			if err != nil {
				return err
			}
			return c.call(cmd.Context(), http.MethodDelete, templatePath(id, args[0]), nil, nil)
		},
	}
}

// orDash joins a list for a table.
func orDash(list []string) string { return cmp.Or(strings.Join(list, " "), "-") }

// noSubcommand refuses unknown words after a group of commands.
func noSubcommand(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageErrorf("unknown command %q for %s", args[0], cmd.CommandPath())
	}
	return nil
}

func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }
