// Package ledger keeps the record of every dispatch: when it was accepted, sent,
// started and ended, on which generation of which worker, what it has cost and
// how it ended, and whose fault that was.
//
// A Ledger stands before the pool and has its methods. It never holds a dispatch
// up, decides nothing about it and changes nothing of its outcome. What it keeps
// is in memory only and bounded: live dispatches as long as they live, ended ones
// up to limits.LedgerPerTenant of each tenant and limits.LedgerDispatches in all;
// beyond that the tenant that has been quiet longest is forgotten first.
//
// [Ledger.Serve] runs one goroutine, which looks for slow dispatches and checks
// the sums, and waits for it. CPU is fuel, memory bytes, and times within a
// dispatch are durations since its acceptance.
package ledger

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/template-worker/template-worker/internal/feed"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/worker"
)

// Pool is what a Ledger stands before; [worker.Pool] is one.
type Pool interface {
	worker.Worker

	// Worker returns the one that a dispatch was sent to, by its id.
	Worker(id khronos.WorkerID) (worker.Worker, bool)
}

// Ledger writes down what the pool behind it is asked to do. Its methods are safe
// for concurrent use; those that run something are [worker.Worker]'s.
type Ledger struct {
	pool   Pool
	lim    limits.Limits
	log    *slog.Logger
	lastID atomic.Uint64
	shards []*shard
	ends   feed.Feed[khronos.TenantID, Dispatch]

	wrong atomic.Bool // the last check of the sums failed
}

// New returns a Ledger before pool, which it neither serves nor stops.
func New(pool Pool, lim limits.Limits, log *slog.Logger) *Ledger {
	l := &Ledger{pool: pool, lim: lim, log: log}
	n := min(maxShards, 1+lim.LedgerDispatches/minShardDispatches)
	for range n {
		l.shards = append(l.shards, newShard(l, max(1, lim.LedgerDispatches/n)))
	}
	return l
}

type idKey struct{}

// Named gives the dispatch that ctx will be used for its id beforehand. The ctx
// is for one call of one of the Ledger's methods.
func (l *Ledger) Named(ctx context.Context) (context.Context, khronos.DispatchID) {
	id := l.newID()
	return context.WithValue(ctx, idKey{}, id), id
}

// newID returns an id above all before it. The steps are random, so that nobody
// can tell the next one from the last.
func (l *Ledger) newID() khronos.DispatchID {
	now := uint64(time.Now().UnixMilli()) << khronos.DispatchIDTimeBits
	step := 1 + uint64(rand.Uint32N(1<<10))
	for {
		last := l.lastID.Load()
		id := max(now, last) + step
		if l.lastID.CompareAndSwap(last, id) {
			return khronos.DispatchID(id)
		}
	}
}

// RunScript is worker.Worker's, recorded.
func (l *Ledger) RunScript(ctx context.Context, tenant khronos.TenantID, name, code string, ev khronos.Event) (khronos.Value, error) {
	e := l.begin(ctx, tenant, KindScript, name)
	v, err := l.pool.RunScript(worker.WithProgress(ctx, e), tenant, name, code, ev)
	e.end(khronos.Outcome{Value: v, Err: khronos.AsError(err)})
	return v, err
}

// DispatchEvent is worker.Worker's, recorded.
func (l *Ledger) DispatchEvent(ctx context.Context, tenant khronos.TenantID, ev khronos.Event) (khronos.Value, error) {
	e := l.begin(ctx, tenant, KindEvent, ev.Name)
	v, err := l.pool.DispatchEvent(worker.WithProgress(ctx, e), tenant, ev)
	e.end(khronos.Outcome{Value: v, Err: khronos.AsError(err)})
	return v, err
}

// DispatchEventNoWait is worker.Worker's, recorded. How it ends is logged when
// that is an error; the Progress of ctx is told all of it, too.
func (l *Ledger) DispatchEventNoWait(ctx context.Context, tenant khronos.TenantID, ev khronos.Event) error {
	e := l.begin(context.WithoutCancel(ctx), tenant, KindEvent, ev.Name)
	err := l.pool.DispatchEventNoWait(worker.WithProgress(ctx, told{e, worker.ProgressOf(ctx)}), tenant, ev)
	if err != nil {
		e.end(khronos.Outcome{Err: khronos.AsError(err)})
	}
	return err
}

// InspectTemplate is worker.Worker's, recorded.
func (l *Ledger) InspectTemplate(ctx context.Context, tenant khronos.TenantID, files map[string]string) ([]string, error) {
	e := l.begin(ctx, tenant, KindInspect, "")
	names, err := l.pool.InspectTemplate(worker.WithProgress(ctx, e), tenant, files)
	e.end(khronos.Outcome{Err: khronos.AsError(err)})
	return names, err
}

// DropTenant is worker.Worker's. It is no dispatch.
func (l *Ledger) DropTenant(ctx context.Context, tenant khronos.TenantID) error {
	return l.pool.DropTenant(ctx, tenant)
}

// TenantStateChanged is worker.Worker's. It is no dispatch.
func (l *Ledger) TenantStateChanged(tenant khronos.TenantID, state khronos.TenantState) error {
	return l.pool.TenantStateChanged(tenant, state)
}

// TemplatesChanged is worker.Worker's. It is no dispatch.
func (l *Ledger) TemplatesChanged(tenant khronos.TenantID) { l.pool.TemplatesChanged(tenant) }

// begin accepts a dispatch: from here on it is live until its end.
func (l *Ledger) begin(ctx context.Context, tenant khronos.TenantID, kind Kind, event string) *entry {
	id, named := ctx.Value(idKey{}).(khronos.DispatchID)
	if !named {
		id = l.newID()
	}
	e := &entry{id: id, kind: kind, accepted: time.Now(), allowed: l.lim.DispatchDeadline}
	if deadline, ok := ctx.Deadline(); ok {
		e.allowed = deadline.Sub(e.accepted)
	}
	l.shardOf(tenant).begin(e, tenant, event)
	return e
}

func (l *Ledger) shardOf(tenant khronos.TenantID) *shard {
	hash := (uint64(tenant.ID) + uint64(tenant.Kind)) * 0x9e3779b97f4a7c15
	return l.shards[hash>>32%uint64(len(l.shards))]
}

// Follow tells of every dispatch of tenant that ends from now on, with room for
// buffer of them that have not been read. The caller closes the Follower.
func (l *Ledger) Follow(tenant khronos.TenantID, buffer int) *feed.Follower[khronos.TenantID, Dispatch] {
	return l.ends.Follow(tenant, buffer)
}
