package api

import (
	"context"
	"net/http"
	"sync"

	"github.com/template-worker/template-worker/internal/khronos"
)

// intake counts the requests that are being answered and, once closed, lets no
// new one in.
type intake struct {
	mu sync.Mutex
	// mu guards the fields below.
	closed   bool
	answered int           // being answered, that is
	empty    chan struct{} // made by close; closed when none is being answered
}

// enter counts a request, unless none is let in any more.
func (i *intake) enter() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return false
	}
	i.answered++
	return true
}

func (i *intake) leave() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answered--
	if i.closed && i.answered == 0 {
		close(i.empty)
	}
}

func (i *intake) isClosed() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.closed
}

// close lets no request in from now on, and returns when those before have their
// answers or ctx ends.
func (i *intake) close(ctx context.Context) {
	i.mu.Lock()
	i.closed = true
	i.empty = make(chan struct{})
	if i.answered == 0 {
		close(i.empty)
	}
	empty := i.empty
	i.mu.Unlock()
	select {
	case <-empty:
	case <-ctx.Done():
	}
}

// admit refuses requests while the server drains. Health, readiness and metrics
// are answered to the end.
func (s *Server) admit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/healthz", r.URL.Path == "/readyz", r.URL.Path == "/metrics":
			next.ServeHTTP(w, r)
		case !s.intake.enter():
			w.Header().Set("Connection", "close")
			writeProblem(w, s.fail(r.Context(), khronos.Errorf(khronos.ErrKindDraining, "the master is stopping and takes no new work")).(*problem))
		default:
			defer s.intake.leave()
			next.ServeHTTP(w, r)
		}
	})
}
