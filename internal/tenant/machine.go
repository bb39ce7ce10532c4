package tenant

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/template-worker/template-worker/internal/host"
	"github.com/template-worker/template-worker/internal/host/registry"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/luau"
)

// machine is one template's VM. It is loaded once, by running init.luau, and then
// its handlers are called for each event. It belongs to the tenant's goroutine.
type machine struct {
	t       *tenant
	tpl     khronos.Template
	inspect bool // only looks at what init.luau returns; no host calls, no log
	vm      *luau.VM
	loader  *host.Loader
	store   luau.Ref        // the template's ctx.store
	used    time.Time       // last
	held    registry.Grants // the template's capabilities

	state    machineState
	handlers luau.Ref // what init.luau returned
	err      *khronos.Error
	failedAt time.Time
	waiting  []*run // for the load to end
	retired  bool   // another version takes new events

	threads   map[*luau.Coroutine]*thread
	current   *thread   // in VM.Resume
	elsewhere []*thread // that have returned while another thread was in VM.Resume
}

type machineState uint8

const (
	machineNew machineState = iota
	machineLoading
	machineReady
	machineFailed // err says why
	machineClosed
)

// reloadDelay is how long a template that did not load answers with the same
// error before it is tried again.
const reloadDelay = time.Second

// compileFuel is what a byte of source costs the tenant's CPU window and its share
// of the processors.
const compileFuel = 20

func newMachine(t *tenant, tpl khronos.Template, inspect bool) *machine {
	m := &machine{t: t, tpl: tpl, held: registry.NewGrants(tpl.Capabilities), inspect: inspect, threads: map[*luau.Coroutine]*thread{}}
	account := t.account
	if inspect {
		account = luau.NewAccount(t.rt.cfg.Limits.InspectHeapBytes)
	}
	m.loader = host.NewLoader(tpl.Files, t.rt.programs)
	m.vm = luau.NewVM(t.rt.base, luau.Config{Account: account, MaxObjectBytes: account.Limit(), Seed: rand.Uint64(), Host: (*hostEnv)(m)})
	m.vm.SetSlice(t.rt.cfg.Limits.SliceFuel)
	t.rt.vms.Add(1)
	return m
}

// stale tells that the machine cannot be used and a new one should be made.
func (m *machine) stale() bool {
	return m.state == machineClosed || m.state == machineFailed && time.Since(m.failedAt) >= reloadDelay
}

// begin starts a run: it calls its handler, or loads the template first.
func (m *machine) begin(r *run) {
	switch {
	case r.d.job.Kind == JobRunScript:
		m.beginScript(r)
	case m.state == machineReady:
		m.call(r)
	case m.state == machineFailed, m.state == machineClosed:
		m.t.endRun(r, khronos.Null(), m.err)
	default:
		m.waiting = append(m.waiting, r)
		if m.state == machineNew {
			m.load(r)
		}
	}
}

// load runs init.luau on r's budget.
func (m *machine) load(r *run) {
	m.state = machineLoading
	fn, err := m.compile(r, len(m.tpl.Files[khronos.InitFile]), func() (luau.Value, error) { return m.loader.Main(m.vm) })
	if err == nil {
		err = m.spawn(r, threadLoad, fn)
	}
	if err != nil {
		m.fail(m.loadError(err))
	}
}

// compile makes a function of n bytes of source for r; the tenant has a processor.
func (m *machine) compile(r *run, n int, source func() (luau.Value, error)) (fn luau.Value, err error) {
	r.goOn(true)
	m.t.now.setLoading(r)
	fn, err = source()
	m.t.now.clear()
	r.rest(nil)
	m.t.spend(int64(n) * compileFuel)
	return fn, err
}

// loadError is vmError, but bad source is the uploader's fault.
func (m *machine) loadError(err error) *khronos.Error {
	if e, ok := host.SyntaxError(err); ok {
		return e
	}
	if e, ok := m.loader.Blame(err); ok {
		return e
	}
	if e, ok := err.(*khronos.Error); ok {
		return e
	}
	e, _ := m.t.vmError(err)
	if m.inspect {
		e = m.t.inspected(e)
	}
	return e
}

// loaded looks at what init.luau returned and lets the waiting runs go on.
func (m *machine) loaded(results []luau.Value) {
	events, err := m.handlerNames(results)
	if err != nil {
		m.fail(err)
		return
	}
	waiting := m.waiting
	m.waiting = nil
	if m.inspect {
		m.t.endRun(waiting[0], events, nil)
		return
	}
	m.handlers = m.vm.NewRef(results[0])
	m.state = machineReady
	for _, r := range waiting {
		if !r.ended {
			m.call(r)
		}
	}
}

// handlerNames checks the handler table and gives its names, sorted.
func (m *machine) handlerNames(results []luau.Value) (khronos.Value, *khronos.Error) {
	refuse := func(format string, args ...any) (khronos.Value, *khronos.Error) {
		return khronos.Null(), khronos.Errorf(khronos.ErrKindScriptError, "init.luau must return a table from event name to function: "+format, args...)
	}
	if len(results) == 0 || results[0].Kind() != luau.KindTable {
		got := "nothing"
		if len(results) > 0 {
			got = "a " + m.vm.TypeName(results[0])
		}
		return refuse("it returned %s", got)
	}
	var names []string
	t := results[0].AsTable()
	for next, key, value, ok := t.NextIndex(0); ok; next, key, value, ok = t.NextIndex(next) {
		if key.Kind() != luau.KindString {
			return refuse("it has a key that is a %s", m.vm.TypeName(key))
		}
		name := key.AsString().Str()
		if kind := value.Kind(); kind != luau.KindClosure && kind != luau.KindNative {
			return refuse("%q is a %s", name, m.vm.TypeName(value))
		}
		if err := (khronos.Event{Name: name}).Validate(); err != nil {
			return refuse("%v", err)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	items := make([]khronos.Value, len(names))
	for i, name := range names {
		items[i] = khronos.Text(name)
	}
	return khronos.List(items...), nil
}

// call runs the handler of r's event.
func (m *machine) call(r *run) {
	name, err := m.vm.NewString(r.d.job.Event.Name)
	if err != nil {
		m.failed(r, err)
		return
	}
	fn := m.handlers.Value().AsTable().Get(name)
	if fn.IsNil() { // init.luau has dropped the handler since it was inspected
		m.t.endRun(r, khronos.Null(), nil)
		return
	}
	m.invoke(r, fn)
}

// beginScript runs r's source.
func (m *machine) beginScript(r *run) {
	job := &r.d.job
	fn, err := m.compile(r, len(job.Code), func() (luau.Value, error) { return m.loader.Script(m.vm, job.Name, job.Code) })
	if err != nil {
		m.t.endRun(r, khronos.Null(), m.loadError(err))
		return
	}
	m.invoke(r, fn)
}

// invoke starts a thread that calls fn with the ctx of r.
func (m *machine) invoke(r *run, fn luau.Value) {
	r.goOn(false)
	ctx, err := m.context(r)
	if err == nil {
		err = m.spawn(r, threadMain, host.Main, fn, ctx)
	}
	r.rest(nil)
	if err != nil {
		m.failed(r, err)
	}
}

// context makes the ctx of one run.
func (m *machine) context(r *run) (luau.Value, error) {
	if m.store == (luau.Ref{}) {
		store, err := m.vm.NewTable(0, 0)
		if err != nil {
			return luau.Nil, err
		}
		m.store = m.vm.NewRef(store.Value())
	}
	held := m.held
	if r.d.job.Kind == JobRunScript {
		held = registry.AllGrants
	}
	return host.NewContext(m.vm, host.Scope{Event: r.d.job.Event, Held: held, Store: m.store.Value()})
}

// failed ends r with what the VM said; a VM that cannot go on takes all its runs with it.
func (m *machine) failed(r *run, err error) {
	e, fatal := m.t.vmError(err)
	if fatal {
		m.die(e)
		return
	}
	m.t.endRun(r, khronos.Null(), e)
}

// fail ends a load that did not work; the runs that waited for it get the error,
// and for a while so do later ones.
func (m *machine) fail(err *khronos.Error) {
	waiting := m.waiting
	m.close()
	m.state, m.err, m.failedAt = machineFailed, err, time.Now()
	for _, r := range waiting {
		m.t.endRun(r, khronos.Null(), err)
	}
}

// die closes a VM that cannot go on and ends all its runs with err.
func (m *machine) die(err *khronos.Error) {
	if m.inspect {
		err = m.t.inspected(err)
	}
	m.close()
	m.err = err
	for _, d := range slices.Clone(m.t.live) {
		for _, r := range d.runs {
			if r.m == m {
				m.t.endRun(r, khronos.Null(), err)
			}
		}
	}
}

// close frees the VM and forgets its threads. Runs are the caller's business.
func (m *machine) close() {
	if m.vm == nil {
		return
	}
	m.state = machineClosed
	if m.err == nil {
		m.err = khronos.Errorf(khronos.ErrKindInternal, "the template's machine is closed")
	}
	m.waiting = nil
	for _, th := range m.threads {
		th.stopWaiting()
		th.unschedule()
	}
	m.t.runnable = slices.DeleteFunc(m.t.runnable, func(th *thread) bool { return th.m == m })
	m.threads, m.elsewhere = nil, nil
	m.t.retired = slices.DeleteFunc(m.t.retired, func(x *machine) bool { return x == m })
	m.vm.Close()
	m.vm, m.loader = nil, nil
	m.t.rt.vms.Add(-1)
	m.t.showHeap()
}

// doing says what a run is at, for a caller whose deadline has passed.
func (m *machine) doing(r *run) string {
	switch {
	case m.t.rest != nil:
		return "was waiting for the tenant's next CPU window"
	case m.state == machineLoading:
		return "was being loaded"
	}
	doing := "was running"
	for _, th := range m.threads {
		if th.r != r || th.state != threadWaiting && th.state != threadIdle {
			continue
		}
		if th.kind == threadMain {
			return "was waiting for " + th.waits
		}
		doing = "was waiting for " + th.waits
	}
	return doing
}

// log writes a line about the template; an inspection leaves no trace in the log.
func (m *machine) log(format string, args ...any) {
	if !m.inspect {
		m.t.log(m.tpl.Name, format, args...)
	}
}

// logError writes an error and its traceback.
func (m *machine) logError(what string, err *khronos.Error) {
	m.log("%s: %s: %s", what, err.Kind, err.Text)
	for line := range strings.SplitSeq(strings.TrimSpace(err.Trace), "\n") {
		if line != "" {
			m.log("  %s", line)
		}
	}
}
