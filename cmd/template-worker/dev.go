package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/templates"
)

// devPoll is how often dev looks at the folder: the greatest part of a swap.
const devPoll = 50 * time.Millisecond

func (a *app) devCommand() *cobra.Command {
	var tenant string
	cmd := &cobra.Command{
		Use:   "dev FOLDER",
		Short: "Watch a template's folder, swap in each change, and dispatch events from standard input",
		Long: "Watch a template's folder and swap in each change, without a server; what the template keeps in\n" +
			"KV stays until dev ends. Each line of standard input dispatches an event:\n\n" +
			"  EVENT             without data\n" +
			"  EVENT FIXTURE     with fixtures/FIXTURE.json of the folder\n" +
			"  EVENT JSON        with that data\n" +
			"  (an empty line)   the last one again",
		Example: "  template-worker dev examples/levels\n  echo 'MESSAGE message' | template-worker dev examples/levels",
		Args:    exactArgs("FOLDER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := tenantFlag(tenant)
			if err != nil {
				return err
			}
			cfg, err := a.config()
			if err != nil {
				return err
			}
			return a.runLocal(cmd.Context(), cfg, localOptions{}, func(ctx context.Context, l *local) error {
				d := &developer{app: a, local: l, tenant: id, dir: args[0]}
				return d.run(ctx)
			})
		},
	}
	cmd.Flags().StringVar(&tenant, "tenant", "guild:1", "guild:ID or user:ID")
	return cmd
}

// developer is dev at work. One goroutine uses it.
type developer struct {
	*app
	local  *local
	tenant khronos.TenantID
	dir    string
	seen   map[string]string // files to their times and sizes
	last   string            // line of input
}

// run works until ctx or the input ends.
func (d *developer) run(ctx context.Context) error {
	if err := d.swap(ctx); err != nil {
		return err
	}
	lines := make(chan string)
	go readLines(ctx, d.in, lines) // ends with ctx, or with the process when its input never does
	tick := time.NewTicker(devPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case line, more := <-lines:
			if !more {
				return nil
			}
			d.look(ctx) // what was saved before the line was sent comes first
			d.dispatch(ctx, line)
		case <-tick.C:
			d.look(ctx)
		}
	}
}

// readLines hands the lines of the input over.
func readLines(ctx context.Context, in interface{ Read([]byte) (int, error) }, lines chan<- string) {
	defer close(lines)
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, maxEventBytes)
	for scanner.Scan() {
		select {
		case lines <- scanner.Text():
		case <-ctx.Done():
			return
		}
	}
}

// look swaps the template when its files have changed; what is wrong with it is
// told, and the version before goes on.
func (d *developer) look(ctx context.Context) {
	now, err := snapshot(d.dir)
	if err == nil && maps.Equal(now, d.seen) {
		return
	}
	if err == nil {
		err = d.swap(ctx)
	}
	if err != nil {
		d.tell(map[string]any{"error": khronos.AsError(err).Text}, "not swapped: %v\n", err)
	}
}

// swap stores the folder as a new version.
func (d *developer) swap(ctx context.Context) error {
	began := time.Now()
	seen, err := snapshot(d.dir)
	if err != nil {
		return err
	}
	d.seen = seen
	t, err := templates.ReadFolder(d.dir)
	if err != nil {
		return err
	}
	stored, err := d.local.put(ctx, d.tenant, t)
	if err != nil {
		return err
	}
	took := time.Since(began)
	d.tell(map[string]any{"name": stored.Name, "version": stored.Version, "subscriptions": stored.Subscriptions, "took_ms": took.Seconds() * 1000},
		"%s version %d in %s, handles %s\n", stored.Name, stored.Version, took.Round(100*time.Microsecond), strings.Join(stored.Subscriptions, ", "))
	return nil
}

// snapshot gives times and sizes of the folder's files.
func snapshot(dir string) (map[string]string, error) {
	seen := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			seen[name] = fmt.Sprint(info.ModTime().UnixNano(), " ", info.Size())
		}
		return err
	})
	return seen, err
}

// dispatch sends the event of a line and prints what becomes of it.
func (d *developer) dispatch(ctx context.Context, line string) {
	if strings.TrimSpace(line) == "" {
		line = d.last
	}
	d.last = line
	name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	if name == "" {
		return
	}
	result, err := d.send(ctx, name, strings.TrimSpace(rest))
	if err != nil {
		d.tell(map[string]any{"error": khronos.AsError(err).Text}, "%s: %v\n", name, err)
		return
	}
	plain, err := result.PlainJSON()
	if err != nil {
		d.tell(map[string]any{"error": err.Error()}, "%s: %v\n", name, err)
		return
	}
	d.tell(map[string]any{"event": name, "result": json.RawMessage(plain)}, "%s: %s\n", name, plain)
}

func (d *developer) send(ctx context.Context, name, data string) (khronos.Value, error) {
	raw := []byte(data)
	if fixtures := d.fixtures(); slices.Contains(fixtures, data) {
		var err error
		if raw, err = readFixture(d.dir, data); err != nil {
			return khronos.Null(), fmt.Errorf("read fixture %s: %w", data, err)
		}
	} else if data != "" && !json.Valid(raw) {
		return khronos.Null(), khronos.Errorf(khronos.ErrKindBadRequest, "%q is neither JSON nor one of the fixtures %s", data, strings.Join(fixtures, ", "))
	}
	payload, err := khronos.ParsePayload(raw, "")
	if err != nil {
		return khronos.Null(), err
	}
	ev := khronos.Event{Name: name, Data: payload}
	if err := ev.Validate(); err != nil {
		return khronos.Null(), err
	}
	return d.local.thread.DispatchEvent(ctx, d.tenant, ev)
}

// fixtures lists the names of the folder's fixtures.
func (d *developer) fixtures() []string {
	var names []string
	for file := range d.seen {
		if dir, base := filepath.Split(filepath.FromSlash(file)); filepath.Clean(dir) == "fixtures" && strings.HasSuffix(base, ".json") {
			names = append(names, strings.TrimSuffix(base, ".json"))
		}
	}
	slices.Sort(names)
	return names
}

// tell prints one line, in JSON when that is wanted.
func (d *developer) tell(machine map[string]any, format string, args ...any) {
	if d.json {
		json.NewEncoder(d.out).Encode(machine)
		return
	}
	fmt.Fprintf(d.out, format, args...)
}
