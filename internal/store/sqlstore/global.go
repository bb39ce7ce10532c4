package sqlstore

import (
	"context"
	"fmt"
	"strings"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

const (
	globalCreateSQL = `INSERT INTO global_kv (key, version, scope, owner, short, long, metadata, public_data, data, review, note, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'pending', '', $10, $10) ON CONFLICT (key, version, scope) DO NOTHING`

	globalColumns = `g.key, g.version, g.scope, t.kind, t.snowflake, g.short, g.metadata, g.public_data,
		g.review, g.note, g.created_at, g.updated_at`

	globalGetSQL = `SELECT ` + globalColumns + `, g.long, g.data FROM global_kv AS g JOIN tenants AS t ON t.pk = g.owner
		WHERE g.key = $1 AND g.version = $2 AND g.scope = $3`

	globalFindSQL = `SELECT ` + globalColumns + `, '', '' FROM global_kv AS g JOIN tenants AS t ON t.pk = g.owner
		WHERE g.key >= $1 AND ($2 = '' OR g.scope = $2) AND ($3 = '' OR g.review = $3)
			AND (CAST($4 AS BIGINT) = 0 OR t.kind = $4 AND t.snowflake = $5)
		ORDER BY g.key, g.version, g.scope`

	globalDeleteSQL = `DELETE FROM global_kv WHERE key = $1 AND version = $2 AND scope = $3
		AND (CAST($4 AS BIGINT) = 0 OR owner = $4)`

	globalReviewSQL = `UPDATE global_kv SET review = $4, note = $5, updated_at = $6 WHERE key = $1 AND version = $2 AND scope = $3`
)

// GlobalCreate implements [store.Store].
func (s *Store) GlobalCreate(ctx context.Context, op store.OpID, e store.GlobalEntry) error {
	if err := store.CheckGlobalEntry(e); err != nil {
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
	err = s.updateOnce(ctx, e.Owner, op, "global create", func(tx Tx, owner *tenantRow) error {
		n, err := tx.Exec(ctx, globalCreateSQL, e.Key, int64(e.Version), e.Scope, owner.pk, e.Short, e.Long,
			string(metadata), e.PublicData, string(data), nowMicros())
		if err == nil && n == 0 {
			err = store.ErrExists
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("create global key %q, version %d, in %q: %w", e.Key, e.Version, e.Scope, err)
	}
	return nil
}

// GlobalGet implements [store.Store].
func (s *Store) GlobalGet(ctx context.Context, key string, version int32, scope string) (store.GlobalEntry, error) {
	if err := store.CheckText("key", key+scope); err != nil {
		return store.GlobalEntry{}, err
	}
	var out store.GlobalEntry
	err := s.db.One(ctx, func(tx Tx) (err error) {
		out, _, err = scanGlobal(tx.Row(ctx, globalGetSQL, key, int64(version), scope))
		return err
	})
	if err != nil {
		return store.GlobalEntry{}, fmt.Errorf("get global key %q, version %d, in %q: %w", key, version, scope, notFound(err))
	}
	return out, nil
}

// GlobalFind implements [store.Store].
func (s *Store) GlobalFind(ctx context.Context, f store.GlobalFilter, limit int) ([]store.GlobalEntry, error) {
	p, err := store.CompilePattern(f.Pattern)
	if err != nil {
		return nil, err
	}
	if f.Pattern == "" {
		p, _ = store.CompilePattern("%")
	}
	if err := store.CheckText("scope", f.Scope); err != nil {
		return nil, err
	}
	list := []store.GlobalEntry{}
	err = s.db.One(ctx, func(tx Tx) error {
		rows, err := tx.Query(ctx, globalFindSQL, p.Prefix(), f.Scope, string(f.Review), kindOf(f.Owner), snowflakeOf(f.Owner))
		if err != nil {
			return err
		}
		defer rows.Close()
		size := 0
		for len(list) < limit && rows.Next() {
			e, bytes, err := scanGlobal(rows)
			if err != nil {
				return err
			}
			if !strings.HasPrefix(e.Key, p.Prefix()) {
				break
			}
			if !p.Match(e.Key) {
				continue
			}
			if size += bytes; size > store.MaxFindBytes {
				return store.ErrTooLarge
			}
			list = append(list, e)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("find global keys like %q: %w", f.Pattern, err)
	}
	return list, nil
}

// GlobalDelete implements [store.Store].
func (s *Store) GlobalDelete(ctx context.Context, op store.OpID, owner khronos.TenantID, key string, version int32, scope string) error {
	if err := store.CheckText("key", key+scope); err != nil {
		return err
	}
	remove := func(tx Tx, owner int64) error {
		return notFound(orNone(tx.Exec(ctx, globalDeleteSQL, key, int64(version), scope, owner)))
	}
	var err error
	if owner == (khronos.TenantID{}) {
		err = s.db.Update(ctx, func(tx Tx) error { return remove(tx, 0) })
	} else if err = store.CheckTenant(owner); err == nil {
		err = s.updateOnce(ctx, owner, op, "global delete", func(tx Tx, t *tenantRow) error { return remove(tx, t.pk) })
	}
	if err != nil {
		return fmt.Errorf("delete global key %q, version %d, in %q: %w", key, version, scope, err)
	}
	return nil
}

// GlobalReview implements [store.Store].
func (s *Store) GlobalReview(ctx context.Context, key string, version int32, scope string, r store.Review) error {
	if err := store.CheckText("key", key+scope); err != nil {
		return err
	}
	if err := store.CheckReview(r); err != nil {
		return err
	}
	err := s.db.Update(ctx, func(tx Tx) error {
		return orNone(tx.Exec(ctx, globalReviewSQL, key, int64(version), scope, string(r.State), r.Note, nowMicros()))
	})
	if err != nil {
		return fmt.Errorf("review global key %q, version %d, in %q: %w", key, version, scope, notFound(err))
	}
	return nil
}

// scanGlobal reads globalColumns and then long and data, which are empty in
// lists. bytes is what its values hold.
func scanGlobal(row Scanner) (e store.GlobalEntry, bytes int, err error) {
	var version, kind, snowflake, created, updated int64
	var metadata, review, data string
	err = row.Scan(&e.Key, &version, &e.Scope, &kind, &snowflake, &e.Short, &metadata, &e.PublicData,
		&review, &e.Review.Note, &created, &updated, &e.Long, &data)
	if err != nil {
		return e, 0, err
	}
	e.Version, e.Owner, e.Review.State = int32(version), tenantOf(kind, snowflake), store.ReviewState(review)
	e.CreatedAt, e.UpdatedAt = fromMicros(created), fromMicros(updated)
	if e.PublicMetadata, err = khronos.ParseJSON([]byte(metadata), khronos.MaxDepth); err != nil {
		return e, 0, fmt.Errorf("decode the metadata of %q: %w", e.Key, err)
	}
	if data == "" {
		return e, len(metadata), nil
	}
	if e.Data, err = khronos.ParseJSON([]byte(data), khronos.MaxDepth); err != nil {
		return e, 0, fmt.Errorf("decode the data of %q: %w", e.Key, err)
	}
	return e, len(metadata) + len(data), nil
}
