package host

import (
	"container/heap"
	"math/bits"
	"time"

	"github.com/template-worker/template-worker/luau"
)

// delayQueue is what a DelayChannel holds. It is a heap.Interface: the value whose
// time comes first is at the front.
type delayQueue struct {
	self   *luau.Userdata
	items  []*delayed
	added  uint64 // counts the values that were added
	waiter Waiter // of next, while it waits
}

// delayed is a value in a queue, and what its KeyHandle holds.
type delayed struct {
	queue *delayQueue
	value luau.Value
	at    time.Time
	order uint64
	index int // in the queue; -1 once it is out
}

const (
	delayBytes   = 128
	delayedBytes = 112                  // of a value, its handle apart
	longestPark  = 365 * 24 * time.Hour // after it a wait is begun again
)

func (q *delayQueue) Len() int { return len(q.items) }
func (q *delayQueue) Less(i, j int) bool {
	a, b := q.items[i], q.items[j]
	return a.at.Before(b.at) || a.at.Equal(b.at) && a.order < b.order
}
func (q *delayQueue) Swap(i, j int) {
	q.items[i], q.items[j] = q.items[j], q.items[i]
	q.items[i].index, q.items[j].index = i, j
}
func (q *delayQueue) Push(x any) {
	d := x.(*delayed)
	d.index = len(q.items)
	q.items = append(q.items, d)
}
func (q *delayQueue) Pop() any {
	n := len(q.items) - 1
	d := q.items[n]
	q.items[n] = nil
	q.items = q.items[:n]
	d.index = -1
	return d
}

// Trace visits the values.
func (q *delayQueue) Trace(visit func(luau.Value)) {
	for _, d := range q.items {
		visit(d.value)
	}
}

// Trace visits the queue, and so the value while it is in it.
func (d *delayed) Trace(visit func(luau.Value)) { visit(d.queue.self.Value()) }

var delayType = &luau.UserType{
	Name:     "DelayChannel",
	ToString: func(*luau.VM, *luau.Userdata) (string, error) { return "DelayChannel", nil },
	Len: func(_ *luau.VM, self *luau.Userdata) (luau.Value, error) {
		return luau.Number(float64(len(self.Data().(*delayQueue).items))), nil
	},
}

var keyHandleType = &luau.UserType{
	Name:     "KeyHandle",
	ToString: func(*luau.VM, *luau.Userdata) (string, error) { return "KeyHandle", nil },
}

func delayOf(c *luau.Call) *delayQueue { return c.Arg(0).AsUserdata().Data().(*delayQueue) }

// newDelay is channel.DelayChannel() -> DelayChannel.
func newDelay(c *luau.Call) error {
	q := &delayQueue{}
	u, err := c.VM().NewUserdata(delayType, q, delayBytes)
	if err != nil {
		return err
	}
	q.self = u
	return c.Return1(u.Value())
}

// resize charges for n values, and for the work on a queue of that many.
func (q *delayQueue) resize(c *luau.Call, n int) error {
	if err := c.Charge(int64(4 * bits.Len(uint(n)))); err != nil {
		return err
	}
	return c.VM().Resize(q.self, delayBytes+int64(n)*delayedBytes)
}

// delayAdd is delay:add(value, delay) -> KeyHandle.
func delayAdd(c *luau.Call) error {
	q := delayOf(c)
	d := &delayed{queue: q, value: c.Arg(1), at: now(c).Add(span(c.Arg(2))), order: q.added}
	handle, err := newHostValue(c.VM(), keyHandleType, d, 0)
	if err != nil {
		return err
	}
	c.Hold(handle)
	if err := q.resize(c, len(q.items)+1); err != nil {
		return err
	}
	q.added++
	heap.Push(q, d)
	if d.index == 0 && q.waiter != nil {
		q.waiter.Wake() // it looks again
	}
	return c.Return1(handle)
}

// delayNext is delay:next() -> value.
func delayNext(c *luau.Call) error {
	q := delayOf(c)
	if q.waiter != nil && q.waiter.Waits() {
		return unfitf("another thread waits already")
	}
	return q.Resume(c)
}

// Resume gives the value whose time has come, or waits for one.
func (q *delayQueue) Resume(c *luau.Call) error {
	q.waiter = nil
	var rest time.Duration // no bound
	if len(q.items) > 0 {
		if rest = q.items[0].at.Sub(now(c)); rest <= 0 {
			d := heap.Pop(q).(*delayed)
			v := d.value
			d.value = luau.Nil
			c.Hold(v)
			if err := q.resize(c, len(q.items)); err != nil {
				return err
			}
			return c.Return1(v)
		}
	}
	w, err := envOf(c).Park(c, "DelayChannel:next", min(rest, longestPark), q)
	if err != nil {
		return err
	}
	q.waiter = w
	return nil
}

// delayClear is delay:clear().
func delayClear(c *luau.Call) error {
	q := delayOf(c)
	if err := c.Charge(int64(len(q.items)) / 4); err != nil {
		return err
	}
	for _, d := range q.items {
		d.index, d.value = -1, luau.Nil
	}
	q.items = nil
	return q.resize(c, 0)
}

// keyHandleCancel is keyHandle:cancel() -> removed, value?
func keyHandleCancel(c *luau.Call) error {
	d := c.Arg(0).AsUserdata().Data().(*delayed)
	if d.index < 0 {
		return c.Return1(luau.False)
	}
	q, v := d.queue, d.value
	heap.Remove(q, d.index)
	d.value = luau.Nil
	c.Hold(v)
	if err := q.resize(c, len(q.items)); err != nil {
		return err
	}
	return c.Return(luau.True, v)
}
