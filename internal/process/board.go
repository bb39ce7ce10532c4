package process

import (
	"slices"
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
	since      time.Time          // when state was entered
	generation khronos.Generation // takes work, is the next to, or was the last that did
	history    History
	readyAt    time.Time // when the generation that takes work began to; else zero
	nextStart  time.Time // not before this; zero means now
	lastExit   string
	kills      int         // calls of Kill so far
	killed     bool        // the last of Kill and Start was Kill
	stopping   bool        // Serve's context has ended; nothing is accepted any more
	ready      *generation // the one that takes new work
	lives      []lifeNote  // generations that are not reaped, oldest first; never changed in place
	wish       *wish       // for a new generation; nil when there is none
}

// lifeNote is what others may know of a generation that is not reaped.
type lifeNote struct {
	generation khronos.Generation
	pid        int         // 0 until it is spawned
	run        *generation // nil until it could take work
}

// wish asks a worker's supervisor for a generation above a number, in the place
// of the one that runs. It ends once, with done.
type wish struct {
	above khronos.Generation
	why   string
	done  chan struct{}
	err   error // valid after done
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
		if len(now.lives) == 0 && now.state != worker.StateStopped {
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

// place puts w up, unless there is another one. wait is closed when it is worth
// trying again.
func (b *board) place(w *wish) (placed bool, wait <-chan struct{}) {
	b.mu.Lock()
	free := b.now.wish == nil
	wait = b.changed
	b.mu.Unlock()
	if !free {
		return false, wait
	}
	b.set(func(now *standing) {
		if placed = now.wish == nil && !now.stopping; placed {
			w.above = now.generation
			if now.state == worker.StateStarting {
				w.above-- // the one that starts right now will do
			}
			now.wish = w
		}
	})
	return placed, wait
}

// withdraw takes w back if it has not ended.
func (b *board) withdraw(w *wish) {
	b.set(func(now *standing) {
		if now.wish == w {
			now.wish = nil
		}
	})
}

// end ends the wish, if there is one.
func (now *standing) endWish(err error) {
	if w := now.wish; w != nil {
		now.wish, w.err = nil, err
		close(w.done)
	}
}

// note returns what is noted of a generation; zero when it is reaped.
func (now *standing) note(gen khronos.Generation) lifeNote {
	for _, n := range now.lives {
		if n.generation == gen {
			return n
		}
	}
	return lifeNote{}
}

// amend changes the note of a generation that is not reaped.
func (now *standing) amend(gen khronos.Generation, change func(*lifeNote)) {
	now.lives = slices.Clone(now.lives)
	for i := range now.lives {
		if now.lives[i].generation == gen {
			change(&now.lives[i])
		}
	}
}

// strike removes the note of a generation.
func (now *standing) strike(gen khronos.Generation) {
	now.lives = slices.DeleteFunc(slices.Clone(now.lives), func(n lifeNote) bool { return n.generation == gen })
}

// anyUpTo says whether a generation up to last is not reaped.
func (now *standing) anyUpTo(last khronos.Generation) bool {
	return slices.ContainsFunc(now.lives, func(n lifeNote) bool { return n.generation <= last })
}

// youngest is the last generation that was started and is not reaped.
func (now *standing) youngest() khronos.Generation {
	if n := len(now.lives); n > 0 {
		return now.lives[n-1].generation
	}
	return 0
}
