// Package memory is a [store.Store] that keeps everything in the memory of the
// process. It has the behaviour of the real ones, atomicity and limits
// included, except that nothing outlives it: tests use it, and programs that
// run one template and end.
//
// It owns what it keeps and copies whatever comes in or goes out. It starts no
// goroutine.
package memory

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

// Store implements [store.Store]. Make one with New.
type Store struct {
	// mu guards the fields below.
	mu      sync.Mutex
	closed  bool
	tenants map[khronos.TenantID]*tenant
	shop    map[store.TemplateRef]store.ShopTemplate
	global  map[globalName]global
	made    int64 // KV rows ever made
}

var _ store.Store = (*Store)(nil)

// tenant is what is kept of one tenant. An entry may be empty again: whether a
// tenant is known is asked of its content.
type tenant struct {
	templates  map[string]*template
	versions   map[string]int64 // the last version of each name, of deleted templates too
	state      *khronos.TenantState
	rows       []*row // oldest first
	writes     int64  // sets so far; numbers the rows' versions
	objects    map[string]int64
	operations map[store.OpID]operation
}

// operation is the answer of a call that may be sent again.
type operation struct {
	method string
	answer any
	at     time.Time
}

// New returns an empty store.
func New() *Store {
	return &Store{
		tenants: make(map[khronos.TenantID]*tenant),
		shop:    make(map[store.TemplateRef]store.ShopTemplate),
		global:  make(map[globalName]global),
	}
}

func newTenant() *tenant {
	return &tenant{
		templates: make(map[string]*template), versions: make(map[string]int64),
		objects: make(map[string]int64), operations: make(map[store.OpID]operation),
	}
}

// once runs f, unless the operation was done before, and in both cases leaves
// its answer in *answer.
func once[T any](t *tenant, id store.OpID, method string, answer *T, f func() error) error {
	if id == "" {
		return f()
	}
	maps.DeleteFunc(t.operations, func(_ store.OpID, o operation) bool { return time.Since(o.at) >= store.OpMemory })
	if done, ok := t.operations[id]; ok {
		if done.method != method {
			return fmt.Errorf("%w: operation id %q was given to another call", store.ErrInvalid, id)
		}
		*answer = done.answer.(T)
		return nil
	}
	if err := f(); err != nil {
		return err
	}
	t.operations[id] = operation{method, *answer, store.Now()}
	return nil
}

// Ping implements [store.Store].
func (s *Store) Ping(ctx context.Context) error {
	return s.do(ctx, func() error { return nil })
}

// Close implements [store.Store].
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.tenants = nil
	return nil
}

// KnownTenants implements [store.Store].
func (s *Store) KnownTenants(ctx context.Context, ids []khronos.TenantID) ([]bool, error) {
	known := make([]bool, len(ids))
	err := s.do(ctx, func() error {
		for i, id := range ids {
			known[i] = s.tenants[id].known()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return known, nil
}

// Stats implements [store.Store].
func (s *Store) Stats(ctx context.Context) (store.Stats, error) {
	var out store.Stats
	err := s.do(ctx, func() error {
		for id, t := range s.tenants {
			switch {
			case !t.known():
			case id.Kind == khronos.TenantUser:
				out.Users++
			default:
				out.Guilds++
				if len(t.templates) > 0 {
					out.GuildsWithTemplate++
				}
			}
		}
		return nil
	})
	return out, err
}

// TenantState implements [store.Store].
func (s *Store) TenantState(ctx context.Context, id khronos.TenantID) (khronos.TenantState, error) {
	out := khronos.TenantState{Events: []string{}}
	err := s.do(ctx, func() error {
		out.Data, _ = store.StateData(nil)
		t := s.tenants[id]
		if t == nil {
			return nil
		}
		if t.state != nil {
			out.Banned, out.Data = t.state.Banned, slices.Clone(t.state.Data)
		}
		for _, tpl := range t.templates {
			if v, _ := tpl.version(s, tpl.current); !v.Paused {
				out.Events = append(out.Events, v.Subscriptions...)
			}
		}
		slices.Sort(out.Events)
		out.Events = slices.Compact(out.Events)
		return nil
	})
	if err != nil {
		return khronos.TenantState{}, err
	}
	return out, nil
}

// PutTenantState implements [store.Store].
func (s *Store) PutTenantState(ctx context.Context, id khronos.TenantID, state khronos.TenantState) error {
	if err := store.CheckTenant(id); err != nil {
		return err
	}
	data, err := store.StateData(state.Data)
	if err != nil {
		return err
	}
	return s.do(ctx, func() error {
		s.tenantLocked(id).state = &khronos.TenantState{Banned: state.Banned, Data: data}
		return nil
	})
}

// PutTenantData implements [store.Store].
func (s *Store) PutTenantData(ctx context.Context, id khronos.TenantID, data json.RawMessage) error {
	if err := store.CheckTenant(id); err != nil {
		return err
	}
	data, err := store.StateData(data)
	if err != nil {
		return err
	}
	return s.do(ctx, func() error {
		t := s.tenantLocked(id)
		banned := t.state != nil && t.state.Banned
		t.state = &khronos.TenantState{Banned: banned, Data: data}
		return nil
	})
}

// do runs f with mu held, unless ctx has ended or the store is closed.
func (s *Store) do(ctx context.Context, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.ErrClosed
	}
	return f()
}

func (s *Store) tenantLocked(id khronos.TenantID) *tenant {
	t := s.tenants[id]
	if t == nil {
		t = newTenant()
		s.tenants[id] = t
	}
	return t
}

// known tells whether the tenant has anything. A nil tenant has nothing.
func (t *tenant) known() bool {
	return t != nil && (len(t.templates) > 0 || len(t.rows) > 0 || t.state != nil)
}
