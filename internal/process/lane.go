package process

import (
	"context"
	"sync"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/worker"
)

// lanes keep each tenant's work in the order in which it was accepted, from
// there to the link: while no generation is ready, and again when work that had
// not started is sent to a second one. Lanes of different tenants do not know
// each other.
type lanes struct {
	mu sync.Mutex
	// mu guards the field below and the fields of every place.
	tails map[khronos.TenantID]*place
}

// place is one piece of work in its lane, from acceptance to its end.
type place struct {
	tenant     khronos.TenantID
	progress   worker.Progress
	prev, next *place             // the neighbours that have not ended
	sentOn     khronos.Generation // the last it was sent to; 0 if none yet
	started    bool
	wake       chan struct{} // capacity 1: look again at prev
}

func newLanes() *lanes { return &lanes{tails: map[khronos.TenantID]*place{}} }

// enter accepts a piece of work: everything that enters later is behind it.
func (l *lanes) enter(tenant khronos.TenantID, progress worker.Progress) *place {
	p := &place{tenant: tenant, progress: progress, wake: make(chan struct{}, 1)}
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.prev = l.tails[tenant]; p.prev != nil {
		p.prev.next = p
	}
	l.tails[tenant] = p
	return p
}

// leave ends a piece of work.
func (l *lanes) leave(p *place) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.prev != nil {
		p.prev.next = p.next
	}
	switch {
	case p.next != nil:
		p.next.prev = p.prev
		p.next.look()
	case p.prev != nil:
		l.tails[p.tenant] = p.prev
	default:
		delete(l.tails, p.tenant)
	}
}

// await returns true when p may be sent to gen: all before it in its lane have
// been sent there, have started elsewhere, or have ended. It returns false when
// ctx ends or gone is closed first.
func (l *lanes) await(ctx context.Context, p *place, gen khronos.Generation, gone <-chan struct{}) bool {
	for !l.first(p, gen) {
		select {
		case <-p.wake:
		case <-ctx.Done():
			return false
		case <-gone:
			return false
		}
	}
	return true
}

func (l *lanes) first(p *place, gen khronos.Generation) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return p.prev == nil || p.prev.sentOn == gen || p.prev.started
}

// sent notes that p is on its way to gen.
func (l *lanes) sent(p *place, gen khronos.Generation) {
	l.note(p, func() { p.sentOn = gen })
}

// started notes that p runs, and so will not be sent again.
func (l *lanes) started(p *place) {
	l.note(p, func() { p.started = true })
}

func (l *lanes) note(p *place, change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	if p.next != nil {
		p.next.look()
	}
}

// look wakes who waits at p, now or the next time.
func (p *place) look() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}
