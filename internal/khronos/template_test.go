package khronos

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckTemplateFiles(t *testing.T) {
	with := func(path, source string) map[string]string {
		return map[string]string{"init.luau": "return {}", path: source}
	}
	room := MaxTemplateBytes - len("init.luau") - len("return {}") - len("a.luau")
	for _, c := range []struct {
		what, name string
		files      map[string]string
		kind       ErrorKind
	}{
		{"smallest", "a", with("init.luau", ""), ErrKindOK},
		{"all characters", "A-z_0.9", with("lib/x.luau", "é"), ErrKindOK},
		{"longest name", strings.Repeat("a", 64), with("..a/.luaurc", ""), ErrKindOK},
		{"file beside folder", "a", with("init/x.luau", ""), ErrKindOK},
		{"largest", "a", with("a.luau", strings.Repeat("x", room)), ErrKindOK},
		{"too large", "a", with("a.luau", strings.Repeat("x", room+1)), ErrKindTooLarge},
		{"no name", "", with("a", ""), ErrKindBadRequest},
		{"long name", strings.Repeat("a", 65), with("a", ""), ErrKindBadRequest},
		{"slash in name", "a/b", with("a", ""), ErrKindBadRequest},
		{"space in name", "a b", with("a", ""), ErrKindBadRequest},
		{"letter beyond ASCII", "é", with("a", ""), ErrKindBadRequest},
		{"dots", "..", with("a", ""), ErrKindBadRequest},
		{"no files", "a", nil, ErrKindBadRequest},
		{"no init", "a", map[string]string{"Init.luau": ""}, ErrKindBadRequest},
		{"init in a folder only", "a", map[string]string{"x/init.luau": ""}, ErrKindBadRequest},
		{"empty path", "a", with("", ""), ErrKindBadRequest},
		{"dot", "a", with(".", ""), ErrKindBadRequest},
		{"absolute", "a", with("/etc/passwd", ""), ErrKindBadRequest},
		{"up", "a", with("../x", ""), ErrKindBadRequest},
		{"up inside", "a", with("a/../x", ""), ErrKindBadRequest},
		{"not clean", "a", with("./x", ""), ErrKindBadRequest},
		{"two slashes", "a", with("a//x", ""), ErrKindBadRequest},
		{"slash at the end", "a", with("a/", ""), ErrKindBadRequest},
		{"backslash", "a", with(`a\x`, ""), ErrKindBadRequest},
		{"control character", "a", with("a\x00", ""), ErrKindBadRequest},
		{"path not UTF-8", "a", with("a\xff", ""), ErrKindBadRequest},
		{"source not UTF-8", "a", with("x", "\xff"), ErrKindBadRequest},
		{"file and folder", "a", with("init.luau/x/y", ""), ErrKindBadRequest},
	} {
		t.Run(c.what, func(t *testing.T) {
			err := CheckTemplateFiles(c.name, c.files)
			if c.kind == ErrKindOK && err != nil || c.kind != ErrKindOK && !errors.Is(err, &Error{Kind: c.kind}) {
				t.Errorf("got %v", err)
			}
		})
	}
}
