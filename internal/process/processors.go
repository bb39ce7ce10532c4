package process

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// processors is how many processors a worker process takes: as many as scripts
// may take at once, and one more only while they do take them. With all of them
// busy the link would wait for Go's scheduler to interrupt a script, tens of
// milliseconds; without busy scripts the one more makes each dispatch dearer,
// because threads are woken for work that is done before they are awake (15 %
// of the throughput of a whole dispatch, docs/bench/link.md).
type processors struct {
	set func(n int) // runtime.GOMAXPROCS but in tests

	slots  atomic.Int64 // 0 until the settings are known: then nothing changes
	window atomic.Int64 // number of the current window
	used   atomic.Int64 // nanoseconds in which scripts were executed in it

	mu sync.Mutex
	// mu guards the fields below.
	more    bool      // there is one more
	lastFor time.Time // when it was last needed
}

const (
	processorWindow = 5 * time.Millisecond // scripts that take half of it want one more processor
	processorRest   = time.Second          // without need of it, after which it is given up
)

func newProcessors() *processors {
	return &processors{set: func(n int) { runtime.GOMAXPROCS(n) }}
}

// start takes as many processors as scripts may take.
func (p *processors) start(slots int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.more = false
	p.window.Store(0)
	p.slots.Store(int64(slots))
	p.set(slots)
}

// executed says that a script was executed for d until now. It is called for
// each slice, from any goroutine.
func (p *processors) executed(now time.Time, d time.Duration) {
	slots := p.slots.Load()
	if slots == 0 {
		return
	}
	window := now.UnixNano() / int64(processorWindow)
	if p.window.Swap(window) != window {
		p.used.Store(0)
		p.giveUp(now, int(slots))
	}
	if p.used.Add(int64(d)) >= slots*int64(processorWindow)/2 {
		p.take(now, int(slots))
	}
}

// take makes sure that there is one more.
func (p *processors) take(now time.Time, slots int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lastFor = now
	if !p.more {
		p.more = true
		p.set(slots + 1)
	}
}

// giveUp gives up the one more when it has not been needed for a while.
func (p *processors) giveUp(now time.Time, slots int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.more && now.Sub(p.lastFor) > processorRest {
		p.more = false
		p.set(slots)
	}
}
