package tenant

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/luau"
)

// tenant is one tenant's mailbox and what its goroutine owns.
type tenant struct {
	id  khronos.TenantID
	rt  *Runtime
	now now

	mu         sync.Mutex  // mu guards the fields below
	queue      []*dispatch // accepted, not started, in order
	queueBytes int
	inbox      []func() // answers of host calls, timers, cancels: run on the goroutine
	active     bool     // the goroutine exists
	gone       bool     // ended: takes nothing any more
	changed    bool     // templates is no longer what is stored

	// The fields below belong to the goroutine.
	account   *luau.Account
	heapShown int64 // what of the account rt.heap counts
	templates []khronos.Template
	loaded    bool // templates was asked for
	loading   bool // and is on its way
	machines  map[string]*machine
	retired   []*machine // replaced, and not done with what they had begun
	live      []*dispatch
	runnable  []*thread
	calls     int // host calls in progress
	heavy     heavy
	used      time.Time // when a job ended last
	share     share     // of the processors
	cost      int64     // fuel used in the step in progress
	window    cpuWindow
	rest      *time.Timer // runs while the window's CPU time is used up
}

// errGone tells Deliver that the tenant was dropped meanwhile.
var errGone = errors.New("tenant is gone")

func newTenant(rt *Runtime, id khronos.TenantID) *tenant {
	return &tenant{
		id: id, rt: rt, account: luau.NewAccount(rt.cfg.Limits.HeapBytes), machines: map[string]*machine{},
		used:   time.Now(),
		share:  share{bell: make(chan struct{}, 1)},
		window: cpuWindow{length: rt.cfg.Limits.CPUWindow, budget: rt.fuel(rt.cfg.Limits.CPUWindowBudget)},
	}
}

// deliver queues a job, or refuses it. Any goroutine.
func (t *tenant) deliver(job Job) error {
	d := &dispatch{job: job, since: time.Now(), bytes: len(job.Event.Data.Bytes) + len(job.Code)}
	for path, source := range job.Files {
		d.bytes += len(path) + len(source)
	}
	lim := &t.rt.cfg.Limits
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.gone:
		return errGone
	case len(t.queue) >= lim.QueueEvents:
		return khronos.Errorf(khronos.ErrKindTenantBusy, "%s has %d events waiting, its limit (queue_events)", t.id, len(t.queue))
	case t.queueBytes+d.bytes > int(lim.QueueBytes) && len(t.queue) > 0:
		return khronos.Errorf(khronos.ErrKindTenantBusy, "%s has %d bytes of events waiting, over its limit with this one (queue_bytes)", t.id, t.queueBytes)
	}
	t.rt.queued.Add(1)
	t.queue = append(t.queue, d)
	t.queueBytes += d.bytes
	d.timer = time.AfterFunc(time.Until(job.Deadline), func() {
		t.post(func() { t.stop(job.ID, t.deadlineError(job.ID)) })
	})
	t.wakeLocked()
	return nil
}

// post has f run on the tenant's goroutine. Any goroutine. It reports false, and
// f never runs, when the tenant has ended.
func (t *tenant) post(f func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gone {
		return false
	}
	t.inbox = append(t.inbox, f)
	t.wakeLocked()
	select {
	case t.share.bell <- struct{}{}: // it may wait for a processor
	default:
	}
	return true
}

func (t *tenant) wakeLocked() {
	if !t.active {
		t.active = true
		t.rt.wg.Add(1)
		go t.run()
	}
}

// run is the tenant's goroutine: it handles what came in, and while there is
// something to run, waits for a processor and takes a step, and again. It ends
// when nothing can go on before something comes in.
func (t *tenant) run() {
	defer t.rt.wg.Done()
	t.rt.pulse.busy.Add(1)
	defer t.rt.pulse.busy.Add(-1)
	defer t.guard()
	for {
		inbox, ok := t.take()
		if !ok {
			return
		}
		for _, f := range inbox {
			f()
		}
		t.needTemplates()
		switch {
		case !t.hasWork():
		case t.rt.fair.enter(&t.share):
			t.step()
		default:
			<-t.share.bell // something came in, or it is the tenant's turn
		}
		if !t.hasWork() { // before take lets another goroutine follow this one
			t.rt.fair.leave(&t.share)
		}
	}
}

// step starts one queued job, runs one slice of one thread, and pays for both.
func (t *tenant) step() {
	t.cost = 0
	t.admit()
	if len(t.runnable) > 0 && t.rest == nil {
		th := t.runnable[0]
		t.runnable = slices.Delete(t.runnable, 0, 1)
		t.slice(th)
	}
	t.rt.fair.pay(&t.share, t.cost)
}

// guard is the one place where a panic of ours on this goroutine ends: the
// tenant's jobs end with an internal error and its VMs are gone.
func (t *tenant) guard() {
	cause := recover()
	if cause == nil {
		return
	}
	t.rt.cfg.Log.Error("panic in a tenant's goroutine", "tenant", t.id.String(), "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
	t.rt.mu.Lock()
	if t.rt.tenants[t.id] == t {
		delete(t.rt.tenants, t.id)
	}
	t.rt.mu.Unlock()
	t.end(khronos.Errorf(khronos.ErrKindInternal, "internal error"))
}

// take gives what came in. It reports false, and the goroutine has to end, when
// there is nothing to do.
func (t *tenant) take() ([]func(), bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	inbox := t.inbox
	t.inbox = nil
	if t.gone || len(inbox) == 0 && !t.hasWorkLocked() {
		t.active = false
		return nil, false
	}
	return inbox, true
}

// hasWork tells whether the tenant could use a processor.
func (t *tenant) hasWork() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.hasWorkLocked()
}

func (t *tenant) hasWorkLocked() bool {
	return !t.gone && t.rest == nil && (len(t.runnable) > 0 || t.canAdmitLocked())
}

func (t *tenant) canAdmitLocked() bool {
	return len(t.queue) > 0 && !t.loading && t.rest == nil && len(t.live) < t.rt.cfg.Limits.HandlersPerTenant
}

// admit starts the job that is next, if one more may run.
func (t *tenant) admit() {
	t.mu.Lock()
	if t.gone || !t.canAdmitLocked() || t.needTemplatesLocked() {
		t.mu.Unlock()
		return
	}
	d := t.unqueueLocked(0)
	t.mu.Unlock()
	t.cost += startFuel
	t.begin(d)
}

// startFuel is what the start of a job costs the tenant's share of the processors:
// its context and its threads are no script's instructions.
const startFuel = 1000

// needTemplates has the templates loaded when the next job waits for them, or
// when they have changed and machines of the old ones are there.
func (t *tenant) needTemplates() {
	t.mu.Lock()
	need := t.canAdmitLocked() && t.needTemplatesLocked() || t.changed && !t.loading && len(t.machines) > 0
	t.mu.Unlock()
	if need {
		t.loadTemplates()
	}
}

func (t *tenant) needTemplatesLocked() bool {
	return (!t.loaded || t.changed) && t.queue[0].needsTenant()
}

// unqueueLocked takes a job out of the queue.
func (t *tenant) unqueueLocked(i int) *dispatch {
	d := t.queue[i]
	t.queueBytes -= d.bytes
	t.queue = slices.Delete(t.queue, i, i+1)
	t.rt.queued.Add(-1)
	return d
}

// loadTemplates asks the broker for the tenant's templates; admit waits for them.
func (t *tenant) loadTemplates() {
	t.mu.Lock()
	t.changed = false // a change from now on is another one
	t.mu.Unlock()
	t.loading, t.loaded = true, false
	t.rt.wg.Go(func() {
		list, err := t.askTemplates()
		t.post(func() {
			t.loading = false
			if err != nil {
				t.failQueued(err, (*dispatch).needsTenant)
				return
			}
			t.templates, t.loaded = list, true
			t.swap()
		})
	})
}

// askTemplates is the Door's Templates; a panic in it is an error.
func (t *tenant) askTemplates() (list []khronos.Template, err *khronos.Error) {
	defer t.rescue("load templates", &err)
	ctx, cancel := context.WithTimeout(t.rt.ctx, t.rt.cfg.Limits.DispatchDeadline)
	defer cancel()
	list, cause := t.rt.cfg.Door.Templates(ctx, t.id)
	if cause != nil {
		return nil, t.doorError("load templates", cause)
	}
	return list, nil
}

// rescue turns a panic of the Door into err.
func (t *tenant) rescue(what string, err **khronos.Error) {
	if cause := recover(); cause != nil {
		t.rt.cfg.Log.Error("panic in a call of the broker", "tenant", t.id.String(), "call", what, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
		*err = khronos.Errorf(khronos.ErrKindInternal, "%s: internal error", what)
	}
}

// doorError makes the public form of an error of the Door, which begins with
// what was asked for. What nobody else will see is logged.
func (t *tenant) doorError(what string, cause error) *khronos.Error {
	e := *khronos.AsError(cause)
	var public *khronos.Error
	if e.Kind == khronos.ErrKindInternal && !errors.As(cause, &public) {
		t.rt.cfg.Log.Error("call of the broker failed", "tenant", t.id.String(), "call", what, "cause", cause)
	}
	if !strings.HasPrefix(e.Text, what+":") {
		e.Text = what + ": " + e.Text
	}
	return &e
}

// failQueued ends those queued jobs with err.
func (t *tenant) failQueued(err *khronos.Error, which func(*dispatch) bool) {
	t.mu.Lock()
	var failed []*dispatch
	for i := 0; i < len(t.queue); {
		if which(t.queue[i]) {
			failed = append(failed, t.unqueueLocked(i))
			continue
		}
		i++
	}
	t.mu.Unlock()
	for _, d := range failed {
		t.finish(d, khronos.Outcome{Err: err})
	}
}

// stop ends one job early, wherever it is.
func (t *tenant) stop(id uint64, err *khronos.Error) {
	byID := func(d *dispatch) bool { return d.job.ID == id }
	t.failQueued(err, byID)
	if i := slices.IndexFunc(t.live, byID); i >= 0 {
		t.abort(t.live[i], err)
	}
}

// deadlineError says what the job was waiting for when its time ran out.
func (t *tenant) deadlineError(id uint64) *khronos.Error {
	for _, d := range t.live {
		if d.job.ID == id {
			e := khronos.Errorf(khronos.ErrKindDeadline, "the deadline passed: %s", d.doing())
			e.Trace = d.stack()
			return e
		}
	}
	if t.rest != nil {
		return khronos.Errorf(khronos.ErrKindDeadline, "the deadline passed while the job waited for the next CPU window of %s (cpu_window_budget)", t.id)
	}
	return khronos.Errorf(khronos.ErrKindDeadline, "the deadline passed while the job waited for earlier ones of %s", t.id)
}

// end stops everything with err, frees the VMs and closes the mailbox for good.
// Answers that come in later are dropped with the calls they were for.
func (t *tenant) end(err *khronos.Error) {
	t.mu.Lock()
	t.gone = true
	t.inbox = nil
	t.mu.Unlock()

	t.failQueued(err, func(*dispatch) bool { return true })
	for _, d := range slices.Clone(t.live) {
		t.abort(d, err)
	}
	for _, m := range t.machines {
		m.close()
	}
	for _, m := range slices.Clone(t.retired) {
		m.close()
	}
	if t.rest != nil {
		t.rest.Stop()
	}
	t.machines, t.runnable, t.templates = nil, nil, nil
	t.rt.fair.leave(&t.share)
	t.showHeap()
}

// showHeap brings the runtime's sum up to date with the tenant's account.
func (t *tenant) showHeap() {
	used := t.account.Used()
	sum := t.rt.heap.Add(used - t.heapShown)
	t.heapShown = used
	if sum > t.rt.cfg.Limits.WorkerHeapBytes {
		t.rt.press()
	}
}

// log writes a line of the tenant's log.
func (t *tenant) log(template, format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if limit := int(t.rt.cfg.Limits.LogLineBytes); len(line) > limit {
		line = strings.ToValidUTF8(line[:limit], "") + "..."
	}
	var lost *khronos.Error // nobody to tell: rescue has written it down
	defer t.rescue("log", &lost)
	t.rt.cfg.Door.Log(t.id, template, line)
}
