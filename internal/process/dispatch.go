package process

import (
	"context"
	"errors"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/mesophyll"
	"github.com/template-worker/template-worker/internal/worker"
)

// maxSends is how often a piece of work goes to a worker: once more than once,
// and that only when it certainly had not started.
const maxSends = 2

// request makes the message of one send; timeout is what is left of its deadline.
type request func(timeout time.Duration) mesophyll.Request

// RunScript runs code in the child.
func (h *Handle) RunScript(ctx context.Context, id khronos.TenantID, name, code string, ev khronos.Event) (khronos.Value, error) {
	return h.call(ctx, id, func(timeout time.Duration) mesophyll.Request {
		return &mesophyll.RunScript{Tenant: id, Name: name, Code: code, Event: ev, Timeout: timeout}
	})
}

// DispatchEvent hands ev to the child and waits.
func (h *Handle) DispatchEvent(ctx context.Context, id khronos.TenantID, ev khronos.Event) (khronos.Value, error) {
	return h.call(ctx, id, dispatchOf(id, ev))
}

// InspectTemplate has the child look at files.
func (h *Handle) InspectTemplate(ctx context.Context, id khronos.TenantID, files map[string]string) ([]string, error) {
	v, err := h.call(ctx, id, func(timeout time.Duration) mesophyll.Request {
		return &mesophyll.InspectTemplate{Tenant: id, Files: files, Timeout: timeout}
	})
	if err != nil {
		return nil, err
	}
	return worker.Subscriptions(v)
}

func dispatchOf(id khronos.TenantID, ev khronos.Event) request {
	return func(timeout time.Duration) mesophyll.Request {
		return &mesophyll.DispatchEvent{Tenant: id, Event: ev, Timeout: timeout}
	}
}

// DispatchEventNoWait accepts ev: from here on it keeps its place among the
// tenant's events, is sent under a number like any other, so that it may make
// host calls and is retried like any other.
func (h *Handle) DispatchEventNoWait(ctx context.Context, id khronos.TenantID, ev khronos.Event) error {
	now, _ := h.board.read()
	if err := h.refusal(now); err != nil {
		return h.counters.end(err)
	}
	select {
	case h.noWait <- struct{}{}:
	default:
		return h.counters.end(khronos.Errorf(khronos.ErrKindWorkerUnavailable, "worker %d has %d events nobody waits for", h.cfg.ID, cap(h.noWait)))
	}
	if !h.own() {
		<-h.noWait
		return h.counters.end(khronos.Errorf(khronos.ErrKindDraining, "worker %d has stopped", h.cfg.ID))
	}
	p := h.lanes.enter(id, worker.ProgressOf(ctx))
	go func() {
		defer h.goroutines.Done()
		defer func() { <-h.noWait }()
		defer h.lanes.leave(p)
		ctx, cancel := context.WithTimeout(context.Background(), h.cfg.Limits.DispatchDeadline)
		defer cancel()
		out := h.carry(ctx, p, dispatchOf(id, ev))
		h.counters.end(errorOf(out))
		p.progress.Ended(out)
	}()
	return nil
}

// own counts one more goroutine that Serve waits for, unless it has ended.
func (h *Handle) own() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.goroutines.Add(1)
	}
	return !h.closed
}

// DropTenant has the child forget the tenant, and one that was replaced and
// still ends what it has started, too. Without a child there is nothing to
// forget.
func (h *Handle) DropTenant(ctx context.Context, id khronos.TenantID) error {
	ctx, cancel := worker.WithDeadline(ctx, h.cfg.Limits.DispatchDeadline)
	defer cancel()
	if err := h.cfg.Isolation.drop(ctx, h, id); err != nil {
		return err
	}
	now, _ := h.board.read()
	var failed error
	for _, n := range now.lives {
		if n.run != nil {
			failed = errors.Join(failed, n.run.dropTenant(ctx, id))
		}
	}
	if failed != nil {
		return khronos.AsError(failed)
	}
	return nil
}

// TemplatesChanged has every child that may run the tenant load its templates
// anew. One whose link does not take the word is ended: it must not go on with
// the old ones.
func (h *Handle) TemplatesChanged(id khronos.TenantID) {
	h.refresh(id)
	if h.cfg.Isolation != nil {
		h.cfg.Isolation.solo.refresh(id)
	}
}

func (g *generation) dropTenant(ctx context.Context, id khronos.TenantID) error {
	reply, err := g.conn.Call(ctx, &mesophyll.DropTenant{Tenant: id})
	if errors.Is(err, mesophyll.ErrConnLost) {
		return nil // and with it all its VMs
	}
	if err != nil {
		return khronos.AsError(err)
	}
	return errorOf(outcomeOf(reply))
}

// TenantStateChanged tells the child, one that was replaced and still ends what
// it has started, and the solo worker if the tenant runs there. Without a child
// nothing runs, and the next one asks for what it needs.
func (h *Handle) TenantStateChanged(id khronos.TenantID, state khronos.TenantState) error {
	if err := h.cfg.Isolation.stateChanged(h, id, state); err != nil {
		return err
	}
	now, _ := h.board.read()
	var failed error
	for _, n := range now.lives {
		if n.run == nil {
			continue // not up: it has loaded nothing yet
		}
		err := n.run.conn.Send(&mesophyll.TenantStateChanged{Tenant: id, State: state})
		if err != nil && !errors.Is(err, mesophyll.ErrConnLost) {
			failed = h.publicError(err)
		}
	}
	return failed
}

// call accepts a piece of work and waits for its outcome.
func (h *Handle) call(ctx context.Context, id khronos.TenantID, make request) (khronos.Value, error) {
	p := h.lanes.enter(id, worker.ProgressOf(ctx))
	defer h.lanes.leave(p)
	ctx, cancel := worker.WithDeadline(ctx, h.cfg.Limits.DispatchDeadline)
	defer cancel()
	out := h.carry(ctx, p, make)
	if out.Usage != (khronos.Usage{}) {
		p.progress.Used(out.Usage)
	}
	return out.Value, h.counters.end(errorOf(out))
}

// errorOf keeps a nil *khronos.Error from becoming an error.
func errorOf(out khronos.Outcome) error {
	if out.Err == nil {
		return nil
	}
	return out.Err
}

// carry brings the work at p to its outcome: it sends it to the ready
// generation, and once more to the next when the first was lost before the work
// had started. What a generation that was replaced gives back goes to the next
// as if it had never been sent. What is suspected of having killed a worker runs
// alone instead. ctx has a deadline.
func (h *Handle) carry(ctx context.Context, p *place, send request) khronos.Outcome {
	h.counters.accepted.Add(1)
	began := time.Now()
	var lost error // of the last send
	after := khronos.Generation(0)
	for sends := 0; sends < maxSends; {
		g, err := h.awaitReady(ctx, after)
		if err != nil {
			if lost != nil && ctx.Err() == nil {
				err = lost
			}
			return h.failed(err)
		}
		after = g.id.Generation
		if !h.lanes.await(ctx, p, after, g.leaving) {
			if ctx.Err() != nil && lost != nil {
				return h.failed(lost)
			}
			if ctx.Err() != nil {
				return h.failed(ctx.Err())
			}
			continue // never sent to this one
		}
		if out, taken := h.cfg.Isolation.take(ctx, h, p, send); taken {
			return out
		}
		var wasted time.Duration // with generations that were lost
		if sends++; sends > 1 {
			h.counters.retried.Add(1)
			wasted = time.Since(began)
		}
		deadline, _ := ctx.Deadline()
		out, err := g.ask(ctx, p, wasted, send(max(time.Until(worker.ScriptDeadline(deadline)), time.Millisecond)))
		if err == nil {
			return out
		}
		if errors.Is(err, errGivenBack) {
			sends-- // nothing was lost
			h.counters.givenBack.Add(1)
			continue
		}
		if !errors.Is(err, errUnstarted) && !h.awaitsVerdict(err, send) {
			return h.failed(err)
		}
		unstarted := errors.Is(err, errUnstarted)
		if unstarted {
			lost = worker.Lost(h.cfg.ID, false)
			err = lost
		}
		if !g.awaitVerdict(ctx) {
			if errors.Is(ctx.Err(), context.Canceled) {
				err = ctx.Err()
			}
			return h.failed(err)
		}
		if unstarted {
			continue
		}
		if out, taken := h.cfg.Isolation.take(ctx, h, p, send); taken {
			return out
		}
		return h.failed(err)
	}
	return h.failed(lost)
}

// awaitsVerdict says whether somebody has to be blamed for the loss of work that
// had started before it ends: it may run again, alone, for its sender has said so;
// or it was alone, and what comes next depends on it.
func (h *Handle) awaitsVerdict(err error, send request) bool {
	i := h.cfg.Isolation
	return i != nil && errors.Is(err, errLostStarted) && (h == i.solo || workOf(send(0)).repeatable)
}

// failed is the outcome of work that the child has not answered.
func (h *Handle) failed(err error) khronos.Outcome {
	return khronos.Outcome{Err: h.publicError(err)}
}

// publicError gives an error of the link its kind. ctx's errors and our own
// pass.
func (h *Handle) publicError(err error) *khronos.Error {
	switch {
	case errors.Is(err, mesophyll.ErrPendingFull):
		return khronos.Errorf(khronos.ErrKindWorkerUnavailable, "worker %d does not keep up: too much waits to be sent to it", h.cfg.ID)
	case errors.Is(err, mesophyll.ErrTooLarge):
		return khronos.Errorf(khronos.ErrKindTooLarge, "the request is larger than %d bytes, the limit of a frame", h.cfg.Limits.FrameBytes)
	}
	return khronos.AsError(err)
}

// outcomeOf reads the reply to anything but a host call.
func outcomeOf(reply mesophyll.Reply) khronos.Outcome {
	response, ok := reply.(*mesophyll.DispatchResponse)
	if !ok {
		return khronos.Outcome{Err: khronos.Errorf(khronos.ErrKindInternal, "reply of kind %d to a dispatch", reply.Kind())}
	}
	return response.Outcome()
}
