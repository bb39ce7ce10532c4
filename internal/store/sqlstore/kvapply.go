package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

const (
	// Parameters: tenant, first scope, key, all scopes.
	rowSQL = `SELECT kv.pk, kv.id, kv.written, kv.size, kv.expires_at FROM kv_scopes AS s JOIN kv ON kv.pk = s.kv
		WHERE s.tenant = $1 AND s.scope = $2 AND s.key = $3 AND kv.scopes = $4 AND kv.gone = 0`

	insertSQL = `INSERT INTO kv (tenant, key, scopes, id, value, size, written, created_at, updated_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9) RETURNING pk`

	addScopeSQL = `INSERT INTO kv_scopes (tenant, scope, key, kv) VALUES ($1, $2, $3, $4)`

	overwriteSQL = `UPDATE kv SET value = $2, size = $3, written = $4, updated_at = $5, expires_at = $6 WHERE pk = $1`

	// passSQL takes an expired row out of the way of a new one with its name; it stays until its expiry is acknowledged.
	passSQL = `UPDATE kv SET gone = pk WHERE pk = $1`

	deleteRowSQL = `DELETE FROM kv WHERE pk = $1`
)

// KVSet implements [store.Store].
func (s *Store) KVSet(ctx context.Context, tenant khronos.TenantID, key string, v khronos.Value, scopes []string) error {
	op := store.KVOp{Action: store.KVActionSet, Key: key, Scopes: scopes, Value: v}
	_, err := s.KVApply(ctx, tenant, store.KVBatch{Ops: []store.KVOp{op}})
	return err
}

// KVDelete implements [store.Store].
func (s *Store) KVDelete(ctx context.Context, tenant khronos.TenantID, key string, scopes []string) error {
	op := store.KVOp{Action: store.KVActionDelete, Key: key, Scopes: scopes}
	_, err := s.KVApply(ctx, tenant, store.KVBatch{Ops: []store.KVOp{op}})
	return err
}

// KVApply implements [store.Store].
func (s *Store) KVApply(ctx context.Context, tenant khronos.TenantID, b store.KVBatch) ([]store.KVResult, error) {
	changes, err := store.CheckBatch(tenant, b)
	if err != nil {
		return nil, err
	}
	create := b.Op != ""
	for _, c := range changes {
		create = create || c.Action == store.KVActionSet
	}
	var results []store.KVResult
	err = s.db.Update(ctx, func(tx Tx) error {
		t, err := s.lockTenant(ctx, tx, tenant, create)
		if errors.Is(err, sql.ErrNoRows) { // a tenant without rows
			results = make([]store.KVResult, len(changes))
			return expectNone(changes)
		}
		if err != nil {
			return err
		}
		return once(ctx, s, tx, t, b.Op, "kv", &results, func() error {
			a := applier{tx: tx, t: t, now: nowMicros()}
			results, err = a.apply(ctx, changes, b.Quota)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("change keys of %s: %w", tenant, err)
	}
	return results, nil
}

func expectNone(changes []store.KVChange) error {
	for i, c := range changes {
		if err := c.Expected(i, 0); err != nil {
			return err
		}
	}
	return nil
}

// applier does a batch within a transaction that holds the tenant's row.
type applier struct {
	tx    Tx
	t     *tenantRow
	now   int64
	dirty bool // the tenant's counts changed
}

func (a *applier) apply(ctx context.Context, changes []store.KVChange, q store.Quota) ([]store.KVResult, error) {
	before := a.t.kv()
	results := make([]store.KVResult, len(changes))
	for i, c := range changes {
		var err error
		if results[i], err = a.one(ctx, i, c); err != nil {
			return nil, err
		}
	}
	if err := q.Allow("KV rows", before, a.t.kv()); err != nil {
		return nil, err
	}
	if !a.dirty {
		return results, nil
	}
	return results, a.t.save(ctx, a.tx)
}

func (a *applier) one(ctx context.Context, i int, c store.KVChange) (store.KVResult, error) {
	if c.Action == store.KVActionDelete && c.Expect == 0 {
		n, err := a.deleteMatches(ctx, c)
		return store.KVResult{Deleted: n}, err
	}
	scopes := jsonText(c.Scopes)
	row, err := a.row(ctx, c.Key, c.Scopes[0], scopes)
	if err != nil {
		return store.KVResult{}, err
	}
	if err := c.Expected(i, row.version()); err != nil {
		return store.KVResult{}, err
	}
	switch {
	case c.Action == store.KVActionSet:
		return a.set(ctx, c, scopes, row)
	case c.Action == store.KVActionDelete && row != nil:
		return store.KVResult{Deleted: 1}, a.delete(ctx, row.pk, row.size)
	}
	return store.KVResult{}, nil
}

// currentRow is the live row of one key and scope set.
type currentRow struct {
	pk, written, size int64
	id                string
}

// version is 0 for no row.
func (r *currentRow) version() int64 {
	if r == nil {
		return 0
	}
	return r.written
}

// row returns the live row, or nil. One that has expired it takes out of the way.
func (a *applier) row(ctx context.Context, key, first, scopes string) (*currentRow, error) {
	var r currentRow
	var expires int64
	err := a.tx.Row(ctx, rowSQL, a.t.pk, first, key, scopes).Scan(&r.pk, &r.id, &r.written, &r.size, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if expires > a.now {
		return &r, nil
	}
	_, err = a.tx.Exec(ctx, passSQL, r.pk)
	return nil, err
}

func (a *applier) set(ctx context.Context, c store.KVChange, scopes string, row *currentRow) (store.KVResult, error) {
	expires := int64(never)
	if !c.ExpiresAt.IsZero() {
		expires = c.ExpiresAt.UnixMicro()
	}
	a.dirty = true
	a.t.writes++
	a.t.usage.KVBytes += c.Size
	if row != nil {
		a.t.usage.KVBytes -= row.size
		_, err := a.tx.Exec(ctx, overwriteSQL, row.pk, string(c.Encoded), c.Size, a.t.writes, a.now, expires)
		return store.KVResult{Version: a.t.writes, ID: row.id}, err
	}
	a.t.usage.KVRows++
	id := store.NewRecordID()
	var pk int64
	err := a.tx.Row(ctx, insertSQL, a.t.pk, c.Key, scopes, id, string(c.Encoded), c.Size, a.t.writes, a.now, expires).Scan(&pk)
	if err != nil {
		return store.KVResult{}, err
	}
	for _, scope := range c.Scopes {
		if _, err := a.tx.Exec(ctx, addScopeSQL, a.t.pk, scope, c.Key, pk); err != nil {
			return store.KVResult{}, err
		}
	}
	return store.KVResult{Version: a.t.writes, ID: id}, nil
}

// deleteMatches removes every live row with the key whose scopes contain the given ones.
func (a *applier) deleteMatches(ctx context.Context, c store.KVChange) (int64, error) {
	query := withScopes(matchesSQL, 4, len(c.Scopes)-1, "")
	rows, err := a.tx.Query(ctx, query, with([]any{a.t.pk, c.Scopes[0], c.Key, a.now}, c.Scopes[1:])...)
	if err != nil {
		return 0, err
	}
	var found []currentRow
	err = each(rows, func() error {
		var r currentRow
		err := rows.Scan(&r.pk, &r.size)
		found = append(found, r)
		return err
	})
	if err != nil {
		return 0, err
	}
	for _, r := range found {
		if err := a.delete(ctx, r.pk, r.size); err != nil {
			return 0, err
		}
	}
	return int64(len(found)), nil
}

func (a *applier) delete(ctx context.Context, pk, size int64) error {
	a.dirty = true
	a.t.usage.KVRows--
	a.t.usage.KVBytes -= size
	_, err := a.tx.Exec(ctx, deleteRowSQL, pk)
	return err
}
