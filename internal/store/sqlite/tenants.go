package sqlite

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
	tenantSQL = `SELECT pk FROM tenants WHERE kind = ?1 AND snowflake = ?2`

	addTenantSQL = `INSERT INTO tenants (kind, snowflake) VALUES (?1, ?2)
		ON CONFLICT (kind, snowflake) DO UPDATE SET kind = excluded.kind
		RETURNING pk`

	// Parameter: a JSON array of [kind, snowflake].
	knownSQL = `SELECT EXISTS (
			SELECT 1 FROM tenants AS t
			WHERE t.kind = asked.value ->> 0 AND t.snowflake = asked.value ->> 1 AND (t.data IS NOT NULL
				OR EXISTS (SELECT 1 FROM templates WHERE tenant = t.pk)
				OR EXISTS (SELECT 1 FROM kv WHERE tenant = t.pk)))
		FROM json_each(?1) AS asked ORDER BY asked.key`

	stateSQL = `SELECT banned, data FROM tenants WHERE pk = ?1 AND data IS NOT NULL`

	subscriptionsSQL = `SELECT DISTINCT s.value FROM templates AS t, json_each(t.subscriptions) AS s
		WHERE t.tenant = ?1 AND NOT t.paused`

	putStateSQL = `INSERT INTO tenants (kind, snowflake, banned, data) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (kind, snowflake) DO UPDATE SET banned = excluded.banned, data = excluded.data`

	// statsSQL asks two indexes per tenant; it reads neither templates nor KV rows.
	statsSQL = `WITH known AS (
			SELECT kind, EXISTS (SELECT 1 FROM templates WHERE tenant = t.pk) AS has_template FROM tenants AS t
			WHERE t.data IS NOT NULL
				OR EXISTS (SELECT 1 FROM templates WHERE tenant = t.pk)
				OR EXISTS (SELECT 1 FROM kv WHERE tenant = t.pk))
		SELECT count(*) FILTER (WHERE kind = ?1),
			count(*) FILTER (WHERE kind = ?1 AND has_template),
			count(*) FILTER (WHERE kind = ?2)
		FROM known`
)

// KnownTenants implements [store.Store].
func (s *Store) KnownTenants(ctx context.Context, tenants []khronos.TenantID) ([]bool, error) {
	question := make([][2]int64, len(tenants))
	for i, t := range tenants {
		question[i] = [2]int64{int64(t.Kind), int64(t.ID)}
	}
	text, err := json.Marshal(question)
	if err != nil {
		return nil, fmt.Errorf("known tenants: %w", err)
	}
	known := make([]bool, 0, len(tenants))
	err = s.view(ctx, func(tx txn) error {
		rows, err := tx.query(ctx, knownSQL, string(text))
		if err != nil {
			return err
		}
		return each(rows, func() error {
			var is bool
			err := rows.Scan(&is)
			known = append(known, is)
			return err
		})
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
	err = s.view(ctx, func(tx txn) error {
		pk, err := tenantPK(ctx, tx, tenant)
		if err != nil {
			return err
		}
		rows, err := tx.query(ctx, subscriptionsSQL, pk)
		if err != nil {
			return err
		}
		if state.Events, err = texts(rows); err != nil {
			return err
		}
		var data []byte
		if err := tx.row(ctx, stateSQL, pk).Scan(&state.Banned, &data); err != nil {
			return err
		}
		state.Data = data
		return nil
	})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return khronos.TenantState{}, fmt.Errorf("state of %s: %w", tenant, err)
	}
	return state, nil
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
	err = s.update(ctx, func(tx txn) error {
		_, err := tx.exec(ctx, putStateSQL, tenant.Kind, int64(tenant.ID), state.Banned, string(data))
		return err
	})
	if err != nil {
		return fmt.Errorf("put state of %s: %w", tenant, err)
	}
	return nil
}

// Stats implements [store.Store].
func (s *Store) Stats(ctx context.Context) (store.Stats, error) {
	var out store.Stats
	err := s.view(ctx, func(tx txn) error {
		return tx.row(ctx, statsSQL, khronos.TenantGuild, khronos.TenantUser).
			Scan(&out.Guilds, &out.GuildsWithTemplate, &out.Users)
	})
	if err != nil {
		return store.Stats{}, fmt.Errorf("count tenants: %w", err)
	}
	return out, nil
}

// tenantPK returns the number under which other tables know the tenant;
// sql.ErrNoRows when nothing was ever written for it.
func tenantPK(ctx context.Context, tx txn, tenant khronos.TenantID) (pk int64, err error) {
	err = tx.row(ctx, tenantSQL, tenant.Kind, int64(tenant.ID)).Scan(&pk)
	return pk, err
}

// addTenantPK is tenantPK that makes the row when it is missing.
func addTenantPK(ctx context.Context, tx txn, tenant khronos.TenantID) (pk int64, err error) {
	err = tx.row(ctx, addTenantSQL, tenant.Kind, int64(tenant.ID)).Scan(&pk)
	return pk, err
}

// texts reads rows of one text and returns them sorted by bytes. It closes rows.
func texts(rows *sql.Rows) ([]string, error) {
	list := []string{}
	err := each(rows, func() error {
		var text string
		err := rows.Scan(&text)
		list = append(list, text)
		return err
	})
	slices.Sort(list)
	return list, err
}
