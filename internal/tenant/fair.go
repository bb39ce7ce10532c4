package tenant

import (
	"container/heap"
	"sync"
)

// fair shares the worker's processors among the tenants that have something to
// run: deficit round robin, paid in the fuel that was really used.
//
// In each round a tenant may use a quantum of fuel. What it used beyond that, in a
// slice that could not be cut short or by compiling, is a debt, and it sits out as
// many rounds as pay it back. A tenant that has nothing to run saves up nothing.
// So tenants that always have something to run use the same fuel, but for a
// quantum and a slice; see RATIONALE.md, "Why tenants take turns by rounds". One
// that comes with something to run waits for one turn of each that is there. While
// nobody waits, whoever is there goes on.
//
// It starts no goroutine and reads no clock. All methods are safe for concurrent use.
type fair struct {
	quantum int64

	mu      sync.Mutex // mu guards the fields below, and those of all shares
	free    int        // processors
	round   int64      // the latest one of which a tenant has had its turn
	arrived uint64     // counts the shares that began to wait
	waiting shares
}

// share is one tenant's part in a [fair]. bell gets a token, if there is none,
// when the share has a processor; who listens must expect tokens too many.
type share struct {
	bell chan struct{} // of capacity 1

	holds  bool  // a processor
	round  int64 // whose turn is next, or goes on
	credit int64 // fuel left of that turn; zero or less: the turn is over
	place  int   // in waiting, from 1; 0 if it does not wait
	order  uint64
}

func newFair(processors int, quantum int64) *fair { return &fair{free: processors, quantum: quantum} }

// enter tells whether s has a processor. If not, it waits for one from then on,
// and bell says when it has it.
func (f *fair) enter(s *share) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.holds || s.place > 0 {
		return s.holds
	}
	f.scheduleLocked(s)
	if f.free == 0 {
		f.waitLocked(s)
		return false
	}
	f.free-- // nobody waits while a processor is free
	f.grantLocked(s)
	return true
}

// pay takes fuel off the turn of s, which has a processor. When the turn is over
// and another one is due the processor goes on, and s waits for its next turn.
func (f *fair) pay(s *share, fuel int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.credit -= fuel; s.credit > 0 {
		return
	}
	f.scheduleLocked(s)
	if len(f.waiting) == 0 || f.waiting[0].round > s.round {
		f.grantLocked(s) // its next turn comes first
		return
	}
	s.holds = false
	f.waitLocked(s)
	f.passLocked()
}

// leave gives back the processor of s, if it has one, and its place among those
// that wait.
func (f *fair) leave(s *share) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case s.place > 0:
		heap.Remove(&f.waiting, s.place-1)
	case s.holds && len(f.waiting) > 0:
		s.holds = false
		f.passLocked()
	case s.holds:
		s.holds = false
		f.free++
	}
}

// scheduleLocked finds the round of s's next turn: the next one, behind all that
// wait for theirs already, or a later one in which its debts are paid.
func (f *fair) scheduleLocked(s *share) {
	if ahead := f.round + 1 - s.round; ahead > 0 {
		s.credit = min(s.credit+ahead*f.quantum, f.quantum)
		s.round += ahead
	}
	if s.credit <= 0 {
		rounds := -s.credit/f.quantum + 1
		s.credit += rounds * f.quantum
		s.round += rounds
	}
}

func (f *fair) grantLocked(s *share) {
	s.holds = true
	f.round = max(f.round, s.round)
}

func (f *fair) waitLocked(s *share) {
	f.arrived++
	s.order = f.arrived
	heap.Push(&f.waiting, s)
}

// passLocked gives a processor to whose turn is next.
func (f *fair) passLocked() {
	s := heap.Pop(&f.waiting).(*share)
	f.grantLocked(s)
	select {
	case s.bell <- struct{}{}:
	default:
	}
}

// shares is a heap of those that wait: by round, and in it by arrival.
type shares []*share

func (w shares) Len() int { return len(w) }

func (w shares) Less(i, j int) bool {
	if w[i].round != w[j].round {
		return w[i].round < w[j].round
	}
	return w[i].order < w[j].order
}

func (w shares) Swap(i, j int) {
	w[i], w[j] = w[j], w[i]
	w[i].place, w[j].place = i+1, j+1
}

// Push implements [heap.Interface].
func (w *shares) Push(x any) {
	s := x.(*share)
	*w = append(*w, s)
	s.place = len(*w)
}

// Pop implements [heap.Interface].
func (w *shares) Pop() any {
	last := len(*w) - 1
	s := (*w)[last]
	(*w)[last] = nil
	*w = (*w)[:last]
	s.place = 0
	return s
}
