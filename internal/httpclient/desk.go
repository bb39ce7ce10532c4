package httpclient

import (
	"sync"

	"github.com/template-worker/template-worker/internal/khronos"
)

// desk counts the requests under way: each may hold an answer of
// http_response_bytes in memory. Nobody waits at it.
type desk struct {
	all, each int

	// mu guards the fields below.
	mu      sync.Mutex
	total   int
	tenants map[khronos.TenantID]int
}

func newDesk(all, each int) *desk {
	return &desk{all: all, each: each, tenants: map[khronos.TenantID]int{}}
}

// enter counts a request until leave is called, or is rate_limited.
func (d *desk) enter(tenant khronos.TenantID) (leave func(), err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.tenants[tenant] >= d.each:
		return nil, khronos.Errorf(khronos.ErrKindRateLimited, "more than %d requests of the tenant at once (http_per_tenant)", d.each)
	case d.total >= d.all:
		return nil, khronos.Errorf(khronos.ErrKindRateLimited, "more than %d requests of all tenants at once (http_at_once): try again", d.all)
	}
	d.total++
	d.tenants[tenant]++
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.total--
		if d.tenants[tenant]--; d.tenants[tenant] == 0 {
			delete(d.tenants, tenant)
		}
	}, nil
}
