package worker

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/tenant"
)

// Runtime is what a Thread runs: one life of the tenants' side of a worker.
// package tenant has the real one.
//
// Serve is called once and ends every job that Deliver accepted before it
// returns. Deliver may be called before Serve; it never blocks, and its errors
// are *khronos.Error.
type Runtime interface {
	Serve(ctx context.Context) error
	Deliver(job tenant.Job) error
	Cancel(id uint64)
	Drop(ctx context.Context, tenant khronos.TenantID) error
	Ban(tenant khronos.TenantID)
	Dump(ctx context.Context) []khronos.ScriptStack
	GiveBack()
	Refresh(tenant khronos.TenantID)
	Stats() tenant.Stats
}

// ThreadConfig is what a Thread is made of. All fields but Drain are needed.
type ThreadConfig struct {
	ID     khronos.WorkerID
	Limits limits.Limits
	New    func() Runtime // makes the Runtime of one life; called by Serve
	Drain  time.Duration  // what Serve leaves to accepted work when its ctx ends; 0 ends it at once
	Log    *slog.Logger
}

// Thread is a worker inside this process: the only worker of a worker process,
// or one of a pool in thread mode. It has one Runtime at a time; after Kill and
// Start a new one.
type Thread struct {
	cfg    ThreadConfig
	nextID atomic.Uint64 // of jobs made by the waiting methods

	mu sync.Mutex
	// mu guards the fields below.
	state    State
	since    time.Time
	killed   bool
	draining bool
	life     *threadLife // nil while no Runtime runs
	lives    khronos.Generation
	lastExit string
	changed  chan struct{} // closed and replaced when killed changes

	up     chan struct{} // closed when the first Runtime takes work
	upOnce sync.Once
}

// threadLife is one Runtime from its making to the end of its Serve.
type threadLife struct {
	gen    khronos.Generation
	rt     Runtime
	ctx    context.Context
	cancel context.CancelCauseFunc
	ended  chan struct{} // closed when rt.Serve has returned

	// The fields below are guarded by Thread.mu.
	jobs     int           // accepted, without an outcome
	stopping chan struct{} // not nil: no more is accepted; closed when jobs is 0
}

var (
	_ Worker = (*Thread)(nil)

	errKilled = fmt.Errorf("worker killed")
)

// NewThread returns a Thread that runs nothing until Serve.
func NewThread(cfg ThreadConfig) *Thread {
	return &Thread{cfg: cfg, state: StateStopped, since: time.Now(), changed: make(chan struct{}), up: make(chan struct{})}
}

// ID returns the worker's number.
func (t *Thread) ID() khronos.WorkerID { return t.cfg.ID }

// Len returns 1.
func (t *Thread) Len() int { return 1 }

// Serve runs one Runtime after the other until ctx ends; then nothing new is
// taken, and what was accepted has the time of ThreadConfig.Drain to end. A
// Runtime that ends by itself ends Serve, with an error: a Thread shares its
// process with the cause.
func (t *Thread) Serve(ctx context.Context) error {
	defer t.enter(StateStopped)
	for {
		life := t.begin(ctx)
		if life == nil {
			return nil
		}
		var stopping sync.WaitGroup
		stopping.Go(func() { t.stopAfter(ctx, life) })
		err := life.rt.Serve(life.ctx)
		wanted := t.end(life, err)
		stopping.Wait()
		if ctx.Err() != nil {
			return nil
		}
		if wanted {
			return fmt.Errorf("runtime of worker %d ended by itself: %w", t.cfg.ID, orEnded(err))
		}
	}
}

// begin waits until the worker is not killed and makes the next life. It
// returns nil when ctx has ended.
func (t *Thread) begin(ctx context.Context) *threadLife {
	for {
		t.mu.Lock()
		killed, changed := t.killed, t.changed
		t.mu.Unlock()
		if !killed {
			break
		}
		t.enter(StateKilled)
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
	life := &threadLife{rt: t.cfg.New(), ended: make(chan struct{})}
	life.ctx, life.cancel = context.WithCancelCause(context.WithoutCancel(ctx))

	t.mu.Lock()
	defer t.mu.Unlock()
	if t.killed {
		life.cancel(errKilled) // killed since: Serve ends this life at once
	}
	t.life = life
	t.upOnce.Do(func() { close(t.up) })
	t.lives++
	life.gen = t.lives
	t.enterLocked(StateReady)
	return life
}

// stopAfter ends life some time after ctx has ended: when the last accepted job
// has its outcome, at the latest after the time for draining. It returns early
// when life ends before.
func (t *Thread) stopAfter(ctx context.Context, life *threadLife) {
	select {
	case <-ctx.Done():
	case <-life.ended:
		return
	}
	defer life.cancel(context.Cause(ctx))
	limit := time.NewTimer(t.cfg.Drain)
	defer limit.Stop()
	select {
	case <-t.stopIntake(life):
	case <-limit.C:
	case <-life.ended:
	}
}

// stopIntake has life accept nothing more and gives what is closed when all it
// has accepted is over.
func (t *Thread) stopIntake(life *threadLife) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	life.stopping = make(chan struct{})
	if life.jobs == 0 {
		close(life.stopping)
	}
	t.enterLocked(StateDraining)
	return life.stopping
}

// end takes life down and says whether its end was nobody's wish.
func (t *Thread) end(life *threadLife, err error) (unexpected bool) {
	cause := context.Cause(life.ctx)
	life.cancel(nil)
	close(life.ended)

	t.mu.Lock()
	defer t.mu.Unlock()
	t.life = nil
	t.lastExit = orEnded(err).Error()
	if cause != nil {
		t.lastExit = cause.Error()
	}
	return cause == nil
}

func orEnded(err error) error {
	if err == nil {
		return fmt.Errorf("serve returned")
	}
	return err
}

func (t *Thread) enter(s State) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.enterLocked(s)
}

func (t *Thread) enterLocked(s State) {
	if t.state != s {
		t.state, t.since = s, time.Now()
	}
}

// accept counts one more job and returns the life that takes it, or why there is
// none. The job is over with [Thread.leave].
func (t *Thread) accept() (*threadLife, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.draining:
		return nil, khronos.Errorf(khronos.ErrKindDraining, "worker %d is draining", t.cfg.ID)
	case t.killed:
		return nil, khronos.Errorf(khronos.ErrKindWorkerUnavailable, "worker %d is killed", t.cfg.ID)
	case t.life == nil:
		return nil, khronos.Errorf(khronos.ErrKindWorkerUnavailable, "worker %d is not running", t.cfg.ID)
	case t.life.stopping != nil:
		return nil, khronos.Errorf(khronos.ErrKindDraining, "worker %d is stopping", t.cfg.ID)
	}
	t.life.jobs++
	return t.life, nil
}

// leave takes back accept: the job has its outcome, or was refused.
func (t *Thread) leave(life *threadLife) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if life.jobs--; life.jobs == 0 && life.stopping != nil {
		close(life.stopping)
	}
}

// deliver hands an accepted job to its life.
func (t *Thread) deliver(life *threadLife, job tenant.Job) error {
	done := job.Done
	job.Done = func(out khronos.Outcome) {
		done(out)
		t.leave(life)
	}
	err := life.rt.Deliver(job)
	if err != nil {
		t.leave(life)
	}
	return err
}

// Limits returns the limits the worker was made with.
func (t *Thread) Limits() limits.Limits { return t.cfg.Limits }

// Up is closed when Serve has its first Runtime: from then on work is taken.
func (t *Thread) Up() <-chan struct{} { return t.up }

// Deliver hands job to the Runtime without waiting for it; job.Done gets its
// outcome. It is for the worker process, whose job ids come from the master:
// do not mix it with the waiting methods in one Thread.
func (t *Thread) Deliver(job tenant.Job) error {
	life, err := t.accept()
	if err != nil {
		return err
	}
	return t.deliver(life, job)
}

// Cancel cancels the job with the given id, if it is live.
func (t *Thread) Cancel(id uint64) {
	if life := t.running(); life != nil {
		life.rt.Cancel(id)
	}
}

// Stats returns the Runtime's counters, or zeros while there is none.
func (t *Thread) Stats() tenant.Stats {
	if life := t.running(); life != nil {
		return life.rt.Stats()
	}
	return tenant.Stats{}
}

func (t *Thread) running() *threadLife {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.life
}

// Drain makes the worker refuse new work with draining, for good. What it
// accepted before goes on.
func (t *Thread) Drain() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.draining = true
	if t.life != nil {
		t.enterLocked(StateDraining)
	}
}

// GiveBack ends with draining what has not started. It is for a worker that
// drains.
func (t *Thread) GiveBack() {
	if life := t.running(); life != nil {
		life.rt.GiveBack()
	}
}

// Restart refuses: a Thread shares its process with its caller, and Kill and
// Start make a new Runtime.
func (t *Thread) Restart(context.Context, string) error {
	return khronos.Errorf(khronos.ErrKindBadRequest, "worker %d is a thread of the master: it has no process that could be replaced", t.cfg.ID)
}

// Kill ends the Runtime and all it ran.
func (t *Thread) Kill(ctx context.Context) error {
	life := t.setKilled(true)
	if life == nil {
		return nil
	}
	life.cancel(errKilled)
	select {
	case <-life.ended:
		return nil
	case <-ctx.Done():
		return khronos.AsError(ctx.Err())
	}
}

// Start undoes Kill.
func (t *Thread) Start(context.Context) error {
	t.setKilled(false)
	return nil
}

func (t *Thread) setKilled(killed bool) *threadLife {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.killed != killed {
		t.killed = killed
		close(t.changed)
		t.changed = make(chan struct{})
	}
	return t.life
}

// Status returns the one entry of this worker.
func (t *Thread) Status() []Status {
	stats := t.Stats()
	t.mu.Lock()
	defer t.mu.Unlock()
	return []Status{{
		Worker:     t.cfg.ID,
		State:      t.state,
		Generation: t.lives,
		Restarts:   max(0, int(t.lives)-1),
		LastExit:   t.lastExit,
		Since:      t.since,
		Tenants:    stats.Tenants,
		Queued:     stats.Queued,
		Running:    stats.Running,
		HeapBytes:  stats.HeapBytes,
		VMs:        stats.VMs,
	}}
}
