package process

import (
	"context"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/worker"
)

// supervisor keeps one worker alive as its policy says. It decides when a
// generation starts; how one lives is live's business. A generation starts only
// when the one before has been reaped, so no two of a worker are ever alive at
// once and the end of one cannot touch the other.
type supervisor struct {
	worker    khronos.WorkerID
	policy    Policy
	chance    func() float64 // random, in [0, 1)
	live      func(ctx context.Context, gen khronos.Generation) ending
	board     *board
	breaker   *Breaker // shared with the other workers
	listeners []Listener
}

// ending is how one generation ended.
type ending struct {
	reason Reason
	detail string
	pid    int
	status exitStatus
	useful time.Duration // for how long it was ready
	output []string
}

// sort is the same for ends of the same kind, in whichever order things were
// seen to happen.
func (e ending) sort() string {
	if e.reason == ReasonSpawn {
		return e.detail
	}
	return string(e.reason) + " " + e.status.String()
}

// serve starts generation after generation until ctx ends and the last one is
// gone.
func (s *supervisor) serve(ctx context.Context) {
	for gen := khronos.Generation(1); s.awaitStart(ctx); gen++ {
		s.board.set(func(now *standing) {
			now.state, now.generation, now.running = worker.StateStarting, gen, true
			now.nextStart = time.Time{}
		})
		s.ended(ctx, gen, s.live(ctx, gen))
	}
	s.breaker.leave(s.worker)
	s.board.set(func(now *standing) { now.state = worker.StateStopped })
}

// awaitStart returns true when a generation is due, and false when ctx has
// ended.
func (s *supervisor) awaitStart(ctx context.Context) bool {
	for ctx.Err() == nil {
		now, changed := s.board.read()
		wait := time.Until(now.nextStart)
		var due <-chan time.Time
		switch {
		case now.killed:
			s.breaker.leave(s.worker)
			if now.state != worker.StateKilled { // killed before Serve
				s.board.set(func(now *standing) { now.state = worker.StateKilled })
				continue
			}
		case wait > 0:
			due = time.After(wait)
		default:
			if s.breaker.await(ctx, s.worker, changed) {
				return true
			}
			continue
		}
		select {
		case <-due:
		case <-changed:
		case <-ctx.Done():
		}
	}
	return false
}

// ended takes note of the end of gen, and of what the policy makes of it.
func (s *supervisor) ended(ctx context.Context, gen khronos.Generation, end ending) {
	var (
		decision  Decision
		failures  int
		onPurpose = end.reason == ReasonKilled || ctx.Err() != nil
	)
	chance := s.chance()
	lastExit := string(end.reason) + ": " + end.detail
	s.board.set(func(now *standing) {
		now.running, now.ready, now.pid, now.readyAt = false, nil, 0, time.Time{}
		now.lastExit = lastExit
		switch {
		case onPurpose && now.killed:
			now.state = worker.StateKilled
		case onPurpose:
			now.state = worker.StateBackoff // Start came after Kill, or Serve ends
		default:
			now.history, decision = s.policy.AfterDeath(now.history, end.useful, chance)
			now.nextStart = time.Now().Add(decision.Delay)
			now.state = stateAfter(*now)
		}
		failures = now.history.Failures
	})
	if !onPurpose && end.useful == 0 {
		s.breaker.failed(s.worker, end.sort())
	}
	s.tell(gen, end, decision, failures)
}

func stateAfter(now standing) worker.State {
	switch {
	case now.killed:
		return worker.StateKilled
	case now.history.Failed:
		return worker.StateFailed
	}
	return worker.StateBackoff
}

func (s *supervisor) tell(gen khronos.Generation, end ending, decision Decision, failures int) {
	exited := WorkerExited{
		Worker:     s.worker,
		Generation: gen,
		PID:        end.pid,
		Reason:     end.reason,
		Detail:     end.detail,
		ExitCode:   end.status.code,
		Signal:     int(end.status.signal),
		UsefulLife: end.useful,
		Output:     end.output,
		Failures:   failures,
		RestartIn:  decision.Delay,
	}
	for _, l := range s.listeners {
		l.WorkerExited(exited)
		if decision.Alarm {
			l.WorkerFailed(WorkerFailed{Worker: s.worker, Generation: gen, Failures: failures, ProbeIn: decision.Delay})
		}
	}
}
