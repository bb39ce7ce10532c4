package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

const (
	// Both name the constant of the partial index, so that it can serve them. The
	// bound that ends the search comes first: SQLite takes the first of two, and
	// with the other one it reads every key that has still to expire.
	dueSQL = `SELECT t.kind, t.snowflake, ` + recordColumns + ` FROM kv JOIN tenants AS t ON t.pk = kv.tenant
		WHERE kv.expires_at <= $1 AND kv.expires_at < ` + neverSQL + ` AND (kv.expires_at, kv.pk) > ($2, $3)
		ORDER BY kv.expires_at, kv.pk LIMIT $4`

	nextExpirySQL = `SELECT kv.expires_at FROM kv
		WHERE kv.expires_at < ` + neverSQL + ` AND (kv.expires_at, kv.pk) > ($1, $2)
		ORDER BY kv.expires_at, kv.pk LIMIT 1`

	expireSQL = `DELETE FROM kv WHERE pk = $1 AND tenant = $2 AND written = $3 AND expires_at = $4 RETURNING size`
)

// KVDue implements [store.Store].
func (s *Store) KVDue(ctx context.Context, now time.Time, after store.KVCursor, limit int) ([]store.KVExpiry, error) {
	list := []store.KVExpiry{}
	err := s.db.One(ctx, func(tx Tx) error {
		rows, err := tx.Query(ctx, dueSQL, now.UnixMicro(), after.At.UnixMicro(), after.Row, max(limit, 0))
		if err != nil {
			return err
		}
		defer rows.Close()
		size := 0
		for rows.Next() {
			var kind, snowflake int64
			var raw rawRecord
			if err := rows.Scan(append([]any{&kind, &snowflake}, raw.columns()...)...); err != nil {
				return err
			}
			if size += len(raw.value); size > store.MaxFindBytes && len(list) > 0 {
				return nil
			}
			record, err := raw.decode()
			if err != nil {
				return err
			}
			list = append(list, store.KVExpiry{
				Tenant: tenantOf(kind, snowflake), Record: record,
				Cursor: store.KVCursor{At: record.ExpiresAt, Row: raw.pk},
			})
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("read expired keys: %w", err)
	}
	return list, nil
}

// KVNextExpiry implements [store.Store].
func (s *Store) KVNextExpiry(ctx context.Context, after store.KVCursor) (time.Time, error) {
	var next int64
	err := s.db.One(ctx, func(tx Tx) error {
		return tx.Row(ctx, nextExpirySQL, after.At.UnixMicro(), after.Row).Scan(&next)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("read the next expiry: %w", err)
	}
	return fromMicros(next), nil
}

// KVExpire implements [store.Store].
func (s *Store) KVExpire(ctx context.Context, done []store.KVExpiry) error {
	if len(done) == 0 {
		return nil
	}
	// The order in which every transaction locks tenants.
	sorted := slices.SortedStableFunc(slices.Values(done), func(a, b store.KVExpiry) int {
		return cmp.Or(cmp.Compare(a.Tenant.Kind, b.Tenant.Kind), cmp.Compare(a.Tenant.ID, b.Tenant.ID))
	})
	err := s.db.Update(ctx, func(tx Tx) error {
		for len(sorted) > 0 {
			tenant := sorted[0].Tenant
			n := slices.IndexFunc(sorted, func(e store.KVExpiry) bool { return e.Tenant != tenant })
			if n < 0 {
				n = len(sorted)
			}
			if err := s.expire(ctx, tx, tenant, sorted[:n]); err != nil {
				return err
			}
			sorted = sorted[n:]
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("acknowledge %d expired keys: %w", len(done), err)
	}
	return nil
}

// expire removes the rows of one tenant.
func (s *Store) expire(ctx context.Context, tx Tx, tenant khronos.TenantID, done []store.KVExpiry) error {
	t, err := s.lockTenant(ctx, tx, tenant, false)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range done {
		var size int64
		err := tx.Row(ctx, expireSQL, e.Cursor.Row, t.pk, e.Record.Version, e.Record.ExpiresAt.UnixMicro()).Scan(&size)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return err
		}
		t.usage.KVRows--
		t.usage.KVBytes -= size
	}
	return t.save(ctx, tx)
}
