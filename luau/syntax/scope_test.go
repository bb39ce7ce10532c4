package syntax

import (
	"maps"
	"slices"
	"testing"

	"github.com/template-worker/template-worker/luau/ast"
)

// walker visits every local, expression and statement of a tree.
type walker struct {
	local func(*ast.Local)
	expr  func(ast.Expr)
	stat  func(ast.Stat)
}

func (w *walker) function(f *ast.Function) {
	for _, l := range f.Params {
		w.local(l)
	}
	w.block(f.Body)
}

func (w *walker) block(b *ast.Block) {
	w.stat(b)
	for _, s := range b.Stats {
		w.stats(s)
	}
}

func (w *walker) locals(ls ...*ast.Local) {
	for _, l := range ls {
		w.local(l)
	}
}

func (w *walker) stats(s ast.Stat) {
	w.stat(s)
	switch s := s.(type) {
	case *ast.Block:
		w.block(s)
	case *ast.LocalStat:
		w.locals(s.Names...)
		w.exprs(s.Values...)
	case *ast.LocalFunction:
		w.locals(s.Name)
		w.exprs(s.Func)
	case *ast.FunctionStat:
		w.exprs(s.Target, s.Func)
	case *ast.Assign:
		w.exprs(s.Targets...)
		w.exprs(s.Values...)
	case *ast.Compound:
		w.exprs(s.Target, s.Value)
	case *ast.CallStat:
		w.exprs(s.Call)
	case *ast.If:
		w.exprs(s.Cond)
		w.block(s.Then)
		if s.Else != nil {
			w.stats(s.Else)
		}
	case *ast.While:
		w.exprs(s.Cond)
		w.block(s.Body)
	case *ast.Repeat:
		w.block(s.Body)
		w.exprs(s.Cond)
	case *ast.NumericFor:
		w.locals(s.Var)
		w.exprs(s.From, s.To)
		if s.Step != nil {
			w.exprs(s.Step)
		}
		w.block(s.Body)
	case *ast.GenericFor:
		w.locals(s.Vars...)
		w.exprs(s.Values...)
		w.block(s.Body)
	case *ast.Return:
		w.exprs(s.Values...)
	}
}

func (w *walker) exprs(xs ...ast.Expr) {
	for _, x := range xs {
		w.expr(x)
		switch x := x.(type) {
		case *ast.Interp:
			w.exprs(x.Exprs...)
		case *ast.Paren:
			w.exprs(x.X)
		case *ast.Field:
			w.exprs(x.X)
		case *ast.Index:
			w.exprs(x.X, x.Key)
		case *ast.Call:
			w.exprs(x.Func)
			w.exprs(x.Args...)
		case *ast.Function:
			w.function(x)
		case *ast.Table:
			for _, it := range x.Items {
				if it.Key != nil {
					w.exprs(it.Key)
				}
				w.exprs(it.Value)
			}
		case *ast.Unary:
			w.exprs(x.X)
		case *ast.Binary:
			w.exprs(x.X, x.Y)
		case *ast.IfExpr:
			w.exprs(x.Cond, x.Then, x.Else)
		}
	}
}

func mustParse(t *testing.T, src string) *ast.Chunk {
	t.Helper()
	c, err := Parse("t", []byte(src), Options{})
	if err != nil {
		t.Fatalf("%q: %v", src, err)
	}
	return c
}

// TestParse_Flags names the locals with each flag, in order of declaration.
func TestParse_Flags(t *testing.T) {
	tests := []struct {
		src               string
		captured, written []string
	}{
		{"local a local b = a", nil, nil},
		{"local a a = 1", nil, []string{"a"}},
		{"local a a += 1", nil, []string{"a"}},
		{"local a function a() end", nil, []string{"a"}},
		{"local a function a.b() end a.c = 1 a[1] = 2", nil, nil},
		{"local a local function f() return a end", []string{"a"}, nil},
		{"local a local function f() a = 1 end", []string{"a"}, []string{"a"}},
		{"local function f() return f end", []string{"f"}, nil},
		{"local function f(x) return function() x = x end end", []string{"x"}, []string{"x"}},
		{"for i = 1, 2 do f(function() return i end) end", []string{"i"}, nil},
		{"repeat local x until f(function() return x end)", []string{"x"}, nil},
		{"local a do local a = 1 a = 2 end return a", nil, []string{"a"}},
		{"local a local function f() return b :: typeof(a) end", nil, nil},
		{"local a type function F() local b = 1 return function() b = 2 end end", nil, nil},
	}
	for _, tt := range tests {
		var captured, written []string
		w := walker{expr: func(ast.Expr) {}, stat: func(ast.Stat) {}, local: func(l *ast.Local) {
			if l.Captured {
				captured = append(captured, l.Name)
			}
			if l.Written {
				written = append(written, l.Name)
			}
		}}
		w.function(mustParse(t, tt.src).Main)
		if !slices.Equal(captured, tt.captured) || !slices.Equal(written, tt.written) {
			t.Errorf("%q: captured %v, written %v; want %v, %v", tt.src, captured, written, tt.captured, tt.written)
		}
	}
}

// TestParse_Shadowing checks which declaration each reference means.
func TestParse_Shadowing(t *testing.T) {
	src := "local x = 1\nlocal x = x\ndo local x = x end\nlocal function f(x) local x = x return x end\n" +
		"for x = x, x do g(x) end\nfor x in x do end\nrepeat local x = 1 until x\nreturn x, y"
	var lines []int32
	w := walker{stat: func(ast.Stat) {}, local: func(*ast.Local) {}, expr: func(x ast.Expr) {
		if r, ok := x.(*ast.LocalRef); ok {
			lines = append(lines, r.Local.Pos.Line*100+r.Local.Pos.Column)
		}
	}}
	w.function(mustParse(t, src).Main)
	want := []int32{107, 207, 418, 427, 207, 207, 505, 207, 714, 207}
	if !slices.Equal(lines, want) {
		t.Errorf("got %v, want %v", lines, want)
	}
}

func TestParse_Depths(t *testing.T) {
	c := mustParse(t, "local a\nfunction f(b)\n\treturn function(c)\n\t\treturn a, b, c\n\tend\nend")
	outer := c.Main.Body.Stats[1].(*ast.FunctionStat).Func
	inner := outer.Body.Stats[0].(*ast.Return).Values[0].(*ast.Function)
	if outer.Depth != 1 || inner.Depth != 2 || outer.EndLine != 6 || inner.EndLine != 5 {
		t.Errorf("outer depth %d to line %d, inner depth %d to line %d", outer.Depth, outer.EndLine, inner.Depth, inner.EndLine)
	}
	for i, x := range inner.Body.Stats[0].(*ast.Return).Values {
		if r := x.(*ast.LocalRef); r.Depth != 2 || r.Local.Depth != i {
			t.Errorf("%s: reference depth %d, local depth %d", r.Local.Name, r.Depth, r.Local.Depth)
		}
	}
}

// TestParse_Positions checks the places that run-time errors and debug output take from the tree.
func TestParse_Positions(t *testing.T) {
	c := mustParse(t, "local x = a\n\t.b:m(\n\t\t1) + y\n@native\nfunction f() end")
	sum := c.Main.Body.Stats[0].(*ast.LocalStat).Values[0].(*ast.Binary)
	call := sum.X.(*ast.Call)
	field := call.Func.(*ast.Field)
	f := c.Main.Body.Stats[1].(*ast.FunctionStat).Func
	at := func(line, column int32) ast.Pos { return ast.Pos{Line: line, Column: column} }
	got := []ast.Pos{sum.At.Start, sum.At.End, sum.OpPos, call.At.End, call.MethodPos, call.ArgsPos, field.NamePos, field.At.End, f.At.Start, f.At.End}
	want := []ast.Pos{at(1, 11), at(3, 9), at(3, 6), at(3, 5), at(2, 5), at(2, 6), at(2, 3), at(2, 4), at(4, 1), at(5, 17)}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestParse_Chunk(t *testing.T) {
	tests := []struct {
		src       string
		exports   string
		written   []string
		onlyTypes bool
		fenv      bool
		optimize  int
		native    bool
	}{
		{src: "", optimize: -1},
		{src: "a = 1 b.c = 2 c += 1 function d() end function e.f() end local g g = 1", written: []string{"a", "c", "d"}, optimize: -1},
		{src: "export local b, a = 1 export function c() end", exports: "b, a, const c", optimize: -1},
		{src: "export type T = number", onlyTypes: true, optimize: -1},
		{src: "type T = number", optimize: -1},
		{src: "export type T = number return 1", optimize: -1},
		{src: "export type T = number if a then return end", onlyTypes: true, optimize: -1},
		{src: "export type T = number export local a = 1", exports: "a", optimize: -1},
		{src: "getfenv()", fenv: true, optimize: -1},
		{src: "local x = {setfenv}", fenv: true, optimize: -1},
		{src: "local getfenv getfenv() a.setfenv()", optimize: -1},
		{src: "--!optimize 2\n--!native\na()", optimize: 2, native: true},
		{src: "-- x\n--!optimize 0", optimize: 0},
		{src: "--!optimize 9", optimize: 2},
		{src: "a() --!optimize 2\n--!native", optimize: -1},
		{src: "type function F() a = 1 getfenv() end", optimize: -1},
	}
	for _, tt := range tests {
		c := mustParse(t, tt.src)
		if got := dumpLocals(c.Exports); got != tt.exports {
			t.Errorf("%q: exports %q", tt.src, got)
		}
		if got := slices.Sorted(maps.Keys(c.WrittenGlobals)); !slices.Equal(got, tt.written) {
			t.Errorf("%q: written globals %v", tt.src, got)
		}
		if c.OnlyTypes != tt.onlyTypes || c.UsesFenv != tt.fenv || c.Optimize != tt.optimize || c.Main.Native != tt.native {
			t.Errorf("%q: OnlyTypes %v, UsesFenv %v, Optimize %d, Native %v", tt.src, c.OnlyTypes, c.UsesFenv, c.Optimize, c.Main.Native)
		}
		if !c.Main.Vararg || c.Main.Depth != 0 {
			t.Errorf("%q: main is %+v", tt.src, c.Main)
		}
	}
}
