// Package tenant runs tenants' templates inside a worker: mailboxes, template
// VMs, their threads, budgets and deadlines.
//
// It reaches the world only through the [Door] and never opens a file, a socket
// or the store. A tenant has at most one goroutine, which alone touches its VMs
// and exists only while there is work; host calls run on goroutines of their own,
// and their answers come back through the mailbox. [Runtime.Serve] waits for all
// of them. CPU is measured in the engine's fuel; see limits.FuelPerSecond.
package tenant

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/template-worker/template-worker/internal/host"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/luau"
)

// Config is what a Runtime is made of.
type Config struct {
	Limits  limits.Limits
	Slots   int // VMs that may run at the same time; 0 means GOMAXPROCS
	Door    Door
	BotUser string     // JSON of the bot's user, which scripts see; may be empty
	Map     RunningMap // told what runs; nil: nobody is
	Log     *slog.Logger

	Programs *host.Programs // compiled sources; nil: its own
}

// Runtime holds the tenants of one worker. Its methods are safe for concurrent use.
type Runtime struct {
	cfg      Config
	base     *luau.Base
	programs *host.Programs
	fair     *fair
	heavy    chan struct{} // has a token for each piece of work in progress

	ctx    context.Context // of host calls; ends when Serve does
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup // tenant goroutines and host calls

	queued, running, vms atomic.Int64
	started, ended       atomic.Uint64
	life                 string        // random: no two Runtimes name a call alike
	called               atomic.Uint64 // host calls so far
	evicted              atomic.Uint64
	pressed              chan struct{} // has a token when the heaps are over worker_heap_bytes
	heap                 atomic.Int64
	pulse                pulse

	mu      sync.Mutex // mu guards the fields below
	tenants map[khronos.TenantID]*tenant
	jobs    map[uint64]*tenant // live jobs
	closed  bool
}

// New makes a Runtime. Deliver may be called at once; nothing it starts outlives Serve.
func New(cfg Config) *Runtime {
	if cfg.Slots == 0 {
		cfg.Slots = runtime.GOMAXPROCS(0)
	}
	r := &Runtime{
		cfg:      cfg,
		base:     host.NewBase(),
		programs: cmp.Or(cfg.Programs, host.NewPrograms()),
		fair:     newFair(cfg.Slots, cfg.Limits.SliceFuel),
		heavy:    make(chan struct{}, cfg.Limits.HeavyCallsPerWorker),
		pressed:  make(chan struct{}, 1),
		life:     rand.Text()[:16],
		tenants:  map[khronos.TenantID]*tenant{},
		jobs:     map[uint64]*tenant{},
	}
	r.ctx, r.cancel = context.WithCancelCause(context.Background())
	return r
}

// Serve blocks until ctx ends, then ends every live job with draining and
// returns when everything the Runtime started has returned.
func (r *Runtime) Serve(ctx context.Context) error {
	r.evictUntil(ctx)
	r.mu.Lock()
	r.closed = true
	tenants := make([]*tenant, 0, len(r.tenants))
	for _, t := range r.tenants {
		tenants = append(tenants, t)
	}
	r.mu.Unlock()

	r.cancel(khronos.ErrDraining)
	for _, t := range tenants {
		t.post(func() { t.end(khronos.ErrDraining) })
	}
	r.wg.Wait()
	return nil
}

// Deliver puts job into its tenant's mailbox. It never blocks. When it refuses,
// with tenant_busy or draining, job.Done is not called.
func (r *Runtime) Deliver(job Job) error {
	for {
		r.mu.Lock()
		if r.closed {
			r.mu.Unlock()
			return khronos.ErrDraining
		}
		t := r.tenants[job.Tenant]
		if t == nil {
			t = newTenant(r, job.Tenant)
			r.tenants[job.Tenant] = t
		}
		r.jobs[job.ID] = t
		r.mu.Unlock()

		err := t.deliver(job)
		if err == nil {
			return nil
		}
		r.forget(job.ID)
		if err != errGone { // a dropped tenant has left the map: the next turn makes a new one
			return err
		}
	}
}

// Cancel ends the live job with the given id with cancelled; an unknown id is no error.
func (r *Runtime) Cancel(id uint64) {
	r.mu.Lock()
	t := r.jobs[id]
	r.mu.Unlock()
	if t != nil {
		t.post(func() { t.stop(id, khronos.Errorf(khronos.ErrKindCancelled, "the caller went away")) })
	}
}

// Drop ends the tenant's jobs with dropped_tenant, frees its VMs and forgets its
// templates; a later job loads it anew. It returns when that is done, or with
// ctx's error when ctx ends first, and then it still happens.
func (r *Runtime) Drop(ctx context.Context, id khronos.TenantID) error {
	r.mu.Lock()
	t := r.tenants[id]
	delete(r.tenants, id)
	r.mu.Unlock()
	if t == nil {
		return nil
	}
	gone := make(chan struct{})
	if !t.post(func() {
		t.end(khronos.Errorf(khronos.ErrKindDroppedTenant, "the tenant was unloaded"))
		close(gone)
	}) {
		return nil // a panic has ended it before us
	}
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return khronos.AsError(context.Cause(ctx))
	}
}

// GiveBack ends every job that has not started with draining, soon; those that
// have go on. Jobs that are delivered later are not its business.
func (r *Runtime) GiveBack() {
	r.mu.Lock()
	tenants := make([]*tenant, 0, len(r.tenants))
	for _, t := range r.tenants {
		tenants = append(tenants, t)
	}
	r.mu.Unlock()
	for _, t := range tenants {
		t.post(func() { t.failQueued(khronos.ErrDraining, func(*dispatch) bool { return true }) })
	}
}

// Refresh has the tenant ask for its templates again before any event that is
// delivered from now on. What runs of a template that changed goes on in the old
// version's VM, which is closed when the last handler has ended, background
// threads with it; what runs of one that is gone ends with dropped_tenant.
// The zero id stands for all tenants.
func (r *Runtime) Refresh(id khronos.TenantID) {
	if !id.Valid() {
		for _, t := range r.all() {
			t.outdate()
		}
		return
	}
	r.mu.Lock()
	t := r.tenants[id]
	r.mu.Unlock()
	if t != nil {
		t.outdate()
	}
}

// Ban ends the tenant's jobs with tenant_banned and forgets it. It does not wait
// for that. The next job asks the master whether the tenant still is banned.
func (r *Runtime) Ban(id khronos.TenantID) {
	r.mu.Lock()
	t := r.tenants[id]
	delete(r.tenants, id)
	r.mu.Unlock()
	if t != nil {
		t.post(func() { t.end(khronos.Banned(id)) })
	}
}

// Stats counts what the Runtime holds and has done.
func (r *Runtime) Stats() Stats {
	r.mu.Lock()
	tenants := len(r.tenants)
	r.mu.Unlock()
	return Stats{
		Tenants: tenants, Queued: int(r.queued.Load()), Running: int(r.running.Load()), VMs: int(r.vms.Load()),
		HeapBytes: r.heap.Load(), Evicted: r.evicted.Load(), Started: r.started.Load(), Ended: r.ended.Load(),
		Busy: int(r.pulse.busy.Load()), Slices: r.pulse.begun(), Oldest: r.pulse.oldest(),
	}
}

func (r *Runtime) forget(id uint64) {
	r.mu.Lock()
	delete(r.jobs, id)
	r.mu.Unlock()
}

// nameCall gives the name of the next host call.
func (r *Runtime) nameCall() string { return r.life + "-" + strconv.FormatUint(r.called.Add(1), 36) }

// cpu turns fuel into CPU time.
func (r *Runtime) cpu(fuel int64) time.Duration {
	return time.Duration(float64(fuel) / float64(r.cfg.Limits.FuelPerSecond) * float64(time.Second))
}

// fuel turns CPU time into fuel.
func (r *Runtime) fuel(d time.Duration) int64 {
	return int64(d.Seconds() * float64(r.cfg.Limits.FuelPerSecond))
}
