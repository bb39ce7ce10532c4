package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

// globalName is what names a GlobalKV entry.
type globalName struct {
	key     string
	version int32
	scope   string
}

func (n globalName) compare(o globalName) int {
	return cmp.Or(strings.Compare(n.key, o.key), cmp.Compare(n.version, o.version), strings.Compare(n.scope, o.scope))
}

func nameOf(e store.GlobalEntry) globalName { return globalName{e.Key, e.Version, e.Scope} }

// global is an entry; its values are kept in their JSON form, as the databases do.
type global struct {
	store.GlobalEntry
	metadata []byte
	data     []byte
}

// entry decodes the entry, without Long and Data when it is for a list.
func (g global) entry(whole bool) (e store.GlobalEntry, err error) {
	e = g.GlobalEntry
	if e.PublicMetadata, err = khronos.ParseJSON(g.metadata, khronos.MaxDepth); err != nil {
		return e, fmt.Errorf("decode the metadata of %q: %w", e.Key, err)
	}
	if !whole {
		e.Long, e.Data = "", khronos.Value{}
		return e, nil
	}
	if e.Data, err = khronos.ParseJSON(g.data, khronos.MaxDepth); err != nil {
		return e, fmt.Errorf("decode the data of %q: %w", e.Key, err)
	}
	return e, nil
}

// GlobalCreate implements [store.Store].
func (s *Store) GlobalCreate(ctx context.Context, op store.OpID, e store.GlobalEntry) error {
	if err := cmp.Or(store.CheckGlobalEntry(e), store.CheckOp(op)); err != nil {
		return err
	}
	metadata, err := store.EncodeValue(e.PublicMetadata)
	if err != nil {
		return err
	}
	data, err := store.EncodeValue(e.Data)
	if err != nil {
		return err
	}
	return s.do(ctx, func() error {
		var none struct{}
		return once(s.tenantLocked(e.Owner), op, "global create", &none, func() error {
			if _, ok := s.global[nameOf(e)]; ok {
				return fmt.Errorf("create global key %q: %w", e.Key, store.ErrExists)
			}
			e.Review, e.CreatedAt = store.Review{State: store.ReviewPending}, store.Now()
			e.UpdatedAt = e.CreatedAt
			s.global[nameOf(e)] = global{e, metadata, data}
			return nil
		})
	})
}

// GlobalGet implements [store.Store].
func (s *Store) GlobalGet(ctx context.Context, key string, version int32, scope string) (store.GlobalEntry, error) {
	if err := store.CheckText("key", key+scope); err != nil {
		return store.GlobalEntry{}, err
	}
	var found global
	err := s.do(ctx, func() error {
		var ok bool
		if found, ok = s.global[globalName{key, version, scope}]; !ok {
			return fmt.Errorf("global key %q: %w", key, store.ErrNotFound)
		}
		return nil
	})
	if err != nil {
		return store.GlobalEntry{}, err
	}
	return found.entry(true)
}

// GlobalFind implements [store.Store].
func (s *Store) GlobalFind(ctx context.Context, f store.GlobalFilter, limit int) ([]store.GlobalEntry, error) {
	if f.Pattern == "" {
		f.Pattern = "%"
	}
	p, err := store.CompilePattern(f.Pattern)
	if err != nil {
		return nil, err
	}
	if err := store.CheckText("scope", f.Scope); err != nil {
		return nil, err
	}
	var found []global
	err = s.do(ctx, func() error {
		for _, g := range s.global {
			if p.Match(g.Key) && picks(f.Scope, g.Scope) && picks(f.Owner, g.Owner) && picks(f.Review, g.Review.State) {
				found = append(found, g)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b global) int { return nameOf(a.GlobalEntry).compare(nameOf(b.GlobalEntry)) })
	list := []store.GlobalEntry{}
	size := 0
	for _, g := range found[:min(len(found), max(limit, 0))] {
		if size += len(g.metadata); size > store.MaxFindBytes {
			return nil, fmt.Errorf("find global keys: %w", store.ErrTooLarge)
		}
		e, err := g.entry(false)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

// GlobalDelete implements [store.Store].
func (s *Store) GlobalDelete(ctx context.Context, op store.OpID, owner khronos.TenantID, key string, version int32, scope string) error {
	if err := cmp.Or(store.CheckText("key", key+scope), store.CheckOp(op)); err != nil {
		return err
	}
	name := globalName{key, version, scope}
	remove := func() error {
		g, ok := s.global[name]
		if !ok || !picks(owner, g.Owner) {
			return fmt.Errorf("delete global key %q: %w", key, store.ErrNotFound)
		}
		delete(s.global, name)
		return nil
	}
	if owner == (khronos.TenantID{}) {
		return s.do(ctx, remove)
	}
	if err := store.CheckTenant(owner); err != nil {
		return err
	}
	return s.do(ctx, func() error {
		var none struct{}
		return once(s.tenantLocked(owner), op, "global delete", &none, remove)
	})
}

// GlobalReview implements [store.Store].
func (s *Store) GlobalReview(ctx context.Context, key string, version int32, scope string, r store.Review) error {
	if err := cmp.Or(store.CheckText("key", key+scope), store.CheckReview(r)); err != nil {
		return err
	}
	return s.do(ctx, func() error {
		name := globalName{key, version, scope}
		g, ok := s.global[name]
		if !ok {
			return fmt.Errorf("review global key %q: %w", key, store.ErrNotFound)
		}
		g.Review, g.UpdatedAt = r, store.Now()
		s.global[name] = g
		return nil
	})
}
