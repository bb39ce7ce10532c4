package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/template-worker/template-worker/internal/broker"
	"github.com/template-worker/template-worker/internal/config"
	"github.com/template-worker/template-worker/internal/host"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store/memory"
	"github.com/template-worker/template-worker/internal/templates"
	"github.com/template-worker/template-worker/internal/tenant"
	"github.com/template-worker/template-worker/internal/tenantlog"
	"github.com/template-worker/template-worker/internal/worker"
)

func (a *app) runCommand() *cobra.Command {
	var event eventOptions
	var name, tenant string
	cmd := &cobra.Command{
		Use:   "run PATH [--event EVENT]",
		Short: "Run a script or a template here, without a server, under the same limits",
		Long: "Run a script or a template here, without a server, under the same limits.\n\n" +
			"With --event, PATH is a template (a folder, or a file that stands for its init.luau) and\n" +
			"its handler's value is printed. Without, PATH is a script and gets ctx as its argument.\n" +
			"What it keeps in KV is forgotten; what it prints goes to standard error.",
		Example: "  template-worker run examples/raid-guard --event MESSAGE --data @examples/raid-guard/fixtures/message.json\n" +
			"  template-worker run hello.luau",
		Args: exactArgs("PATH"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := tenantFlag(tenant)
			if err != nil {
				return err
			}
			data, err := a.readData(event.data)
			if err != nil {
				return err
			}
			payload, err := khronos.ParsePayload(data, event.format)
			if err != nil {
				return usageErrorf("--data: %v", err)
			}
			cfg, err := a.config()
			if err != nil {
				return err
			}
			ev := khronos.Event{Name: name, Author: event.author, Data: payload}
			ctx, cancel := cmd.Context(), context.CancelFunc(func() {})
			if event.timeout > 0 {
				ctx, cancel = context.WithTimeout(ctx, event.timeout)
			}
			defer cancel()
			return a.runLocal(ctx, cfg, localOptions{}, func(ctx context.Context, local *local) error {
				if name == "" {
					return local.script(ctx, a, id, args[0], ev)
				}
				return local.event(ctx, a, id, args[0], ev)
			})
		},
	}
	event.register(cmd)
	cmd.Flags().StringVar(&name, "event", "", "name of the event to dispatch")
	cmd.Flags().StringVar(&tenant, "tenant", "guild:1", "guild:ID or user:ID")
	return cmd
}

// local is a whole installation in this process, with a store in memory.
type local struct {
	thread    *worker.Thread
	templates *templates.Service
}

// localOptions change how a local installation is made.
type localOptions struct {
	wrap     func(tenant.Door) tenant.Door // stands before the broker; nil: nothing does
	programs *host.Programs                // nil: its own
	quiet    bool                          // storing a template raises no OnStartup
}

// quietly keeps the events that a change of a template raises from a worker.
type quietly struct{ *worker.Thread }

func (quietly) DispatchEventNoWait(context.Context, khronos.TenantID, khronos.Event) error {
	return nil
}

// runLocal makes a local installation, calls f with it and takes it down.
func (a *app) runLocal(ctx context.Context, cfg config.Config, o localOptions, f func(context.Context, *local) error) error {
	cfg.LogLevel = "error" // the tenant's log is shown by itself
	cfg.Workers = 1
	log := newLogger(a.err, cfg)
	st := memory.New()
	events := &lateRaiser{}
	brk := broker.New(st, cfg.Limits, brokerInfo(cfg), events, newWeb(cfg), log)
	var door tenant.Door = &printedLog{brokerDoor: brokerDoor{broker: brk, logs: tenantlog.New(1, log)}, app: a}
	if o.wrap != nil {
		door = o.wrap(door)
	}
	thread := newThread(0, cfg, door, o.programs, log)
	events.Raiser = thread

	group, serving := errgroup.WithContext(context.WithoutCancel(ctx))
	serving, stop := context.WithCancel(serving)
	group.Go(func() error { return thread.Serve(serving) })
	<-thread.Up()
	var told templates.Worker = thread
	if o.quiet {
		told = quietly{thread}
	}
	err := f(ctx, &local{thread, templates.New(st, told, brk, cfg.Limits)})
	stop()
	return errors.Join(err, group.Wait())
}

// put stores a template in the local installation and grants what it asks for.
func (l *local) put(ctx context.Context, id khronos.TenantID, t khronos.Template) (templates.Template, error) {
	return l.templates.Put(ctx, id, templates.Upload{Name: t.Name, Files: t.Files, Grant: templates.Grant{List: append([]string{}, t.Capabilities...)}})
}

// printedLog shows the tenant's log on standard error.
type printedLog struct {
	brokerDoor
	app *app
}

func (p *printedLog) Log(_ khronos.TenantID, template, line string) {
	if template != "" {
		line = template + ": " + line
	}
	fmt.Fprintln(p.app.err, line)
}

// event stores the template at path and dispatches ev to it.
func (l *local) event(ctx context.Context, a *app, id khronos.TenantID, path string, ev khronos.Event) error {
	if err := ev.Validate(); err != nil {
		return usageErrorf("--event: %v", err)
	}
	t, err := readTemplate(path)
	if err != nil {
		return err
	}
	if _, err := l.put(ctx, id, t); err != nil {
		return err
	}
	result, err := l.thread.DispatchEvent(ctx, id, ev)
	if err != nil {
		return err
	}
	return a.printResult(result)
}

// script runs the file at path and prints its first result.
func (l *local) script(ctx context.Context, a *app, id khronos.TenantID, path string, ev khronos.Event) error {
	source, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read script: %w", err)
	}
	ev.Name = "RunScript"
	value, err := l.thread.RunScript(ctx, id, path, string(source), ev)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(value)
	}
	text, err := value.PlainJSON()
	if err != nil {
		return fmt.Errorf("print value: %w", err)
	}
	fmt.Fprintf(a.out, "%s\n", text)
	return nil
}

// readTemplate reads a folder, or a single file that stands for init.luau. What
// it asks for it gets. A file cannot ask, so it gets what its tenant's own data needs.
func readTemplate(path string) (khronos.Template, error) {
	info, err := os.Stat(path)
	if err != nil {
		return khronos.Template{}, fmt.Errorf("read template: %w", err)
	}
	if info.IsDir() {
		return templates.ReadFolder(path)
	}
	source, err := os.ReadFile(path)
	if err != nil {
		return khronos.Template{}, fmt.Errorf("read template: %w", err)
	}
	return khronos.Template{Name: "script", Files: map[string]string{khronos.InitFile: string(source)}, Capabilities: []string{"kv:*", "runtime:*"}}, nil
}
