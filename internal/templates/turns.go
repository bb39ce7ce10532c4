package templates

import (
	"context"
	"sync"

	"github.com/template-worker/template-worker/internal/khronos"
)

// turns lets one change of a tenant happen at a time. Unlike a mutex, a turn may
// last through I/O, and the wait for it ends with the context. The zero value
// is ready.
type turns struct {
	// mu guards the fields below.
	mu   sync.Mutex
	held map[khronos.TenantID]chan struct{} // closed when the turn ends
}

// begin waits for the tenant's turn and returns the function that ends it, to
// be called once.
func (t *turns) begin(ctx context.Context, tenant khronos.TenantID) (end func(), err error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		busy := t.take(tenant)
		if busy == nil {
			return func() { t.release(tenant) }, nil
		}
		select {
		case <-busy:
		case <-ctx.Done():
		}
	}
}

// take takes the turn and returns nil, or returns what is closed when it ends.
func (t *turns) take(tenant khronos.TenantID) (busy <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if held, ok := t.held[tenant]; ok {
		return held
	}
	if t.held == nil {
		t.held = make(map[khronos.TenantID]chan struct{})
	}
	t.held[tenant] = make(chan struct{})
	return nil
}

func (t *turns) release(tenant khronos.TenantID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.held[tenant])
	delete(t.held, tenant)
}
