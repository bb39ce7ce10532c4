package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/template-worker/template-worker/internal/store/sqlite"
	"github.com/template-worker/template-worker/internal/store/storetest"
)

// crashFile names the database in the environment of the child of
// TestOpen_afterKill.
const crashFile = "TW_TEST_CRASH_FILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashFile); path != "" {
		fmt.Fprintln(os.Stderr, writeForever(path))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// writeForever returns only on an error.
func writeForever(path string) error {
	s, err := sqlite.Open(context.Background(), path, quiet)
	if err != nil {
		return err
	}
	return storetest.WriteForever(s, fmt.Sprint("run", os.Getpid()), os.Stdout)
}

// TestOpen_afterKill kills a writing process with SIGKILL, several times over
// one file, and then looks for everything that it had acknowledged. (What a
// power cut does cannot be tried here; TestOpen_settings checks that commits are
// synced.)
func TestOpen_afterKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tw.db")
	var acknowledged []string
	for round := range 4 {
		acknowledged = append(acknowledged, storetest.KillAfter(t, crashFile+"="+path, 150+97*round, (*os.Process).Kill)...)
	}
	s := open(t, path)
	storetest.CheckSurvivors(t, s, acknowledged)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	checkConsistent(t, path)
}

// checkConsistent asks SQLite for broken pages, broken references and rows
// without their scopes.
func checkConsistent(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity check: %s, %v", verdict, err)
	}
	for _, query := range []string{
		`SELECT count(*) FROM pragma_foreign_key_check`,
		`SELECT count(*) FROM kv WHERE json_array_length(scopes) <> (SELECT count(*) FROM kv_scopes AS s
			WHERE s.kv = kv.pk AND s.tenant = kv.tenant AND s.key = kv.key)`,
		`SELECT count(*) FROM (SELECT 1 FROM kv WHERE gone = 0 GROUP BY tenant, key, scopes HAVING count(*) > 1)`,
		`SELECT count(*) FROM tenants AS t WHERE (kv_rows, kv_bytes) <> (SELECT count(*), coalesce(sum(size), 0) FROM kv WHERE tenant = t.pk)`,
		`SELECT count(*) FROM templates AS t WHERE (SELECT count(*) FROM template_files
			WHERE tenant = t.tenant AND template = t.name AND version = t.version) <> 3`,
	} {
		var wrong int
		if err := db.QueryRowContext(t.Context(), query).Scan(&wrong); err != nil || wrong != 0 {
			t.Errorf("%s: got %d, %v, want 0", query, wrong, err)
		}
	}
}
