package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/template-worker/template-worker/internal/khronos"
)

// eventOptions are the flags that describe an event.
type eventOptions struct {
	data, format, author string
	timeout              time.Duration
}

func (o *eventOptions) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.data, "data", "", "the event's data: JSON, @FILE, or - for standard input")
	cmd.Flags().StringVar(&o.format, "format", "json", "how to read data: json (plain) or khronos (tagged)")
	cmd.Flags().StringVar(&o.author, "author", "", "user id of who caused the event")
	cmd.Flags().DurationVar(&o.timeout, "timeout", 0, "deadline of the dispatch (default: the limit dispatch_deadline)")
}

// readData resolves --data.
func (a *app) readData(data string) (json.RawMessage, error) {
	var text []byte
	var err error
	switch {
	case data == "":
		return nil, nil
	case data == "-":
		text, err = io.ReadAll(a.in)
	case strings.HasPrefix(data, "@"):
		text, err = os.ReadFile(data[1:])
	default:
		text = []byte(data)
	}
	if err != nil {
		return nil, fmt.Errorf("read event data: %w", err)
	}
	if !json.Valid(text) {
		return nil, usageErrorf("--data %s: not valid JSON", data)
	}
	return text, nil
}

func (a *app) dispatchCommand() *cobra.Command {
	var (
		server clientOptions
		event  eventOptions
		tenant string
		noWait bool
	)
	cmd := &cobra.Command{
		Use:   "dispatch EVENT --tenant TENANT [--data DATA]",
		Short: "Dispatch an event to a tenant's templates and print what they answer",
		Long: "Dispatch an event to a tenant's templates and print what they answer.\n\n" +
			"With one template its value is printed as plain JSON, with several one line each;\n--json prints the whole result in its tagged form.",
		Example: "  template-worker dispatch --tenant guild:81384788765712384 GUILD_MEMBER_ADD --data @member.json\n" +
			"  template-worker dispatch --tenant user:1 Ping --data '{\"n\": 1}'",
		Args: exactArgs("EVENT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := tenantFlag(tenant)
			if err != nil {
				return err
			}
			data, err := a.readData(event.data)
			if err != nil {
				return err
			}
			c, err := a.dial(server)
			if err != nil {
				return err
			}
			query := url.Values{}
			if event.timeout > 0 {
				query.Set("timeout_ms", fmt.Sprint(event.timeout.Milliseconds()))
			}
			if noWait {
				query.Set("no_wait", "true")
			}
			body := map[string]any{"name": args[0], "format": event.format}
			if data != nil {
				body["data"] = data
			}
			if event.author != "" {
				body["author"] = event.author
			}
			var result khronos.Value
			if err := c.call(cmd.Context(), http.MethodPost, "/i/tenants/"+id.String()+"/dispatch-event?"+query.Encode(), body, &result); err != nil {
				return err
			}
			if noWait {
				return nil
			}
			return a.printResult(result)
		},
	}
	server.register(cmd)
	event.register(cmd)
	cmd.Flags().StringVar(&tenant, "tenant", "", "guild:ID or user:ID (required)")
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "return as soon as the event is accepted")
	return cmd
}

// tenantFlag checks --tenant.
func tenantFlag(text string) (khronos.TenantID, error) {
	if text == "" {
		return khronos.TenantID{}, usageErrorf("--tenant is required: guild:ID or user:ID")
	}
	id, err := khronos.ParseTenantID(text)
	if err != nil {
		return id, usageErrorf("--tenant: %v", err)
	}
	return id, nil
}

// printResult shows the result of a dispatch. A template's error goes to
// standard error and makes the command end with the script error code.
func (a *app) printResult(result khronos.Value) error {
	if a.json {
		if err := a.printJSON(result); err != nil {
			return err
		}
	} else if result.Kind() == khronos.KindNull {
		fmt.Fprintln(a.err, "no template of this tenant handles the event")
		return nil
	}
	var failed *khronos.Error
	items := result.Items()
	for _, item := range items {
		id, _ := textOf(item, "id")
		if kind, _ := textOf(item, "type"); kind == "ok" {
			if err := a.printValue(id, len(items) > 1, item); err != nil {
				return err
			}
			continue
		}
		text, _ := textOf(item, "value")
		failed = khronos.Errorf(khronos.ErrKindScriptError, "template %s: %s", id, text)
		if !a.json && len(items) > 1 {
			fmt.Fprintln(a.err, failed.Text)
		}
	}
	if failed != nil {
		return failed
	}
	return nil
}

func (a *app) printValue(id string, named bool, item khronos.Value) error {
	if a.json {
		return nil
	}
	value, _ := item.Get("value")
	text, err := value.PlainJSON()
	if err != nil {
		return fmt.Errorf("print value of %s: %w", id, err)
	}
	if named {
		fmt.Fprintf(a.out, "%s: ", id)
	}
	fmt.Fprintf(a.out, "%s\n", text)
	return nil
}

func textOf(item khronos.Value, key string) (string, bool) {
	v, ok := item.Get(key)
	if !ok {
		return "", false
	}
	return v.AsText()
}
