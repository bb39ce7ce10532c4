package process

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/template-worker/template-worker/internal/mesophyll"
)

// generation is one life of the child, from its spawn to its reaping. Nothing
// of it outlives run, and run returns only when its process, its link and its
// host calls have ended.
type generation struct {
	h     *Handle
	id    mesophyll.Identity
	out   *output
	child *child
	conn  *mesophyll.Conn // nil until the child is on the link

	kills int     // calls of Kill before this life
	share float64 // of the limits after which it is worn

	life *life // as the supervisor sees it

	linked  chan struct{} // closed when conn is set
	ready   chan struct{} // closed by the child's Ready
	killed  chan struct{} // closed when Kill was called
	leaving chan struct{} // closed when it takes no new work any more
	beating chan struct{} // closed by the first heartbeat after Ready
	lost    chan struct{} // closed when the link has ended and all calls have their errors
	host    *hostCalls
	judged  chan struct{} // closed when the end is taken to account

	mu sync.Mutex
	// mu guards the fields below.
	isReady bool
	live    map[uint64]*liveCall // by req id: sent, without a reply
	vitals  vitals
	posture map[string]string // what the child says of its confinement; not changed once it is set
}

// cause is why a life has to end. It is the cause of its context.
type cause struct {
	reason Reason
	err    error
}

func (c *cause) Error() string { return fmt.Sprintf("%s: %v", c.reason, c.err) }
func (c *cause) Unwrap() error { return c.err }

// causeOf reads it; a context that ended for another reason ended because the
// master stops.
func causeOf(ctx context.Context) *cause {
	var c *cause
	if errors.As(context.Cause(ctx), &c) {
		return c
	}
	return &cause{ReasonStopped, context.Cause(ctx)}
}

func newGeneration(h *Handle, l *life) *generation {
	id := mesophyll.Identity{Worker: h.cfg.ID, Generation: l.generation}
	now, _ := h.board.read()
	return &generation{
		h:       h,
		id:      id,
		out:     &output{log: h.log, id: id},
		kills:   now.kills,
		life:    l,
		linked:  make(chan struct{}),
		ready:   make(chan struct{}),
		killed:  make(chan struct{}),
		leaving: make(chan struct{}),
		beating: make(chan struct{}),
		lost:    make(chan struct{}),
		judged:  make(chan struct{}),
		host:    newHostCalls(h.cfg.Limits.HostCallsPerWorker, h.cfg.Limits.HostCallsPerTenant),
		live:    map[uint64]*liveCall{},
		share:   wornShare(h.cfg.Chance()),
		vitals:  vitals{beatAt: time.Now(), progress: time.Now()},
	}
}

// run spawns the child and returns when it is gone.
func (g *generation) run(ctx context.Context) ending {
	ticket, err := g.h.link.Expect(g.id)
	if err != nil {
		return ending{reason: ReasonSpawn, detail: err.Error(), status: exitStatus{code: -1}}
	}
	defer ticket.Close()
	g.child, err = spawn(program{g.h.cfg.Path, g.h.cfg.Args, g.h.cfg.Env}, StartRecord{
		Network:    g.h.cfg.Network,
		Address:    g.h.cfg.Address,
		Token:      ticket.Token(),
		Worker:     g.id.Worker,
		Generation: g.id.Generation,

		FrameBytes:   g.h.cfg.Limits.FrameBytes,
		PendingBytes: g.h.cfg.Limits.LinkPendingBytes,
	}, g.out)
	if err != nil {
		return ending{reason: ReasonSpawn, detail: err.Error(), status: exitStatus{code: -1}}
	}
	g.h.board.set(func(now *standing) {
		now.amend(g.id.Generation, func(n *lifeNote) { n.pid = g.child.pid })
	})

	life, end := context.WithCancelCause(ctx)
	var owned sync.WaitGroup
	owned.Go(func() { g.watchChild(end) })
	owned.Go(func() { g.watchKill(end) })
	owned.Go(func() { g.watchRetire(end) })
	useful := g.liveUntil(life, end, ticket, &owned)

	why := causeOf(life)
	seen := g.child.marks.running() // before a hung child is made to move
	hung := why.reason == ReasonHeartbeat || why.reason == ReasonHung
	why = g.bringDown(why)
	g.endLink(why)
	g.host.close()
	g.child.marks.free()
	if !hung {
		seen = g.child.marks.running()
	}
	g.judge(why, seen)
	end(nil)
	owned.Wait()
	return ending{
		reason: why.reason,
		detail: g.detail(why),
		pid:    g.child.pid,
		status: g.child.status,
		useful: useful,
		output: g.out.last(),
	}
}

// judge has somebody blamed for the end of a life, unless it was the master's
// wish or the link's fault. runs are what the child ran.
func (g *generation) judge(why *cause, runs []running) {
	defer close(g.judged)
	if g.h.cfg.Isolation == nil {
		return
	}
	select {
	case <-g.life.up:
	default:
		return // it has run nobody's script, its probe at most
	}
	blamed := false
	switch why.reason {
	case ReasonCrash, ReasonHeartbeat, ReasonHung:
		blamed = true
	case ReasonReplaced: // and it should have ended in peace
		blamed = g.child.status.code > 0
	}
	if blamed {
		g.h.cfg.Isolation.died(g.id, g.detail(why), runs)
	}
}

// awaitVerdict waits until the end of the generation is taken to account, and
// reports false when ctx ends before.
func (g *generation) awaitVerdict(ctx context.Context) bool {
	select {
	case <-g.judged:
		return true
	case <-ctx.Done():
		return false
	}
}

func (g *generation) detail(why *cause) string {
	if errors.Is(why, errChildExited) {
		return g.child.status.String()
	}
	return fmt.Sprintf("%v (%s)", why.err, g.child.status)
}

var errChildExited = errors.New("process ended")

// watchChild ends the life when the process does. A link has the first word: it
// may know why.
func (g *generation) watchChild(end context.CancelCauseFunc) {
	<-g.child.exited
	select {
	case <-g.linked:
		g.awaitLinkEnd(linkGrace)
	default:
	}
	end(&cause{g.endReason(), errChildExited})
}

// endReason is the reason of an end that the child brought about.
func (g *generation) endReason() Reason { return g.endReasonOr(ReasonCrash) }

// endReasonOr is ReasonBoot until the child was ready, then after.
func (g *generation) endReasonOr(after Reason) Reason {
	if g.wasReady() {
		return after
	}
	return ReasonBoot
}

var errKilled = errors.New("kill was called")

// watchKill ends the life when Kill is called, also while it is draining, and
// returns when the child is gone.
func (g *generation) watchKill(end context.CancelCauseFunc) {
	for {
		now, changed := g.h.board.read()
		if now.killed || now.kills != g.kills {
			end(&cause{ReasonKilled, errKilled})
			close(g.killed)
			return
		}
		select {
		case <-changed:
		case <-g.child.exited:
			return
		}
	}
}

// errReplaced is why a generation that made room ends.
type errReplaced struct{ why string }

func (e errReplaced) Error() string { return e.why }

// watchRetire ends the life when a successor has taken over, and returns when
// the child is gone.
func (g *generation) watchRetire(end context.CancelCauseFunc) {
	select {
	case <-g.life.retire:
		end(&cause{ReasonReplaced, errReplaced{g.life.why}})
	case <-g.child.exited:
	}
}

// liveUntil takes the child onto the link and serves it until life ends. It
// returns for how long it could take work.
func (g *generation) liveUntil(life context.Context, end context.CancelCauseFunc, ticket *mesophyll.Ticket, owned *sync.WaitGroup) time.Duration {
	boot, cancel := context.WithTimeoutCause(life, g.h.cfg.Limits.StartTimeout,
		&cause{ReasonStartTimeout, fmt.Errorf("not ready after %v", g.h.cfg.Limits.StartTimeout)})
	defer cancel()
	if err := g.boot(boot, life, end, ticket, owned); err != nil {
		end(bootCause(boot, err))
		return 0
	}
	since := time.Now()
	g.mu.Lock()
	g.vitals.beatAt = since // it boots without heartbeats
	g.mu.Unlock()
	g.life.becomeUp(g)
	owned.Go(func() { g.watch(life, end) })
	owned.Go(func() { g.keepProbing(life) })
	g.h.log.Info("worker ready", "generation", uint64(g.id.Generation), "pid", g.child.pid)
	<-life.Done()
	return time.Since(since)
}

// bootCause is the cause for an error of boot: that of its context, if it has
// ended.
func bootCause(boot context.Context, err error) *cause {
	if boot.Err() != nil {
		return causeOf(boot)
	}
	return &cause{ReasonBoot, err}
}

// boot waits for the child's connection, greets it, and waits for its Ready. A
// child that is to replace another one has to show that it works, too.
func (g *generation) boot(ctx, life context.Context, end context.CancelCauseFunc, ticket *mesophyll.Ticket, owned *sync.WaitGroup) error {
	conn, err := ticket.Wait(ctx)
	if err != nil {
		return fmt.Errorf("wait for the connection: %w", err)
	}
	g.conn = conn
	close(g.linked)
	owned.Go(func() { g.serveLink(life, end) })
	hello, err := g.h.hello(g.id)
	if err != nil {
		return err
	}
	if err := conn.Send(hello); err != nil {
		return fmt.Errorf("send hello: %w", err)
	}
	select {
	case <-g.ready:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if g.life.beside {
		return g.prove(ctx)
	}
	return nil
}

// serveLink runs the link to its end. It does not end with life: stopping needs
// it.
func (g *generation) serveLink(life context.Context, end context.CancelCauseFunc) {
	defer close(g.lost)
	defer g.h.links.served(g.conn)()
	err := g.conn.Serve(context.WithoutCancel(life), g)
	reason := linkReason(err)
	if reason == ReasonLink {
		reason = g.endReasonOr(ReasonLink)
	}
	end(&cause{reason, err})
}

// linkReason is the reason of a life that ends with its link. Mostly it is the
// end of the process that ended the link; bringDown finds out.
func linkReason(err error) Reason {
	var closed *mesophyll.PeerClosedError
	var breach *breach
	switch {
	case errors.Is(err, mesophyll.ErrHeartbeat):
		return ReasonHeartbeat
	case errors.As(err, &closed), errors.As(err, &breach):
		return ReasonLink
	}
	return ReasonCrash
}

// breach is why the master ends a link by itself.
type breach struct{ err error }

func (b *breach) Error() string { return b.err.Error() }
func (b *breach) Unwrap() error { return b.err }

// isLeaving says whether it takes no new work any more.
func (g *generation) isLeaving() bool {
	select {
	case <-g.lost:
		return true
	case <-g.leaving:
		return true
	default:
		return false
	}
}

// Handle takes the child's messages, on the link's reading goroutine.
func (g *generation) Handle(m mesophyll.Message) {
	switch m := m.(type) {
	case *mesophyll.Ready:
		g.becomeReady(m)
	case *mesophyll.Started:
		g.markStarted(m.ReqID)
	case *mesophyll.Heartbeat:
		g.takeBeat(*m)
	case *mesophyll.HostCall:
		g.hostCall(m)
	case *mesophyll.TemplatesRequest:
		g.templates(m)
	case *mesophyll.Log:
		g.logLines(m)
	}
}

func (g *generation) becomeReady(m *mesophyll.Ready) {
	g.mu.Lock()
	first := !g.isReady
	if first {
		g.posture = readPosture(m.Posture)
	}
	g.isReady = true
	g.mu.Unlock()
	switch {
	case m.Generation != g.id.Generation:
		g.conn.Close(&breach{fmt.Errorf("child of generation %d says it is generation %d", g.id.Generation, m.Generation)})
	case first:
		close(g.ready)
	}
}

// takeBeat notes a heartbeat, and the first one of a child that is ready.
func (g *generation) takeBeat(beat mesophyll.Heartbeat) {
	g.mu.Lock()
	if before := g.vitals.beat.Evicted; beat.Evicted > before {
		g.h.counters.evicted.Add(beat.Evicted - before)
	}
	g.vitals.take(beat, time.Now(), g.h.cfg.Limits.Heartbeat)
	g.mu.Unlock()
	select {
	case <-g.ready:
	default:
		return
	}
	select {
	case <-g.beating:
	default:
		close(g.beating) // nobody else does: this is the link's reading goroutine
	}
}
