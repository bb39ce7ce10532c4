package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

// hasRest is true for a kv_scopes row s whose KV row also has each scope of the
// JSON array ?3. With `s.scope = first scope` before it, it says that the scope
// set contains all the given scopes.
const hasRest = `NOT EXISTS (
	SELECT 1 FROM json_each(?3) AS rest WHERE NOT EXISTS (
		SELECT 1 FROM kv_scopes AS other
		WHERE other.tenant = s.tenant AND other.scope = rest.value AND other.key = s.key AND other.kv = s.kv))`

const (
	recordColumns = `kv.id, kv.key, kv.scopes, kv.value, kv.created_at, kv.updated_at`

	// Parameters: tenant, first scope, other scopes, key.
	getSQL = `SELECT ` + recordColumns + ` FROM kv_scopes AS s JOIN kv ON kv.pk = s.kv
		WHERE s.tenant = ?1 AND s.scope = ?2 AND s.key = ?4 AND ` + hasRest + `
		ORDER BY kv.written DESC LIMIT 1`

	// Parameters: tenant, first scope, other scopes, first key.
	findSQL = `SELECT s.kv, s.key FROM kv_scopes AS s
		WHERE s.tenant = ?1 AND s.scope = ?2 AND s.key >= ?4 AND ` + hasRest + `
		ORDER BY s.key, s.kv`

	recordSQL = `SELECT ` + recordColumns + ` FROM kv WHERE kv.pk = ?1`

	// Parameters: tenant, first scope, other scopes, key.
	deleteSQL = `DELETE FROM kv WHERE pk IN (
		SELECT s.kv FROM kv_scopes AS s WHERE s.tenant = ?1 AND s.scope = ?2 AND s.key = ?4 AND ` + hasRest + `)`

	countWriteSQL = `INSERT INTO tenants (kind, snowflake, kv_writes) VALUES (?1, ?2, 1)
		ON CONFLICT (kind, snowflake) DO UPDATE SET kv_writes = kv_writes + 1
		RETURNING pk, kv_writes`

	setSQL = `INSERT INTO kv (tenant, key, scopes, id, value, written, created_at, updated_at)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)
		ON CONFLICT (tenant, key, scopes) DO UPDATE
		SET value = excluded.value, written = excluded.written, updated_at = excluded.updated_at
		RETURNING pk, id`

	// Parameters: tenant, key, row, scopes.
	addScopesSQL = `INSERT INTO kv_scopes (tenant, scope, key, kv) SELECT ?1, value, ?2, ?3 FROM json_each(?4)`

	// scopesSQL jumps along the index from one scope to the next instead of
	// reading every row of the tenant.
	scopesSQL = `WITH RECURSIVE scopes (scope) AS (
			SELECT (SELECT min(scope) FROM kv_scopes WHERE tenant = ?1)
			UNION ALL
			SELECT (SELECT min(k.scope) FROM kv_scopes AS k WHERE k.tenant = ?1 AND k.scope > scopes.scope)
			FROM scopes WHERE scopes.scope IS NOT NULL)
		SELECT scope FROM scopes WHERE scope IS NOT NULL`
)

// KVGet implements [store.Store].
func (s *Store) KVGet(ctx context.Context, tenant khronos.TenantID, key string, scopes []string) (store.KVRecord, error) {
	want, err := store.KeyAndScopes(key, scopes)
	if err != nil {
		return store.KVRecord{}, err
	}
	var record store.KVRecord
	err = s.view(ctx, func(tx txn) error {
		pk, err := tenantPK(ctx, tx, tenant)
		if err != nil {
			return err
		}
		record, err = scanRecord(tx.row(ctx, getSQL, pk, want[0], jsonText(want[1:]), key))
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.KVRecord{}, fmt.Errorf("get key %q of %s: %w", key, tenant, err)
	}
	return record, nil
}

// KVFind implements [store.Store].
//
// It first walks the index of the first scope, which holds the keys, and then
// fetches only the rows that match: values are never read in vain.
func (s *Store) KVFind(ctx context.Context, tenant khronos.TenantID, pattern string, scopes []string, limit int) ([]store.KVRecord, error) {
	p, err := store.CompilePattern(pattern)
	if err != nil {
		return nil, err
	}
	want, err := store.ScopeSet(scopes)
	if err != nil {
		return nil, err
	}
	records := []store.KVRecord{}
	err = s.view(ctx, func(tx txn) error {
		pk, err := tenantPK(ctx, tx, tenant)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		rows, err := tx.query(ctx, findSQL, pk, want[0], jsonText(want[1:]), p.Prefix())
		if err != nil {
			return err
		}
		found, err := matching(rows, p, limit)
		if err != nil {
			return err
		}
		records, err = fetch(ctx, tx, found)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find keys like %q of %s: %w", pattern, tenant, err)
	}
	return records, nil
}

// KVSet implements [store.Store].
func (s *Store) KVSet(ctx context.Context, tenant khronos.TenantID, key string, v khronos.Value, scopes []string) error {
	if err := store.CheckTenant(tenant); err != nil {
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
	newID, scopesText := store.NewRecordID(), jsonText(set)
	err = s.update(ctx, func(tx txn) error {
		var pk, writes, row int64
		var id string
		err := tx.row(ctx, countWriteSQL, tenant.Kind, int64(tenant.ID)).Scan(&pk, &writes)
		if err != nil {
			return err
		}
		err = tx.row(ctx, setSQL, pk, key, scopesText, newID, string(value), writes, store.Now().UnixMicro()).Scan(&row, &id)
		if err != nil {
			return err
		}
		if id != newID { // the row was there, and with it its scopes
			return nil
		}
		_, err = tx.exec(ctx, addScopesSQL, pk, key, row, scopesText)
		return err
	})
	if err != nil {
		return fmt.Errorf("set key %q of %s: %w", key, tenant, err)
	}
	return nil
}

// KVDelete implements [store.Store].
func (s *Store) KVDelete(ctx context.Context, tenant khronos.TenantID, key string, scopes []string) error {
	want, err := store.KeyAndScopes(key, scopes)
	if err != nil {
		return err
	}
	err = s.update(ctx, func(tx txn) error {
		pk, err := tenantPK(ctx, tx, tenant)
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, deleteSQL, pk, want[0], jsonText(want[1:]), key)
		return err
	})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("delete key %q of %s: %w", key, tenant, err)
	}
	return nil
}

// KVScopes implements [store.Store].
func (s *Store) KVScopes(ctx context.Context, tenant khronos.TenantID) ([]string, error) {
	scopes := []string{}
	err := s.view(ctx, func(tx txn) error {
		pk, err := tenantPK(ctx, tx, tenant)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		rows, err := tx.query(ctx, scopesSQL, pk)
		if err != nil {
			return err
		}
		size := 0
		return each(rows, func() error {
			var scope string
			if err := rows.Scan(&scope); err != nil {
				return err
			}
			scopes = append(scopes, scope)
			if size += len(scope); size > store.MaxFindBytes {
				return store.ErrTooLarge
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("scopes of %s: %w", tenant, err)
	}
	return scopes, nil
}

// matching reads findSQL's rows up to the last key that can match and returns
// the numbers of at most limit rows. It closes rows.
func matching(rows *sql.Rows, p store.Pattern, limit int) ([]int64, error) {
	defer rows.Close()
	var found []int64
	for len(found) < limit && rows.Next() {
		var row int64
		var key string
		if err := rows.Scan(&row, &key); err != nil {
			return nil, err
		}
		if !strings.HasPrefix(key, p.Prefix()) {
			break
		}
		if p.Match(key) {
			found = append(found, row)
		}
	}
	return found, rows.Err()
}

// fetch returns the records with the given numbers, in that order.
func fetch(ctx context.Context, tx txn, numbers []int64) ([]store.KVRecord, error) {
	records := make([]store.KVRecord, 0, len(numbers))
	size := 0
	for _, number := range numbers {
		var raw rawRecord
		if err := raw.scan(tx.row(ctx, recordSQL, number)); err != nil {
			return nil, err
		}
		if size += len(raw.value); size > store.MaxFindBytes {
			return nil, fmt.Errorf("values of more than %d bytes: %w", store.MaxFindBytes, store.ErrTooLarge)
		}
		record, err := raw.decode()
		if err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	return records, nil
}

// rawRecord is a row as recordColumns gives it.
type rawRecord struct {
	id, key          string
	scopes, value    []byte
	created, updated int64
}

func (r *rawRecord) scan(row *sql.Row) error {
	return row.Scan(&r.id, &r.key, &r.scopes, &r.value, &r.created, &r.updated)
}

func (r *rawRecord) decode() (store.KVRecord, error) {
	out := store.KVRecord{ID: r.id, Key: r.key, CreatedAt: fromMicros(r.created), UpdatedAt: fromMicros(r.updated)}
	if err := json.Unmarshal(r.scopes, &out.Scopes); err != nil {
		return store.KVRecord{}, fmt.Errorf("decode the scopes of row %s: %w", r.id, err)
	}
	v, err := khronos.ParseJSON(r.value, khronos.MaxDepth)
	if err != nil {
		return store.KVRecord{}, fmt.Errorf("decode the value of row %s: %w", r.id, err)
	}
	out.Value = v
	return out, nil
}

func scanRecord(row *sql.Row) (store.KVRecord, error) {
	var raw rawRecord
	if err := raw.scan(row); err != nil {
		return store.KVRecord{}, err
	}
	return raw.decode()
}

// each calls f for every row and closes rows.
func each(rows *sql.Rows, f func() error) error {
	defer rows.Close()
	for rows.Next() {
		if err := f(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// jsonText writes strings as a JSON array. Equal lists give equal texts.
func jsonText(list []string) string {
	if len(list) == 0 {
		return "[]"
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic("BUG: a list of strings has a JSON form: " + err.Error())
	}
	return string(text)
}

func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }
