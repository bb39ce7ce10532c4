package mesophyll

import (
	"context"
	"fmt"
	"sync"
)

// Pending is one call from [Conn.Reserve] until Wait has returned or Send has
// failed; after that nobody may use it. It belongs to one goroutine.
type Pending struct {
	conn    *Conn
	request Request
	ready   chan struct{} // capacity 1: the reader never waits for a caller
	// The fields below are guarded by calls.mu while the call is in the table;
	// after that they belong to whoever took it out, until ready is filled.
	number  uint64
	wants   Kind
	started bool
	reply   Reply
	err     error
}

// ID returns the number of the call, as it is in the request and on the wire.
func (p *Pending) ID() uint64 { return p.number }

// Send queues the request and does not wait. After an error, which is one of
// those of [Conn.Send], the other end will see nothing of the call, and there is
// nothing to wait for.
func (p *Pending) Send() error {
	err := p.conn.Send(p.request)
	if err == nil {
		return nil
	}
	if !p.conn.calls.remove(p) {
		<-p.ready // the connection has ended meanwhile
	}
	p.conn.calls.recycle(p)
	return err
}

// Wait returns the reply. It comes after Send, once.
//
// When ctx ends first it tells the other end with Cancel, forgets the call and
// returns the cause of ctx; a reply that still comes is counted and dropped.
// When the connection ends first it returns a [LostError] that says whether the
// work had started. An error inside the reply is not an error of Wait.
func (p *Pending) Wait(ctx context.Context) (Reply, error) {
	calls := p.conn.calls
	select {
	case <-p.ready:
		return calls.take(p)
	case <-ctx.Done():
	}
	if !calls.remove(p) {
		<-p.ready // the reply, or the end, was quicker by a hair
		return calls.take(p)
	}
	p.conn.cancel(p.request, p.number)
	calls.recycle(p)
	return nil, context.Cause(ctx)
}

// recycle puts p back; ready must be empty.
func (c *calls) recycle(p *Pending) {
	p.conn, p.request, p.reply, p.err, p.started = nil, nil, nil, nil, false
	c.pool.Put(p)
}

// take returns what p got and recycles it.
func (c *calls) take(p *Pending) (Reply, error) {
	r, err := p.reply, p.err
	c.recycle(p)
	return r, err
}

// calls is the table of the calls in flight: the one of number n lies at n
// modulo the size, which is a power of two. Numbers only grow; one whose place
// is still taken by an old call is skipped. So a look-up is one index, and the
// numbers stay short on the wire.
type calls struct {
	pool sync.Pool // of *Pending; one per link, so that a test's fake time holds for its channels

	mu sync.Mutex
	// mu guards the fields below.
	table  []*Pending
	used   int
	next   uint64 // the number given out last
	closed error  // why no call may be added; nil while the link lives
	late   uint64 // replies that nobody waited for
}

const firstCalls = 64

func newCalls() *calls {
	return &calls{
		pool:  sync.Pool{New: func() any { return &Pending{ready: make(chan struct{}, 1)} }},
		table: make([]*Pending, firstCalls),
	}
}

// add gives p a number and a place.
func (c *calls) add(p *Pending) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed != nil {
		return &LostError{Cause: c.closed}
	}
	if c.used*2 >= len(c.table) {
		c.growLocked()
	}
	mask := uint64(len(c.table) - 1)
	for c.next++; c.table[c.next&mask] != nil; c.next++ {
	}
	p.number = c.next
	c.table[c.next&mask] = p
	c.used++
	return nil
}

// growLocked doubles the table: numbers that differ modulo its size differ
// modulo twice its size.
func (c *calls) growLocked() {
	grown := make([]*Pending, 2*len(c.table))
	mask := uint64(len(grown) - 1)
	for _, p := range c.table {
		if p != nil {
			grown[p.number&mask] = p
		}
	}
	c.table = grown
}

// findLocked returns the call of a number, or nil.
func (c *calls) findLocked(number uint64) *Pending {
	p := c.table[number&uint64(len(c.table)-1)]
	if p == nil || p.number != number {
		return nil
	}
	return p
}

// removeLocked takes p out: its fields belong to the caller.
func (c *calls) removeLocked(p *Pending) {
	c.table[p.number&uint64(len(c.table)-1)] = nil
	c.used--
}

// remove takes p out if it is still there; if not, ready has been filled or is
// about to be.
func (c *calls) remove(p *Pending) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.findLocked(p.number) != p {
		return false
	}
	c.removeLocked(p)
	return true
}

// answer hands r to the call that waits for it. A reply of the wrong kind is a
// violation of the protocol; one that nobody waits for is counted and dropped.
func (c *calls) answer(r Reply) error {
	c.mu.Lock()
	p := c.findLocked(r.repliesTo())
	if p == nil {
		c.late++
		c.mu.Unlock()
		return nil
	}
	if p.wants != r.Kind() {
		c.mu.Unlock()
		return &protocolError{CloseBadMessage, fmt.Sprintf("reply of kind %d to a call that wants kind %d", r.Kind(), p.wants)}
	}
	c.removeLocked(p)
	c.mu.Unlock()
	p.reply = r
	p.ready <- struct{}{}
	return nil
}

// start marks a call as started. An unknown number is that of a call which has
// ended, or was sent without waiting.
func (c *calls) start(number uint64) {
	c.mu.Lock()
	if p := c.findLocked(number); p != nil {
		p.started = true
	}
	c.mu.Unlock()
}

// close gives every call its LostError and lets nobody in any more.
func (c *calls) close(cause error) {
	c.mu.Lock()
	c.closed = cause
	orphans := c.table
	c.table, c.used = make([]*Pending, 1), 0
	c.mu.Unlock()
	for _, p := range orphans {
		if p == nil {
			continue
		}
		p.err = &LostError{Started: p.started, Cause: cause}
		p.ready <- struct{}{}
	}
}

// counts returns the calls in flight and the late replies.
func (c *calls) counts() (inFlight int, late uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.used, c.late
}
