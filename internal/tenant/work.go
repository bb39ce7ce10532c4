package tenant

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/template-worker/template-worker/internal/host"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/luau"
)

// heavy is the work of a tenant's scripts that is done off its goroutine: one
// piece at a time, so that a tenant with much of it keeps no other from the
// worker's few places for such work. It belongs to the tenant's goroutine.
type heavy struct {
	busy  bool
	queue []func() // bounded by host_calls_per_tenant
}

func (h *heavy) add(start func()) {
	if h.busy {
		h.queue = append(h.queue, start)
		return
	}
	h.busy = true
	start()
}

// next starts what waits for the piece that has ended.
func (h *heavy) next() {
	if len(h.queue) == 0 {
		h.busy = false
		return
	}
	start := h.queue[0]
	h.queue = h.queue[1:]
	start()
}

// Work suspends the script until the work has been done on a goroutine of its own.
func (e *hostEnv) Work(c *luau.Call, w host.Work) error {
	m := (*machine)(e)
	t, limit := m.t, m.t.rt.cfg.Limits.HostCallsPerTenant
	if t.calls >= limit {
		return c.Errorf("%s: more than %d host calls of the tenant at once (host_calls_per_tenant)", w.Name, limit)
	}
	var fault error
	p := &pending{keep: w.Keep, finish: func(c *luau.Call, _ khronos.Value) error { return w.Done(c, fault) }}
	th, err := m.suspend(c, p)
	if err != nil {
		return err
	}
	turn := th.wait(w.Name)
	ctx, cancel := context.WithCancel(t.rt.ctx)
	th.cancel = cancel
	t.calls++
	r := th.r
	t.heavy.add(func() {
		t.rt.wg.Go(func() {
			defer cancel()
			took, err := t.work(ctx, w)
			t.post(func() {
				t.calls--
				t.heavy.next()
				t.payLate(r, w.Fuel, took)
				if fault = err; !th.wake(turn) {
					w.Drop()
				}
			})
		})
	})
	return nil
}

// endurance is how much longer work may take than what was paid for it says, by
// the clock, for a machine may have much else to do; enduranceLeast is for small
// work.
const (
	endurance      = 8
	enduranceLeast = 250 * time.Millisecond
)

// work does w when there is a place for it, and gives the processor time that its
// own goroutine took.
func (t *tenant) work(ctx context.Context, w host.Work) (took time.Duration, err error) {
	select {
	case t.rt.heavy <- struct{}{}:
		defer func() { <-t.rt.heavy }()
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, max(enduranceLeast, endurance*t.rt.cpu(w.Fuel)))
	defer cancel()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	runtime.LockOSThread() // whose time is measured
	defer runtime.UnlockOSThread()
	began := threadCPU()
	defer func() {
		took = threadCPU() - began
		if cause := recover(); cause != nil {
			t.rt.cfg.Log.Error("panic in a script's work", "tenant", t.id.String(), "work", w.Name, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			err = khronos.Errorf(khronos.ErrKindInternal, "%s: internal error", w.Name)
		}
	}()
	return 0, w.Do(ctx)
}

// lateTolerance is how many times what was paid work may cost before more is asked:
// processors that share their parts are not always as fast.
const lateTolerance = 2

// payLate books what work has cost beyond what was paid for it.
func (t *tenant) payLate(r *run, paid int64, took time.Duration) {
	late := t.rt.fuel(took) - lateTolerance*paid
	if late <= 0 {
		return
	}
	t.spend(late)
	if !r.ended {
		r.d.fuel += late
	}
}
