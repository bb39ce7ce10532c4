package broker

import (
	"context"
	"sync"

	"github.com/template-worker/template-worker/internal/host/registry"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

// maxCachedTenants bounds the cache: capabilities of 10,000 tenants with a few
// templates each are some megabytes.
const maxCachedTenants = 10_000

// grantCache remembers the capabilities of templates, by tenant.
type grantCache struct {
	store store.Store

	// mu guards the fields below.
	mu      sync.Mutex
	tenants map[khronos.TenantID]map[string]registry.Grants // by template name
	forgets uint64                                          // forget calls so far
}

func newGrantCache(st store.Store) *grantCache {
	return &grantCache{store: st, tenants: make(map[khronos.TenantID]map[string]registry.Grants)}
}

// of returns what the caller holds. It is not_found when the tenant has no such template.
func (c *grantCache) of(ctx context.Context, caller Caller) (registry.Grants, error) {
	if caller.Template == "" {
		return registry.AllGrants, nil
	}
	templates, err := c.templates(ctx, caller.Tenant)
	if err != nil {
		return registry.Grants{}, err
	}
	held, ok := templates[caller.Template]
	if !ok {
		return registry.Grants{}, khronos.Errorf(khronos.ErrKindNotFound, "%s has no template %s: it may have been deleted", caller.Tenant, clip(caller.Template))
	}
	return held, nil
}

func (c *grantCache) templates(ctx context.Context, tenant khronos.TenantID) (map[string]registry.Grants, error) {
	c.mu.Lock()
	cached, ok := c.tenants[tenant]
	before := c.forgets
	c.mu.Unlock()
	if ok {
		return cached, nil
	}
	list, err := c.store.Templates(ctx, tenant)
	if err != nil {
		return nil, err
	}
	templates := make(map[string]registry.Grants, len(list))
	for _, t := range list {
		templates[t.Name] = registry.NewGrants(t.Capabilities)
	}
	c.keep(tenant, templates, before)
	return templates, nil
}

// keep remembers what was read, unless something was forgotten since `before`:
// what was read may then be older than what was forgotten.
func (c *grantCache) keep(tenant khronos.TenantID, templates map[string]registry.Grants, before uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.forgets != before {
		return
	}
	for other := range c.tenants {
		if len(c.tenants) < maxCachedTenants {
			break
		}
		delete(c.tenants, other) // any one: a map has no order, so no tenant can choose whom
	}
	c.tenants[tenant] = templates
}

func (c *grantCache) forget(tenant khronos.TenantID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgets++
	delete(c.tenants, tenant)
}
