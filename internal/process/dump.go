package process

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/mesophyll"
	"github.com/template-worker/template-worker/internal/worker"
)

// dumpWait is how long a child may take to say what its scripts are at. After
// that the memory that it shares with the master is read.
const dumpWait = time.Second

// Dump says what the scripts of the child are at, and those of one that was
// replaced and still ends what it has started: as the child itself says, or, when
// that does not answer, as far as the memory shows that it shares with us, which
// is the last line seen and nothing of what is queued. Without a child none run.
func (h *Handle) Dump(ctx context.Context) ([]khronos.ScriptStack, error) {
	now, _ := h.board.read()
	var all []khronos.ScriptStack
	asked := false
	for _, n := range now.lives {
		if n.run != nil {
			asked = true
			all = append(all, n.run.stacks(ctx)...)
		}
	}
	if !asked {
		return nil, h.unavailable(now)
	}
	return all, nil
}

// stacks is Dump of one life.
func (g *generation) stacks(ctx context.Context) []khronos.ScriptStack {
	ctx, cancel := context.WithTimeout(ctx, dumpWait)
	defer cancel()
	list, err := g.dump(ctx)
	if err != nil {
		return g.shared()
	}
	return g.named(list)
}

// named notes in stacks to which dispatches they belong.
func (g *generation) named(list []khronos.ScriptStack) []khronos.ScriptStack {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range list {
		if c := g.live[list[i].Job]; c != nil {
			list[i].Dispatch = c.place.progress.ID()
		}
	}
	return list
}

// shared is what the child runs as the shared memory shows it, those scripts
// first that have the processor.
func (g *generation) shared() []khronos.ScriptStack {
	var list, others []khronos.ScriptStack
	for _, r := range g.child.marks.running() {
		if r.InSlice {
			list = append(list, r.ScriptStack)
		} else {
			others = append(others, r.ScriptStack)
		}
	}
	return g.named(append(list, others...))
}

// dump asks the child.
func (g *generation) dump(ctx context.Context) ([]khronos.ScriptStack, error) {
	reply, err := g.conn.Call(ctx, &mesophyll.Dump{})
	if errors.Is(err, mesophyll.ErrConnLost) {
		return nil, khronos.Errorf(khronos.ErrKindWorkerUnavailable, "worker %d ended while it was asked for its scripts", g.id.Worker)
	}
	if err != nil {
		return nil, khronos.AsError(err)
	}
	out := outcomeOf(reply)
	if out.Err != nil {
		return nil, out.Err
	}
	text, _ := out.Value.AsText()
	var list []khronos.ScriptStack
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		g.h.log.Error("worker sent a dump that is no list of stacks", "generation", uint64(g.id.Generation), "err", err)
		return nil, khronos.Errorf(khronos.ErrKindInternal, "worker %d sent a dump that is no list of stacks", g.id.Worker)
	}
	return list, nil
}

// dump answers the master with the JSON of what the scripts are at.
func (c *childEnd) dump(thread *worker.Thread, m *mesophyll.Dump) {
	ctx, cancel := context.WithTimeout(c.ctx, thread.Limits().DispatchDeadline)
	defer cancel()
	list, err := thread.Dump(ctx)
	if err != nil {
		c.respond(m.ReqID, khronos.Outcome{Err: khronos.AsError(err)})
		return
	}
	b, err := json.Marshal(list)
	if err != nil {
		c.respond(m.ReqID, khronos.Outcome{Err: khronos.Errorf(khronos.ErrKindInternal, "the dump has no JSON form")})
		c.log.Error("dump has no JSON form", "err", err)
		return
	}
	c.respond(m.ReqID, khronos.Outcome{Value: khronos.Text(string(b))})
}
