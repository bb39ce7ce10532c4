package tenant

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of a test.
const patience = 20 * time.Second

func guild(n int) khronos.TenantID {
	return khronos.TenantID{Kind: khronos.TenantGuild, ID: khronos.Snowflake(n)}
}

// world is a Runtime over a door with behaviour in memory.
type world struct {
	t    testing.TB
	rt   *Runtime
	door *memoryDoor
	runs *testMap
	ids  uint64
	mu   sync.Mutex
}

// newWorld starts a Runtime; change may adapt its settings. It is stopped, and
// all it started waited for, at the end of the test.
func newWorld(t testing.TB, change func(*Config)) *world {
	t.Helper()
	w := &world{t: t, door: newMemoryDoor(), runs: newTestMap()}
	cfg := Config{Limits: limits.Default(), Slots: 2, Door: w.door, Map: w.runs, Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	w.rt = New(cfg)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- w.rt.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		w.door.open()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		s := w.rt.Stats()
		if s.Queued != 0 || s.Running != 0 || s.VMs != 0 || s.HeapBytes != 0 {
			t.Errorf("after Serve: %+v, want nothing left", s)
		}
		w.runs.check(t)
	})
	return w
}

// template stores a template that is nothing but init.luau; it subscribes to events.
func (w *world) template(id khronos.TenantID, name, source string, events ...string) {
	w.door.put(id, khronos.Template{Name: name, Files: map[string]string{"init.luau": source}, Capabilities: []string{"*"}, Subscriptions: events})
}

// ticket is a job on its way.
type ticket struct {
	id      uint64
	started chan struct{}
	done    chan khronos.Outcome
}

// deliver hands in a job, with a deadline far away unless it has one.
func (w *world) deliver(job Job) (*ticket, error) {
	w.mu.Lock()
	w.ids++
	job.ID = w.ids
	w.mu.Unlock()
	if job.Deadline.IsZero() {
		job.Deadline = time.Now().Add(time.Minute)
	}
	k := &ticket{id: job.ID, started: make(chan struct{}), done: make(chan khronos.Outcome, 2)}
	job.Started = func() { close(k.started) }
	job.Done = func(out khronos.Outcome) { k.done <- out }
	return k, w.rt.Deliver(job)
}

func (w *world) mustDeliver(job Job) *ticket {
	w.t.Helper()
	k, err := w.deliver(job)
	if err != nil {
		w.t.Fatalf("Deliver: %v", err)
	}
	return k
}

func (w *world) event(id khronos.TenantID, name string, data any) *ticket {
	w.t.Helper()
	ev := khronos.Event{Name: name}
	if data != nil {
		payload, err := khronos.JSONPayload(fmt.Append(nil, data))
		if err != nil {
			w.t.Fatal(err)
		}
		ev.Data = payload
	}
	return w.mustDeliver(Job{Tenant: id, Kind: JobDispatchEvent, Event: ev})
}

func (w *world) script(id khronos.TenantID, code string) khronos.Outcome {
	w.t.Helper()
	return w.outcome(w.mustDeliver(Job{Tenant: id, Kind: JobRunScript, Name: "script", Code: code, Event: khronos.Event{Name: "RunScript"}}))
}

func (w *world) inspect(files map[string]string) khronos.Outcome {
	w.t.Helper()
	return w.outcome(w.mustDeliver(Job{Tenant: guild(1), Kind: JobInspect, Files: files}))
}

// outcome waits for the end of a job.
func (w *world) outcome(k *ticket) khronos.Outcome {
	w.t.Helper()
	select {
	case out := <-k.done:
		return out
	case <-time.After(patience):
		w.t.Fatalf("job %d has no outcome; log:\n%s", k.id, strings.Join(w.door.lines(), "\n"))
		return khronos.Outcome{}
	}
}

// value waits for the end of a dispatch to one template and gives its handler's value as plain JSON.
func (w *world) value(k *ticket) string {
	w.t.Helper()
	out := w.outcome(k)
	if out.Err != nil {
		w.t.Fatalf("dispatch: %v", out.Err)
	}
	entry := out.Value.Index(0)
	if kind, _ := entry.Get("type"); !kind.Equal(khronos.Text("ok")) {
		w.t.Fatalf("dispatch: %s", plain(w.t, out.Value))
	}
	v, _ := entry.Get("value")
	return plain(w.t, v)
}

// fault waits for the end of a dispatch to one template and gives the kind, owner and text of its error.
func (w *world) fault(k *ticket) (kind, owner, text string) {
	w.t.Helper()
	out := w.outcome(k)
	if out.Err != nil {
		w.t.Fatalf("dispatch: %v", out.Err)
	}
	get := func(name string) string {
		v, ok := out.Value.Index(0).Get(name)
		if !ok {
			w.t.Fatalf("dispatch: no %s in %s", name, plain(w.t, out.Value))
		}
		s, _ := v.AsText()
		return s
	}
	return get("kind"), get("owner"), get("value")
}

func plain(t testing.TB, v khronos.Value) string {
	t.Helper()
	b, err := v.PlainJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// scriptValue runs a script and gives its result as plain JSON.
func (w *world) scriptValue(code string) string {
	w.t.Helper()
	out := w.script(guild(1), code)
	if out.Err != nil {
		w.t.Fatalf("script: %v\n%s", out.Err, out.Err.Trace)
	}
	return plain(w.t, out.Value)
}

// eventually polls until ok.
func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); !ok(); {
		if time.Now().After(end) {
			w.t.Fatalf("%s: not within %s; log:\n%s", what, patience, strings.Join(w.door.lines(), "\n"))
		}
		time.Sleep(time.Millisecond)
	}
}

// memoryDoor is a Door whose KV lives in memory. Calls of "kv.list_scopes" wait
// until the gate is opened, and so do calls that a test says.
type memoryDoor struct {
	mu        sync.Mutex
	templates map[khronos.TenantID][]khronos.Template
	asked     int // for templates
	listErr   error
	kv        map[string]khronos.Value
	log       []string
	calls     []HostCall
	fail      map[string]error // by op
	held      chan struct{}    // closed: the gate is open
	waiting   int              // at the gate
}

func newMemoryDoor() *memoryDoor {
	return &memoryDoor{
		templates: map[khronos.TenantID][]khronos.Template{}, kv: map[string]khronos.Value{},
		fail: map[string]error{}, held: make(chan struct{}),
	}
}

func (d *memoryDoor) put(id khronos.TenantID, tpl khronos.Template) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.templates[id] = slices.DeleteFunc(slices.Clone(d.templates[id]), func(t khronos.Template) bool { return t.Name == tpl.Name })
	d.templates[id] = append(d.templates[id], tpl)
}

func (d *memoryDoor) remove(id khronos.TenantID, name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.templates[id] = slices.DeleteFunc(slices.Clone(d.templates[id]), func(t khronos.Template) bool { return t.Name == name })
}

// open lets go of all that waits at the gate, now and later.
func (d *memoryDoor) open() {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-d.held:
	default:
		close(d.held)
	}
}

// ban has the door answer err instead of templates; nil undoes it.
func (d *memoryDoor) ban(err *khronos.Error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.listErr = nil
	if err != nil {
		d.listErr = err
	}
}

func (d *memoryDoor) atGate() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.waiting
}

func (d *memoryDoor) lines() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.log)
}

func (d *memoryDoor) logged(part string) bool {
	return slices.ContainsFunc(d.lines(), func(line string) bool { return strings.Contains(line, part) })
}

func (d *memoryDoor) Log(_ khronos.TenantID, template, line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log = append(d.log, template+"| "+line)
}

func (d *memoryDoor) Templates(_ context.Context, id khronos.TenantID) ([]khronos.Template, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++
	return slices.Clone(d.templates[id]), d.listErr
}

func (d *memoryDoor) Exec(ctx context.Context, call HostCall) (khronos.Value, error) {
	d.mu.Lock()
	d.calls = append(d.calls, call)
	err := d.fail[call.Op]
	d.mu.Unlock()
	if err != nil {
		return khronos.Null(), err
	}
	if call.Op == "kv.list_scopes" {
		return d.wait(ctx)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.exec(call)
}

// wait holds a call at the gate.
func (d *memoryDoor) wait(ctx context.Context) (khronos.Value, error) {
	d.mu.Lock()
	d.waiting++
	held := d.held
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		d.waiting--
		d.mu.Unlock()
	}()
	select {
	case <-held:
		return khronos.List(khronos.Text("opened")), nil
	case <-ctx.Done():
		return khronos.Null(), context.Cause(ctx)
	}
}

func (d *memoryDoor) exec(call HostCall) (khronos.Value, error) {
	key := ""
	if len(call.Args) > 1 {
		text, _ := call.Args[0].AsText()
		scopes := call.Args[1]
		if call.Op == "kv.set" {
			scopes = call.Args[2]
		}
		key = call.Tenant.String() + scopeKey(scopes) + "\x00" + text
	}
	switch call.Op {
	case "kv.get":
		v, ok := d.kv[key]
		return khronos.List(v, khronos.Boolean(ok)), nil
	case "kv.getrecord":
		v, ok := d.kv[key]
		return record(call.Args[0], v, call.Args[1], ok), nil
	case "kv.set":
		d.kv[key] = call.Args[1]
		return khronos.Null(), nil
	case "kv.delete":
		delete(d.kv, key)
		return khronos.Null(), nil
	case "kv.find":
		return d.find(call), nil
	case "runtime.links":
		return khronos.Map(khronos.Pair{Key: khronos.Text("docs_url"), Value: khronos.Text("https://docs")}), nil
	}
	return khronos.Null(), khronos.Errorf(khronos.ErrKindBadRequest, "%s: unknown operation", call.Op)
}

// find knows the pattern "%" only.
func (d *memoryDoor) find(call HostCall) khronos.Value {
	prefix := call.Tenant.String() + scopeKey(call.Args[1]) + "\x00"
	var keys []string
	for key := range d.kv {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	records := make([]khronos.Value, len(keys))
	for i, key := range keys {
		records[i] = record(khronos.Text(key[len(prefix):]), d.kv[key], call.Args[1], true)
	}
	return khronos.List(records...)
}

func scopeKey(scopes khronos.Value) string {
	key := ""
	for _, s := range scopes.Items() {
		text, _ := s.AsText()
		key += "\x00" + text
	}
	return key
}

func record(key, value, scopes khronos.Value, exists bool) khronos.Value {
	pair := func(name string, v khronos.Value) khronos.Pair {
		return khronos.Pair{Key: khronos.Text(name), Value: v}
	}
	return khronos.Map(pair("id", khronos.Text("id")), pair("key", key), pair("value", value), pair("scopes", scopes),
		pair("exists", khronos.Boolean(exists)), pair("created_at", khronos.Timestamp(time.Unix(1700000000, 0))))
}

// readTemplate reads an example's folder as a template.
func readTemplate(t testing.TB, name string, events ...string) khronos.Template {
	t.Helper()
	dir := filepath.Join("..", "..", "examples", name)
	tpl := khronos.Template{Name: name, Files: map[string]string{}, Capabilities: []string{"kv:*"}, Subscriptions: events}
	paths, err := filepath.Glob(filepath.Join(dir, "*.luau"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("example %s: %d files, %v", name, len(paths), err)
	}
	for _, path := range paths {
		tpl.Files[filepath.Base(path)] = string(readFile(t, path))
	}
	return tpl
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
