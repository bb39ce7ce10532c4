package vm

// Account is the memory of one tenant: a limit that several VMs share. One
// goroutine at a time runs all of them; the account has no lock of its own.
//
// Each VM holds a grant, the part of the limit it may use without asking. The
// grants never exceed the limit in sum.
type Account struct {
	limit   int64
	granted int64
	heaps   []*heap
}

// NewAccount makes an account of limit bytes; zero or less means no limit.
func NewAccount(limit int64) *Account {
	if limit <= 0 {
		limit = noMemoryLimit
	}
	return &Account{limit: limit}
}

// Limit gives the limit in bytes; 0 if there is none.
func (a *Account) Limit() int64 {
	if a.limit == noMemoryLimit {
		return 0
	}
	return a.limit
}

// Used gives the bytes charged by all VMs of the account: at least what is live.
func (a *Account) Used() int64 {
	var n int64
	for _, h := range a.heaps {
		n += h.used
	}
	return n
}

// Collect runs a census of every VM and gives the bytes that are live.
func (a *Account) Collect() int64 {
	for _, h := range a.heaps {
		h.vm.census()
		a.settle(h, h.used)
	}
	return a.Used()
}

func (a *Account) join(h *heap) { a.heaps = append(a.heaps, h) }

func (a *Account) leave(h *heap) {
	a.settle(h, 0)
	for i, o := range a.heaps {
		if o == h {
			a.heaps = append(a.heaps[:i], a.heaps[i+1:]...)
			return
		}
	}
}

// grant lets h use need bytes and a little more. It tells whether there was room.
func (a *Account) grant(h *heap, need int64) bool {
	room := a.limit - (a.granted - h.trigger)
	if need > room {
		return false
	}
	step := min(max(need/4, minGrant), maxGrant)
	if step > room-need {
		step = room - need
	}
	a.settle(h, need+step)
	return true
}

// settle sets the grant of h.
func (a *Account) settle(h *heap, n int64) {
	a.granted += n - h.trigger
	h.trigger = n
}

// reclaim takes back what the other VMs do not use: first the rest of their
// grants, then, if h still can not have need bytes, their garbage.
func (a *Account) reclaim(h *heap, need int64) {
	for _, o := range a.heaps {
		if o != h {
			a.settle(o, o.used)
		}
	}
	for _, o := range a.heaps {
		if need <= a.limit-(a.granted-h.trigger) {
			return
		}
		if o != h {
			o.vm.census()
			a.settle(o, o.used)
		}
	}
}
