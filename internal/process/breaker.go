package process

import (
	"sync"

	"github.com/template-worker/template-worker/internal/khronos"
)

// Breaker couples the workers of a pool for one case: a cause outside them
// keeps them all from starting. When enough of them have failed to boot with the
// same error, one tries, as often as its policy says, and the others wait until
// it is ready, is killed, or stops.
type Breaker struct {
	workers int // that many with the same error open it

	mu sync.Mutex
	// mu guards the fields below.
	failing map[khronos.WorkerID]string // the last boot's error of who has not been ready since
	open    bool
	trying  khronos.WorkerID // who tries, while open
	nobody  bool             // while open: who tried has given up, the next may
	changed chan struct{}    // closed and replaced when who may start changes
}

// NewBreaker returns a closed Breaker that opens when the given number of
// workers fail alike. With 1 or less it never opens: a worker alone has its
// policy.
func NewBreaker(workers int) *Breaker {
	return &Breaker{
		workers: workers,
		failing: map[khronos.WorkerID]string{},
		changed: make(chan struct{}),
	}
}

// Open says whether only one worker is tried.
func (b *Breaker) Open() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open
}

// enter says whether id may start now; if not, the channel is closed when it is
// worth asking again.
func (b *Breaker) enter(id khronos.WorkerID) (bool, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open && b.nobody {
		b.trying, b.nobody = id, false
	}
	return !b.open || b.trying == id, b.changed
}

// failed notes that id did not get ready because of text.
func (b *Breaker) failed(id khronos.WorkerID, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failing[id] = text
	alike := 0
	for _, other := range b.failing {
		if other == text {
			alike++
		}
	}
	if !b.open && b.workers > 1 && alike >= b.workers {
		b.open, b.trying, b.nobody = true, id, false
	}
}

// healed notes that id got ready: everybody may start.
func (b *Breaker) healed(id khronos.WorkerID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.failing, id)
	if b.open {
		b.open = false
		clear(b.failing)
		b.wakeLocked()
	}
}

// leave notes that id will not start for now: it was killed, or it stops.
func (b *Breaker) leave(id khronos.WorkerID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.failing, id)
	if b.open && b.trying == id && !b.nobody {
		b.nobody = true
		b.wakeLocked()
	}
}

func (b *Breaker) wakeLocked() {
	close(b.changed)
	b.changed = make(chan struct{})
}
