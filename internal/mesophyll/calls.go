package mesophyll

import (
	"fmt"
	"sync"
)

// waiter is one call that waits for its reply. It is reused; ready is empty
// whenever it lies in the pool.
type waiter struct {
	ready chan struct{} // capacity 1: the reader never waits for a caller
	// The fields below are guarded by calls.mu while the waiter is in the table;
	// after that they belong to whoever took it out, until ready is filled.
	number  uint64
	wants   Kind
	started bool
	reply   Reply
	err     error
}

// recycle puts w back; ready must be empty.
func (c *calls) recycle(w *waiter) {
	w.reply, w.err, w.started = nil, nil, false
	c.waiters.Put(w)
}

// take returns what the waiter got and recycles it.
func (c *calls) take(w *waiter) (Reply, error) {
	r, err := w.reply, w.err
	c.recycle(w)
	return r, err
}

// calls is the table of the calls in flight: the waiter of number n lies at n
// modulo the size, which is a power of two. Numbers only grow; one whose place
// is still taken by an old call is skipped. So a look-up is one index, and the
// numbers stay short on the wire.
type calls struct {
	waiters sync.Pool // of *waiter; one per link, so that a test's fake time holds for its channels

	mu sync.Mutex
	// mu guards the fields below.
	table  []*waiter
	used   int
	next   uint64 // the number given out last
	closed error  // why no call may be added; nil while the link lives
	late   uint64 // replies that nobody waited for
}

const firstCalls = 64

func newCalls() *calls {
	return &calls{
		waiters: sync.Pool{New: func() any { return &waiter{ready: make(chan struct{}, 1)} }},
		table:   make([]*waiter, firstCalls),
	}
}

// add gives w a number and a place.
func (c *calls) add(w *waiter) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed != nil {
		return 0, &LostError{Cause: c.closed}
	}
	if c.used*2 >= len(c.table) {
		c.growLocked()
	}
	mask := uint64(len(c.table) - 1)
	for c.next++; c.table[c.next&mask] != nil; c.next++ {
	}
	w.number = c.next
	c.table[c.next&mask] = w
	c.used++
	return c.next, nil
}

// growLocked doubles the table: numbers that differ modulo its size differ
// modulo twice its size.
func (c *calls) growLocked() {
	grown := make([]*waiter, 2*len(c.table))
	mask := uint64(len(grown) - 1)
	for _, w := range c.table {
		if w != nil {
			grown[w.number&mask] = w
		}
	}
	c.table = grown
}

// findLocked returns the waiter of a number, or nil.
func (c *calls) findLocked(number uint64) *waiter {
	w := c.table[number&uint64(len(c.table)-1)]
	if w == nil || w.number != number {
		return nil
	}
	return w
}

// removeLocked takes w out: its fields belong to the caller.
func (c *calls) removeLocked(w *waiter) {
	c.table[w.number&uint64(len(c.table)-1)] = nil
	c.used--
}

// remove takes w out if it is still there; if not, ready has been filled or is
// about to be.
func (c *calls) remove(w *waiter) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.findLocked(w.number) != w {
		return false
	}
	c.removeLocked(w)
	return true
}

// answer hands r to the call that waits for it. A reply of the wrong kind is a
// violation of the protocol; one that nobody waits for is counted and dropped.
func (c *calls) answer(r Reply) error {
	c.mu.Lock()
	w := c.findLocked(r.repliesTo())
	if w == nil {
		c.late++
		c.mu.Unlock()
		return nil
	}
	if w.wants != r.Kind() {
		c.mu.Unlock()
		return &protocolError{CloseBadMessage, fmt.Sprintf("reply of kind %d to a call that wants kind %d", r.Kind(), w.wants)}
	}
	c.removeLocked(w)
	c.mu.Unlock()
	w.reply = r
	w.ready <- struct{}{}
	return nil
}

// start marks a call as started. An unknown number is that of a call which has
// ended, or was sent without waiting.
func (c *calls) start(number uint64) {
	c.mu.Lock()
	if w := c.findLocked(number); w != nil {
		w.started = true
	}
	c.mu.Unlock()
}

// close gives every waiter its LostError and lets nobody in any more.
func (c *calls) close(cause error) {
	c.mu.Lock()
	c.closed = cause
	orphans := c.table
	c.table, c.used = make([]*waiter, 1), 0
	c.mu.Unlock()
	for _, w := range orphans {
		if w == nil {
			continue
		}
		w.err = &LostError{Started: w.started, Cause: cause}
		w.ready <- struct{}{}
	}
}

// counts returns the calls in flight and the late replies.
func (c *calls) counts() (inFlight int, late uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.used, c.late
}
