package process

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"time"

	"github.com/template-worker/template-worker/internal/mesophyll"
	"github.com/template-worker/template-worker/internal/worker"
)

const (
	// exitGrace is how long a child may take to end by itself after its link
	// has, or after Shutdown.
	exitGrace = time.Second
	// dumpGrace is how long a hung child has for writing its stacks.
	dumpGrace = 2 * time.Second
	// linkGrace is how long the link of a dead child is still read.
	linkGrace = 200 * time.Millisecond
)

// bringDown ends the child, whatever state it is in, and returns when it is
// reaped: with why, or with what turned out to be the reason. Each step is
// taken only when the one before did not do.
func (g *generation) bringDown(why *cause) *cause {
	close(g.leaving)
	g.h.board.set(func(now *standing) {
		if now.generation == g.id.Generation {
			now.ready, now.state = nil, worker.StateDraining
		}
	})
	switch why.reason {
	case ReasonStopped, ReasonReplaced:
		why = g.drain(why)
		if g.conn != nil {
			_ = g.conn.Send(&mesophyll.Shutdown{}) // a lost link is as good
		}
		g.exitsWithin(exitGrace)
	case ReasonKilled:
		g.endLink(why) // who waits learns at once
	case ReasonCrash:
		why = g.explain(why)
	case ReasonLink, ReasonBoot:
		g.exitsWithin(exitGrace)
	case ReasonHung:
		l := &g.h.cfg.Limits
		g.step(syscall.SIGQUIT, l.HungKillAfter-l.HungAbortAfter) // Go writes all stacks and exits
		g.step(syscall.SIGKILL, 0)
	case ReasonHeartbeat, ReasonStartTimeout:
		g.step(syscall.SIGQUIT, dumpGrace) // likewise
		g.step(syscall.SIGKILL, 0)
	}
	g.step(syscall.SIGTERM, g.h.cfg.Limits.StopTimeout)
	g.step(syscall.SIGKILL, 0)
	<-g.child.exited
	return why
}

// explain finds out about a link that has ended without a word: the process has
// ended too, or else it is the link's fault.
func (g *generation) explain(why *cause) *cause {
	if g.exitsWithin(exitGrace) {
		return &cause{g.endReason(), errChildExited}
	}
	return &cause{ReasonLink, why.err}
}

// step sends sig to a child that has not ended and gives it time to end. One that
// is stopped gets the signal when it is continued, which SIGCONT sees to.
func (g *generation) step(sig syscall.Signal, wait time.Duration) {
	if g.child.gone() {
		return
	}
	g.h.log.Warn("worker is told to end", "generation", uint64(g.id.Generation), "pid", g.child.pid, "signal", sig.String())
	g.child.signal(sig)
	g.child.signal(syscall.SIGCONT)
	g.exitsWithin(wait)
}

func (g *generation) exitsWithin(wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-g.child.exited:
		return true
	case <-timer.C:
		return g.child.gone()
	}
}

// drain asks the child to end what it has and waits for that, its end, the
// drain time-out, or Kill. A child that was replaced gives back what it has not
// started: its successor does that.
func (g *generation) drain(why *cause) *cause {
	if !g.wasReady() {
		return why
	}
	ctx, cancel := context.WithTimeout(context.Background(), g.h.cfg.Limits.DrainTimeout)
	defer cancel()
	var cutter sync.WaitGroup
	defer cutter.Wait()
	cutter.Go(func() {
		select {
		case <-g.killed:
			cancel()
		case <-ctx.Done():
		}
	})
	defer cancel() // before the wait
	_, err := g.conn.Call(ctx, &mesophyll.Drain{Timeout: g.h.cfg.Limits.DrainTimeout, GiveBack: why.reason == ReasonReplaced})
	switch {
	case errors.Is(err, context.Canceled):
		why = &cause{ReasonKilled, errKilled}
		g.endLink(why)
	case err != nil && !errors.Is(err, mesophyll.ErrConnLost):
		g.h.log.Warn("worker did not drain", "generation", uint64(g.id.Generation), "after", g.h.cfg.Limits.DrainTimeout)
	}
	return why
}

// wasReady says whether the child has ever become ready.
func (g *generation) wasReady() bool {
	select {
	case <-g.ready:
		return true
	default:
		return false
	}
}

// endLink ends the link, if there is one, and returns when no call waits on it
// any more. The link of a dead child ends by itself behind its last words.
func (g *generation) endLink(why *cause) {
	if g.conn == nil {
		return
	}
	if g.child.gone() && g.awaitLinkEnd(linkGrace) {
		return
	}
	g.conn.Close(why)
	<-g.lost
}

// awaitLinkEnd says whether the link ends within wait.
func (g *generation) awaitLinkEnd(wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-g.lost:
		return true
	case <-timer.C:
		return false
	}
}
