package templates_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/templates"
)

// zipEntry is an entry as an attacker would write it.
type zipEntry struct {
	name, text string
	change     func(*zip.FileHeader)
}

func zipOf(t *testing.T, entries ...zipEntry) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		if e.change != nil {
			e.change(h)
		}
		entry, err := w.CreateHeader(h)
		if err == nil {
			_, err = entry.Write([]byte(e.text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestReadZip(t *testing.T) {
	for _, tc := range []struct {
		name    string
		entries []zipEntry
		want    map[string]string
	}{
		{"at the top", []zipEntry{{name: "init.luau", text: "a"}, {name: "lib/", text: ""}, {name: "lib/x.luau", text: "b"}, {name: "a.png", text: "c"}, {name: "init.test.luau", text: "d"}},
			map[string]string{"init.luau": "a", "lib/x.luau": "b"}},
		{"in one folder", []zipEntry{{name: "t/", text: ""}, {name: "t/init.luau", text: "a"}, {name: "t/template.toml", text: "b"}, {name: "__MACOSX/t/._init.luau", text: "c"}},
			map[string]string{"init.luau": "a", "template.toml": "b"}},
		{"stored", []zipEntry{{name: "init.luau", text: "a", change: func(h *zip.FileHeader) { h.Method = zip.Store }}},
			map[string]string{"init.luau": "a"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := templates.ReadZip(zipOf(t, tc.entries...), 1000)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadZip_Refusals(t *testing.T) {
	many := make([]zipEntry, 1001)
	for i := range many {
		many[i].name = fmt.Sprint(i)
	}
	link := func(h *zip.FileHeader) { h.SetMode(fs.ModeSymlink | 0o777) }
	for _, tc := range []struct {
		name    string
		archive []byte
		kind    khronos.ErrorKind
		want    string
	}{
		{"no archive", []byte("PK\x03\x04 not really"), khronos.ErrKindBadRequest, "no zip archive"},
		{"too many entries", zipOf(t, many...), khronos.ErrKindTooLarge, "1001 entries"},
		{"a bomb", zipOf(t, zipEntry{name: "init.luau", text: strings.Repeat("\x00", 50<<20)}), khronos.ErrKindTooLarge, "more than 1000 bytes"},
		{"a bomb in parts", zipOf(t, zipEntry{name: "a.luau", text: strings.Repeat("x", 600)}, zipEntry{name: "b.luau", text: strings.Repeat("x", 600)}), khronos.ErrKindTooLarge, "more than 1000 bytes"},
		{"out of the folder", zipOf(t, zipEntry{name: "a/../../init.luau"}), khronos.ErrKindBadRequest, "clean relative path"},
		{"absolute", zipOf(t, zipEntry{name: "/init.luau"}), khronos.ErrKindBadRequest, "clean relative path"},
		{"backslash", zipOf(t, zipEntry{name: `..\init.luau`}), khronos.ErrKindBadRequest, "clean relative path"},
		{"drive", zipOf(t, zipEntry{name: "c:init.luau"}), khronos.ErrKindBadRequest, "clean relative path"},
		{"link", zipOf(t, zipEntry{name: "init.luau", text: "/etc/passwd", change: link}), khronos.ErrKindBadRequest, "neither a file nor a folder"},
		{"twice", zipOf(t, zipEntry{name: "init.luau"}, zipEntry{name: "init.luau"}), khronos.ErrKindBadRequest, "there twice"},
		{"encrypted", zipOf(t, zipEntry{name: "init.luau", change: func(h *zip.FileHeader) { h.Flags |= 1 }}), khronos.ErrKindBadRequest, "encrypted"},
		{"cut", zipOf(t, zipEntry{name: "init.luau", text: "a"})[:40], khronos.ErrKindBadRequest, "no zip archive"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := templates.ReadZip(tc.archive, 1000)
			if e := khronos.AsError(err); err == nil || e.Kind != tc.kind || !strings.Contains(e.Text, tc.want) {
				t.Errorf("got %v, want %s with %q", err, tc.kind, tc.want)
			}
		})
	}
}

// An entry whose header claims fewer bytes than it holds is not believed.
func TestReadZip_Lies(t *testing.T) {
	archive := zipOf(t, zipEntry{name: "init.luau", text: strings.Repeat("x", 5000)})
	size := []byte{0x88, 0x13, 0, 0} // 5000
	archive = bytes.ReplaceAll(archive, size, []byte{10, 0, 0, 0})
	if files, err := templates.ReadZip(archive, 1000); err == nil {
		t.Errorf("got %d bytes of source, want an error", len(files["init.luau"]))
	}
}

func FuzzReadZip(f *testing.F) {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	entry, _ := w.Create("t/init.luau")
	entry.Write([]byte("return {}"))
	w.Close()
	f.Add(buf.Bytes())
	f.Fuzz(func(t *testing.T, archive []byte) {
		files, err := templates.ReadZip(archive, 1000)
		if err != nil && khronos.AsError(err).Kind == khronos.ErrKindInternal {
			t.Errorf("an error that is nobody's: %v", err)
		}
		size := 0
		for name, source := range files {
			size += len(name) + len(source)
			if !fs.ValidPath(name) {
				t.Errorf("path %q", name)
			}
		}
		if size > 1000 {
			t.Errorf("%d bytes", size)
		}
	})
}

func TestWriteFolder(t *testing.T) {
	dir := t.TempDir() + "/new"
	files := map[string]string{"init.luau": "return {}", "lib/a.luau": "return 1", "template.toml": "name = 'x'"}
	if err := templates.WriteFolder(dir, files); err != nil {
		t.Fatal(err)
	}
	got, err := templates.ReadFolder(dir)
	if err != nil || got.Name != "x" {
		t.Fatalf("got %+v, %v", got, err)
	}
	if diff := cmp.Diff(files, got.Files); diff != "" {
		t.Error(diff)
	}
	if err := templates.WriteFolder(dir, map[string]string{"../escaped.luau": ""}); err == nil {
		t.Error("a path out of the folder was written")
	}
}
