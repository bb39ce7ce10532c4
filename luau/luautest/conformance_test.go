package luautest

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// TestConformance runs the reference's suite from the folder that
// LUAU_CONFORMANCE names, each file at the optimization levels on and off.
func TestConformance(t *testing.T) {
	dir := os.Getenv("LUAU_CONFORMANCE")
	if dir == "" {
		t.Skip("LUAU_CONFORMANCE is not set: name the folder tests/conformance of the reference to run its suite")
	}
	var table strings.Builder
	for _, cs := range Cases() {
		t.Run(cs.File, func(t *testing.T) {
			if cs.Skip != "" {
				fmt.Fprintf(&table, "skip  %-32s %s\n", cs.File, cs.Skip)
				t.Skip(cs.Skip)
			}
			for _, level := range cs.Levels() {
				r := cs.Run(dir, level, time.Minute)
				if r.Err == nil {
					fmt.Fprintf(&table, "ok    %-32s O%-2d %s\n", cs.File, level+1, r.Took.Round(time.Millisecond))
					continue
				}
				first, _, _ := strings.Cut(r.Err.Error(), "\n")
				fmt.Fprintf(&table, "FAIL  %-32s O%-2d %s\n", cs.File, level+1, first)
				t.Errorf("level %d: %v", level+1, r.Err)
			}
		})
	}
	t.Log("\n" + table.String())
}
