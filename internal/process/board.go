package process

import (
	"sync"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/worker"
)

// board is where a worker's standing is written and read. Who waits for a
// change takes the channel that comes with what it read.
type board struct {
	mu sync.Mutex
	// mu guards the fields below.
	now     standing
	changed chan struct{} // closed and replaced by every set
}

// standing is everything about a worker that more than one goroutine knows.
type standing struct {
	state      worker.State
	since      time.Time // when state was entered
	generation khronos.Generation
	pid        int
	history    History
	readyAt    time.Time // when the running generation became ready; else zero
	nextStart  time.Time // not before this; zero means now
	lastExit   string
	running    bool // a generation is between its start and its reaping
	kills      int  // calls of Kill so far
	killed     bool // the last of Kill and Start was Kill
	stopping   bool // Serve's context has ended; nothing is accepted any more
	ready      *generation
}

func newBoard() *board {
	return &board{
		now:     standing{state: worker.StateStopped, since: time.Now()},
		changed: make(chan struct{}),
	}
}

// read returns the standing and a channel that is closed when it is no longer
// this one.
func (b *board) read() (standing, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now, b.changed
}

// set applies change and wakes who waits. change must not block.
func (b *board) set(change func(*standing)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.now.state
	change(&b.now)
	if b.now.state != before {
		b.now.since = time.Now()
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

// kill wishes the worker down until start.
func (b *board) kill() {
	b.set(func(now *standing) {
		now.killed = true
		now.kills++
		if !now.running && now.state != worker.StateStopped {
			now.state = worker.StateKilled
		}
	})
}

// start wishes the worker up, now.
func (b *board) start() {
	b.set(func(now *standing) {
		now.killed = false
		now.nextStart = time.Time{}
		if now.state == worker.StateFailed || now.state == worker.StateKilled {
			now.state = worker.StateBackoff // from here on it is worth waiting for
		}
	})
}
