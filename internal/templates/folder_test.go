package templates_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/templates"
)

func writeFolder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "my-template")
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestReadFolder(t *testing.T) {
	dir := writeFolder(t, map[string]string{
		"init.luau": "return {}", "lib/a.luau": "return 1", "lib/.luaurc": "{}", "old.lua": "return 2",
		"README.md": "# no", "fixtures/x.json": "{}", "a.test.luau": "return {}", "lib/template.toml": "no",
		"template.toml": "name = \"renamed\"\ncapabilities = [\"kv:*\"]",
	})
	got, err := templates.ReadFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := khronos.Template{Name: "renamed", Capabilities: []string{"kv:*"}, Files: map[string]string{
		"init.luau": "return {}", "lib/a.luau": "return 1", "lib/.luaurc": "{}", "old.lua": "return 2",
		"template.toml": "name = \"renamed\"\ncapabilities = [\"kv:*\"]",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadFolder_WithoutManifest(t *testing.T) {
	got, err := templates.ReadFolder(writeFolder(t, map[string]string{"init.luau": "return {}"}))
	if err != nil || got.Name != "my-template" || got.Capabilities != nil {
		t.Errorf("got %+v, %v, want the folder's name and no capabilities", got, err)
	}
}

func TestReadFolder_Refusals(t *testing.T) {
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"no init.luau", map[string]string{"a.luau": ""}, "init.luau"},
		{"unknown manifest field", map[string]string{"init.luau": "", "template.toml": "name = \"x\"\ncapabilitys = []"}, "template.toml:2: there is no capabilitys"},
		{"broken manifest", map[string]string{"init.luau": "", "template.toml": "name = "}, "template.toml:1:"},
		{"too large", map[string]string{"init.luau": "--" + strings.Repeat("x", 256<<10)}, "262144"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := templates.ReadFolder(writeFolder(t, tc.files))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want an error with %q", err, tc.want)
			}
		})
	}
}
