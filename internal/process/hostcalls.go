package process

import (
	"context"
	"errors"
	"sync"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/mesophyll"
	"github.com/template-worker/template-worker/internal/tenant"
)

// hostCalls owns the goroutines that do a generation's host calls, and bounds
// how many there are: in all, and of one tenant, so that no tenant can take the
// others' share.
type hostCalls struct {
	perWorker, perTenant int

	ctx    context.Context // ends with the generation
	cancel context.CancelFunc
	owned  sync.WaitGroup

	mu sync.Mutex
	// mu guards the fields below.
	closed  bool
	total   int
	tenants map[khronos.TenantID]int
}

func newHostCalls(perWorker, perTenant int) *hostCalls {
	c := &hostCalls{perWorker: perWorker, perTenant: perTenant, tenants: map[khronos.TenantID]int{}}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

var errGenerationEnded = errors.New("the worker's generation has ended")

// start runs do on a goroutine of its own, or says why not.
func (c *hostCalls) start(id khronos.TenantID, do func()) *khronos.Error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return khronos.AsError(errGenerationEnded)
	case c.tenants[id] >= c.perTenant:
		return khronos.Errorf(khronos.ErrKindRateLimited, "more than %d host calls at once", c.perTenant)
	case c.total >= c.perWorker:
		return khronos.Errorf(khronos.ErrKindWorkerUnavailable, "more than %d host calls at once on one worker", c.perWorker)
	}
	c.total++
	c.tenants[id]++
	c.owned.Go(func() {
		defer c.end(id)
		do()
	})
	return nil
}

func (c *hostCalls) end(id khronos.TenantID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total--
	if c.tenants[id]--; c.tenants[id] == 0 {
		delete(c.tenants, id)
	}
}

// close ends the calls in progress and returns when they have returned.
func (c *hostCalls) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.owned.Wait()
}

// hostCall answers m, now with a refusal or later from a goroutine.
func (g *generation) hostCall(m *mesophyll.HostCall) {
	refused := g.checkHostCall(m)
	if refused == nil {
		refused = g.startHostCall(m.Tenant, func() { g.execute(m) })
	}
	if refused != nil {
		g.h.counters.hostCallsRefused.Add(1)
		g.h.log.Warn("host call refused", "tenant", m.Tenant.String(), "op", m.Op, "err", refused.Error())
		g.reply(&mesophyll.HostReply{CallID: m.CallID, Result: mesophyll.Result{Err: refused}})
	}
}

func (g *generation) startHostCall(id khronos.TenantID, do func()) *khronos.Error {
	g.h.counters.hostCalls.Add(1)
	return g.host.start(id, do)
}

// checkHostCall says why the child may not make this call.
func (g *generation) checkHostCall(m *mesophyll.HostCall) *khronos.Error {
	if refused := g.checkOwned(m.Tenant); refused != nil {
		return refused
	}
	call, ok := g.liveCall(m.ReqID)
	if !ok {
		return errDispatchEnded()
	}
	if call.tenant != m.Tenant {
		return khronos.Errorf(khronos.ErrKindInternal, "dispatch %d does not belong to tenant %s", m.ReqID, m.Tenant)
	}
	if (m.Template == "") != call.script {
		return khronos.Errorf(khronos.ErrKindInternal, "dispatch %d and template %q do not go together", m.ReqID, m.Template)
	}
	return nil
}

// execute does a host call and replies. It ends with the dispatch that made it.
func (g *generation) execute(m *mesophyll.HostCall) {
	call, ok := g.liveCall(m.ReqID)
	if !ok {
		g.reply(&mesophyll.HostReply{CallID: m.CallID, Result: mesophyll.Result{Err: errDispatchEnded()}})
		return
	}
	ctx, cancel := context.WithCancel(call.ctx)
	defer cancel()
	defer context.AfterFunc(g.host.ctx, cancel)()

	var out khronos.Outcome
	args, err := m.Values()
	if err == nil {
		out.Value, err = g.h.host.Exec(ctx, tenant.HostCall{
			Tenant: m.Tenant, Template: m.Template, Dispatch: m.ReqID, Call: m.Call, Author: call.event.Author, Depth: call.event.Depth, Op: m.Op, Args: args,
		})
	}
	out.Err = g.publicError(err, "tenant", m.Tenant.String(), "op", m.Op)
	g.reply(&mesophyll.HostReply{CallID: m.CallID, Result: mesophyll.ResultOf(out)})
}

// templates answers m with the next page of its tenant's templates.
func (g *generation) templates(m *mesophyll.TemplatesRequest) {
	refused := g.checkOwned(m.Tenant)
	if refused == nil {
		refused = g.startHostCall(m.Tenant, func() { g.replyTemplates(m) })
	}
	if refused != nil {
		g.h.counters.hostCallsRefused.Add(1)
		g.h.log.Warn("templates refused", "tenant", m.Tenant.String(), "err", refused.Error())
		g.reply(&mesophyll.TemplatesReply{CallID: m.CallID, Err: refused})
	}
}

func (g *generation) checkOwned(id khronos.TenantID) *khronos.Error {
	if g.h.cfg.Owns(id) {
		return nil
	}
	return khronos.Errorf(khronos.ErrKindInternal, "tenant %s does not belong to worker %d", id, g.id.Worker)
}

func (g *generation) replyTemplates(m *mesophyll.TemplatesRequest) {
	page := &mesophyll.TemplatesReply{}
	all, err := g.h.host.Templates(g.host.ctx, m.Tenant)
	if err == nil {
		g.h.cfg.Isolation.mark(m.Tenant, all)
		page, err = mesophyll.PageTemplates(all, m.After, int(g.h.cfg.Limits.FrameBytes))
	}
	if err != nil {
		page = &mesophyll.TemplatesReply{Err: g.publicError(err, "tenant", m.Tenant.String())}
	}
	page.CallID = m.CallID
	g.reply(page)
}

// publicError is what the child may see of err; what it may not is logged.
func (g *generation) publicError(err error, what ...any) *khronos.Error {
	if err == nil {
		return nil
	}
	public := khronos.AsError(err)
	if public.Kind == khronos.ErrKindInternal {
		g.h.log.With(what...).Error("host call failed", "err", err)
	}
	return public
}

// reply queues an answer. One that no frame may hold becomes an error, for the
// caller must have one; a full queue ends the link, for the same reason.
func (g *generation) reply(m mesophyll.Message) {
	err := g.conn.Send(m)
	if errors.Is(err, mesophyll.ErrTooLarge) {
		err = g.conn.Send(tooLarge(m, g.h.cfg.Limits.FrameBytes))
	}
	if err != nil && !errors.Is(err, mesophyll.ErrConnLost) {
		g.conn.Close(&breach{err})
	}
}

func tooLarge(m mesophyll.Message, frameBytes int64) mesophyll.Message {
	public := khronos.Errorf(khronos.ErrKindTooLarge, "the answer is larger than %d bytes, the limit of a frame", frameBytes)
	switch m := m.(type) {
	case *mesophyll.HostReply:
		return &mesophyll.HostReply{CallID: m.CallID, Result: mesophyll.Result{Err: public}}
	case *mesophyll.TemplatesReply:
		return &mesophyll.TemplatesReply{CallID: m.CallID, Err: public}
	}
	panic("BUG: an answer of a kind that is none")
}

// logLines passes on what a template printed, if the tenant is this worker's.
func (g *generation) logLines(m *mesophyll.Log) {
	if !g.h.cfg.Owns(m.Tenant) {
		g.h.log.Warn("log lines refused", "tenant", m.Tenant.String(), "lines", len(m.Lines))
		return
	}
	for _, line := range m.Lines {
		g.h.host.Log(m.Tenant, m.Template, line)
	}
}

func errDispatchEnded() *khronos.Error {
	return khronos.Errorf(khronos.ErrKindCancelled, "the dispatch that makes this call has ended")
}
