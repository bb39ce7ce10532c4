package broker

import (
	"math"
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/host/registry"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
)

func tenantN(n int) khronos.TenantID {
	return khronos.TenantID{Kind: khronos.TenantGuild, ID: khronos.Snowflake(n)}
}

// TestLimiter_forgetsIdle lets ten thousand tenants come and go.
func TestLimiter_forgetsIdle(t *testing.T) {
	l := newLimiter(limits.Default())
	now := time.Now()
	most := 0
	for n := range 10_000 {
		if wait := l.reserve(tenantN(n+1), registry.BucketKV, 1, now); wait != 0 {
			t.Fatalf("a new tenant has to wait %v", wait)
		}
		now = now.Add(100 * time.Millisecond)
		most = max(most, len(l.tenants))
	}
	// 50 s fill the largest bucket: those of one period, and of the one before.
	if limit := 2*int(l.idle/(100*time.Millisecond)) + 1; most > limit {
		t.Errorf("%d tenants were kept at once, want at most %d", most, limit)
	}
}

// TestLimiter_keepsBusy wants that forgetting gives nobody tokens.
func TestLimiter_keepsBusy(t *testing.T) {
	l := newLimiter(limits.Default())
	now := time.Now()
	allowed := 0
	for range 3000 { // five minutes of ten calls per 100 ms
		for range 10 {
			if l.reserve(tenantN(1), registry.BucketKV, 1, now) == 0 {
				allowed++
			}
		}
		now = now.Add(100 * time.Millisecond)
	}
	if want := 500 + 2999; allowed != want {
		t.Errorf("%d calls passed, want the burst and one per period: %d", allowed, want)
	}
}

// A call that costs as many tokens as it has parts waits for all of them, and one
// that costs more than a bucket holds for a full one.
func TestLimiter_tokens(t *testing.T) {
	l := newLimiter(limits.Default()) // 500 at once, one every 100 ms
	now := time.Now()
	for _, step := range []struct {
		tokens int
		after  time.Duration
		wait   time.Duration
	}{
		{400, 0, 0}, {101, 0, 100 * time.Millisecond}, {100, 0, 0}, {1, 0, 100 * time.Millisecond},
		{10_000, 0, 50 * time.Second}, {10_000, 50 * time.Second, 0}, {1, 0, 100 * time.Millisecond},
	} {
		now = now.Add(step.after)
		if got := l.reserve(tenantN(1), registry.BucketKV, step.tokens, now); got != step.wait {
			t.Errorf("%d tokens: wait %v, want %v", step.tokens, got, step.wait)
		}
	}
}

func TestLimiter_longest(t *testing.T) {
	l := limits.Default()
	l.KVBurst, l.KVRefill = 1_000_000, 24*time.Hour // the registry's largest
	r := newLimiter(l)
	if r.idle != math.MaxInt64 {
		t.Errorf("the time to fill wrapped around: %v", r.idle)
	}
	for range 100 {
		if wait := r.reserve(tenantN(1), registry.BucketKV, 1, time.Now()); wait != 0 {
			t.Fatalf("a call within the burst has to wait %v", wait)
		}
	}
}

// TestOperations wants every declared operation to act, each to ask for a
// capability, and each bucket to be named by an operation.
func TestOperations(t *testing.T) {
	used := make(map[registry.Bucket]bool)
	ops := operations()
	for _, a := range registry.Areas() {
		for i := range a.Functions {
			f := &a.Functions[i]
			if f.Op == "" {
				continue
			}
			if ops[f.Op].Function != f {
				t.Errorf("operation %s is declared and does not act: name it in acts", f.Op)
			}
			args := make([]khronos.Value, len(f.Args))
			if f.Missing(registry.NewGrants(nil), args) == "" {
				t.Errorf("operation %s is allowed without any capability", f.Op)
			}
			if f.Missing(registry.AllGrants, args) != "" {
				t.Errorf("operation %s is refused with *", f.Op)
			}
			used[f.Bucket] = true
		}
	}
	for b, q := range newLimiter(limits.Default()).quotas {
		if registry.Bucket(b) != registry.Free && (!used[registry.Bucket(b)] || q.burst <= 0 || q.per <= 0 || q.name == "") {
			t.Errorf("bucket %d, %+v, is used by no operation or is no bucket", b, q)
		}
	}
}

func TestGrantCache_bounded(t *testing.T) {
	c := newGrantCache(nil)
	for n := range maxCachedTenants + 100 {
		c.keep(tenantN(n+1), nil, 0)
	}
	if len(c.tenants) != maxCachedTenants {
		t.Errorf("%d tenants are cached, want %d", len(c.tenants), maxCachedTenants)
	}
}
