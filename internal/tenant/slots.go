package tenant

import "sync"

// slots shares the worker's processors: a tenant holds one for each slice of
// fuel it runs and gives it back, and whoever has waited longest is next. As all
// slices are alike, runnable tenants get equal shares, however many threads each
// has; with nobody waiting a tenant goes on at once.
type slots struct {
	mu      sync.Mutex // mu guards the fields below
	free    int
	waiting []chan struct{} // in order of arrival
}

func newSlots(n int) *slots { return &slots{free: n} }

// do runs f while it holds a slot.
func (s *slots) do(f func()) {
	s.acquire()
	defer s.release()
	f()
}

// acquire waits for a slot. The wait is bounded by the slices of those before.
func (s *slots) acquire() {
	s.mu.Lock()
	if s.free > 0 {
		s.free--
		s.mu.Unlock()
		return
	}
	turn := make(chan struct{})
	s.waiting = append(s.waiting, turn)
	s.mu.Unlock()
	<-turn
}

// release hands the slot to who has waited longest.
func (s *slots) release() {
	s.mu.Lock()
	if len(s.waiting) == 0 {
		s.free++
		s.mu.Unlock()
		return
	}
	turn := s.waiting[0]
	s.waiting[0] = nil
	s.waiting = s.waiting[1:]
	s.mu.Unlock()
	close(turn)
}
