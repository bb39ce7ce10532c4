package templates

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/template-worker/template-worker/internal/khronos"
)

// testSuffix ends the names of files that test a template and are no part of it.
const testSuffix = ".test.luau"

// ReadFolder reads a template from a folder on the operator's disk: its .luau,
// .lua and .luaurc files without its tests, and its manifest. Name is the
// manifest's, or else the folder's; Capabilities is what the template asks for.
// Links are not followed. It checks the upload rules, so that a mistake shows
// before anything is sent.
func ReadFolder(dir string) (khronos.Template, error) {
	files, err := readFiles(dir, isPart)
	if err != nil {
		return khronos.Template{}, err
	}
	m, err := ManifestOf(files)
	if err != nil {
		return khronos.Template{}, fmt.Errorf("read template folder %s: %w", dir, err)
	}
	t := khronos.Template{Name: m.Name, Files: files, Capabilities: m.Capabilities}
	if t.Name == "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return khronos.Template{}, fmt.Errorf("read template folder %s: %w", dir, err)
		}
		t.Name = filepath.Base(abs)
	}
	return t, khronos.CheckTemplateFiles(t.Name, t.Files)
}

// ReadTests reads the tests in a template's folder, by path.
func ReadTests(dir string) (map[string]string, error) {
	return readFiles(dir, func(name string) bool { return strings.HasSuffix(name, testSuffix) })
}

// readFiles reads the regular files below dir that want picks.
func readFiles(dir string, want func(name string) bool) (map[string]string, error) {
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || !want(name) {
			return err
		}
		source, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		files[name] = string(source)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read template folder %s: %w", dir, err)
	}
	return files, nil
}

// isPart tells whether a file of a folder or an archive belongs to the template.
func isPart(name string) bool {
	if name == ManifestFile {
		return true
	}
	base := path.Base(name)
	source := base == ".luaurc" || strings.HasSuffix(base, ".luau") || strings.HasSuffix(base, ".lua")
	return source && !strings.HasSuffix(base, testSuffix)
}

// WriteFolder writes the files of a template into dir, which it makes. It
// replaces files of those names, leaves others alone, and follows no path out of dir.
func WriteFolder(dir string, files map[string]string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write template folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("write template folder: %w", err)
	}
	defer root.Close()
	for name, source := range files {
		name := filepath.FromSlash(name)
		if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return fmt.Errorf("write template folder %s: %w", dir, err)
		}
		if err := root.WriteFile(name, []byte(source), 0o644); err != nil {
			return fmt.Errorf("write template folder %s: %w", dir, err)
		}
	}
	return nil
}
