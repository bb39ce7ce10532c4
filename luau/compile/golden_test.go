package compile

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/template-worker/template-worker/luau/internal/bytecode"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden compiles testdata/*.luau and compares the disassembly with the file beside it.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.luau")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test files: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".luau")
		t.Run(name, func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p, err := Source("="+name, src, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := bytecode.Verify(p); err != nil {
				t.Error(err)
			}
			var got bytes.Buffer
			if err := bytecode.Disassemble(&got, p); err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".luau") + ".txt"
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("disassembly differs from %s; run with -update and read the difference\n%s", golden, got.String())
			}
		})
	}
}
