package sqlite_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/store"
	"github.com/template-worker/template-worker/internal/store/sqlite"
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

var crashTenant = khronos.TenantID{Kind: khronos.TenantGuild, ID: 1<<64 - 2}

// writeForever writes from several goroutines and prints each key after it was
// acknowledged. It returns only on an error.
func writeForever(path string) error {
	s, err := sqlite.Open(context.Background(), path, quiet)
	if err != nil {
		return err
	}
	const writers = 4
	results := make(chan error, writers)
	var mu sync.Mutex // guards stdout: one line at a time
	for w := range writers {
		go func() {
			for n := 0; ; n++ {
				line, err := acknowledge(s, w, n)
				if err != nil {
					results <- err
					return
				}
				mu.Lock()
				fmt.Println(line)
				mu.Unlock()
			}
		}()
	}
	return <-results
}

// acknowledge stores one thing and returns its line: every tenth is a template,
// the others are KV rows.
func acknowledge(s store.Store, w, n int) (string, error) {
	name := fmt.Sprintf("w%d-%d", w, n)
	if n%10 == 0 {
		tpl := store.Template{Tenant: crashTenant, Template: khronos.Template{
			Name: name, Files: map[string]string{"init.luau": name, "a": name, "b": name},
		}}
		_, err := s.PutTemplate(context.Background(), tpl)
		return "template " + name, err
	}
	err := s.KVSet(context.Background(), crashTenant, name, khronos.Text(name), []string{"a", "b"})
	return "row " + name, err
}

// TestOpen_afterKill kills a writing process with SIGKILL, several times over
// one file, and then looks for everything that it had acknowledged. (What a
// power cut does cannot be tried here; TestOpen_settings checks that commits are
// synced.)
func TestOpen_afterKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tw.db")
	var acknowledged []string
	for round := range 3 {
		acknowledged = append(acknowledged, killAfter(t, path, 60+40*round)...)
	}
	s := open(t, path)
	for _, line := range acknowledged {
		checkAcknowledged(t, s, line)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	checkConsistent(t, path)
}

// killAfter runs the child until it has acknowledged n things, kills it, and
// returns the lines of all that it had acknowledged by then.
func killAfter(t *testing.T, path string, n int) []string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), exe)
	child.Env = append(os.Environ(), crashFile+"="+path)
	var complaint strings.Builder
	child.Stderr = &complaint
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for scanner := bufio.NewScanner(out); scanner.Scan(); {
		lines = append(lines, scanner.Text())
		if len(lines) == n {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	var exit *exec.ExitError
	if err := child.Wait(); !errors.As(err, &exit) || exit.Exited() {
		t.Fatalf("child ended with %v, want a kill; it said: %s", err, complaint.String())
	}
	return lines
}

func checkAcknowledged(t *testing.T, s store.Store, line string) {
	t.Helper()
	kind, name, _ := strings.Cut(line, " ")
	switch kind {
	case "row":
		got, err := s.KVGet(t.Context(), crashTenant, name, []string{"b", "a"})
		if err != nil || !got.Value.Equal(khronos.Text(name)) {
			t.Fatalf("acknowledged %s: got %v, %v", line, got.Value, err)
		}
	case "template":
		got, err := s.Template(t.Context(), crashTenant, name)
		if err != nil || len(got.Files) != 3 || got.Files["b"] != name {
			t.Fatalf("acknowledged %s: got %v, %v", line, got.Files, err)
		}
	default:
		t.Fatalf("the child wrote %q", line)
	}
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
		`SELECT count(*) FROM templates AS t WHERE (SELECT count(*) FROM template_files
			WHERE tenant = t.tenant AND template = t.name AND version = t.version) <> 3`,
	} {
		var wrong int
		if err := db.QueryRowContext(t.Context(), query).Scan(&wrong); err != nil || wrong != 0 {
			t.Errorf("%s: got %d, %v, want 0", query, wrong, err)
		}
	}
}
