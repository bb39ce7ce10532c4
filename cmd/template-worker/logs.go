package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/template-worker/template-worker/internal/api"
	"github.com/template-worker/template-worker/internal/tenantlog"
)

func (a *app) logsCommand() *cobra.Command {
	var (
		server clientOptions
		follow bool
		lines  int
	)
	cmd := &cobra.Command{
		Use:   "logs TENANT [--follow]",
		Short: "Show what a tenant's templates print, and how its dispatches ended",
		Long: "Show what a tenant's templates print, and how its dispatches ended.\n\n" +
			"With --json each line of output is one object: {\"line\": ...}, {\"outcome\": ...} or {\"lost\": ...}.",
		Example: "  template-worker logs guild:81384788765712384 --follow",
		Args:    exactArgs("TENANT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := tenantFlag(args[0])
			if err != nil {
				return err
			}
			if lines < 1 || lines > 1000 {
				return usageErrorf("--lines %d: want 1 to 1000", lines)
			}
			c, err := a.dial(server)
			if err != nil {
				return err
			}
			path := "/i/tenants/" + id.String() + "/log?" + url.Values{"lines": {fmt.Sprint(lines)}, "outcomes": {fmt.Sprint(lines)}}.Encode()
			if follow {
				return c.events(cmd.Context(), path+"&follow=true", a.printLogEvent)
			}
			return a.printLog(cmd.Context(), c, path)
		},
	}
	server.register(cmd)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what comes, until interrupted")
	cmd.Flags().IntVarP(&lines, "lines", "n", 50, "how many of the last lines and outcomes")
	return cmd
}

// printLog prints what the log has, in the order in which it happened.
func (a *app) printLog(ctx context.Context, c *client, path string) error {
	var view api.TenantLogView
	if err := c.call(ctx, http.MethodGet, path, nil, &view); err != nil {
		return err
	}
	type item struct {
		at    time.Time
		event string
		value any
	}
	var items []item
	for _, line := range view.Lines {
		items = append(items, item{line.At, "line", line})
	}
	for _, d := range view.Outcomes {
		items = append(items, item{*d.EndedAt, "outcome", d})
	}
	slices.SortStableFunc(items, func(a, b item) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
	for _, it := range items {
		text, err := json.Marshal(it.value)
		if err != nil {
			return err
		}
		if err := a.printLogEvent(it.event, text); err != nil {
			return err
		}
	}
	return nil
}

// logTime is how log lines say when.
const logTime = "2006-01-02 15:04:05.000"

// printLogEvent prints one line, one outcome, or how much was lost.
func (a *app) printLogEvent(event string, data []byte) error {
	if a.json {
		_, err := fmt.Fprintf(a.out, "{%q:%s}\n", event, data)
		return err
	}
	switch event {
	case "line":
		var line tenantlog.Line
		if err := json.Unmarshal(data, &line); err != nil {
			return fmt.Errorf("read log line: %w", err)
		}
		_, err := fmt.Fprintf(a.out, "%s  %s: %s\n", line.At.Local().Format(logTime), line.Template, printable(line.Text))
		return err
	case "outcome":
		var d api.DispatchView
		if err := json.Unmarshal(data, &d); err != nil || d.EndedAt == nil {
			return fmt.Errorf("read outcome: %w", err)
		}
		_, err := fmt.Fprintf(a.out, "%s  %s\n", d.EndedAt.Local().Format(logTime), outcomeLine(&d))
		return err
	case "lost":
		var lost struct{ Lines, Outcomes int64 }
		if err := json.Unmarshal(data, &lost); err != nil {
			return fmt.Errorf("read what was lost: %w", err)
		}
		fmt.Fprintf(a.err, "this reader was too slow: %d lines and %d outcomes are missing\n", lost.Lines, lost.Outcomes)
	}
	return nil
}

// outcomeLine sums a dispatch up.
func outcomeLine(d *api.DispatchView) string {
	text := d.Text
	for _, t := range d.Templates {
		if text == "" && t.Outcome != "ok" {
			text = t.Template + ": " + t.Text
		}
	}
	line := fmt.Sprintf("[%s %s %s] %s after %.1f ms, %.1f ms CPU", d.Kind, d.Event, d.ID, d.Outcome, d.WaitMs+d.RunMs, d.CPUMs)
	if text != "" {
		line += ": " + printable(text)
	}
	return line
}

// printable keeps what a script prints from steering the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, text)
}
