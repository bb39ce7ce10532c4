package memory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

// row is a KV row. The value is kept in its JSON form, as the databases do.
type row struct {
	id        string
	key       string
	scopes    []string
	value     []byte
	written   uint64
	createdAt time.Time
	updatedAt time.Time
}

// KVGet implements [store.Store].
func (s *Store) KVGet(ctx context.Context, id khronos.TenantID, key string, scopes []string) (store.KVRecord, error) {
	want, err := store.KeyAndScopes(key, scopes)
	if err != nil {
		return store.KVRecord{}, err
	}
	var found *row
	err = s.do(ctx, func() error {
		for _, r := range s.rowsLocked(id) {
			if r.key == key && r.has(want) && (found == nil || r.written > found.written) {
				found = r
			}
		}
		if found == nil {
			return fmt.Errorf("key %q of %s: %w", key, id, store.ErrNotFound)
		}
		copied := *found
		found = &copied
		return nil
	})
	if err != nil {
		return store.KVRecord{}, err
	}
	return found.record()
}

// KVFind implements [store.Store].
func (s *Store) KVFind(ctx context.Context, id khronos.TenantID, pattern string, scopes []string, limit int) ([]store.KVRecord, error) {
	p, err := store.CompilePattern(pattern)
	if err != nil {
		return nil, err
	}
	want, err := store.ScopeSet(scopes)
	if err != nil {
		return nil, err
	}
	var found []row
	err = s.do(ctx, func() error {
		for _, r := range s.rowsLocked(id) {
			if r.has(want) && p.Match(r.key) {
				found = append(found, *r)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	// Stable: rows of one key stay oldest first.
	slices.SortStableFunc(found, func(a, b row) int { return strings.Compare(a.key, b.key) })
	return records(found[:min(len(found), max(limit, 0))])
}

// KVSet implements [store.Store].
func (s *Store) KVSet(ctx context.Context, id khronos.TenantID, key string, v khronos.Value, scopes []string) error {
	if err := store.CheckTenant(id); err != nil {
		return err
	}
	set, err := store.KeyAndScopes(key, scopes)
	if err != nil {
		return err
	}
	value, err := store.EncodeValue(v)
	if err != nil {
		return err
	}
	return s.do(ctx, func() error {
		t := s.tenantLocked(id)
		t.writes++
		now := store.Now()
		for _, r := range t.rows {
			if r.key == key && slices.Equal(r.scopes, set) {
				r.value, r.written, r.updatedAt = value, t.writes, now
				return nil
			}
		}
		t.rows = append(t.rows, &row{
			id: store.NewRecordID(), key: key, scopes: set, value: value,
			written: t.writes, createdAt: now, updatedAt: now,
		})
		return nil
	})
}

// KVDelete implements [store.Store].
func (s *Store) KVDelete(ctx context.Context, id khronos.TenantID, key string, scopes []string) error {
	want, err := store.KeyAndScopes(key, scopes)
	if err != nil {
		return err
	}
	return s.do(ctx, func() error {
		t := s.tenants[id]
		if t == nil {
			return nil
		}
		t.rows = slices.DeleteFunc(t.rows, func(r *row) bool { return r.key == key && r.has(want) })
		return nil
	})
}

// KVScopes implements [store.Store].
func (s *Store) KVScopes(ctx context.Context, id khronos.TenantID) ([]string, error) {
	scopes := []string{}
	err := s.do(ctx, func() error {
		for _, r := range s.rowsLocked(id) {
			scopes = append(scopes, r.scopes...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(scopes)
	scopes = slices.Compact(scopes)
	size := 0
	for _, scope := range scopes {
		size += len(scope)
	}
	if size > store.MaxFindBytes {
		return nil, fmt.Errorf("scopes of %s: more than %d bytes: %w", id, store.MaxFindBytes, store.ErrTooLarge)
	}
	return scopes, nil
}

func (s *Store) rowsLocked(id khronos.TenantID) []*row {
	if t := s.tenants[id]; t != nil {
		return t.rows
	}
	return nil
}

// has tells whether the row's scopes contain all of want. Both are sorted.
func (r *row) has(want []string) bool {
	for _, w := range want {
		if _, ok := slices.BinarySearch(r.scopes, w); !ok {
			return false
		}
	}
	return true
}

// record decodes the row. It may run without mu, on a copy: the slices of a row
// are replaced, never written to.
func (r *row) record() (store.KVRecord, error) {
	v, err := khronos.ParseJSON(r.value, khronos.MaxDepth)
	if err != nil {
		return store.KVRecord{}, fmt.Errorf("decode the value of key %q: %w", r.key, err)
	}
	return store.KVRecord{
		ID: r.id, Key: r.key, Value: v, Scopes: slices.Clone(r.scopes),
		CreatedAt: r.createdAt, UpdatedAt: r.updatedAt,
	}, nil
}

func records(rows []row) ([]store.KVRecord, error) {
	out := make([]store.KVRecord, 0, len(rows))
	size := 0
	for i := range rows {
		size += len(rows[i].value)
		if size > store.MaxFindBytes {
			return nil, fmt.Errorf("find: values of more than %d bytes: %w", store.MaxFindBytes, store.ErrTooLarge)
		}
		record, err := rows[i].record()
		if err != nil {
			return nil, err
		}
		out = append(out, record)
	}
	return out, nil
}
