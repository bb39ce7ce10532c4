package process

import (
	"sync"

	"github.com/template-worker/template-worker/internal/mesophyll"
)

// links counts over all the links of a worker, those that have ended included.
type links struct {
	mu sync.Mutex
	// mu guards the fields below.
	past mesophyll.ConnStats
	now  *mesophyll.Conn // nil while there is none
}

// served counts c from now on; the returned function is for its end.
func (l *links) served(c *mesophyll.Conn) (ended func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = c
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.past.Add(c.Stats())
		l.past.PendingBytes, l.past.InFlight = 0, 0
		l.now = nil
	}
}

// LinkStats returns what all links of the worker have counted together, for
// metrics. What is pending or in flight is that of the running one.
func (h *Handle) LinkStats() mesophyll.ConnStats {
	l := &h.links
	l.mu.Lock()
	defer l.mu.Unlock()
	sum := l.past
	if l.now != nil {
		sum.Add(l.now.Stats())
	}
	return sum
}
