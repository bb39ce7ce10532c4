package compile

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/template-worker/template-worker/luau/syntax"
)

// BenchmarkCompile measures the compiler alone over the golden sources, in lines per second.
func BenchmarkCompile(b *testing.B) {
	files, err := filepath.Glob("testdata/*.luau")
	if err != nil {
		b.Fatal(err)
	}
	var src []byte
	for _, file := range files {
		if filepath.Base(file) == "exports.luau" {
			continue // exports stand only at the top level
		}
		text, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		src = append(append(append(src, "do local function part(...)\n"...), text...), "\nend end\n"...)
	}
	src = bytes.Repeat(src, 20)
	ch, err := syntax.Parse("=bench", src, syntax.Options{})
	if err != nil {
		b.Fatal(err)
	}
	lines := bytes.Count(src, []byte("\n"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(ch, "=bench", Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(lines)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}
