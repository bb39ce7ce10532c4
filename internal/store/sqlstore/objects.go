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
	objectSQL = `SELECT size FROM objects WHERE tenant = $1 AND key = $2`

	putObjectSQL = `INSERT INTO objects (tenant, key, size) VALUES ($1, $2, $3)
		ON CONFLICT (tenant, key) DO UPDATE SET size = excluded.size`

	deleteObjectSQL = `DELETE FROM objects WHERE tenant = $1 AND key = $2 RETURNING size`
)

// ObjectReserve implements [store.Store].
func (s *Store) ObjectReserve(ctx context.Context, tenant khronos.TenantID, key string, size int64, q store.Quota) error {
	if err := store.CheckObject(tenant, key, size); err != nil {
		return err
	}
	err := s.db.Update(ctx, func(tx Tx) error {
		t, err := s.lockTenant(ctx, tx, tenant, true)
		if err != nil {
			return err
		}
		before := t.objects()
		var old int64
		err = tx.Row(ctx, objectSQL, t.pk, key).Scan(&old)
		if errors.Is(err, sql.ErrNoRows) {
			t.usage.Objects++
		} else if err != nil {
			return err
		}
		t.usage.ObjectBytes += size - old
		if err := q.Allow("objects", before, t.objects()); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, putObjectSQL, t.pk, key, size); err != nil {
			return err
		}
		return t.save(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("reserve object %q of %s: %w", key, tenant, err)
	}
	return nil
}

// ObjectRelease implements [store.Store].
func (s *Store) ObjectRelease(ctx context.Context, tenant khronos.TenantID, key string) error {
	if err := store.CheckText("object key", key); err != nil {
		return err
	}
	err := s.db.Update(ctx, func(tx Tx) error {
		t, err := s.lockTenant(ctx, tx, tenant, false)
		if err != nil {
			return err
		}
		var size int64
		if err := tx.Row(ctx, deleteObjectSQL, t.pk, key).Scan(&size); err != nil {
			return err
		}
		t.usage.Objects--
		t.usage.ObjectBytes -= size
		return t.save(ctx, tx)
	})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("release object %q of %s: %w", key, tenant, err)
	}
	return nil
}
