// Package trial runs the tests of a template: functions in *.test.luau files that
// send it events and look at what it answers, does and prints.
//
// A test runs as a template too, of a tenant of its own, under the limits that
// hold for all; it talks to this package through its KV. Each test gets an installation of its own, made
// by whoever calls [Run]; this package stands before its broker, writes down what
// the template under test calls and hands mocked calls to the test. It owns
// the goroutine of each dispatch that a test makes and waits for it. It never
// touches files, a store or the network.
package trial

import (
	"context"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/tenant"
)

// Subject is the tenant of the template under test.
var Subject = khronos.TenantID{Kind: khronos.TenantGuild, ID: 1}

// tester is the tenant that test files run as.
var tester = khronos.TenantID{Kind: khronos.TenantGuild, ID: 2}

//go:embed bench.luau
var benchSource string

// benchFile is where benchSource lies among the files of a test.
const benchFile = ".template-worker/bench.luau"

// Dispatcher sends events to templates.
type Dispatcher interface {
	DispatchEvent(ctx context.Context, tenant khronos.TenantID, ev khronos.Event) (khronos.Value, error)
}

// Config is what Run needs; every field is required.
type Config struct {
	Name    string            // of the template
	Files   map[string]string // of the template
	Tests   map[string]string // test files by path
	Only    func(name string) bool
	Timeout time.Duration // of one test
	// Install makes a fresh installation in which the template is stored for
	// Subject, calls use with it and takes it down. wrap puts something between its
	// workers and its broker.
	Install func(ctx context.Context, wrap func(tenant.Door) tenant.Door, use func(context.Context, Dispatcher) error) error
	// Fixture reads the data of an event, plain JSON, by its name.
	Fixture func(name string) ([]byte, error)
}

// Result is how one test ended.
type Result struct {
	File    string        `json:"file"`
	Name    string        `json:"name"`
	Failure string        `json:"failure,omitempty"` // empty: it passed
	Trace   string        `json:"trace,omitempty"`
	Log     []string      `json:"log,omitempty"` // what test and template printed
	Took    time.Duration `json:"took_ns"`
}

// Run runs the tests, file by file in the order of their names, and hands each
// result to report. A file that cannot be loaded is a failed test without a name.
// The error says what kept tests from running at all.
func Run(ctx context.Context, cfg Config, report func(Result)) error {
	for _, file := range slices.Sorted(maps.Keys(cfg.Tests)) {
		names, failed, err := cfg.list(ctx, file)
		if err != nil {
			return fmt.Errorf("test %s: %w", file, err)
		}
		if failed.Failure != "" {
			report(failed)
		}
		for _, name := range names {
			if !cfg.Only(name) {
				continue
			}
			result, _, err := cfg.run(ctx, file, "Run", name)
			if err != nil {
				return fmt.Errorf("test %s: %s: %w", file, name, err)
			}
			report(result)
		}
	}
	return nil
}

// list gives the names of a file's tests, or the result of a file that has none to give.
func (cfg *Config) list(ctx context.Context, file string) (names []string, failed Result, err error) {
	failed, value, err := cfg.run(ctx, file, "List", "")
	for _, item := range value.Items() {
		name, _ := item.AsText()
		names = append(names, name)
	}
	return names, failed, err
}

// run calls a handler of a test file in a fresh installation.
func (cfg *Config) run(ctx context.Context, file, handler, name string) (Result, khronos.Value, error) {
	result := Result{File: file, Name: name}
	data, err := khronos.ValuePayload(khronos.Text(name))
	if err != nil {
		return result, khronos.Null(), err
	}
	s := newSession(cfg, cfg.testFiles(file))
	began := time.Now()
	var value khronos.Value
	err = cfg.Install(ctx, s.stand, func(ctx context.Context, d Dispatcher) error {
		ctx, cancel := context.WithTimeout(ctx, cfg.Timeout)
		defer s.close()
		defer cancel()
		s.begin(ctx, d)
		list, err := d.DispatchEvent(ctx, tester, khronos.Event{Name: handler, Data: data})
		if err != nil {
			result.Failure, result.Trace = failureOf(err)
			return nil
		}
		value, result.Failure, result.Trace = entry(list)
		return nil
	})
	result.Took, result.Log = time.Since(began), s.lines()
	return result, value, err
}

// testFiles gives the files of the template that a test file runs as: it can
// require the modules of the template under test.
func (cfg *Config) testFiles(file string) map[string]string {
	files := maps.Clone(cfg.Files)
	maps.Copy(files, cfg.Tests)
	files[benchFile] = benchSource
	files[khronos.InitFile] = fmt.Sprintf("return require(\"./%s\")(function() return require(\"./%s\") end)\n",
		strings.TrimSuffix(benchFile, ".luau"), strings.TrimSuffix(file, ".luau"))
	return files
}

// isModule tells whether a file of a template holds code.
func isModule(file string) bool {
	return strings.HasSuffix(file, ".luau") || strings.HasSuffix(file, ".lua")
}

func failureOf(err error) (text, trace string) {
	e := khronos.AsError(err)
	return e.Text, e.Trace
}

// entry reads the single entry of a dispatch's result.
func entry(list khronos.Value) (value khronos.Value, failure, trace string) {
	items := list.Items()
	if len(items) != 1 {
		return khronos.Null(), "no template handles the event", ""
	}
	value, _ = items[0].Get("value")
	if kind, _ := items[0].Get("type"); kind.Equal(khronos.Text("ok")) {
		return value, "", ""
	}
	failure, _ = value.AsText()
	if t, ok := items[0].Get("trace"); ok {
		trace, _ = t.AsText()
	}
	return khronos.Null(), failure, trace
}
