// Package broker is the master's side of host calls: it decides whether a
// template may do what it asks for, and does it.
//
// It owns what operations do, the rate limits of tenants and what it remembers of
// templates' capabilities; what an operation takes and needs is declared in
// package registry, and checked here by that declaration. It never runs a tenant's code and never
// trusts a worker's word about capabilities: they come from the store. That a
// call belongs to a live dispatch on the worker that owns the tenant is checked
// before the call comes here.
//
// It starts no goroutine; every call runs on its caller's. Memory is bounded: a
// tenant that does nothing is forgotten. All errors are *khronos.Error, with
// texts for the author of the template.
package broker

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/store"
)

// Caller is who makes a host call: a template of a tenant, within a dispatch.
// Template is empty for a script that the operator runs, which holds every
// capability.
type Caller struct {
	Tenant   khronos.TenantID
	Template string
	Dispatch uint64
	Author   string // of the event that it handles
	Depth    int    // of that event
	// Call names the call within its tenant: one that is made again with it is done
	// once. Empty for a call that is not made again.
	Call string
}

// Raiser takes the events that templates raise. Its method must not wait for
// them.
type Raiser interface {
	DispatchEventNoWait(ctx context.Context, tenant khronos.TenantID, ev khronos.Event) error
}

// Info is what runtime.links answers. Empty fields are answered as empty texts.
type Info struct {
	SupportServer string
	APIURL        string
	FrontendURL   string
	DocsURL       string
}

// Broker does host calls. Make one with New. All methods are safe for
// concurrent use.
type Broker struct {
	store   store.Store
	limits  limits.Limits
	info    Info
	events  Raiser
	web     Web
	log     *slog.Logger
	started time.Time

	ops    map[string]operation
	grants *grantCache
	rates  *limiter
	counts *counts
}

// New returns a broker over st, which stays the caller's to close. Events that
// templates raise go to events, their HTTP requests to web. Its calls log what is not the author's fault to
// log.
func New(st store.Store, l limits.Limits, info Info, events Raiser, web Web, log *slog.Logger) *Broker {
	return &Broker{
		store: st, limits: l, info: info, events: events, web: web, log: log, started: time.Now(),
		ops:    operations(),
		grants: newGrantCache(st),
		rates:  newLimiter(l),
		counts: newCounts(),
	}
}

// Exec does the operation called op, such as "kv.get", for caller. It returns
// when the operation has ended or soon after ctx does. The error is a
// *khronos.Error. A change whose answer was lost to ctx may have happened.
func (b *Broker) Exec(ctx context.Context, caller Caller, op string, args []khronos.Value) (v khronos.Value, err error) {
	o, known := b.ops[op]
	counted := op
	if !known {
		counted = "" // one row for all of them
	}
	began := time.Now()
	defer func() { b.counts.add(counted, time.Since(began), err) }()
	if !known {
		return khronos.Value{}, khronos.Errorf(khronos.ErrKindBadRequest, "there is no operation %s", clip(op))
	}
	defer contain(b, caller, op, &v, &err)
	v, err = b.exec(ctx, caller, o, args)
	if err != nil {
		return khronos.Value{}, b.public(ctx, caller, op, err)
	}
	return v, nil
}

// exec makes the checks in their order, cheapest and least telling first, and
// then acts.
func (b *Broker) exec(ctx context.Context, caller Caller, op operation, args []khronos.Value) (khronos.Value, error) {
	granted, err := b.grants.of(ctx, caller)
	if err != nil {
		return khronos.Value{}, err
	}
	if err := op.Check(args); err != nil {
		return khronos.Value{}, err
	}
	if missing := op.Missing(granted, args); missing != "" {
		return khronos.Value{}, op.Lacks(missing)
	}
	if err := b.rates.take(caller.Tenant, op.Bucket, op.TokensOf(args)); err != nil {
		return khronos.Value{}, err
	}
	if err := op.CheckSizes(args, &b.limits); err != nil {
		return khronos.Value{}, err
	}
	return op.act(ctx, b, request{caller: caller, tenant: caller.Tenant, op: op.Op, args: args})
}

// Templates returns what a worker needs of all templates of a tenant, paused
// ones included, sorted by name. A banned tenant gets none, but tenant_banned.
// The error is a *khronos.Error.
func (b *Broker) Templates(ctx context.Context, tenant khronos.TenantID) (list []khronos.Template, err error) {
	caller := Caller{Tenant: tenant}
	defer contain(b, caller, "templates", &list, &err)
	state, err := b.store.TenantState(ctx, tenant)
	if err != nil {
		return nil, b.public(ctx, caller, "templates", err)
	}
	if state.Banned {
		return nil, khronos.Banned(tenant)
	}
	kept, err := b.store.Templates(ctx, tenant)
	if err != nil {
		return nil, b.public(ctx, caller, "templates", err)
	}
	list = make([]khronos.Template, len(kept))
	for i, t := range kept {
		list[i] = t.Template
		// What the staff has denied gets no events, wherever it is installed.
		list[i].Paused = t.Paused || t.FromReview == store.ReviewDenied
	}
	return list, nil
}

// Forget drops what the broker remembers of a tenant's templates. It must be
// called after every change of them. Calls that read the old capabilities
// before may still end after it; calls that begin later see the new ones. Rate
// limits go on: an upload gives no fresh tokens.
func (b *Broker) Forget(tenant khronos.TenantID) { b.grants.forget(tenant) }

// contain turns a panic of an operation into an internal error. It is the one
// place that does, and it must be deferred itself.
func contain[T any](b *Broker, caller Caller, op string, v *T, err *error) {
	fault := recover()
	if fault == nil {
		return
	}
	id := newErrorID()
	b.log.Error("panic in a host call", "id", id, "tenant", caller.Tenant.String(), "template", caller.Template,
		"op", op, "panic", fault, "stack", string(debug.Stack()))
	var none T
	*v = none
	*err = &khronos.Error{Kind: khronos.ErrKindInternal, Text: "internal error", ID: id}
}

// public turns err into what the author may see. What he may not see, and what
// is ours to mend, is logged under an id that he gets too.
func (b *Broker) public(ctx context.Context, caller Caller, op string, err error) *khronos.Error {
	var e *khronos.Error
	switch {
	case errors.As(err, &e):
		return e
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return khronos.AsError(err)
	case errors.Is(err, store.ErrInvalid):
		return khronos.Errorf(khronos.ErrKindBadRequest, "%s: %v", op, err)
	case errors.Is(err, store.ErrTooLarge):
		return khronos.Errorf(khronos.ErrKindTooLarge, "%s: the answer is too large: ask for less at once", op)
	}
	id := newErrorID()
	b.log.ErrorContext(ctx, "host call failed at the store", "id", id, "tenant", caller.Tenant.String(),
		"template", caller.Template, "op", op, "err", err)
	return &khronos.Error{Kind: khronos.ErrKindDependency, ID: id,
		Text: op + ": the store did not answer: try again later, or give the operator the error id " + id}
}

// clip quotes s for an error text, cut to a bearable length.
func clip(s string) string {
	const most = 48
	if len(s) <= most {
		return strconv.Quote(s)
	}
	return strconv.Quote(s[:most]) + "..."
}

// newErrorID returns a short id for a reply and for the log.
func newErrorID() string { return rand.Text()[:10] }
