package luautest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestConformance runs the reference's suite from the folder that
// LUAU_CONFORMANCE names, each file in each of its modes.
func TestConformance(t *testing.T) {
	dir := os.Getenv("LUAU_CONFORMANCE")
	if dir == "" {
		t.Skip("LUAU_CONFORMANCE is not set: name the folder tests/conformance of the reference to run its suite")
	}
	known(t, dir)
	var table strings.Builder
	passed := 0
	for _, cs := range Cases() {
		t.Run(cs.File, func(t *testing.T) {
			if cs.Skip != "" {
				fmt.Fprintf(&table, "skip  %-32s %s\n", cs.File, cs.Skip)
				t.Skip(cs.Skip)
			}
			for _, mode := range cs.Modes() {
				r := cs.Run(dir, mode, time.Minute)
				if r.Err == nil {
					fmt.Fprintf(&table, "ok    %-32s %-6s %s\n", cs.File, mode.Name, r.Took.Round(time.Millisecond))
					continue
				}
				first, _, _ := strings.Cut(r.Err.Error(), "\n")
				fmt.Fprintf(&table, "FAIL  %-32s %-6s %s\n", cs.File, mode.Name, first)
				t.Errorf("%s: %v", mode.Name, r.Err)
			}
			if !t.Failed() {
				passed++
			}
		})
	}
	t.Logf("\n%s%d of %d files pass", table.String(), passed, len(Cases()))
}

// known checks that the folder has the files of the cases and no others.
func known(t *testing.T, dir string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.luau"))
	if err != nil {
		t.Fatal(err)
	}
	var files, cases []string
	for _, p := range paths {
		files = append(files, filepath.Base(p))
	}
	for _, cs := range Cases() {
		cases = append(cases, cs.File)
	}
	if !slices.Equal(files, cases) {
		t.Errorf("%s has the files\n%s\nknown are\n%s", dir, strings.Join(files, " "), strings.Join(cases, " "))
	}
}
