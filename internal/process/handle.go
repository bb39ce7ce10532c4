package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/mesophyll"
	"github.com/template-worker/template-worker/internal/tenant"
	"github.com/template-worker/template-worker/internal/worker"
)

// HostDoor is the master's side of host calls: the broker. A Handle calls it
// only with calls that it has checked: they belong to a live dispatch of their
// tenant, on this worker's running generation. It has the methods of
// tenant.Door, so one adapter serves both.
//
// The methods are called from many goroutines at once. Exec and Templates must
// return soon after ctx ends; Log must not block.
type HostDoor interface {
	Exec(ctx context.Context, call tenant.HostCall) (khronos.Value, error)
	Templates(ctx context.Context, id khronos.TenantID) ([]khronos.Template, error)
	Log(id khronos.TenantID, template, line string)
}

// Config is what a Handle is made of.
type Config struct {
	ID     khronos.WorkerID
	Limits limits.Limits

	// Path, Args and Env are the program to run. Env is all of its
	// environment, nothing is inherited; normally it is empty.
	Path string
	Args []string
	Env  []string

	// Network and Address are where the child finds the link's server.
	Network, Address string

	// Settings arrive in the child's Hello. Limits in it is replaced.
	Settings Settings

	// Owns says whether a tenant routes to this worker; host calls for others
	// are refused. Nil means all do.
	Owns func(khronos.TenantID) bool

	// Breaker is shared by the workers of a pool. Nil means this worker's
	// failures to start concern nobody else.
	Breaker *Breaker

	// Isolation runs alone what workers may have died of. Nil means nothing is,
	// and nobody is blamed for a death.
	Isolation *Isolation

	// Listeners are told of exits and alarms.
	Listeners []Listener

	// Chance is the random source of the restart delay, in [0, 1). Nil means
	// math/rand/v2.
	Chance func() float64
}

// Handle is a worker in a child process, as the master sees it.
type Handle struct {
	cfg    Config
	link   *mesophyll.Server
	host   HostDoor
	log    *slog.Logger
	board  *board
	lanes  *lanes
	sup    *supervisor
	noWait chan struct{} // one element for each event nobody waits for

	counters counters
	links    links

	mu sync.Mutex
	// mu guards the fields below.
	closed     bool           // no goroutine may be added any more
	goroutines sync.WaitGroup // of events nobody waits for
}

var _ worker.Worker = (*Handle)(nil)

// NewHandle returns a Handle that runs nothing until Serve. link must have been
// made with LinkConfig of the same limits and be served for as long as the
// Handle is.
func NewHandle(cfg Config, link *mesophyll.Server, host HostDoor, log *slog.Logger) *Handle {
	if cfg.Chance == nil {
		cfg.Chance = rand.Float64
	}
	if cfg.Owns == nil {
		cfg.Owns = func(khronos.TenantID) bool { return true }
	}
	if cfg.Breaker == nil {
		cfg.Breaker = NewBreaker(0)
	}
	cfg.Settings.Limits = cfg.Limits
	h := &Handle{
		cfg:    cfg,
		link:   link,
		host:   host,
		log:    log.With("worker", int(cfg.ID)),
		board:  newBoard(),
		lanes:  newLanes(),
		noWait: make(chan struct{}, cfg.Limits.NoWaitEvents),
	}
	h.sup = &supervisor{
		worker:    cfg.ID,
		policy:    PolicyOf(cfg.Limits),
		chance:    cfg.Chance,
		live:      h.live,
		board:     h.board,
		breaker:   cfg.Breaker,
		listeners: append([]Listener{logListener{h.log}}, cfg.Listeners...),
	}
	if h.cfg.Isolation != nil {
		h.cfg.Isolation.attach(h)
	}
	return h
}

// ID returns the worker's number.
func (h *Handle) ID() khronos.WorkerID { return h.cfg.ID }

// Len returns 1.
func (h *Handle) Len() int { return 1 }

// Serve keeps a child running until ctx ends; then it stops it in steps: no new
// work, drain, Shutdown, SIGTERM, SIGKILL. It returns nil, when the child is
// gone and every call has its outcome.
func (h *Handle) Serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		h.board.set(func(now *standing) { now.stopping = true })
	})
	defer stop()
	h.sup.serve(ctx)
	h.board.set(func(now *standing) { now.stopping = true })

	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.goroutines.Wait()
	return nil
}

// live runs one generation to its end.
func (h *Handle) live(ctx context.Context, l *life) ending {
	return newGeneration(h, l).run(ctx)
}

// Kill takes the child down without draining it: what runs is lost. It stays
// down until Start. Kill returns when all processes of the worker that there
// were are gone or ctx ends.
func (h *Handle) Kill(ctx context.Context) error {
	h.board.kill()
	now, changed := h.board.read()
	for last := now.youngest(); now.anyUpTo(last); now, changed = h.board.read() {
		select {
		case <-changed:
		case <-ctx.Done():
			return khronos.AsError(ctx.Err())
		}
	}
	return nil
}

// Start undoes Kill, and ends the wait of a worker that waits for its next
// start.
func (h *Handle) Start(context.Context) error {
	h.board.start()
	return nil
}

// Status returns the one entry of this worker.
func (h *Handle) Status() []worker.Status {
	now, _ := h.board.read()
	st := worker.Status{
		Worker:     h.cfg.ID,
		State:      now.state,
		Generation: now.generation,
		PID:        now.note(now.generation).pid,
		Restarts:   max(0, int(now.generation)-1),
		Beside:     beside(now),
		Failures:   now.history.Failures,
		LastExit:   now.lastExit,
		Since:      now.since,
	}
	if !now.killed && (now.state == worker.StateBackoff || now.state == worker.StateFailed) {
		st.NextStart = now.nextStart
	}
	if !now.readyAt.IsZero() {
		st.Failures = h.sup.policy.Healed(now.history, time.Since(now.readyAt)).Failures
	}
	if g := now.ready; g != nil {
		v, trouble, worn := g.health(now.readyAt, time.Now())
		st.Trouble, st.Worn = trouble, worn
		st.Tenants, st.Queued, st.Running = int(v.beat.Tenants), int(v.beat.Queued), int(v.beat.Running)
		st.HeapBytes, st.RSSBytes, st.VMs = int64(v.beat.HeapBytes), v.rssBytes, int(v.beat.VMs)
		st.Stalled, st.Canary, st.Headroom = v.still(time.Now()), v.canary, v.headroom(&h.cfg.Limits)
		st.Posture = g.posture
	}
	return []worker.Status{st}
}

// awaitReady returns the ready generation, if it is newer than after, or waits
// for the next one: until ctx ends, but no longer than the worker wait limit.
func (h *Handle) awaitReady(ctx context.Context, after khronos.Generation) (*generation, error) {
	limit := time.NewTimer(h.cfg.Limits.WorkerWait)
	defer limit.Stop()
	for {
		now, changed := h.board.read()
		if err := h.refusal(now); err != nil {
			return nil, err
		}
		if g := now.ready; g != nil && g.id.Generation > after && !g.isLeaving() {
			return g, nil
		}
		select {
		case <-changed:
			continue
		case <-limit.C:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return nil, khronos.AsError(ctx.Err())
			}
		}
		return nil, h.unavailable(now)
	}
}

// refusal is why nothing is accepted and waiting is of no use; nil if it is.
func (h *Handle) refusal(now standing) error {
	switch {
	case now.stopping:
		return khronos.Errorf(khronos.ErrKindDraining, "worker %d is stopping", h.cfg.ID)
	case now.killed, now.state == worker.StateFailed:
		return h.unavailable(now)
	}
	return nil
}

func (h *Handle) unavailable(now standing) error {
	text := fmt.Sprintf("worker %d is not ready: %s", h.cfg.ID, now.state)
	if now.killed {
		text = fmt.Sprintf("worker %d was killed and not started again", h.cfg.ID)
	}
	return khronos.Errorf(khronos.ErrKindWorkerUnavailable, "%s", text)
}
