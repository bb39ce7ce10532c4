package process

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/mesophyll"
	"github.com/template-worker/template-worker/internal/worker"
)

// Dump asks the child what its scripts are at. Without a child none run.
func (h *Handle) Dump(ctx context.Context) ([]khronos.ScriptStack, error) {
	ctx, cancel := worker.WithDeadline(ctx, h.cfg.Limits.DispatchDeadline)
	defer cancel()
	now, _ := h.board.read()
	if now.ready == nil {
		return nil, h.unavailable(now)
	}
	return now.ready.dump(ctx)
}

// dump is Dump of one life.
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
