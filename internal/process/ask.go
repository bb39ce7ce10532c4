package process

import (
	"context"
	"errors"
	"sync"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/mesophyll"
	"github.com/template-worker/template-worker/internal/worker"
)

// liveCall is a dispatch that was sent and has no reply yet. Host calls are
// accepted only for these.
type liveCall struct {
	tenant khronos.TenantID
	script bool            // a RunScript: only its host calls may name no template, and so hold every capability
	ctx    context.Context // ends with the dispatch
	place  *place
}

// errUnstarted is what ask returns when the child is dead and certainly has not
// started the work.
var errUnstarted = errors.New("worker lost before the work had started")

// ask sends m, the work at p, and waits for its outcome. When the link ends
// first, the work is lost: at once if it had started; if it had not, the child
// may still start it until it is dead, so only then is it errUnstarted.
//
// The table of live calls is locked from before the message is sent until the
// call is in it. So whatever the child sends because of m finds it there.
func (g *generation) ask(ctx context.Context, p *place, m mesophyll.Request) (khronos.Value, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	_, script := m.(*mesophyll.RunScript)
	var number uint64
	g.mu.Lock()
	sent := sync.OnceFunc(func() {
		number = numberOf(m)
		g.live[number] = &liveCall{tenant: p.tenant, script: script, ctx: ctx, place: p}
		g.mu.Unlock()
		g.h.lanes.sent(p, g.id.Generation)
	})
	reply, err := g.conn.Call(sending{ctx, sent}, m)
	sent() // not sent at all
	g.forget(number)
	var lost *mesophyll.LostError
	if errors.As(err, &lost) {
		return khronos.Value{}, g.lostError(ctx, lost, number)
	}
	if err != nil {
		return khronos.Value{}, err
	}
	return outcomeOf(reply)
}

func (g *generation) lostError(ctx context.Context, lost *mesophyll.LostError, number uint64) error {
	switch {
	case lost.Started, number != 0 && g.child.marks.has(number):
		return worker.Lost(g.id.Worker, true)
	case number == 0:
		return errUnstarted // never sent
	}
	select {
	case <-g.child.exited:
	case <-ctx.Done():
		return ctx.Err()
	}
	if g.child.marks.has(number) {
		return worker.Lost(g.id.Worker, true)
	}
	return errUnstarted
}

// sending is the context of a Conn.Call that wants to know when its message is
// queued: Call looks at Done when, and only when, it begins to wait for the
// reply.
type sending struct {
	context.Context
	sent func()
}

func (s sending) Done() <-chan struct{} {
	s.sent()
	return s.Context.Done()
}

// numberOf returns the number that Call gave m.
func numberOf(m mesophyll.Request) uint64 {
	switch m := m.(type) {
	case *mesophyll.DispatchEvent:
		return m.ReqID
	case *mesophyll.RunScript:
		return m.ReqID
	case *mesophyll.InspectTemplate:
		return m.ReqID
	}
	panic("BUG: a request that is no dispatch")
}

func (g *generation) forget(number uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.live, number)
}

func (g *generation) liveCall(number uint64) (*liveCall, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c, ok := g.live[number]
	return c, ok
}

func (g *generation) markStarted(number uint64) {
	if c, ok := g.liveCall(number); ok {
		g.h.lanes.started(c.place)
	}
}
