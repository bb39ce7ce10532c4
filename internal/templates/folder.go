package templates

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/template-worker/template-worker/internal/khronos"
)

// ManifestFile may stand in a template's folder and say its name and capabilities.
const ManifestFile = "template.json"

// manifest is what ManifestFile holds.
type manifest struct {
	Name         string   `json:"name"`
	Capabilities []string `json:"capabilities"`
	Paused       bool     `json:"paused"`
}

// ReadFolder reads a template from a folder on the operator's disk: its .luau,
// .lua and .luaurc files, and name, capabilities and pause from its manifest.
// Without a name there it takes the folder's. Links are not followed. It checks
// the upload rules, so that a mistake shows before anything is sent.
func ReadFolder(dir string) (khronos.Template, error) {
	t := khronos.Template{Files: map[string]string{}}
	m, err := readManifest(dir)
	if err != nil {
		return t, err
	}
	t.Name, t.Capabilities, t.Paused = m.Name, m.Capabilities, m.Paused
	if t.Name == "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return t, fmt.Errorf("read template folder %s: %w", dir, err)
		}
		t.Name = filepath.Base(abs)
	}
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || !isSource(name) {
			return err
		}
		source, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		t.Files[name] = string(source)
		return err
	})
	if err != nil {
		return t, fmt.Errorf("read template folder %s: %w", dir, err)
	}
	return t, khronos.CheckTemplateFiles(t.Name, t.Files)
}

func isSource(name string) bool {
	base := path.Base(name)
	return base == ".luaurc" || strings.HasSuffix(base, ".luau") || strings.HasSuffix(base, ".lua")
}

// readManifest reads the manifest; a folder without one has the zero manifest.
func readManifest(dir string) (manifest, error) {
	var m manifest
	text, err := os.ReadFile(filepath.Join(dir, ManifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return m, fmt.Errorf("read template manifest: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return m, fmt.Errorf("%s: %w", filepath.Join(dir, ManifestFile), err)
	}
	return m, nil
}
