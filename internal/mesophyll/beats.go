package mesophyll

import (
	"sync"
	"time"
)

// beats is the heartbeat of one end. A worker's beats queue a Heartbeat at each
// interval; the master's count the intervals in which none arrived. It runs on
// a timer, not in the writer, so a write that hangs does not stop it.
type beats struct {
	tick func() (again bool) // called once per interval, never twice at a time

	mu sync.Mutex
	// mu guards the fields below, and is held while tick runs.
	interval time.Duration
	timer    *time.Timer // nil before start and after stop
}

// start begins to tick.
func (b *beats) start(interval time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.interval = interval
	b.timer = time.AfterFunc(interval, b.fire)
}

func (b *beats) fire() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.timer == nil {
		return
	}
	if !b.tick() {
		b.timer = nil
		return
	}
	b.timer.Reset(b.interval)
}

// setInterval takes effect at once.
func (b *beats) setInterval(interval time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.timer == nil || interval <= 0 {
		return
	}
	b.interval = interval
	b.timer.Reset(interval)
}

// stop returns when no tick runs and none will.
func (b *beats) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
}
