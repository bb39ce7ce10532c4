package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store/sqlite"
)

var guild = khronos.TenantID{Kind: khronos.TenantGuild, ID: 1}

func TestOpen_again(t *testing.T) {
	// A name that would mean something else in an address.
	path := filepath.Join(t.TempDir(), "a b?mode=ro&x=%41#ü.db")
	s := open(t, path)
	if err := s.KVSet(t.Context(), guild, "k", khronos.Integer(1), []string{"s"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	defer s.Close()
	got, err := s.KVGet(t.Context(), guild, "k", []string{"s"})
	if err != nil || !got.Value.Equal(khronos.Integer(1)) {
		t.Errorf("after reopening: got %v, %v", got.Value, err)
	}
}

func TestOpen_modes(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "tw.db"))
	defer s.Close()
	if err := s.KVSet(t.Context(), guild, "k", khronos.Null(), []string{"s"}); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 4 {
		t.Errorf("got %d files, want the database, its journal, its index and its lock", len(files))
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", f.Name(), info.Mode())
		}
	}
}

func TestOpen_noFolder(t *testing.T) {
	_, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "missing", "tw.db"), quiet)
	if err == nil || !strings.Contains(err.Error(), "no such file or directory") {
		t.Errorf("got %v, want that the folder is missing", err)
	}
}

func TestOpen_notADatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tw.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database. ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), path, quiet); err == nil {
		t.Error("a text file was opened as a database")
	}
}

// TestOpen_atOnce opens one new file several times at once, as a second
// command beside a starting server does.
func TestOpen_atOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tw.db")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := sqlite.Open(t.Context(), path, quiet)
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.KVSet(t.Context(), guild, "k", khronos.Null(), []string{"s"}); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestOpen_lockHeld(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tw.db")
	f, err := os.Create(path + ".lock")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err = sqlite.Open(ctx, path, quiet)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "another process holds") {
		t.Errorf("got %v, want that the lock is held", err)
	}
}

func TestMigrate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tw.db")
	applied, err := sqlite.Migrate(t.Context(), path, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if len(applied) == 0 || applied[0] != "00001_initial.sql" {
		t.Errorf("first time: applied %q, want all", applied)
	}
	applied, err = sqlite.Migrate(t.Context(), path, quiet)
	if err != nil || len(applied) != 0 {
		t.Errorf("second time: applied %q, %v, want none", applied, err)
	}
}

func TestMigrate_newerSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tw.db")
	if _, err := sqlite.Migrate(t.Context(), path, quiet); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = sqlite.Open(t.Context(), path, quiet)
	if err == nil || !strings.Contains(err.Error(), "use a newer program") {
		t.Errorf("got %v, want a refusal", err)
	}
}
