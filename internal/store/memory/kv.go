package memory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

// row is a KV row. The value is kept in its JSON form, as the databases do. A
// row is never written to: a change puts another in its place.
type row struct {
	number    int64 // rises in the order in which rows were made
	id        string
	key       string
	scopes    []string
	value     []byte
	version   int64
	createdAt time.Time
	updatedAt time.Time
	expiresAt time.Time // zero: never
	gone      bool      // set anew after it had expired; waits for its acknowledgement
}

// live tells whether the row is there for scripts.
func (r *row) live(now time.Time) bool {
	return !r.gone && (r.expiresAt.IsZero() || r.expiresAt.After(now))
}

func (r *row) size() int64 { return store.RowBytes(r.key, r.scopes, r.value) }

// KVGet implements [store.Store].
func (s *Store) KVGet(ctx context.Context, id khronos.TenantID, key string, scopes []string) (store.KVRecord, error) {
	want, err := store.KeyAndScopes(key, scopes)
	if err != nil {
		return store.KVRecord{}, err
	}
	var found *row
	err = s.do(ctx, func() error {
		now := store.Now()
		for _, r := range s.rowsLocked(id) {
			if r.key == key && r.has(want) && r.live(now) && (found == nil || r.version > found.version) {
				found = r
			}
		}
		if found == nil {
			return fmt.Errorf("key %q of %s: %w", key, id, store.ErrNotFound)
		}
		return nil
	})
	if err != nil {
		return store.KVRecord{}, err
	}
	return found.record()
}

// KVGetByID implements [store.Store].
func (s *Store) KVGetByID(ctx context.Context, id khronos.TenantID, rowID string) (store.KVRecord, error) {
	if err := store.CheckText("id", rowID); err != nil {
		return store.KVRecord{}, err
	}
	var found *row
	err := s.do(ctx, func() error {
		now := store.Now()
		for _, r := range s.rowsLocked(id) {
			if r.id == rowID && r.live(now) {
				found = r
				return nil
			}
		}
		return fmt.Errorf("row %q of %s: %w", rowID, id, store.ErrNotFound)
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
	var found []*row
	err = s.do(ctx, func() error {
		now := store.Now()
		for _, r := range s.rowsLocked(id) {
			if r.has(want) && p.Match(r.key) && r.live(now) {
				found = append(found, r)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	// Stable: rows of one key stay oldest first.
	slices.SortStableFunc(found, func(a, b *row) int { return strings.Compare(a.key, b.key) })
	return records(found[:min(len(found), max(limit, 0))])
}

// KVSet implements [store.Store].
func (s *Store) KVSet(ctx context.Context, id khronos.TenantID, key string, v khronos.Value, scopes []string) error {
	op := store.KVOp{Action: store.KVActionSet, Key: key, Scopes: scopes, Value: v}
	_, err := s.KVApply(ctx, id, store.KVBatch{Ops: []store.KVOp{op}})
	return err
}

// KVDelete implements [store.Store].
func (s *Store) KVDelete(ctx context.Context, id khronos.TenantID, key string, scopes []string) error {
	op := store.KVOp{Action: store.KVActionDelete, Key: key, Scopes: scopes}
	_, err := s.KVApply(ctx, id, store.KVBatch{Ops: []store.KVOp{op}})
	return err
}

// KVApply implements [store.Store].
func (s *Store) KVApply(ctx context.Context, id khronos.TenantID, b store.KVBatch) ([]store.KVResult, error) {
	changes, err := store.CheckBatch(id, b)
	if err != nil {
		return nil, err
	}
	var results []store.KVResult
	err = s.do(ctx, func() error {
		t := s.tenants[id]
		if t == nil {
			t = newTenant() // kept only if it gets something
		}
		return once(t, b.Op, "kv", &results, func() error {
			a := applier{s: s, rows: slices.Clone(t.rows), writes: t.writes, now: store.Now()}
			before := usage(t.rows)
			for i, c := range changes {
				result, err := a.one(i, c)
				if err != nil {
					return fmt.Errorf("change keys of %s: %w", id, err)
				}
				results = append(results, result)
			}
			if err := b.Quota.Allow("KV rows", before, usage(a.rows)); err != nil {
				return err
			}
			t.rows, t.writes = a.rows, a.writes
			if id.Valid() {
				s.tenants[id] = t
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return slices.Clone(results), nil
}

func usage(rows []*row) store.Quota {
	q := store.Quota{Count: int64(len(rows))}
	for _, r := range rows {
		q.Bytes += r.size()
	}
	return q
}

// applier does a batch on copies; mu is held.
type applier struct {
	s      *Store
	rows   []*row
	writes int64
	now    time.Time
}

func (a *applier) one(i int, c store.KVChange) (store.KVResult, error) {
	if c.Action == store.KVActionDelete && c.Expect == 0 {
		before := len(a.rows)
		a.rows = slices.DeleteFunc(a.rows, func(r *row) bool { return r.key == c.Key && r.has(c.Scopes) && r.live(a.now) })
		return store.KVResult{Deleted: int64(before - len(a.rows))}, nil
	}
	at := slices.IndexFunc(a.rows, func(r *row) bool { return r.key == c.Key && slices.Equal(r.scopes, c.Scopes) && !r.gone })
	found := int64(0)
	if at >= 0 && a.rows[at].live(a.now) {
		found = a.rows[at].version
	}
	if err := c.Expected(i, found); err != nil {
		return store.KVResult{}, err
	}
	switch {
	case c.Action == store.KVActionSet:
		return a.set(c, at), nil
	case c.Action == store.KVActionDelete && found != 0:
		a.rows = slices.Delete(a.rows, at, at+1)
		return store.KVResult{Deleted: 1}, nil
	}
	return store.KVResult{}, nil
}

// set puts the row in place of the one at that index, or behind all when there is none.
func (a *applier) set(c store.KVChange, at int) store.KVResult {
	a.writes++
	next := &row{
		key: c.Key, scopes: c.Scopes, value: c.Encoded, version: a.writes, expiresAt: c.ExpiresAt,
		createdAt: a.now, updatedAt: a.now,
	}
	if at >= 0 && a.rows[at].live(a.now) {
		old := a.rows[at]
		next.number, next.id, next.createdAt = old.number, old.id, old.createdAt
		a.rows[at] = next
		return store.KVResult{Version: next.version, ID: next.id}
	}
	if at >= 0 {
		gone := *a.rows[at]
		gone.gone = true
		a.rows[at] = &gone
	}
	a.s.made++
	next.number, next.id = a.s.made, store.NewRecordID()
	a.rows = append(a.rows, next)
	return store.KVResult{Version: next.version, ID: next.id}
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

// expiring is a row that does not stay, with its tenant.
type expiring struct {
	tenant khronos.TenantID
	*row
}

func (e expiring) cursor() store.KVCursor { return store.KVCursor{At: e.expiresAt, Row: e.number} }

func compareCursors(a, b store.KVCursor) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Row, b.Row))
}

// expiringLocked returns the rows that expire after the cursor, in order.
func (s *Store) expiringLocked(after store.KVCursor) []expiring {
	var list []expiring
	for id, t := range s.tenants {
		for _, r := range t.rows {
			if e := (expiring{id, r}); !r.expiresAt.IsZero() && compareCursors(e.cursor(), after) > 0 {
				list = append(list, e)
			}
		}
	}
	slices.SortFunc(list, func(a, b expiring) int { return compareCursors(a.cursor(), b.cursor()) })
	return list
}

// KVDue implements [store.Store].
func (s *Store) KVDue(ctx context.Context, now time.Time, after store.KVCursor, limit int) ([]store.KVExpiry, error) {
	var found []expiring
	err := s.do(ctx, func() error {
		found = s.expiringLocked(after)
		return nil
	})
	if err != nil {
		return nil, err
	}
	list := []store.KVExpiry{}
	size := 0
	for _, e := range found {
		if len(list) >= limit || e.expiresAt.After(now) {
			break
		}
		if size += len(e.value); size > store.MaxFindBytes && len(list) > 0 {
			break
		}
		record, err := e.record()
		if err != nil {
			return nil, err
		}
		list = append(list, store.KVExpiry{Tenant: e.tenant, Record: record, Cursor: e.cursor()})
	}
	return list, nil
}

// KVNextExpiry implements [store.Store].
func (s *Store) KVNextExpiry(ctx context.Context, after store.KVCursor) (time.Time, error) {
	var next time.Time
	err := s.do(ctx, func() error {
		if list := s.expiringLocked(after); len(list) > 0 {
			next = list[0].expiresAt
		}
		return nil
	})
	return next, err
}

// KVExpire implements [store.Store].
func (s *Store) KVExpire(ctx context.Context, done []store.KVExpiry) error {
	return s.do(ctx, func() error {
		for _, e := range done {
			t := s.tenants[e.Tenant]
			if t == nil {
				continue
			}
			t.rows = slices.DeleteFunc(slices.Clone(t.rows), func(r *row) bool {
				return r.number == e.Cursor.Row && r.version == e.Record.Version && r.expiresAt.Equal(e.Record.ExpiresAt)
			})
		}
		return nil
	})
}

// ObjectReserve implements [store.Store].
func (s *Store) ObjectReserve(ctx context.Context, id khronos.TenantID, key string, size int64, q store.Quota) error {
	if err := store.CheckObject(id, key, size); err != nil {
		return err
	}
	return s.do(ctx, func() error {
		t := s.tenantLocked(id)
		next := maps.Clone(t.objects)
		next[key] = size
		if err := q.Allow("objects", objectUsage(t.objects), objectUsage(next)); err != nil {
			return fmt.Errorf("reserve object %q of %s: %w", key, id, err)
		}
		t.objects = next
		return nil
	})
}

// ObjectRelease implements [store.Store].
func (s *Store) ObjectRelease(ctx context.Context, id khronos.TenantID, key string) error {
	if err := store.CheckText("object key", key); err != nil {
		return err
	}
	return s.do(ctx, func() error {
		if t := s.tenants[id]; t != nil {
			delete(t.objects, key)
		}
		return nil
	})
}

func objectUsage(objects map[string]int64) store.Quota {
	q := store.Quota{Count: int64(len(objects))}
	for _, size := range objects {
		q.Bytes += size
	}
	return q
}

// Usage implements [store.Store].
func (s *Store) Usage(ctx context.Context, id khronos.TenantID) (store.Usage, error) {
	var out store.Usage
	err := s.do(ctx, func() error {
		t := s.tenants[id]
		if t == nil {
			return nil
		}
		kv, objects := usage(t.rows), objectUsage(t.objects)
		out = store.Usage{KVRows: kv.Count, KVBytes: kv.Bytes, Objects: objects.Count, ObjectBytes: objects.Bytes}
		return nil
	})
	return out, err
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

// record decodes the row. It may run without mu: a row is never written to.
func (r *row) record() (store.KVRecord, error) {
	v, err := khronos.ParseJSON(r.value, khronos.MaxDepth)
	if err != nil {
		return store.KVRecord{}, fmt.Errorf("decode the value of key %q: %w", r.key, err)
	}
	return store.KVRecord{
		ID: r.id, Key: r.key, Value: v, Scopes: slices.Clone(r.scopes), Version: r.version,
		CreatedAt: r.createdAt, UpdatedAt: r.updatedAt, ExpiresAt: r.expiresAt,
	}, nil
}

func records(rows []*row) ([]store.KVRecord, error) {
	out := make([]store.KVRecord, 0, len(rows))
	size := 0
	for _, r := range rows {
		size += len(r.value)
		if size > store.MaxFindBytes {
			return nil, fmt.Errorf("find: values of more than %d bytes: %w", store.MaxFindBytes, store.ErrTooLarge)
		}
		record, err := r.record()
		if err != nil {
			return nil, err
		}
		out = append(out, record)
	}
	return out, nil
}
