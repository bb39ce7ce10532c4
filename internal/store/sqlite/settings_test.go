package sqlite

import (
	"database/sql"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
)

func openTemp(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "tw.db"), slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestOpen_settings asks the connections, because a misspelled setting in an
// address would be ignored in silence.
func TestOpen_settings(t *testing.T) {
	s := openTemp(t)
	for pool, db := range map[string]*sql.DB{"writer": s.write.db, "reader": s.read.db} {
		for pragma, want := range map[string]string{
			"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000",
			"query_only": map[string]string{"writer": "0", "reader": "1"}[pool],
		} {
			var got string
			if err := db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s: %s is %s, %v, want %s", pool, pragma, got, err, want)
			}
		}
	}
	if got := s.write.db.Stats().MaxOpenConnections; got != 1 {
		t.Errorf("%d writing connections, want 1", got)
	}
}

// TestQueries_plans wants every query of a tenant's data to go down an index.
func TestQueries_plans(t *testing.T) {
	s := openTemp(t)
	for name, query := range map[string]string{
		"get": getSQL, "find": findSQL, "record": recordSQL, "delete": deleteSQL, "scopes": scopesSQL,
		"tenant": tenantSQL, "template": templateSQL, "templates": templatesSQL, "files": filesSQL,
		"subscriptions": subscriptionsSQL, "state": stateSQL, "known": knownSQL,
	} {
		for _, step := range plan(t, s, query) {
			if strings.HasPrefix(step, "SCAN") && !strings.Contains(step, "VIRTUAL TABLE") && step != "SCAN scopes" && step != "SCAN CONSTANT ROW" {
				t.Errorf("%s reads a whole table: %s", name, step)
			}
			if name == "find" && strings.Contains(step, "TEMP B-TREE") {
				t.Errorf("find sorts what it could read in order: %s", step)
			}
		}
	}
}

func plan(t *testing.T, s *Store, query string) []string {
	t.Helper()
	rows, err := s.read.db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, 1, 2, "[]", "x")
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	var steps []string
	err = each(rows, func() error {
		var id, parent, unused int
		var step string
		err := rows.Scan(&id, &parent, &unused, &step)
		steps = append(steps, step)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(steps) == 0 {
		t.Fatalf("no plan for %s", query)
	}
	return steps
}
