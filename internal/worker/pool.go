package worker

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/template-worker/template-worker/internal/khronos"
)

// PoolID is what Pool.ID returns: no worker has it.
const PoolID khronos.WorkerID = -1

// Pool is a Worker made of others. A tenant always belongs to the worker at
// its slot, (snowflake >> 22) mod Len, whatever state that worker is in; the
// pool never moves work to another.
type Pool struct {
	workers []Worker      // never changes; the index is the slot
	turn    chan struct{} // holds one element while workers are being replaced
}

var _ Worker = (*Pool)(nil)

// NewPool returns a pool of workers, in slot order. It panics without any.
func NewPool(workers []Worker) *Pool {
	if len(workers) == 0 {
		panic("BUG: a pool needs at least one worker")
	}
	return &Pool{workers: append([]Worker(nil), workers...), turn: make(chan struct{}, 1)}
}

// ID returns PoolID.
func (p *Pool) ID() khronos.WorkerID { return PoolID }

// Len returns the number of workers.
func (p *Pool) Len() int { return len(p.workers) }

// Worker returns the worker with the given id.
func (p *Pool) Worker(id khronos.WorkerID) (Worker, bool) {
	for _, w := range p.workers {
		if w.ID() == id {
			return w, true
		}
	}
	return nil, false
}

// Owner returns the worker that tenant belongs to.
func (p *Pool) Owner(tenant khronos.TenantID) Worker {
	return p.workers[tenant.Slot(len(p.workers))]
}

// RunScript runs code on tenant's worker.
func (p *Pool) RunScript(ctx context.Context, tenant khronos.TenantID, name, code string, ev khronos.Event) (khronos.Value, error) {
	return p.Owner(tenant).RunScript(ctx, tenant, name, code, ev)
}

// DispatchEvent hands ev to tenant's worker and waits.
func (p *Pool) DispatchEvent(ctx context.Context, tenant khronos.TenantID, ev khronos.Event) (khronos.Value, error) {
	return p.Owner(tenant).DispatchEvent(ctx, tenant, ev)
}

// DispatchEventNoWait hands ev to tenant's worker.
func (p *Pool) DispatchEventNoWait(ctx context.Context, tenant khronos.TenantID, ev khronos.Event) error {
	return p.Owner(tenant).DispatchEventNoWait(ctx, tenant, ev)
}

// DropTenant drops tenant on its worker.
func (p *Pool) DropTenant(ctx context.Context, tenant khronos.TenantID) error {
	return p.Owner(tenant).DropTenant(ctx, tenant)
}

// TenantStateChanged tells tenant's worker.
func (p *Pool) TenantStateChanged(tenant khronos.TenantID, state khronos.TenantState) error {
	return p.Owner(tenant).TenantStateChanged(tenant, state)
}

// TemplatesChanged tells the tenant's worker, or for all tenants every worker.
func (p *Pool) TemplatesChanged(tenant khronos.TenantID) {
	if tenant.Valid() {
		p.Owner(tenant).TemplatesChanged(tenant)
		return
	}
	for _, w := range p.workers {
		w.TemplatesChanged(tenant)
	}
}

// InspectTemplate inspects files on tenant's worker.
func (p *Pool) InspectTemplate(ctx context.Context, tenant khronos.TenantID, files map[string]string) ([]string, error) {
	return p.Owner(tenant).InspectTemplate(ctx, tenant, files)
}

// Dump returns the entries of all workers, in slot order. The error is that of
// the first worker that gave none; the entries of the others come with it.
func (p *Pool) Dump(ctx context.Context) ([]khronos.ScriptStack, error) {
	lists := make([][]khronos.ScriptStack, len(p.workers))
	err := p.all(func(i int, w Worker) (err error) {
		lists[i], err = w.Dump(ctx)
		return err
	})
	return slices.Concat(lists...), err
}

// Kill kills all workers at the same time. The error is that of the first, in
// slot order, that was not down when ctx ended; the others were killed all the
// same. For one worker, use Worker.
func (p *Pool) Kill(ctx context.Context) error {
	return p.all(func(_ int, w Worker) error { return w.Kill(ctx) })
}

// Start starts all workers, as Kill kills them.
func (p *Pool) Start(ctx context.Context) error {
	return p.all(func(_ int, w Worker) error { return w.Start(ctx) })
}

// all calls do for every worker, with its slot, at once and waits for all of them.
func (p *Pool) all(do func(slot int, w Worker) error) error {
	errs := make([]error, len(p.workers))
	var wg sync.WaitGroup
	for i, w := range p.workers {
		wg.Go(func() { errs[i] = do(i, w) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return khronos.AsError(err)
		}
	}
	return nil
}

// Status returns the workers' entries in slot order.
func (p *Pool) Status() []Status {
	out := make([]Status, 0, len(p.workers))
	for _, w := range p.workers {
		out = append(out, w.Status()...)
	}
	return out
}

// Health sums up Status: how many workers take work and get on with it, and of
// the others those that need somebody's attention, because they failed or were
// killed.
func (p *Pool) Health() Health {
	h := Health{Total: len(p.workers)}
	for _, st := range p.Status() {
		switch {
		case st.Healthy():
			h.Ready++
		case st.State == StateFailed, st.State == StateKilled:
			h.Down = append(h.Down, st)
		}
	}
	return h
}

// Health is a Pool's answer to: can it do its work?
type Health struct {
	Total int
	Ready int
	Down  []Status // failed and killed workers; any makes the pool degraded
}

// Degraded says whether some worker is down for longer than a restart.
func (h Health) Degraded() bool { return len(h.Down) > 0 }

// Serve runs all workers, replaces those that are worn, one at a time, and
// returns when all have returned. A worker ends
// before ctx only when it cannot go on; the pool then stops the others, so that
// nobody takes a part of a pool for a whole one, and returns why.
func (p *Pool) Serve(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, w := range p.workers {
		g.Go(func() error { return w.Serve(ctx) })
	}
	g.Go(func() error { p.replaceWorn(ctx); return nil })
	return g.Wait()
}
