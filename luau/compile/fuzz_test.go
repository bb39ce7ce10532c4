package compile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/template-worker/template-worker/luau/internal/bytecode"
	"github.com/template-worker/template-worker/luau/syntax"
)

// FuzzSource checks that whatever parses either compiles to code that verifies,
// at each level, or meets a limit, and that both levels mean the same.
func FuzzSource(f *testing.F) {
	files, err := filepath.Glob("testdata/*.luau")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	for _, src := range []string{
		"a, b, a.c, a[b] = b, a, f()",
		"local a a, b[a] = 1, 2 a += f(a) a ..= a",
		"repeat local a = 1 if a then continue end local b until a",
		"local x = a and (b or c) and not (d and e) or x == y",
		"export local x = 1 export function y() x += 1 end",
		"for i = 1, 2 do i = function() return i end end",
		"local t, n = {}, 3 for i = 1, n do t[i] = i * n end for k, v in t do print(k, v, #t) end return t",
		"local function f(a, ...) return a and f(...) or {...} end print(f(1, 2, 3), -n // 2 .. 'x')",
		"local a, b, c = 1, nil, 'x' a, b = b, a c ..= c if not (a == b or c > 'a') then b = c end return a, b, c",
		"return `{a}{`{b}`}`, {[1] = 1, [2] = 2, 3, ...}",
	} {
		f.Add([]byte(src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		ch, err := syntax.Parse("=fuzz", src, syntax.Options{})
		if err != nil {
			return
		}
		ch.Optimize = -1
		var outs []string
		for _, opt := range []Options{{}, {Optimize: NoOptimize}, {Cover: true}} {
			p, err := Compile(ch, "=fuzz", opt)
			if err != nil {
				return
			}
			if err := bytecode.Verify(p); err != nil {
				t.Fatal(err)
			}
			outs = append(outs, runModel(p, 3000))
		}
		if limited(strings.Join(outs, "")) {
			return
		}
		if outs[0] != outs[1] {
			t.Errorf("optimised:\n%splain:\n%s", outs[0], outs[1])
		}
		if outs[0] != outs[2] {
			t.Errorf("without counters:\n%swith counters:\n%s", outs[0], outs[2])
		}
	})
}

// limited tells whether the model gave up, which it does earlier in code that is not optimised.
func limited(out string) bool {
	return strings.Contains(out, "out of steps") || strings.Contains(out, "string is too long")
}
