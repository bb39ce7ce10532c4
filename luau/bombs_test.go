package luau_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/template-worker/template-worker/luau"
)

// TestCompile_Bombs compiles sources that are made to take much time or memory.
// Each ends soon, without taking more than its size explains: with code if it
// is merely large, with a clear error otherwise.
func TestCompile_Bombs(t *testing.T) {
	const n = 100_000
	const deep = "exceeded allowed recursion depth"
	rep := strings.Repeat
	numbered := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for _, tt := range []struct{ name, src, want string }{
		{"a large source", rep(" ", 17<<20), "source"},
		{"parentheses", "return " + rep("(", n) + "1" + rep(")", n), deep},
		{"open parentheses", "return " + rep("(", n), deep},
		{"tables", "return " + rep("{", n), deep},
		{"minus signs", "return " + rep("- ", n) + "1", deep},
		{"nots", "return " + rep("not ", n) + "1", deep},
		{"powers", "return " + rep("1^", n) + "1", deep},
		{"concatenations", "return " + rep("a..", n) + "a", deep},
		{"blocks", rep("do ", n) + rep(" end", n), deep},
		{"whiles", rep("while x do ", n), deep},
		{"ifs", rep("if x then ", n), deep},
		{"repeats", rep("repeat ", n), deep},
		{"fors", rep("for i = 1, 2 do ", n), deep},
		{"functions", rep("local function f() ", n), deep},
		{"function values", "return " + rep("function() return ", n), deep},
		{"calls of calls", "return f" + rep("()", n), deep},
		{"calls in arguments", "return " + rep("f(", n), deep},
		{"indexing in brackets", "return " + rep("a[", n), deep},
		{"if expressions", "return " + rep("if x then ", n), deep},
		{"else ifs", "if x then" + rep(" elseif x then", n) + " end", deep},
		{"interpolation", "return " + rep("`{", n), deep},
		{"types", "local x: " + rep("{", n), deep},
		{"function types", "local x: " + rep("(", n), deep},
		{"locals", numbered("local a%d\n", 1_000_000), ""}, // they are constants
		{"one statement's locals", "local " + rep("a,", 1_000_000) + "a", ""},
		{"locals in use", numbered("local a%d = x\n", 500_000), "200"},
		{"parameters", "local function f(" + rep("a,", 1_000_000) + "a) end", "200"},
		{"upvalues", numbered("local a%d = x\n", 150) + "local function f()\n" + numbered("local b%d = x\n", 150) + "return function()\n" +
			numbered("x(a%d)\n", 150) + numbered("x(b%d)\n", 150) + "end end", "200"},
		{"registers", "return f(" + rep("a,", n) + "a)", "registers"},
		{"constants", "local t = {}\n" + numbered("t[%d.5] = 'x%[1]d'\n", n), ""},
		{"table items", "return {" + numbered("'%d',", n) + "}", ""},
		{"strings", "return '" + rep("x", 4<<20) + "'", ""},
		{"binary operators", "return 1" + rep("+a", n), deep},
		{"and or", "return a" + rep(" and a or b", n), deep},
		{"comments", rep("--[[x]]", n), ""},
		{"an open comment", "--[[" + rep("[[", n), "unfinished"},
		{"folded strings", "local s = 'x'" + rep("..'xxxxxxxxxxxxxxxx'", n), deep},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, err := luau.Compile("=bomb", []byte(tt.src))
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			got, short := "", "code"
			if err != nil {
				got, short = strings.ToLower(err.Error()), err.Error()
			}
			if err != nil != (tt.want != "") || !strings.Contains(got, tt.want) {
				t.Errorf("got error %.200q, want %q in it", got, tt.want)
			}
			bytes := after.TotalAlloc - before.TotalAlloc
			t.Logf("%d KiB: %v, %d KiB allocated, %.100s", len(tt.src)>>10, took.Round(time.Millisecond/10), bytes>>10, short)
			if limit := uint64(32<<20 + 500*len(tt.src)); bytes > limit {
				t.Errorf("took %d MiB for %d KiB of source", bytes>>20, len(tt.src)>>10)
			}
			if took > 20*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}
