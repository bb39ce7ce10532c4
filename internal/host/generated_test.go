package host_test

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/template-worker/template-worker/internal/host"
	"github.com/template-worker/template-worker/luau"
)

var update = flag.Bool("update", false, "write docs/script-api.md and types/")

// TestGenerated fails when the page or a definition file is not what the registry
// says, or when there is one too many.
func TestGenerated(t *testing.T) {
	root := filepath.Join("..", "..")
	want := map[string]string{"docs/script-api.md": host.Markdown()}
	for name, text := range host.Definitions() {
		want["types/"+name] = text
	}
	if *update {
		if err := os.RemoveAll(filepath.Join(root, "types")); err != nil {
			t.Fatal(err)
		}
		for name, text := range want {
			path := filepath.Join(root, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	const stale = "run go test ./internal/host -update"
	for _, name := range slices.Sorted(maps.Keys(want)) {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil || string(got) != want[name] {
			t.Errorf("%s is stale (%v): %s", name, err, stale)
		}
	}
	err := filepath.WalkDir(filepath.Join(root, "types"), func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if _, ok := want[filepath.ToSlash(name)]; !ok {
			t.Errorf("%s is of nothing that is declared: %s", name, stale)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// The definition of a module is Luau like any other.
func TestDefinitions_modules(t *testing.T) {
	checked := 0
	for name, text := range host.Definitions() {
		if strings.HasSuffix(name, ".d.luau") {
			continue // declarations are luau-lsp's, not the language's
		}
		for _, err := range luau.Check(name, []byte(text)) {
			t.Errorf("%s: %v", name, err)
		}
		checked++
	}
	if checked == 0 {
		t.Error("no module has a definition")
	}
}

// TestCoverage wants each member of the original's API to be here or to have a reason.
func TestCoverage(t *testing.T) {
	for _, m := range host.Coverage() {
		if !m.Here && m.Reason == "" {
			t.Errorf("%s is not here and nothing says why", m.Name)
		}
	}
	if !strings.Contains(host.Markdown(), "`loadstring`: makes code") {
		t.Error("the table does not say why loadstring is not here")
	}
}
