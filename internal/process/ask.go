package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/mesophyll"
	"github.com/template-worker/template-worker/internal/worker"
)

// liveCall is a dispatch that is being sent, or was and has no reply yet. Host
// calls are accepted only for these.
type liveCall struct {
	tenant khronos.TenantID
	script bool            // a RunScript: only its host calls may name no template, and so hold every capability
	event  khronos.Event   // that it handles, without its data
	ctx    context.Context // ends with the dispatch
	place  *place
	sent   time.Time
	silent time.Duration // of the child's life without heartbeats, when it was sent
	wasted time.Duration // before that, with generations that were lost
}

// errUnstarted is what ask returns when the child is dead and certainly has not
// started the work.
var errUnstarted = errors.New("worker lost before the work had started")

// errGivenBack is what ask returns when the child, which was replaced or told by
// others to end, has not started the work and never will.
var errGivenBack = errors.New("worker left before the work had started")

// errLostStarted is, for errors.Is, the loss of work that had started.
var errLostStarted = &khronos.Error{Kind: khronos.ErrKindWorkerLostStarted}

// ask sends m, the work at p, and waits for its outcome. When the link ends
// first, the work is lost: at once if it had started; if it had not, the child
// may still start it until it is dead, so only then is it errUnstarted.
//
// The call is in the table of live calls before it is sent. So whatever the child
// sends because of m finds it there. An error is one of the link or of ctx; the
// child's own are in the outcome. wasted is the time that the work has spent with
// generations before this one that were lost.
func (g *generation) ask(ctx context.Context, p *place, wasted time.Duration, m mesophyll.Request) (khronos.Outcome, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	call, err := g.conn.Reserve(m)
	if err != nil {
		return khronos.Outcome{}, unsent(err)
	}
	number := call.ID()
	_, script := m.(*mesophyll.RunScript)
	g.remember(number, &liveCall{tenant: p.tenant, script: script, event: eventOf(m), ctx: ctx, place: p, wasted: wasted})
	defer g.forget(number)
	p.progress.Sent(g.id.Worker, g.id.Generation)
	if err := call.Send(); err != nil {
		return khronos.Outcome{}, unsent(err)
	}
	g.h.lanes.sent(p, g.id.Generation)
	reply, err := call.Wait(ctx)
	var lost *mesophyll.LostError
	if errors.As(err, &lost) {
		return khronos.Outcome{}, g.lostError(ctx, lost, number, p)
	}
	if err != nil {
		return khronos.Outcome{}, g.noAnswer(err, number)
	}
	out := outcomeOf(reply)
	if out.Err != nil && out.Err.Kind == khronos.ErrKindDeadline {
		out.Err = g.lateBecauseSilent(number, out.Err)
	}
	if out.Err != nil && out.Err.Kind == khronos.ErrKindDraining && !g.child.marks.has(number) {
		return khronos.Outcome{}, errGivenBack
	}
	return out, nil
}

// unsent is the error of a call that the child has seen nothing of.
func unsent(err error) error {
	if errors.Is(err, mesophyll.ErrConnLost) {
		return errUnstarted
	}
	return err
}

// lostError waits until it is known whether the child has started what was sent.
func (g *generation) lostError(ctx context.Context, lost *mesophyll.LostError, number uint64, p *place) error {
	if lost.Started || g.child.marks.has(number) {
		return g.lostStarted(p)
	}
	select {
	case <-g.child.exited:
	case <-ctx.Done():
		return g.noAnswer(ctx.Err(), number)
	}
	if g.child.marks.has(number) {
		return g.lostStarted(p)
	}
	return errUnstarted
}

// noAnswer is the error of a call that was given up for err. A script meets its
// deadline before its caller does, so a worker that has not said so by then has
// trouble of its own.
func (g *generation) noAnswer(err error, number uint64) error {
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	doing := "this had not started there"
	for _, r := range g.child.marks.running() {
		if r.Job == number {
			doing = fmt.Sprintf("template %q was %s there, last seen at %s", r.Template, r.State, cmp.Or(r.Stack, "its beginning"))
		}
	}
	return khronos.Errorf(khronos.ErrKindWorkerSilent, "worker %d did not answer by the deadline: %s", g.id.Worker, doing)
}

// lateBecauseSilent looks whose fault a deadline is that a script has met in the
// child: not the script's when half of the time went by while the child, or one
// before it that was lost, did not run.
func (g *generation) lateBecauseSilent(number uint64, late *khronos.Error) *khronos.Error {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.live[number]
	now := time.Now()
	idle := c.wasted + g.vitals.silence(now, g.h.cfg.Limits.Heartbeat) - c.silent
	if 2*idle < c.wasted+now.Sub(c.sent) {
		return late
	}
	return khronos.Errorf(khronos.ErrKindWorkerSilent, "worker %d did not run for %v of the time: %s", g.id.Worker, idle.Round(time.Millisecond), late.Text)
}

// lostStarted is the error of work that had started; the message that said so
// may be lost too.
func (g *generation) lostStarted(p *place) error {
	p.progress.Started()
	return worker.Lost(g.id.Worker, true)
}

// eventOf gives the event of a request, without its data.
func eventOf(m mesophyll.Request) (ev khronos.Event) {
	switch m := m.(type) {
	case *mesophyll.DispatchEvent:
		ev = m.Event
	case *mesophyll.RunScript:
		ev = m.Event
	}
	ev.Data = khronos.Payload{}
	return ev
}

func (g *generation) remember(number uint64, c *liveCall) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c.sent, c.silent = time.Now(), g.vitals.silent
	g.live[number] = c
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
		c.place.progress.Started()
	}
}
