package sqlite

import (
	"database/sql"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
	"github.com/template-worker/template-worker/internal/store/sqlstore"
)

// TestOpen_earlierSchemas makes a database of each earlier schema, fills it with
// what testdata has for that schema, and opens it with today's program.
func TestOpen_earlierSchemas(t *testing.T) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	if len(names) < 2 {
		t.Fatalf("%d migrations: nothing to come from", len(names))
	}
	for i := range names[:len(names)-1] {
		version := int64(i + 1)
		t.Run(fmt.Sprint("schema ", version), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "tw.db")
			makeSchema(t, path, version)
			s, err := Open(t.Context(), path, slog.New(slog.NewTextHandler(io.Discard, nil)))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			checkMigrated(t, s)
			checkForeignKeys(t, s)
		})
	}
}

// makeSchema makes a database that stopped at that version and fills it.
func makeSchema(t *testing.T, path string, version int64) {
	t.Helper()
	db, err := sql.Open("sqlite", address(path, "_txlock=immediate"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join("testdata", fmt.Sprintf("%05d.sql", version)))
	if err != nil {
		t.Fatalf("each schema needs content to come from: %v", err)
	}
	if _, err := db.ExecContext(t.Context(), string(content)); err != nil {
		t.Fatal(err)
	}
}

// checkMigrated wants what testdata holds, and that one can go on with it.
func checkMigrated(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	guild := khronos.TenantID{Kind: khronos.TenantGuild, ID: 1}
	giant := khronos.TenantID{Kind: khronos.TenantUser, ID: 1<<64 - 2}

	tpl, err := s.Template(ctx, guild, "greeter")
	if err != nil || tpl.Version != 4 || !tpl.Paused || len(tpl.Files) != 2 || tpl.Files["init.luau"] != "return {}" ||
		!slices.Equal(tpl.Capabilities, []string{"kv:*"}) || !slices.Equal(tpl.Subscriptions, []string{"MESSAGE"}) ||
		!tpl.CreatedAt.Equal(time.Unix(1_700_000_000, 0)) || !tpl.UpdatedAt.Equal(time.Unix(1_700_000_001, 0)) {
		t.Errorf("template: got %+v, %v", tpl, err)
	}
	tpl.Name = "deleted"
	if put, err := s.PutTemplate(ctx, tpl); err != nil || put.Version != 10 {
		t.Errorf("the next version of a deleted name: got %d, %v, want 10", put.Version, err)
	}
	tpl.Name = "greeter"
	if put, err := s.PutTemplate(ctx, tpl); err != nil || put.Version != 5 {
		t.Errorf("the next version: got %d, %v, want 5", put.Version, err)
	}
	if back, err := s.ActivateTemplate(ctx, guild, "greeter", 4); err != nil || back.Files["init.luau"] != "return {}" {
		t.Errorf("back to the old version: got %+v, %v", back, err)
	}

	row, err := s.KVGet(ctx, guild, "ü", []string{"b", "a"})
	if err != nil || row.ID != "id1" || row.Version != 2 || !row.Value.Equal(khronos.Integer(1)) || !row.ExpiresAt.IsZero() {
		t.Errorf("row: got %+v, %v", row, err)
	}
	usage, err := s.Usage(ctx, guild)
	if want := int64(len("üab{`Integer`:1}") + len("ka`Null`")); err != nil || usage.KVRows != 2 || usage.KVBytes != want {
		t.Errorf("usage: got %+v, %v, want 2 rows of %d bytes", usage, err, want)
	}
	state, err := s.TenantState(ctx, giant)
	if err != nil || !state.Banned || string(state.Data) != `{"a":1}` {
		t.Errorf("state: got %+v, %v", state, err)
	}
	results, err := s.KVApply(ctx, giant, store.KVBatch{Ops: []store.KVOp{
		{Action: store.KVActionSet, Key: "k", Scopes: []string{"a"}, Value: khronos.Null(), Expect: 1},
	}})
	if err != nil || results[0].ID != "id5" || results[0].Version != 2 {
		t.Errorf("a set over an old row: got %+v, %v", results, err)
	}
}

func checkForeignKeys(t *testing.T, s *Store) {
	t.Helper()
	var wrong int
	err := s.db.One(t.Context(), func(tx sqlstore.Tx) error {
		return tx.Row(t.Context(), `SELECT count(*) FROM pragma_foreign_key_check`).Scan(&wrong)
	})
	if err != nil || wrong != 0 {
		t.Errorf("%d broken references, %v", wrong, err)
	}
}
