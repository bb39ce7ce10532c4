// Package storetest is the suite that every implementation of [store.Store]
// passes. It says in tests what the contract says in words.
package storetest

import (
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

// Run tests an implementation. open returns an empty store for one test; the
// suite closes it.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	groups := []struct {
		name  string
		tests []test
	}{
		{"templates", templateTests},
		{"tenants", tenantTests},
		{"kv", kvTests},
		{"kv find", findTests},
		{"kv apply", applyTests},
		{"kv expiry", expiryTests},
		{"template versions", versionTests},
		{"shared", sharedTests},
		{"concurrency", concurrencyTests},
		{"life", lifeTests},
		{"model", modelTests},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			for _, test := range g.tests {
				t.Run(test.name, func(t *testing.T) {
					s := open(t)
					t.Cleanup(func() { check(t, s.Close()) })
					test.run(t, s)
				})
			}
		})
	}
}

// test is one situation. The store is empty and belongs to the test.
type test struct {
	name string
	run  func(*testing.T, store.Store)
}

var (
	guild     = khronos.TenantID{Kind: khronos.TenantGuild, ID: 1203456789012345678}
	other     = khronos.TenantID{Kind: khronos.TenantGuild, ID: 1203456789012345679}
	user      = khronos.TenantID{Kind: khronos.TenantUser, ID: 1203456789012345678} // the guild's snowflake
	giant     = khronos.TenantID{Kind: khronos.TenantGuild, ID: 1<<64 - 1}          // all bits: beyond int64
	halfGiant = khronos.TenantID{Kind: khronos.TenantGuild, ID: 1 << 63}            // the smallest int64, when read as one
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// set stores a value under a key and scopes.
func set(t *testing.T, s store.Store, tenant khronos.TenantID, key string, v khronos.Value, scopes ...string) {
	t.Helper()
	check(t, s.KVSet(t.Context(), tenant, key, v, scopes))
}

// template is a small valid template.
func template(tenant khronos.TenantID, name string) store.Template {
	return store.Template{Tenant: tenant, Template: khronos.Template{
		Name:          name,
		Files:         map[string]string{"init.luau": "return {}", "lib/a.luau": ""},
		Capabilities:  []string{"kv:*", "discord:ban"},
		Subscriptions: []string{"MESSAGE", "OnStartup"},
	}}
}

// recent fails unless at is the time of something that just happened, in the
// form the contract asks for.
func recent(t *testing.T, at time.Time) {
	t.Helper()
	if age := time.Since(at); age < -time.Second || age > time.Minute {
		t.Errorf("time %v is %v away from now", at, age)
	}
	if at.Location() != time.UTC || at.Nanosecond()%1000 != 0 {
		t.Errorf("time %v: want UTC and whole microseconds", at)
	}
}
