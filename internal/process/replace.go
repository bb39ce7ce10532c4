package process

import (
	"context"
	"fmt"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/mesophyll"
	"github.com/template-worker/template-worker/internal/worker"
)

// Restart puts a new generation in the place of the running one: the new one
// boots beside it and shows that it works, new work goes there, and the old one
// ends what it has started. It returns when the new one has taken work for a while
// (restart_settle). When the new
// one does not become healthy the old one goes on, and the error says why. A
// worker without a running generation is started now.
//
// When ctx ends first the replacement is called off, unless the new one has just
// taken over.
func (h *Handle) Restart(ctx context.Context, why string) error {
	w := &wish{why: why, done: make(chan struct{})}
	if err := h.place(ctx, w); err != nil {
		return err
	}
	select {
	case <-w.done:
	case <-ctx.Done():
		h.board.withdraw(w)
		select {
		case <-w.done:
		default:
			return khronos.AsError(ctx.Err())
		}
	}
	if w.err != nil {
		return w.err
	}
	return h.settle(ctx)
}

// settle waits for restart_settle and says whether the generation that takes
// work now has been healthy all the time.
func (h *Handle) settle(ctx context.Context) error {
	end := time.NewTimer(h.cfg.Limits.RestartSettle)
	defer end.Stop()
	first, changed := h.board.read()
	for now := first; ; now, changed = h.board.read() {
		st := h.Status()[0]
		if now.generation != first.generation || now.state != worker.StateReady {
			return khronos.Errorf(khronos.ErrKindWorkerUnavailable, "generation %d of worker %d did not stay healthy: worker is %s, last exit: %s",
				first.generation, h.cfg.ID, st.State, st.LastExit)
		}
		select {
		case <-changed:
		case <-end.C:
			if st := h.Status()[0]; st.Trouble != "" {
				return khronos.Errorf(khronos.ErrKindWorkerUnavailable, "worker %d is not healthy: %s", h.cfg.ID, st.Trouble)
			}
			return nil
		case <-ctx.Done():
			return khronos.AsError(ctx.Err())
		}
	}
}

// place puts w on the board, after those of others.
func (h *Handle) place(ctx context.Context, w *wish) error {
	for {
		now, _ := h.board.read()
		switch {
		case now.stopping:
			return h.refusal(now)
		case now.killed, now.state == worker.StateStopped:
			return h.unavailable(now)
		}
		placed, changed := h.board.place(w)
		if placed {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return khronos.AsError(ctx.Err())
		}
	}
}

// prove has the child show that it works before anybody depends on it: it runs
// a script, forgets its tenant, and sends a heartbeat.
func (g *generation) prove(ctx context.Context) error {
	if err := g.runProbe(ctx); err != nil {
		return err
	}
	select {
	case <-g.beating:
		return nil
	case <-g.lost:
		return fmt.Errorf("wait for a heartbeat: %w", mesophyll.ErrConnLost)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// beside is what lives besides the generation that takes work, for people.
func beside(now standing) []worker.Life {
	var list []worker.Life
	for _, n := range now.lives {
		switch {
		case n.generation < now.generation:
			list = append(list, worker.Life{Generation: n.generation, PID: n.pid, State: worker.StateDraining})
		case n.generation > now.generation:
			list = append(list, worker.Life{Generation: n.generation, PID: n.pid, State: worker.StateStarting})
		}
	}
	return list
}
