package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

const (
	tenantSQL = `SELECT pk FROM tenants WHERE kind = $1 AND snowflake = $2`

	newTenantSQL = `INSERT INTO tenants (kind, snowflake) VALUES ($1, $2) ON CONFLICT (kind, snowflake) DO NOTHING`

	lockTenantSQL = `SELECT pk, kv_writes, kv_rows, kv_bytes, objects, object_bytes FROM tenants WHERE kind = $1 AND snowflake = $2`

	countSQL = `UPDATE tenants SET kv_writes = $2, kv_rows = $3, kv_bytes = $4, objects = $5, object_bytes = $6 WHERE pk = $1`

	knownSQL = `SELECT EXISTS (
		SELECT 1 FROM tenants AS t
		WHERE t.kind = $1 AND t.snowflake = $2 AND (t.data IS NOT NULL OR t.kv_rows > 0
			OR EXISTS (SELECT 1 FROM templates WHERE tenant = t.pk)))`

	stateSQL = `SELECT banned, data FROM tenants WHERE pk = $1 AND data IS NOT NULL`

	subscriptionsSQL = `SELECT r.subscriptions FROM templates AS t
		JOIN template_revisions AS r ON r.tenant = t.tenant AND r.name = t.name AND r.version = t.version
		WHERE t.tenant = $1 AND NOT t.paused`

	putStateSQL = `UPDATE tenants SET banned = $2, data = $3 WHERE pk = $1`

	putDataSQL = `UPDATE tenants SET data = $2 WHERE pk = $1`

	// statsSQL asks an index per tenant; it reads neither templates nor KV rows.
	statsSQL = `WITH known AS (
			SELECT kind, EXISTS (SELECT 1 FROM templates WHERE tenant = t.pk) AS has_template FROM tenants AS t
			WHERE t.data IS NOT NULL OR t.kv_rows > 0 OR EXISTS (SELECT 1 FROM templates WHERE tenant = t.pk))
		SELECT count(*) FILTER (WHERE kind = $1),
			count(*) FILTER (WHERE kind = $1 AND has_template),
			count(*) FILTER (WHERE kind = $2)
		FROM known`
)

// KnownTenants implements [store.Store].
func (s *Store) KnownTenants(ctx context.Context, tenants []khronos.TenantID) ([]bool, error) {
	known := make([]bool, len(tenants))
	err := s.db.View(ctx, func(tx Tx) error {
		for i, t := range tenants {
			if err := tx.Row(ctx, knownSQL, kindOf(t), snowflakeOf(t)).Scan(&known[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("known tenants: %w", err)
	}
	return known, nil
}

// TenantState implements [store.Store].
func (s *Store) TenantState(ctx context.Context, tenant khronos.TenantID) (khronos.TenantState, error) {
	none, err := store.StateData(nil)
	if err != nil {
		return khronos.TenantState{}, err
	}
	state := khronos.TenantState{Events: []string{}, Data: none}
	err = s.db.View(ctx, func(tx Tx) error {
		pk, err := tenantPK(ctx, tx, tenant)
		if err != nil {
			return err
		}
		if state.Events, err = subscriptions(ctx, tx, pk); err != nil {
			return err
		}
		var data string
		if err := tx.Row(ctx, stateSQL, pk).Scan(&state.Banned, &data); err != nil {
			return err
		}
		state.Data = json.RawMessage(data)
		return nil
	})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return khronos.TenantState{}, fmt.Errorf("state of %s: %w", tenant, err)
	}
	return state, nil
}

// subscriptions returns what the tenant's running templates handle, sorted, each once.
func subscriptions(ctx context.Context, tx Tx, pk int64) ([]string, error) {
	events := []string{}
	rows, err := tx.Query(ctx, subscriptionsSQL, pk)
	if err != nil {
		return nil, err
	}
	err = each(rows, func() error {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		list, err := readTexts("subscriptions", text)
		events = append(events, list...)
		return err
	})
	slices.Sort(events)
	return slices.Compact(events), err
}

// PutTenantState implements [store.Store].
func (s *Store) PutTenantState(ctx context.Context, tenant khronos.TenantID, state khronos.TenantState) error {
	if err := store.CheckTenant(tenant); err != nil {
		return err
	}
	data, err := store.StateData(state.Data)
	if err != nil {
		return err
	}
	err = s.db.Update(ctx, func(tx Tx) error {
		t, err := s.lockTenant(ctx, tx, tenant, true)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, putStateSQL, t.pk, state.Banned, string(data))
		return err
	})
	if err != nil {
		return fmt.Errorf("put state of %s: %w", tenant, err)
	}
	return nil
}

// PutTenantData implements [store.Store].
func (s *Store) PutTenantData(ctx context.Context, tenant khronos.TenantID, data json.RawMessage) error {
	if err := store.CheckTenant(tenant); err != nil {
		return err
	}
	data, err := store.StateData(data)
	if err != nil {
		return err
	}
	err = s.db.Update(ctx, func(tx Tx) error {
		t, err := s.lockTenant(ctx, tx, tenant, true)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, putDataSQL, t.pk, string(data))
		return err
	})
	if err != nil {
		return fmt.Errorf("put data of %s: %w", tenant, err)
	}
	return nil
}

// Stats implements [store.Store].
func (s *Store) Stats(ctx context.Context) (store.Stats, error) {
	var out store.Stats
	err := s.db.One(ctx, func(tx Tx) error {
		return tx.Row(ctx, statsSQL, int64(khronos.TenantGuild), int64(khronos.TenantUser)).
			Scan(&out.Guilds, &out.GuildsWithTemplate, &out.Users)
	})
	if err != nil {
		return store.Stats{}, fmt.Errorf("count tenants: %w", err)
	}
	return out, nil
}

// Usage implements [store.Store].
func (s *Store) Usage(ctx context.Context, tenant khronos.TenantID) (store.Usage, error) {
	var t tenantRow
	err := s.db.One(ctx, func(tx Tx) error { return t.scan(tx.Row(ctx, lockTenantSQL, kindOf(tenant), snowflakeOf(tenant))) })
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return store.Usage{}, fmt.Errorf("usage of %s: %w", tenant, err)
	}
	return t.usage, nil
}

// tenantRow is a tenant's row as lockTenantSQL reads it.
type tenantRow struct {
	pk     int64
	writes int64
	usage  store.Usage
}

func (t *tenantRow) scan(row Scanner) error {
	return row.Scan(&t.pk, &t.writes, &t.usage.KVRows, &t.usage.KVBytes, &t.usage.Objects, &t.usage.ObjectBytes)
}

// save writes the counts back.
func (t *tenantRow) save(ctx context.Context, tx Tx) error {
	_, err := tx.Exec(ctx, countSQL, t.pk, t.writes, t.usage.KVRows, t.usage.KVBytes, t.usage.Objects, t.usage.ObjectBytes)
	return err
}

func (t *tenantRow) kv() store.Quota {
	return store.Quota{Count: t.usage.KVRows, Bytes: t.usage.KVBytes}
}

func (t *tenantRow) objects() store.Quota {
	return store.Quota{Count: t.usage.Objects, Bytes: t.usage.ObjectBytes}
}

// lockTenant returns the tenant's row, which no other transaction can lock until
// this one ends. Without create it is sql.ErrNoRows for a tenant that was never written to.
func (s *Store) lockTenant(ctx context.Context, tx Tx, tenant khronos.TenantID, create bool) (*tenantRow, error) {
	var t tenantRow
	err := t.scan(tx.Row(ctx, s.sql.lockTenant, kindOf(tenant), snowflakeOf(tenant)))
	if err == nil || !create || !errors.Is(err, sql.ErrNoRows) {
		return &t, err
	}
	if _, err := tx.Exec(ctx, newTenantSQL, kindOf(tenant), snowflakeOf(tenant)); err != nil {
		return nil, err
	}
	return &t, t.scan(tx.Row(ctx, s.sql.lockTenant, kindOf(tenant), snowflakeOf(tenant)))
}

// tenantPK returns the number under which other tables know the tenant;
// sql.ErrNoRows when nothing was ever written for it.
func tenantPK(ctx context.Context, tx Tx, tenant khronos.TenantID) (pk int64, err error) {
	err = tx.Row(ctx, tenantSQL, kindOf(tenant), snowflakeOf(tenant)).Scan(&pk)
	return pk, err
}

func kindOf(t khronos.TenantID) int64      { return int64(t.Kind) }
func snowflakeOf(t khronos.TenantID) int64 { return int64(t.ID) }

func tenantOf(kind, snowflake int64) khronos.TenantID {
	return khronos.TenantID{Kind: khronos.TenantKind(kind), ID: khronos.Snowflake(snowflake)}
}
