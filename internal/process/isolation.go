package process

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/mesophyll"
	"github.com/template-worker/template-worker/internal/quarantine"
	"github.com/template-worker/template-worker/internal/tenant"
	"github.com/template-worker/template-worker/internal/worker"
)

// Isolation runs in a worker of its own, and one at a time, what workers of a
// pool may have died of. That worker, the solo worker, is not in the pool's
// routing; its process is started when it is needed and stopped when it has been
// idle. What is suspected, and what is cleared or convicted, a quarantine.Book
// decides; an Isolation brings it the deaths and carries out what it says.
//
// While an event runs alone, later ones of its tenant wait until it has started,
// and then run in the pool beside it: starts keep their order, and one suspect
// does not hold up what else the tenant does. The tenant's machines in the solo
// worker are others than those in the pool, and are gone after each event.
type Isolation struct {
	book *quarantine.Book
	solo *Handle
	host HostDoor
	log  *slog.Logger
	turn chan struct{} // capacity 1: taken by what runs alone
	used chan struct{} // capacity 1: somebody has

	mu sync.Mutex
	// mu guards the fields below.
	tenant  khronos.TenantID // who runs alone; zero if nobody does
	over    bool             // the solo worker was killed for good
	handles []*Handle
}

// forgetTimeout is how long the solo worker may take to forget a tenant before
// it is killed: longer than a hung worker lives.
const forgetTimeout = 15 * time.Second

// NewIsolation returns an Isolation for the handles whose Config will name it.
// cfg is the solo worker's; Owns and Isolation in it are replaced. The book stays
// the caller's.
func NewIsolation(cfg Config, book *quarantine.Book, link *mesophyll.Server, host HostDoor, log *slog.Logger) *Isolation {
	i := &Isolation{book: book, host: host, log: log, turn: make(chan struct{}, 1), used: make(chan struct{}, 1)}
	cfg.Owns, cfg.Isolation = i.holds, i
	listeners := cfg.Listeners
	cfg.Listeners = nil
	for _, l := range listeners {
		cfg.Listeners = append(cfg.Listeners, soloListener{l})
	}
	i.solo = NewHandle(cfg, link, host, log)
	i.solo.board.kill() // until it is needed
	return i
}

// soloListener passes on how solo workers end, but not the alarm: dying often is
// what they are for.
type soloListener struct{ Listener }

func (soloListener) WorkerFailed(WorkerFailed) {}

// Serve runs the solo worker when there is work for it, until ctx ends. The
// handles must have returned from their Serve before.
func (i *Isolation) Serve(ctx context.Context) error {
	var owned sync.WaitGroup
	defer owned.Wait()
	owned.Go(func() { _ = i.solo.Serve(ctx) }) // it returns nil
	idle := time.NewTimer(i.solo.cfg.Limits.SoloIdle)
	defer idle.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-i.used:
			idle.Reset(i.solo.cfg.Limits.SoloIdle)
		case <-idle.C:
			i.retire(ctx)
		}
	}
}

// retire stops the solo worker, unless somebody uses it.
func (i *Isolation) retire(ctx context.Context) {
	select {
	case i.turn <- struct{}{}:
		_ = i.solo.Kill(ctx) // an error is ctx's
		<-i.turn
	default:
	}
}

// attach makes h one of the workers whose tenants may be isolated.
func (i *Isolation) attach(h *Handle) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.handles = append(i.handles, h)
}

// holds says whether a tenant is the one that runs alone.
func (i *Isolation) holds(id khronos.TenantID) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.tenant == id
}

func (i *Isolation) hold(id khronos.TenantID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.tenant = id
}

// work is what the rules need to know of a request.
type work struct {
	tenant     khronos.TenantID
	event      string
	job        bool // no event: event is quarantine.EventScript or EventInspection
	repeatable bool
}

func workOf(m mesophyll.Request) work {
	switch m := m.(type) {
	case *mesophyll.DispatchEvent:
		return work{tenant: m.Tenant, event: m.Event.Name, repeatable: m.Event.Repeatable}
	case *mesophyll.RunScript:
		return work{tenant: m.Tenant, event: quarantine.EventScript, job: true, repeatable: m.Event.Repeatable}
	case *mesophyll.InspectTemplate: // it has no effects
		return work{tenant: m.Tenant, event: quarantine.EventInspection, job: true, repeatable: true}
	}
	panic("BUG: a request that is no work")
}

// suspected says whether w has to run alone, or why it may not run at all.
func (i *Isolation) suspected(w work) (alone bool, refused *khronos.Error) {
	if w.job {
		return i.book.Job(w.tenant, w.event)
	}
	return i.book.Alone(w.tenant, w.event), nil
}

// take brings the work at p, which is h's, to its outcome if it may not run
// beside others. It reports false, and has done nothing, if it may; that may
// also turn out while it waits for its turn.
func (i *Isolation) take(ctx context.Context, h *Handle, p *place, send request) (out khronos.Outcome, taken bool) {
	if i == nil || h == i.solo || i.book.Empty() {
		return out, false
	}
	w := workOf(send(0))
	alone, refused := i.suspected(w)
	if alone {
		select {
		case i.turn <- struct{}{}:
		case <-ctx.Done():
			return h.failed(ctx.Err()), true
		}
		alone, refused = i.suspected(w) // others had their turn before
		if refused != nil || !alone {
			<-i.turn
		}
	}
	switch {
	case refused != nil:
		return khronos.Outcome{Err: refused}, true
	case !alone:
		return out, false
	}
	return i.runAlone(ctx, h, p, w, send), true
}

// runAlone has the solo worker do the work at p and concludes from how it ends.
// It takes over the turn, and gives it back when the solo worker has forgotten
// the tenant, which the outcome does not wait for.
func (i *Isolation) runAlone(ctx context.Context, h *Handle, p *place, w work, send request) khronos.Outcome {
	i.hold(w.tenant)
	i.wake()
	own := i.solo.lanes.enter(w.tenant, &soloProgress{p.progress, func() { h.lanes.started(p) }})
	out := i.solo.carry(ctx, own, send)
	i.solo.lanes.leave(own)
	if templates, ok := survivors(w, out); ok {
		i.announce(i.book.Survived(w.tenant, w.event, templates))
	}
	clear := func() {
		i.forget(w.tenant)
		i.hold(khronos.TenantID{})
		select {
		case i.used <- struct{}{}:
		default:
		}
		<-i.turn
	}
	if !i.solo.own() {
		clear() // the solo worker has ended: there is nobody to wait for
		return out
	}
	go func() {
		defer i.solo.goroutines.Done()
		clear()
	}()
	return out
}

// wake has the solo worker started, unless it is down for good.
func (i *Isolation) wake() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.over {
		_ = i.solo.Start(context.Background()) // it never fails
	}
}

// Solo returns the solo worker, for those who look at it. Between events it is
// killed: it starts when it is needed.
func (i *Isolation) Solo() worker.Worker { return i.solo }

// Kill takes the solo worker down for good, as a Handle's Kill does: what runs
// alone is lost, and what was to run alone ends with worker_unavailable.
func (i *Isolation) Kill(ctx context.Context) error {
	i.mu.Lock()
	i.over = true
	i.mu.Unlock()
	return i.solo.Kill(ctx)
}

// soloProgress tells a dispatch's progress and when it has started.
type soloProgress struct {
	worker.Progress
	started func()
}

func (s *soloProgress) Started() {
	s.started()
	s.Progress.Started()
}

// survivors says whether an outcome shows that the worker has lived through the
// work, and for an event which templates' handlers it has lived through.
func survivors(w work, out khronos.Outcome) (templates []string, ok bool) {
	if w.job {
		switch out.Kind() {
		case khronos.ErrKindOK, khronos.ErrKindScriptError, khronos.ErrKindCPULimit, khronos.ErrKindMemoryLimit:
			return nil, true
		}
		return nil, false
	}
	if out.Err != nil {
		return nil, false
	}
	for _, entry := range out.Value.Items() {
		id, _ := entry.Get("id")
		if name, ok := id.AsText(); ok {
			templates = append(templates, name)
		}
	}
	return templates, len(templates) > 0
}

// forget ends what is left of the tenant in the solo worker, so that the next
// one is alone.
func (i *Isolation) forget(id khronos.TenantID) {
	ctx, cancel := context.WithTimeout(context.Background(), forgetTimeout)
	defer cancel()
	if err := i.solo.DropTenant(ctx, id); err != nil {
		i.log.Warn("solo worker did not forget a tenant; it is killed", "tenant", id.String(), "err", err)
		ctx, cancel := context.WithTimeout(context.Background(), forgetTimeout)
		defer cancel()
		_ = i.solo.Kill(ctx) // SIGKILL in the end; the next Start waits for it
	}
}

// stateChanged is TenantStateChanged for what of a tenant runs alone right now.
func (i *Isolation) stateChanged(h *Handle, id khronos.TenantID, state khronos.TenantState) error {
	if i == nil || h == i.solo || !i.holds(id) {
		return nil
	}
	return i.solo.TenantStateChanged(id, state)
}

// drop is DropTenant for what of a tenant runs alone right now.
func (i *Isolation) drop(ctx context.Context, h *Handle, id khronos.TenantID) error {
	if i == nil || h == i.solo || !i.holds(id) {
		return nil
	}
	return i.solo.DropTenant(ctx, id)
}

// died takes the death of a worker into account, of which runs are what it had
// begun and not ended.
func (i *Isolation) died(id mesophyll.Identity, detail string, runs []running) {
	death := quarantine.Death{Worker: id.Worker, Generation: id.Generation, Detail: detail}
	for _, r := range runs {
		if r.Tenant == probe.Tenant {
			continue // ours
		}
		if r.InSlice {
			death.Suspects = append(death.Suspects, subjectOf(r))
			continue
		}
		i.host.Log(r.Tenant, r.Template, r.Event+": the worker died while this waited, which is not its fault ("+detail+")")
	}
	i.log.Warn("worker died", "worker", int(id.Worker), "generation", uint64(id.Generation), "how", detail,
		"suspects", len(death.Suspects), "bystanders", len(runs)-len(death.Suspects))
	i.announce(i.book.Died(death))
}

// subjectOf is what is suspected when a worker has died while r was executed.
func subjectOf(r running) quarantine.Subject {
	s := quarantine.Subject{Tenant: r.Tenant, Template: r.Template, Version: r.Version, Event: r.Event}
	switch {
	case r.Kind == tenant.JobRunScript:
		s.Event = quarantine.EventScript
	case r.Kind == tenant.JobInspect:
		s.Event = quarantine.EventInspection
	case r.State == khronos.StackLoading:
		s.Event = ""
	}
	return s
}

// announce writes changes into the logs, and has workers load anew what they
// have to know of them.
func (i *Isolation) announce(changes []quarantine.Change) {
	var refresh []khronos.TenantID
	for _, c := range changes {
		text := c.Text()
		i.log.Warn("suspicion "+string(c.What), "tenant", c.Tenant.String(), "template", c.Template, "text", text)
		i.host.Log(c.Tenant, c.Template, text)
		if c.State == quarantine.Quarantined && !slices.Contains(refresh, c.Tenant) {
			refresh = append(refresh, c.Tenant)
		}
	}
	i.mu.Lock()
	handles := i.handles
	i.mu.Unlock()
	for _, id := range refresh {
		for _, h := range handles {
			h.refresh(id)
		}
	}
}

// refresh has the child load a tenant's templates anew, if it owns the tenant,
// or all tenants' for the zero id.
func (h *Handle) refresh(id khronos.TenantID) {
	if id.Valid() && !h.cfg.Owns(id) {
		return
	}
	now, _ := h.board.read()
	for _, n := range now.lives {
		if n.run == nil {
			continue // not up: it has loaded nothing yet
		}
		conn := n.run.conn
		if err := conn.Send(&mesophyll.TemplatesChanged{Tenant: id}); err != nil && !errors.Is(err, mesophyll.ErrConnLost) {
			conn.Close(&breach{err}) // it must not run on with the old ones
		}
	}
}

// mark writes into templates what of them is quarantined.
func (i *Isolation) mark(id khronos.TenantID, templates []khronos.Template) {
	if i != nil {
		i.announce(i.book.Mark(id, templates))
	}
}

// Quarantine lists what is suspected or quarantined of a tenant, as its templates
// are now.
func (i *Isolation) Quarantine(ctx context.Context, id khronos.TenantID) ([]quarantine.Entry, error) {
	if i.book.Empty() {
		return []quarantine.Entry{}, nil
	}
	templates, err := i.host.Templates(ctx, id)
	if err != nil {
		return nil, khronos.AsError(err)
	}
	i.mark(id, templates)
	return i.book.List(id), nil
}

// Lift forgets what is suspected or quarantined of a tenant, or of one template
// of it, and returns how many entries that were.
func (i *Isolation) Lift(id khronos.TenantID, template string) int {
	changes := i.book.Lift(id, template)
	i.announce(changes)
	return len(changes)
}
