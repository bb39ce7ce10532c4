package compile

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/template-worker/template-worker/luau/ast"
	"github.com/template-worker/template-worker/luau/internal/bytecode"
	"github.com/template-worker/template-worker/luau/syntax"
)

// compileText compiles src with opt and verifies the result.
func compileText(t *testing.T, src string, opt Options) *bytecode.Program {
	t.Helper()
	p, err := Source("=test", []byte(src), opt)
	if err != nil {
		t.Fatalf("compile: %v\n%s", err, src)
	}
	if err := bytecode.Verify(p); err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	return p
}

// listing gives the instructions of the main function without lines and costs.
func listing(t *testing.T, p *bytecode.Program) string {
	t.Helper()
	var text strings.Builder
	if err := bytecode.Disassemble(&text, p); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func TestSource_Errors(t *testing.T) {
	many := func(format string, n int, sep string) string {
		var parts []string
		for i := range n {
			parts = append(parts, fmt.Sprintf(format, i))
		}
		return strings.Join(parts, sep)
	}
	tests := []struct {
		name, src string
		line      int32
		want      string
	}{
		{"syntax", "local x =", 1, ""},
		{
			"locals",
			many("local v%d = f()", 201, "\n"), 201,
			"Out of local registers when trying to allocate v200: exceeded limit 200",
		},
		{
			"upvalues",
			"local " + many("a%d", 190, ",") + " = ...\nlocal function outer(...)\nlocal " + many("b%d", 20, ",") +
				" = ...\nreturn function() return {" + many("a%d", 190, ",") + "," + many("b%d", 20, ",") + "} end end", 3,
			"Out of upvalue registers when trying to allocate b10: exceeded limit 200",
		},
		{
			"registers",
			"return f(" + many("a.b%d", 260, ",\n") + ")", 255,
			"Out of registers when trying to allocate 1 registers: exceeded limit 255",
		},
		{
			"results",
			"local " + many("a%d", 100, ",") + " = ...\n" + many("a%d", 100, ",") + "," + many("a%d", 100, ",") + "=\nf()", 3,
			"Out of registers when trying to allocate 200 registers: exceeded limit 255",
		},
		{
			"continue jumps over a local of the condition",
			"repeat\n  if f() then\n    continue\n  end\n  local done = g()\nuntil done", 6,
			"Local done used in the repeat..until condition is undefined because continue statement on line 3 jumps over it",
		},
		{
			"continue jumps over a local that a function in the condition reads",
			"repeat if f() then continue end local x = 1 until (function() return x end)()", 1,
			"Local x used in the repeat..until condition is undefined because continue statement on line 1 jumps over it",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Source("=test", []byte(tt.src), Options{})
			var se *syntax.Error
			if !errors.As(err, &se) {
				t.Fatalf("got %v, want a syntax error", err)
			}
			if se.Pos.Line != tt.line || !strings.Contains(se.Msg, tt.want) {
				t.Errorf("got line %d: %s\nwant line %d: %s", se.Pos.Line, se.Msg, tt.line, tt.want)
			}
		})
	}
}

// TestSource_Accepts compiles things that are close to a limit or to a rule's edge.
func TestSource_Accepts(t *testing.T) {
	many := func(item string, n int, sep string) string { return strings.Repeat(item+sep, n-1) + item }
	for name, src := range map[string]string{
		"empty":                         "",
		"many locals in turn":           many("do local a, b = f() end", 300, "\n"),
		"long list":                     "return {" + many("x.y", 5000, ",") + "}",
		"many fields":                   "return {" + many("a = f()", 500, ",") + "}",
		"continue after the local":      "repeat local x = f() if x then continue end until x",
		"continue in an inner loop":     "repeat while f() do continue end local x = 1 until x",
		"continue over an unused local": "repeat if f() then continue end local x = g() until y",
		"loops without bodies":          "for i = 1, 2 do end for k in x do end while f() do end repeat until f()",
		"code after break":              "while true do if f() then break else continue end end",
		"nested calls":                  "return " + strings.Repeat("f(", 200) + strings.Repeat(")", 200),
		"deep parentheses":              "return " + strings.Repeat("(", 400) + "1" + strings.Repeat(")", 400),
		"elseif chain":                  "if a then " + strings.Repeat("elseif b then f() ", 300) + "end",
		"dead branches":                 "if nil then f() elseif true then g() else h() end",
		"constant conditions":           "local a = true and f() or nil and 1 or false; while not nil do break end",
		"vararg everywhere":             "local a, b = ..., ...; f(...) t = {...} return (...), ...",
		"only types":                    "export type T = number",
	} {
		t.Run(name, func(t *testing.T) {
			compileText(t, src, Options{})
			compileText(t, src, Options{Optimize: NoOptimize})
		})
	}
}

// TestSource_ConstantLocals checks that constants take no registers and no captures.
func TestSource_ConstantLocals(t *testing.T) {
	src := strings.Repeat("local x = 1\n", 500) + "return function() return x end"
	p := compileText(t, src, Options{})
	if p.Main.MaxStack != 1 || p.Main.Protos[0].NumUps != 0 {
		t.Errorf("%d registers, %d captures", p.Main.MaxStack, p.Main.Protos[0].NumUps)
	}
}

func TestCompile_TooDeepTree(t *testing.T) {
	var e ast.Expr = &ast.True{}
	for range maxDepth + 1 {
		e = &ast.Unary{Op: ast.Length, X: e}
	}
	body := &ast.Block{Stats: []ast.Stat{&ast.Return{Values: []ast.Expr{e}}}}
	ch := &ast.Chunk{Main: &ast.Function{Vararg: true, Body: body}, Optimize: -1}
	_, err := Compile(ch, "=deep", Options{})
	if err == nil || !strings.Contains(err.Error(), "nesting limit") {
		t.Errorf("got %v, want a nesting error", err)
	}
}

// TestFolding checks that an expression becomes the constant that the machine would compute.
func TestFolding(t *testing.T) {
	tests := []struct{ expr, want string }{
		{"1 + 2 * 3", "LOADN     R0 7"},
		{"7 // 2", "LOADN     R0 3"},
		{"-7 % 3", "LOADN     R0 2"},
		{"5.5 % -2", "-0.5"},
		{"-0", "; -0"},
		{"0 * -1", "; -0"},
		{"0 / 0", "NaN"},
		{"1 / 0", "+Inf"},
		{"-5i", "; -5i"},
		{"-(0x8000000000000000i)", "; -9223372036854775808i"},
		{"#'four'", "LOADN     R0 4"},
		{"not 0", "LOADBOOL  R0 0"},
		{"1 < 2", "LOADBOOL  R0 1"},
		{"'a' ~= 'b'", "LOADBOOL  R0 1"},
		{"0/0 == 0/0", "LOADBOOL  R0 0"},
		{"'a' .. 'b' .. 'c'", `"abc"`},
		{"nil and f()", "LOADNIL   R0"},
		{"false or 5", "LOADN     R0 5"},
		{"if true then 1 else 2", "LOADN     R0 1"},
		{"2 ^ 10", "POWK"},
		{"'10' + 1", "ADDK"},
		{"'a' < 'b'", "JMPLT"},
		{"`{'a'}%{'b'}`", `"a%b"`},
	}
	for _, tt := range tests {
		t.Run(tt.expr, func(t *testing.T) {
			got := listing(t, compileText(t, "return "+tt.expr, Options{}))
			if !strings.Contains(got, tt.want) {
				t.Errorf("want %q in\n%s", tt.want, got)
			}
		})
	}
}

func TestOptions_Optimize(t *testing.T) {
	const body = "local x = 1 + 2 return math.max(x)"
	tests := []struct {
		name   string
		src    string
		opt    Options
		folded bool
	}{
		{"default", body, Options{}, true},
		{"two", body, Options{Optimize: 2}, true},
		{"none", body, Options{Optimize: NoOptimize}, false},
		{"comment turns it off", "--!optimize 0\n" + body, Options{}, false},
		{"comment turns it on", "--!optimize 1\n" + body, Options{Optimize: NoOptimize}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := listing(t, compileText(t, tt.src, tt.opt))
			folded := !strings.Contains(got, "ADD") && strings.Contains(got, "GETIMPORT")
			if folded != tt.folded {
				t.Errorf("folded = %v in\n%s", folded, got)
			}
		})
	}
}

// TestImports checks when a global name may not be resolved early.
func TestImports(t *testing.T) {
	tests := []struct{ src, want string }{
		{"return math.max", "; math.max"},
		{"return a.b.c.d", "; a.b.c"},
		{"math = {} return math.max", "GETGLOBAL"},
		{"function math() end return math.max", "GETGLOBAL"},
		{"return _G.x", "GETGLOBAL"},
		{"getfenv() return math.max", "GETGLOBAL"},
	}
	for _, tt := range tests {
		t.Run(tt.src, func(t *testing.T) {
			got := listing(t, compileText(t, tt.src, Options{}))
			if !strings.Contains(got, tt.want) {
				t.Errorf("want %q in\n%s", tt.want, got)
			}
		})
	}
}

// TestLines checks the line of the first instruction with the given operation.
func TestLines(t *testing.T) {
	tests := []struct {
		name, src string
		op        bytecode.Op
		want      int32
	}{
		{"operator", "local a, b = ...\nreturn a\n+\nb", bytecode.OpAdd, 3},
		{"comparison", "local a, b = ...\nreturn a\n<\nb", bytecode.OpJmpLt, 3},
		{"call", "f(\n1,\n2\n)", bytecode.OpCall, 1},
		{"call of a chain", "local a = ...\na\n.b(\n1)", bytecode.OpCall, 3},
		{"method call", "local a = ...\na\n:b(\n1)", bytecode.OpCall, 3},
		{"field", "local a = ...\nreturn a\n.b", bytecode.OpGetField, 3},
		{"store", "local a = ...\na.b =\n1", bytecode.OpSetField, 2},
		{"constructor item", "return {\na = 1,\nb = f,\n}", bytecode.OpSetField, 2},
		{"end of a function", "f()\n\n", bytecode.OpReturn0, 3},
		{"loop", "\nfor i = 1, 2 do\nf()\nend", bytecode.OpForNLoop, 2},
		{"iteration over what is none", "local v = ...\nfor k in\nv do end", bytecode.OpForGPrep, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := compileText(t, tt.src, Options{})
			for pc, in := range p.Main.Code {
				if in.Op() == tt.op {
					if got := p.Main.Lines[pc]; got != tt.want {
						t.Errorf("%s on line %d, want %d", tt.op, got, tt.want)
					}
					return
				}
			}
			t.Errorf("no %s in\n%s", tt.op, listing(t, p))
		})
	}
}

// TestCosts checks the fuel that the first charging instruction after each branch carries.
func TestCosts(t *testing.T) {
	p := compileText(t, "local a = ... if a then a = 1 a = 2 a = 3 end f() return a", Options{})
	var got []int32
	for _, in := range p.Main.Code {
		switch in.Op() {
		case bytecode.OpCall, bytecode.OpReturn1:
			got = append(got, in.Imm())
		}
	}
	// VARARG, JMPIFNOT, three LOADN, GETIMPORT, CALL; then RETURN1.
	if len(got) != 2 || got[0] != 7 || got[1] != 1 {
		t.Errorf("costs %v, want [7 1]\n%s", got, listing(t, p))
	}
}

func TestDebugNames(t *testing.T) {
	p := compileText(t, "local function a() end\nfunction b.c:d() end\nreturn { e = function() end }, function() end", Options{})
	var got []string
	for _, c := range p.Main.Protos {
		got = append(got, fmt.Sprintf("%s/%d", c.Name, c.Line))
	}
	if want := "a/1 d/2 e/3 /3"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if p.Main.Name != "" || p.Main.Line != 0 || p.Source == 0 {
		t.Errorf("main is %q on line %d, source %d bytes", p.Main.Name, p.Main.Line, p.Source)
	}
}
