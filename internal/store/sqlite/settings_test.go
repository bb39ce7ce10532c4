package sqlite

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/template-worker/template-worker/internal/store/sqlstore"
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
	for pool, ask := range map[string]func(context.Context, func(sqlstore.Tx) error) error{"writer": s.db.Update, "reader": s.db.One} {
		for pragma, want := range map[string]string{
			"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000",
			"query_only": map[string]string{"writer": "0", "reader": "1"}[pool],
		} {
			var got string
			err := ask(t.Context(), func(tx sqlstore.Tx) error { return tx.Row(t.Context(), "PRAGMA "+pragma).Scan(&got) })
			if err != nil || got != want {
				t.Errorf("%s: %s is %s, %v, want %s", pool, pragma, got, err, want)
			}
		}
	}
}

// TestQueries_plans wants every query of a tenant's data to go down an index,
// and what is read in order not to be sorted.
func TestQueries_plans(t *testing.T) {
	s := openTemp(t)
	for name, query := range sqlstore.Queries() {
		for _, step := range plan(t, s, query) {
			if strings.HasPrefix(step, "SCAN") && step != "SCAN scopes" && step != "SCAN CONSTANT ROW" && !strings.Contains(step, "USING INDEX kv_by_expiry") {
				t.Errorf("%s reads a whole table: %s", name, step)
			}
			if strings.Contains(step, "TEMP B-TREE") && name != "get" { // few rows
				t.Errorf("%s sorts what it could read in order: %s", name, step)
			}
		}
	}
}

func plan(t *testing.T, s *Store, query string) []string {
	t.Helper()
	var steps []string
	err := s.db.One(t.Context(), func(tx sqlstore.Tx) error {
		args := make([]any, parameters(query))
		for i := range args {
			args[i] = i
		}
		rows, err := tx.Query(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				return err
			}
			steps = append(steps, step)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	if len(steps) == 0 {
		t.Fatalf("no plan for %s", query)
	}
	return steps
}

// parameters is the number of the highest parameter in query.
func parameters(query string) int {
	n := 0
	for _, found := range regexp.MustCompile(`\$(\d+)`).FindAllStringSubmatch(query, -1) {
		i, err := strconv.Atoi(found[1])
		if err != nil {
			panic(err)
		}
		n = max(n, i)
	}
	return n
}
