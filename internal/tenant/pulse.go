package tenant

import (
	"sync"
	"sync/atomic"
)

// pulse is how a watcher tells a Runtime that works from one that hangs. Every
// slice of a script has a number; a slice ends soon, whatever its script does,
// so one that is the oldest for long is stuck.
type pulse struct {
	busy atomic.Int64 // tenants' goroutines

	mu sync.Mutex
	// mu guards the fields below.
	last    uint64   // the number of the slice that began last
	running []uint64 // numbers of the slices that run, ascending: as many as there are slots
}

// begin notes a slice and gives its number.
func (p *pulse) begin() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	p.running = append(p.running, p.last)
	return p.last
}

// end notes that a slice has ended.
func (p *pulse) end(number uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, n := range p.running {
		if n == number {
			p.running = append(p.running[:i], p.running[i+1:]...)
			return
		}
	}
}

func (p *pulse) begun() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// oldest is the number of the slice that has been running for longest, or 0.
func (p *pulse) oldest() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.running) == 0 {
		return 0
	}
	return p.running[0]
}
