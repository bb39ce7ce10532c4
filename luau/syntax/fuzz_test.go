package syntax

import (
	"bytes"
	"testing"

	"github.com/template-worker/template-worker/luau/ast"
)

// FuzzParse checks that any bytes end in a tree or in errors, and that every place named lies in the source.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		benchUnit, "local a, b: {T?} = f<<X>>(`x{1}y`), ... :: any", "export const x = 0b1i return if a then b else c",
		"@[deprecated {use = 'x'}] function a.b:c(...: T...): (A, B) end", "type function F<T>() return typeof(x) end",
		"for i = 1, 2 do if x then break elseif y then continue end end", "repeat local x until `{`{1}`}`", "a = [==[\r\n]]]==] --[[", "x && !y",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		lines := lineLengths(src)
		inside := func(p ast.Pos) bool {
			return p.Line >= 1 && int(p.Line) <= len(lines) && p.Column >= 1 && int(p.Column) <= lines[p.Line-1]+1
		}
		c, errs := ParseAll("f", src, Options{})
		_, first := Parse("f", src, Options{})
		if (first != nil) != (len(errs) > 0) || len(errs) > MaxErrors || (c == nil) != (len(errs) > 0) {
			t.Fatalf("first %v, all %v, chunk %v", first, errs, c)
		}
		for _, e := range errs {
			if !inside(e.Pos) || e.Msg == "" {
				t.Fatalf("error outside the source: %s", e.Long())
			}
		}
		if c == nil {
			return
		}
		check := func(n interface{ Span() ast.Span }) {
			at := n.Span()
			after := at.End.Line > at.Start.Line || at.End.Line == at.Start.Line && at.End.Column >= at.Start.Column
			if !inside(at.Start) || !inside(at.End) || !after {
				t.Fatalf("%T at %v", n, at)
			}
		}
		w := walker{
			expr: func(x ast.Expr) { check(x) },
			stat: func(s ast.Stat) { check(s) },
			local: func(l *ast.Local) {
				if !inside(l.Pos) {
					t.Fatalf("local %s at %v", l.Name, l.Pos)
				}
			},
		}
		w.function(c.Main)
	})
}

// lineLengths gives the length of every line without its line feed, up to the first NUL.
func lineLengths(src []byte) []int {
	src, _, _ = bytes.Cut(src, []byte{0})
	var out []int
	for _, line := range bytes.Split(src, []byte("\n")) {
		out = append(out, len(line))
	}
	return out
}
