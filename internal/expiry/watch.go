package expiry

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

// Watch returns st, seen by the service: it hears of every expiry that is set
// through it.
func (s *Service) Watch(st store.Store) store.Store { return &watched{st, s} }

type watched struct {
	store.Store
	s *Service
}

// KVApply implements [store.Store].
func (w *watched) KVApply(ctx context.Context, tenant khronos.TenantID, b store.KVBatch) ([]store.KVResult, error) {
	results, err := w.Store.KVApply(ctx, tenant, b)
	var first time.Time
	for _, op := range b.Ops {
		if !op.ExpiresAt.IsZero() && (first.IsZero() || op.ExpiresAt.Before(first)) {
			first = op.ExpiresAt
		}
	}
	if !first.IsZero() {
		w.s.heard(first) // also after an error: it may be stored all the same
	}
	return results, err
}

// heard takes note of an expiry that was set, and wakes the service if it sleeps for longer.
func (s *Service) heard(at time.Time) {
	ns := max(at.UnixNano(), 1)
	for {
		old := s.set.Load()
		if old != 0 && old <= ns {
			return
		}
		if s.set.CompareAndSwap(old, ns) {
			break
		}
	}
	if s.sleeps.Load() > ns {
		select {
		case s.nudge <- struct{}{}:
		default:
		}
	}
}

// Counts says what the service has done since it began.
type Counts struct {
	Fired   uint64 // events that came to their end
	Retried uint64 // tries that did not
}

type counts struct{ fired, retried atomic.Uint64 }

// Counts returns the counts, for metrics.
func (s *Service) Counts() Counts { return Counts{s.counts.fired.Load(), s.counts.retried.Load()} }

// pace bounds how many records are taken up a second: a tenth of a second's may
// be taken at once.
type pace struct {
	perSecond float64
	saved     float64
	at        time.Time
}

// tokens is how many may be taken now.
func (p *pace) tokens(now time.Time) int {
	p.saved = min(p.saved+now.Sub(p.at).Seconds()*p.perSecond, max(p.perSecond/10, 1))
	p.at = now
	return int(p.saved)
}

func (p *pace) take() { p.saved-- }

// wait is how long it takes until there is a token again, and some more with it.
func (p *pace) wait(time.Time) time.Duration {
	return max(time.Millisecond, time.Duration((1-p.saved)/p.perSecond*float64(time.Second)))
}
