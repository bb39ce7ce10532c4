package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
)

// live is true for a KV row that is there for scripts at the time of the given parameter.
const live = `kv.gone = 0 AND kv.expires_at > `

const (
	recordColumns = `kv.pk, kv.id, kv.key, kv.scopes, kv.written, kv.created_at, kv.updated_at, kv.expires_at, kv.value`

	// Parameters: kind, snowflake, first scope, key, now, other scopes.
	getSQL = `SELECT ` + recordColumns + ` FROM tenants AS t
		JOIN kv_scopes AS s ON s.tenant = t.pk JOIN kv ON kv.pk = s.kv
		WHERE t.kind = $1 AND t.snowflake = $2 AND s.scope = $3 AND s.key = $4 AND ` + live + `$5`
	newestSQL = ` ORDER BY kv.written DESC LIMIT 1`

	getByIDSQL = `SELECT ` + recordColumns + ` FROM kv JOIN tenants AS t ON t.pk = kv.tenant
		WHERE kv.id = $1 AND t.kind = $2 AND t.snowflake = $3 AND ` + live + `$4`

	// Parameters: tenant, first scope, key and row after which to begin, other scopes.
	findSQL = `SELECT s.kv, s.key FROM kv_scopes AS s
		WHERE s.tenant = $1 AND s.scope = $2 AND (s.key, s.kv) > ($3, $4)`
	inOrderSQL = ` ORDER BY s.key, s.kv`

	// Parameters: tenant, first scope, key, now, other scopes.
	matchesSQL = `SELECT kv.pk, kv.size FROM kv_scopes AS s JOIN kv ON kv.pk = s.kv
		WHERE s.tenant = $1 AND s.scope = $2 AND s.key = $3 AND ` + live + `$4`

	// scopesSQL jumps along the index from one scope to the next instead of
	// reading every row of the tenant.
	scopesSQL = `WITH RECURSIVE scopes (scope) AS (
			SELECT (SELECT min(k.scope) FROM kv_scopes AS k WHERE k.tenant = $1)
			UNION ALL
			SELECT (SELECT min(k.scope) FROM kv_scopes AS k WHERE k.tenant = $1 AND k.scope > scopes.scope)
			FROM scopes WHERE scopes.scope IS NOT NULL)
		SELECT scope FROM scopes WHERE scope IS NOT NULL`
)

// fetchedAtOnce is how many rows one fetchSQL reads.
const fetchedAtOnce = 16

// fetchSQL has the time as $1 and fetchedAtOnce rows from $2 on.
var fetchSQL = `SELECT ` + recordColumns + ` FROM kv WHERE ` + live + `$1 AND kv.pk IN (` + placeholders(2, fetchedAtOnce) + `)`

func placeholders(from, n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = "$" + strconv.Itoa(from+i)
	}
	return strings.Join(list, ", ")
}

// withScopes returns base with conditions that the row of s has n more scopes,
// whose parameters come after the first used ones, and then rest.
func withScopes(base string, used, n int, rest string) string {
	if n == 0 {
		return base + rest
	}
	var b strings.Builder
	b.WriteString(base)
	for i := range n {
		b.WriteString(` AND EXISTS (SELECT 1 FROM kv_scopes AS o
			WHERE o.tenant = s.tenant AND o.scope = $` + strconv.Itoa(used+1+i) + ` AND o.key = s.key AND o.kv = s.kv)`)
	}
	b.WriteString(rest)
	return b.String()
}

// with appends scopes to parameters.
func with(args []any, scopes []string) []any {
	for _, s := range scopes {
		args = append(args, s)
	}
	return args
}

// KVGet implements [store.Store].
func (s *Store) KVGet(ctx context.Context, tenant khronos.TenantID, key string, scopes []string) (store.KVRecord, error) {
	want, err := store.KeyAndScopes(key, scopes)
	if err != nil {
		return store.KVRecord{}, err
	}
	query := withScopes(getSQL, 5, len(want)-1, newestSQL)
	args := with([]any{kindOf(tenant), snowflakeOf(tenant), want[0], key, nowMicros()}, want[1:])
	record, err := s.one(ctx, query, args...)
	if err != nil {
		return store.KVRecord{}, fmt.Errorf("get key %q of %s: %w", key, tenant, err)
	}
	return record, nil
}

// KVGetByID implements [store.Store].
func (s *Store) KVGetByID(ctx context.Context, tenant khronos.TenantID, id string) (store.KVRecord, error) {
	if err := store.CheckText("id", id); err != nil {
		return store.KVRecord{}, err
	}
	record, err := s.one(ctx, getByIDSQL, id, kindOf(tenant), snowflakeOf(tenant), nowMicros())
	if err != nil {
		return store.KVRecord{}, fmt.Errorf("get row %q of %s: %w", id, tenant, err)
	}
	return record, nil
}

// one reads one record. It is decoded after the connection is free again.
func (s *Store) one(ctx context.Context, query string, args ...any) (store.KVRecord, error) {
	var raw rawRecord
	err := s.db.One(ctx, func(tx Tx) error { return tx.Row(ctx, query, args...).Scan(raw.columns()...) })
	if err != nil {
		return store.KVRecord{}, notFound(err)
	}
	return raw.decode()
}

// KVFind implements [store.Store].
//
// It walks the index of the first scope, which holds the keys, and then
// fetches only the rows that match: values are never read in vain. Rows that
// have expired make it walk on.
func (s *Store) KVFind(ctx context.Context, tenant khronos.TenantID, pattern string, scopes []string, limit int) ([]store.KVRecord, error) {
	p, err := store.CompilePattern(pattern)
	if err != nil {
		return nil, err
	}
	want, err := store.ScopeSet(scopes)
	if err != nil {
		return nil, err
	}
	f := finder{pattern: p, scopes: want, key: p.Prefix(), now: nowMicros(), records: []store.KVRecord{}}
	err = s.db.View(ctx, func(tx Tx) error {
		var err error
		if f.tenant, err = tenantPK(ctx, tx, tenant); err != nil {
			return err
		}
		for len(f.records) < limit {
			more, err := f.more(ctx, tx, limit-len(f.records))
			if err != nil || !more {
				return err
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("find keys like %q of %s: %w", pattern, tenant, err)
	}
	return f.records, nil
}

// finder is a KVFind under way.
type finder struct {
	tenant  int64
	pattern store.Pattern
	scopes  []string
	now     int64
	key     string // everything up to this key and row was looked at
	row     int64
	size    int
	records []store.KVRecord
}

// more finds at most n further records and tells whether there may be more behind.
func (f *finder) more(ctx context.Context, tx Tx, n int) (bool, error) {
	query := withScopes(findSQL, 4, len(f.scopes)-1, inOrderSQL)
	rows, err := tx.Query(ctx, query, with([]any{f.tenant, f.scopes[0], f.key, f.row}, f.scopes[1:])...)
	if err != nil {
		return false, err
	}
	found, err := f.matching(rows, n)
	if err != nil {
		return false, err
	}
	for at := 0; at < len(found); at += fetchedAtOnce {
		if err := f.fetch(ctx, tx, found[at:min(at+fetchedAtOnce, len(found))]); err != nil {
			return false, err
		}
	}
	return len(found) == n, nil
}

// matching reads findSQL's rows up to the last key that can match and returns
// the numbers of at most n rows. It closes rows.
func (f *finder) matching(rows Rows, n int) ([]int64, error) {
	defer rows.Close()
	var found []int64
	for len(found) < n && rows.Next() {
		if err := rows.Scan(&f.row, &f.key); err != nil {
			return nil, err
		}
		if !strings.HasPrefix(f.key, f.pattern.Prefix()) {
			break
		}
		if f.pattern.Match(f.key) {
			found = append(found, f.row)
		}
	}
	return found, rows.Err()
}

// fetch appends the records with the given numbers, in that order, those that are live.
func (f *finder) fetch(ctx context.Context, tx Tx, numbers []int64) error {
	args := make([]any, 1+fetchedAtOnce)
	args[0] = f.now
	for i := range fetchedAtOnce {
		args[1+i] = numbers[min(i, len(numbers)-1)]
	}
	rows, err := tx.Query(ctx, fetchSQL, args...)
	if err != nil {
		return err
	}
	fetched := make(map[int64]store.KVRecord, len(numbers))
	err = each(rows, func() error {
		var raw rawRecord
		if err := rows.Scan(raw.columns()...); err != nil {
			return err
		}
		if f.size += len(raw.value); f.size > store.MaxFindBytes {
			return fmt.Errorf("values of more than %d bytes: %w", store.MaxFindBytes, store.ErrTooLarge)
		}
		record, err := raw.decode()
		fetched[raw.pk] = record
		return err
	})
	if err != nil {
		return err
	}
	for _, n := range numbers {
		if record, ok := fetched[n]; ok {
			f.records = append(f.records, record)
		}
	}
	return nil
}

// KVScopes implements [store.Store].
func (s *Store) KVScopes(ctx context.Context, tenant khronos.TenantID) ([]string, error) {
	scopes := []string{}
	err := s.db.View(ctx, func(tx Tx) error {
		pk, err := tenantPK(ctx, tx, tenant)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, scopesSQL, pk)
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
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("scopes of %s: %w", tenant, err)
	}
	return scopes, nil
}

// rawRecord is a row as recordColumns gives it.
type rawRecord struct {
	pk, written, created, updated, expires int64
	id, key, scopes, value                 string
}

func (r *rawRecord) columns() []any {
	return []any{&r.pk, &r.id, &r.key, &r.scopes, &r.written, &r.created, &r.updated, &r.expires, &r.value}
}

func (r *rawRecord) decode() (store.KVRecord, error) {
	out := store.KVRecord{
		ID: r.id, Key: r.key, Version: r.written,
		CreatedAt: fromMicros(r.created), UpdatedAt: fromMicros(r.updated),
	}
	if r.expires != never {
		out.ExpiresAt = fromMicros(r.expires)
	}
	var err error
	if out.Scopes, err = readTexts("scopes", r.scopes); err != nil {
		return store.KVRecord{}, fmt.Errorf("row %s: %w", r.id, err)
	}
	if out.Value, err = khronos.ParseJSON([]byte(r.value), khronos.MaxDepth); err != nil {
		return store.KVRecord{}, fmt.Errorf("decode the value of row %s: %w", r.id, err)
	}
	return out, nil
}
