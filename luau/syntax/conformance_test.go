package syntax

import (
	"os"
	"path/filepath"
	"testing"
)

// conformanceEnv names a folder with the reference's tests/conformance/*.luau.
const conformanceEnv = "LUAU_CONFORMANCE"

// TestParse_Conformance parses the reference's own scripts. Classes are not supported.
func TestParse_Conformance(t *testing.T) {
	dir := os.Getenv(conformanceEnv)
	if dir == "" {
		t.Skipf("set %s to a folder with the reference's conformance scripts", conformanceEnv)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.luau"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts in %s: %v", dir, err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		_, errs := ParseAll(name, src, Options{})
		usesClasses := name == "classes.luau"
		if usesClasses != (len(errs) > 0) {
			t.Errorf("%s: classes %v, errors %v", name, usesClasses, errs)
		}
	}
	t.Logf("parsed %d scripts", len(files))
}
