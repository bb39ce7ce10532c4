package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
	"github.com/template-worker/template-worker/internal/templates"
)

// pushOptions are the flags of push.
type pushOptions struct {
	name   string
	grant  []string
	paused bool
	stage  bool
}

// The words of --grant that are no capabilities.
const (
	grantAsked = "asked"
	grantKept  = "kept"
	grantNone  = "none"
)

func (t *templateCommands) push() *cobra.Command {
	var o pushOptions
	cmd := &cobra.Command{
		Use:   "push FOLDER|FILE.zip|@SCOPE/NAME@VERSION --tenant TENANT",
		Short: "Store a template as a new version; new events go to it at once",
		Long: "Store a template as a new version; new events go to it at once, and handlers that run end on\n" +
			"the version they began on. It is a folder, a zip archive of one, or a template of the shop.\n\n" +
			"Of a folder its .luau, .lua and .luaurc files without *.test.luau are sent, and template.toml,\n" +
			"which may give the name and asks for capabilities. What is asked for is granted when the\n" +
			"local operator pushes, that is without TW_TOKEN; else what was granted before stays.",
		Example: "  template-worker templates push examples/raid-guard --tenant guild:81384788765712384\n" +
			"  template-worker templates push levels.zip --grant none --tenant guild:81384788765712384\n" +
			"  template-worker templates push @acme/levels@1.2.0 --grant 'kv:get:*' --tenant guild:81384788765712384",
		Args: exactArgs("FOLDER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, body, err := readPush(args[0])
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("paused") {
				body["paused"] = o.paused
			}
			return t.runPush(cmd.Context(), cmp.Or(o.name, name), body, o)
		},
	}
	cmd.Flags().StringVar(&o.name, "name", "", "template name (default: template.toml, else the folder's name)")
	cmd.Flags().StringArrayVar(&o.grant, "grant", nil, "capability to grant, such as kv:*, may be repeated; or one of asked, kept, none")
	cmd.Flags().BoolVar(&o.paused, "paused", false, "store it, but send it no events (default: as it was)")
	cmd.Flags().BoolVar(&o.stage, "stage", false, "only keep it as a version; put it in force later with activate")
	return cmd
}

func (t *templateCommands) runPush(ctx context.Context, name string, body map[string]any, o pushOptions) error {
	id, c, err := t.dial()
	if err != nil {
		return err
	}
	query, why, err := grantOf(o.grant, c.local, body)
	if err != nil {
		return err
	}
	if o.stage {
		query += "&stage=true"
	}
	var stored templateInfo
	if err := c.call(ctx, http.MethodPut, templatePath(id, name)+"?"+query, body, &stored); err != nil {
		return err
	}
	if t.json {
		return t.printJSON(stored)
	}
	state := ""
	switch {
	case o.stage:
		state = ", staged"
	case stored.Paused:
		state = ", paused"
	}
	fmt.Fprintf(t.out, "%s version %d of %s%s, handles %s\n", stored.Name, stored.Version, id, state, strings.Join(stored.Subscriptions, ", "))
	if len(stored.Capabilities) > 0 {
		fmt.Fprintf(t.out, "granted: %s (%s)\n", strings.Join(stored.Capabilities, ", "), why)
	}
	if len(stored.Missing) > 0 {
		fmt.Fprintf(t.out, "not granted: %s\n", strings.Join(stored.Missing, ", "))
	}
	return nil
}

// readPush reads what is to be pushed into the name it has by itself and the body
// of the request.
func readPush(source string) (string, map[string]any, error) {
	if strings.HasPrefix(source, "@") {
		ref, err := store.ParseTemplateRef(source)
		if err != nil {
			return "", nil, usageErrorf("%v", err)
		}
		return ref.Name, map[string]any{"from": ref.String()}, nil
	}
	if !strings.HasSuffix(source, ".zip") {
		t, err := templates.ReadFolder(source)
		return t.Name, map[string]any{"files": t.Files}, err
	}
	archive, err := os.ReadFile(source)
	if err != nil {
		return "", nil, fmt.Errorf("read template archive: %w", err)
	}
	files, err := templates.ReadZip(archive, khronos.MaxTemplateBytes)
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", source, err)
	}
	m, err := templates.ManifestOf(files)
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", source, err)
	}
	name := m.Name
	if name == "" {
		name = strings.TrimSuffix(filepath.Base(source), ".zip")
	}
	return name, map[string]any{"files": files}, nil
}

// grantOf puts what --grant says into the request, and gives why what is granted is.
func grantOf(grant []string, local bool, body map[string]any) (query, why string, err error) {
	if len(grant) == 0 {
		grant = []string{grantKept}
		if local {
			return "grant=asked", "as asked for: the local operator grants that; --grant none would not", nil
		}
	}
	switch {
	case len(grant) > 1:
	case grant[0] == grantAsked:
		return "grant=asked", "as asked for", nil
	case grant[0] == grantKept:
		return "grant=kept", "as before", nil
	case grant[0] == grantNone:
		body["capabilities"] = []string{}
		return "grant=kept", "", nil
	}
	for _, c := range grant {
		if c == grantAsked || c == grantKept || c == grantNone {
			return "", "", usageErrorf("--grant %s goes with no other --grant", c)
		}
	}
	body["capabilities"] = grant
	return "grant=kept", "as told", nil
}
