package process

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/worker"
)

// supervisor keeps one worker alive as its policy says. It decides when a
// generation starts, which one takes new work, and when one has to make room;
// how one lives is live's business.
//
// One generation at most takes new work. Beside it there may be one that starts
// or one that ends: a worker whose replacement is wished for gets its successor
// started while it goes on; when the successor has shown that it works, new work
// goes there and the old one ends what it has started. A worker that died is
// started again only when the dead one has been reaped.
//
// Its fields belong to the goroutine of serve.
type supervisor struct {
	worker    khronos.WorkerID
	policy    Policy
	chance    func() float64 // random, in [0, 1)
	live      func(ctx context.Context, l *life) ending
	board     *board
	breaker   *Breaker // shared with the other workers
	listeners []Listener

	started   khronos.Generation // the last one
	current   *life              // takes work, or will; nil while there is none
	successor *life              // starts beside current, to replace it
	retiring  *life              // was replaced and ends what it has started
}

// life is one generation as its supervisor sees it. Its methods may be called
// on nil: nothing ever happens to no life.
type life struct {
	generation khronos.Generation
	beside     bool   // it starts beside another one: it shows that it works before it is up
	why        string // it had to make room; set before retire is closed

	up     chan struct{} // closed by live, through becomeUp: it can take work
	retire chan struct{} // closed by the supervisor: end what has started, then go
	ended  chan struct{} // closed when nothing of it is left
	end    ending        // valid after ended

	run       *generation             // set before up is closed
	giveUp    context.CancelCauseFunc // ends it before it is up
	installed bool                    // the supervisor has seen it up
}

// becomeUp says that l can take work. run is what takes it.
func (l *life) becomeUp(run *generation) {
	l.run = run
	close(l.up)
}

func (l *life) isUp() <-chan struct{} {
	if l == nil || l.installed {
		return nil
	}
	return l.up
}

func (l *life) hasEnded() <-chan struct{} {
	if l == nil {
		return nil
	}
	return l.ended
}

// ending is how one generation ended.
type ending struct {
	reason Reason
	detail string
	pid    int
	status exitStatus
	useful time.Duration // for how long it was up
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

// text is the end for people.
func (e ending) text() string { return string(e.reason) + ": " + e.detail }

// serve starts generation after generation until ctx ends and the last one is
// gone.
func (s *supervisor) serve(ctx context.Context) {
	stop := ctx.Done()
	for {
		now, changed := s.board.read()
		next := s.act(ctx, now)
		if ctx.Err() != nil && s.current == nil && s.successor == nil && s.retiring == nil {
			break
		}
		select {
		case <-s.current.isUp():
			s.install(s.current)
		case <-s.successor.isUp():
			s.handOver(now)
		case <-s.current.hasEnded():
			s.currentEnded(ctx)
		case <-s.successor.hasEnded():
			s.successorEnded()
		case <-s.retiring.hasEnded():
			s.retiringEnded()
		case <-next:
		case <-changed:
		case <-stop:
			stop = nil
		}
	}
	s.breaker.leave(s.worker)
	s.board.set(func(now *standing) {
		now.state, now.stopping = worker.StateStopped, true
		now.endWish(khronos.Errorf(khronos.ErrKindDraining, "worker %d has stopped", s.worker))
	})
}

// act starts what is due. The channel is closed or ready when something may be
// due that nothing else tells of.
func (s *supervisor) act(ctx context.Context, now standing) (next <-chan struct{}) {
	switch {
	case ctx.Err() != nil:
		return nil
	case now.killed:
		s.stayDown(now)
	case s.current == nil:
		return s.startWhenDue(ctx, now)
	case s.successor != nil && now.wish == nil:
		s.successor.giveUp(&cause{ReasonReplaced, errWithdrawn})
	case s.successor == nil && s.retiring == nil && s.current.installed && now.wish != nil:
		s.successor = s.start(ctx, true)
	}
	return nil
}

// errWithdrawn is why a successor ends that nobody wants any more.
var errWithdrawn = errors.New("the replacement was called off")

// stayDown notes that a worker that was killed is down.
func (s *supervisor) stayDown(now standing) {
	s.breaker.leave(s.worker)
	down := s.current == nil && now.state != worker.StateKilled
	if down || now.wish != nil {
		s.board.set(func(now *standing) {
			if !now.killed {
				return
			}
			if down {
				now.state = worker.StateKilled
			}
			now.endWish(khronos.Errorf(khronos.ErrKindWorkerUnavailable, "worker %d was killed", s.worker))
		})
	}
}

// startWhenDue starts a generation when none runs, the policy's delay is over or
// somebody wishes for one, and the breaker agrees.
func (s *supervisor) startWhenDue(ctx context.Context, now standing) (next <-chan struct{}) {
	if wait := time.Until(now.nextStart); wait > 0 && now.wish == nil {
		return after(wait)
	}
	may, opened := s.breaker.enter(s.worker)
	if !may {
		return opened
	}
	s.current = s.start(ctx, false)
	return nil
}

// after is time.After for channels that are closed.
func after(wait time.Duration) <-chan struct{} {
	due := make(chan struct{})
	time.AfterFunc(wait, func() { close(due) })
	return due
}

// start begins the next generation.
func (s *supervisor) start(ctx context.Context, beside bool) *life {
	s.started++
	l := &life{
		generation: s.started, beside: beside,
		up: make(chan struct{}), retire: make(chan struct{}), ended: make(chan struct{}),
	}
	s.board.set(func(now *standing) {
		now.lives = append(now.lives[:len(now.lives):len(now.lives)], lifeNote{generation: l.generation})
		if !beside {
			now.state, now.generation, now.nextStart = worker.StateStarting, l.generation, time.Time{}
		}
	})
	ctx, l.giveUp = context.WithCancelCause(ctx)
	go func() {
		defer close(l.ended)
		defer l.giveUp(nil)
		l.end = s.live(ctx, l)
	}()
	return l
}

// install lets l take new work. One that is already on its way out is left out.
func (s *supervisor) install(l *life) {
	l.installed = true
	s.board.set(func(now *standing) {
		now.amend(l.generation, func(n *lifeNote) { n.run = l.run })
		now.generation, now.since = l.generation, time.Now()
		if l.run != nil && l.run.isLeaving() {
			return
		}
		now.state, now.ready, now.readyAt = worker.StateReady, l.run, time.Now()
		if now.wish != nil && l.generation > now.wish.above {
			now.endWish(nil)
		}
	})
	s.breaker.healed(s.worker)
}

// handOver gives the place of the current generation to its successor.
func (s *supervisor) handOver(now standing) {
	s.retiring, s.current, s.successor = s.current, s.successor, nil
	s.retiring.why = fmt.Sprintf("generation %d took over", s.current.generation)
	if now.wish != nil {
		s.retiring.why += ": " + now.wish.why
	}
	s.install(s.current)
	close(s.retiring.retire) // not before: new work always has somewhere to go
}

// currentEnded takes note of the end of the current generation, and of what the
// policy makes of it. A successor that is on its way takes its place at once.
func (s *supervisor) currentEnded(ctx context.Context) {
	l := s.current
	s.current, s.successor = s.successor, nil
	var (
		decision  Decision
		failures  int
		onPurpose = l.end.reason == ReasonKilled || ctx.Err() != nil
	)
	chance := s.chance()
	s.board.set(func(now *standing) {
		now.strike(l.generation)
		now.ready, now.readyAt = nil, time.Time{}
		now.lastExit = l.end.text()
		if !onPurpose {
			now.history, decision = s.policy.AfterDeath(now.history, l.end.useful, chance)
		}
		switch {
		case s.current != nil && !onPurpose:
			now.state, now.generation = worker.StateStarting, s.current.generation
			decision.Delay = 0
		case onPurpose && now.killed:
			now.state = worker.StateKilled
		case onPurpose:
			now.state = worker.StateBackoff // Start came after Kill, or Serve ends
		default:
			now.nextStart = time.Now().Add(decision.Delay)
			now.state = stateAfter(*now)
		}
		if s.current == nil && now.wish != nil && l.generation > now.wish.above {
			now.endWish(s.notHealthy(l))
		}
		failures = now.history.Failures
	})
	if !onPurpose && l.end.useful == 0 {
		s.breaker.failed(s.worker, l.end.sort())
	}
	s.tell(l, decision, failures)
}

// successorEnded takes note of a successor that has not come up. The current
// generation goes on as if nothing had been.
func (s *supervisor) successorEnded() {
	l := s.successor
	s.successor = nil
	failures := 0
	s.board.set(func(now *standing) {
		now.strike(l.generation)
		now.lastExit = fmt.Sprintf("%s (generation %d, which was to replace %d)", l.end.text(), l.generation, now.generation)
		now.endWish(s.notHealthy(l))
		failures = now.history.Failures
	})
	s.tell(l, Decision{}, failures)
}

// notHealthy is why a wish was not fulfilled.
func (s *supervisor) notHealthy(l *life) error {
	last := ""
	if n := len(l.end.output); n > 0 && l.end.reason != ReasonStartTimeout { // then it is the stacks that we had asked for
		last = ", it last said: " + l.end.output[n-1]
	}
	return khronos.Errorf(khronos.ErrKindWorkerUnavailable, "generation %d of worker %d did not become healthy: %s%s",
		l.generation, s.worker, l.end.text(), last)
}

// retiringEnded takes note of the end of a generation that was replaced.
func (s *supervisor) retiringEnded() {
	l := s.retiring
	s.retiring = nil
	failures := 0
	s.board.set(func(now *standing) {
		now.strike(l.generation)
		now.lastExit = l.end.text()
		failures = now.history.Failures
	})
	s.tell(l, Decision{}, failures)
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

func (s *supervisor) tell(l *life, decision Decision, failures int) {
	exited := WorkerExited{
		Worker:     s.worker,
		Generation: l.generation,
		PID:        l.end.pid,
		Reason:     l.end.reason,
		Detail:     l.end.detail,
		ExitCode:   l.end.status.code,
		Signal:     int(l.end.status.signal),
		UsefulLife: l.end.useful,
		Output:     l.end.output,
		Failures:   failures,
		RestartIn:  decision.Delay,
	}
	for _, listener := range s.listeners {
		listener.WorkerExited(exited)
		if decision.Alarm {
			listener.WorkerFailed(WorkerFailed{Worker: s.worker, Generation: l.generation, Failures: failures, ProbeIn: decision.Delay})
		}
	}
}
