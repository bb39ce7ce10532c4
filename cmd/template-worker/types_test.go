package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/template-worker/template-worker/internal/host"
)

func TestTypes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "types")
	got := command(t, "", "types", dir)
	if got.code != exitDone {
		t.Fatalf("exit %d, %q", got.code, got.err)
	}
	for name, want := range host.Definitions() {
		path := filepath.Join(dir, name)
		if text, err := os.ReadFile(path); err != nil || string(text) != want || !strings.Contains(got.out, path+"\n") {
			t.Errorf("%s: %v, or not what the registry says, or not named in %q", name, err, got.out)
		}
	}
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"types", "a", "b"}, exitUsage, "at most one folder"},
		{[]string{"types", writeFile(t, "file", "")}, exitFailed, "write definition files"},
	} {
		if got := command(t, "", tt.args...); got.code != tt.code || !strings.Contains(got.err, tt.want) {
			t.Errorf("%q: exit %d, %q, want %d with %q", tt.args, got.code, got.err, tt.code, tt.want)
		}
	}
}
