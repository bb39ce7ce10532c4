package local_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/objects"
	"github.com/template-worker/template-worker/internal/objects/local"
	"github.com/template-worker/template-worker/internal/objects/objectstest"
)

func open(t *testing.T, dir string) *local.Store {
	t.Helper()
	s, err := local.Open(dir)
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

func TestStore(t *testing.T) {
	objectstest.Run(t, func(t *testing.T) objects.Store { return open(t, filepath.Join(t.TempDir(), "objects")) })
}

// TestOpen_unfinished leaves what a killed process leaves, and wants it gone, and what was finished still there.
func TestOpen_unfinished(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "objects")
	tenant := khronos.TenantID{Kind: khronos.TenantGuild, ID: 1}
	s := open(t, dir)
	if _, err := s.Put(t.Context(), tenant, "k", strings.NewReader("x"), 1); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "unfinished", "HALF"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if left, err := os.ReadDir(filepath.Join(dir, "unfinished")); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if _, err := s.Stat(t.Context(), tenant, "k"); err != nil {
		t.Error(err)
	}
}

// TestStore_links plants a symbolic link where a tenant's folder would be: it must not be followed out of the store.
func TestStore_links(t *testing.T) {
	outside := t.TempDir()
	dir := filepath.Join(t.TempDir(), "objects")
	s := open(t, dir)
	if err := os.Symlink(outside, filepath.Join(dir, "guild")); err != nil {
		t.Fatal(err)
	}
	tenant := khronos.TenantID{Kind: khronos.TenantGuild, ID: 1}
	if _, err := s.Put(t.Context(), tenant, "k", strings.NewReader("x"), 1); err == nil {
		t.Error("a link was followed")
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) != 0 {
		t.Errorf("written outside: %v, %v", left, err)
	}
}
