package broker

import (
	"math"
	"sync"
	"time"

	"github.com/template-worker/template-worker/internal/host/registry"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
)

// quota is a token bucket with its numbers; [registry.Quota] has its meaning.
type quota struct {
	name  string
	burst int
	per   time.Duration
}

// limiter holds the token buckets of all tenants. The templates of a tenant
// share them.
//
// A bucket is kept as the time at which it will be full again, from which its
// tokens follow. One that is full is not kept at all, for a new one is full
// too: so the memory is bounded by the tenants that made a call within the time
// that the slowest bucket takes to fill (50 s by default).
type limiter struct {
	quotas [registry.BucketN]quota
	idle   time.Duration // the longest that any bucket takes to fill

	// mu guards the fields below.
	mu      sync.Mutex
	tenants map[khronos.TenantID]*[registry.BucketN]time.Time // when each bucket is full
	sweepAt time.Time
}

func newLimiter(l limits.Limits) *limiter {
	r := &limiter{
		tenants: make(map[khronos.TenantID]*[registry.BucketN]time.Time),
	}
	for bucket, q := range registry.Quotas {
		r.quotas[bucket] = quota{q.Name, int(l.Number(q.Burst)), time.Duration(l.Number(q.Refill))}
	}
	for _, q := range r.quotas {
		r.idle = max(r.idle, q.fill())
	}
	return r
}

// fill is the time from an empty bucket to a full one, or the longest Duration
// (292 years) when it is longer.
func (q quota) fill() time.Duration {
	if q.burst > 0 && q.per > math.MaxInt64/time.Duration(q.burst) {
		return math.MaxInt64
	}
	return time.Duration(q.burst) * q.per
}

// take takes n tokens of the tenant, and no more than the bucket holds, or is
// rate_limited and takes none.
func (l *limiter) take(tenant khronos.TenantID, b registry.Bucket, n int) error {
	if b == registry.Free {
		return nil
	}
	wait := l.reserve(tenant, b, n, time.Now())
	if wait <= 0 {
		return nil
	}
	q := l.quotas[b]
	return khronos.Errorf(khronos.ErrKindRateLimited, "too many %s calls: %d at once and one more every %v are allowed; try again in %v",
		q.name, q.burst, q.per, wait.Round(time.Millisecond)+time.Millisecond)
}

// reserve takes the tokens and returns 0, or returns the time until they are there.
func (l *limiter) reserve(tenant khronos.TenantID, b registry.Bucket, n int, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweepLocked(now)
	full := l.tenants[tenant]
	if full == nil {
		full = new([registry.BucketN]time.Time)
		l.tenants[tenant] = full
	}
	next := full[b]
	if next.Before(now) {
		next = now
	}
	q := l.quotas[b]
	next = next.Add(quota{burst: min(n, q.burst), per: q.per}.fill())
	if wait := next.Sub(now) - q.fill(); wait > 0 {
		return wait
	}
	full[b] = next
	return 0
}

// sweepLocked drops the tenants whose buckets are all full, now and then.
func (l *limiter) sweepLocked(now time.Time) {
	if now.Before(l.sweepAt) {
		return
	}
	l.sweepAt = now.Add(l.idle)
	for tenant, full := range l.tenants {
		if !anyAfter(full[:], now) {
			delete(l.tenants, tenant)
		}
	}
}

func anyAfter(times []time.Time, now time.Time) bool {
	for _, t := range times {
		if t.After(now) {
			return true
		}
	}
	return false
}
