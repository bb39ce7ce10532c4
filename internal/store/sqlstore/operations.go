package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

const (
	answerSQL = `SELECT method, answer FROM operations WHERE tenant = $1 AND id = $2 AND at > $3`

	rememberSQL = `INSERT INTO operations (tenant, id, method, answer, at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (tenant, id) DO UPDATE SET method = excluded.method, answer = excluded.answer, at = excluded.at`

	// forgetSQL forgets twice as many as one call adds, whosever they are, so that old ones never pile up.
	forgetSQL    = `DELETE FROM operations WHERE (tenant, id) IN (SELECT tenant, id FROM operations WHERE at <= $1 ORDER BY at LIMIT 2`
	forgetEndSQL = `)`
)

// once runs f, unless the tenant's operation was done before, and in both cases
// leaves its answer in *answer. The tenant's row is locked, so two calls with
// one id cannot run at once.
func once[T any](ctx context.Context, s *Store, tx Tx, t *tenantRow, id store.OpID, method string, answer *T, f func() error) error {
	if id == "" {
		return f()
	}
	now := nowMicros()
	oldest := now - store.OpMemory.Microseconds()
	var did, text string
	err := tx.Row(ctx, answerSQL, t.pk, string(id), oldest).Scan(&did, &text)
	if err == nil && did != method {
		return fmt.Errorf("%w: operation id %q was given to another call", store.ErrInvalid, id)
	}
	if err == nil {
		return json.Unmarshal([]byte(text), answer)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	kept, err := json.Marshal(*answer)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, rememberSQL, t.pk, string(id), method, string(kept), now); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, s.sql.forget, oldest)
	return err
}

// updateOnce runs f once in a transaction that holds the tenant's row.
func (s *Store) updateOnce(ctx context.Context, tenant khronos.TenantID, id store.OpID, method string, f func(Tx, *tenantRow) error) error {
	if err := store.CheckOp(id); err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx Tx) error {
		t, err := s.lockTenant(ctx, tx, tenant, true)
		if err != nil {
			return err
		}
		var none struct{}
		return once(ctx, s, tx, t, id, method, &none, func() error { return f(tx, t) })
	})
}
