package syntax

import (
	"bytes"
	"strconv"
	"testing"

	"github.com/template-worker/template-worker/luau/ast"
)

// fuzzSources are the first inputs of both targets.
var fuzzSources = []string{
	benchUnit, "local a, b: {T?} = f<<X>>(`x{1}y`), ... :: any", "export const x = 0b1i return if a then b else c",
	"@[deprecated {use = 'x'}] function a.b:c(...: T...): (A, B) end", "type function F<T>() return typeof(x) end",
	"for i = 1, 2 do if x then break elseif y then continue end end", "repeat local x until `{`{1}`}`", "a = [==[\r\n]]]==] --[[", "x && !y",
}

// FuzzLex checks that any bytes are cut into tokens that end, that lie in the
// source one behind the other with nothing but white space and comments between, and that mean the
// same when they are read alone.
func FuzzLex(f *testing.F) {
	for _, s := range fuzzSources {
		f.Add([]byte(s))
	}
	for _, s := range []string{"0x1p4 1e+5 1e--5 3..2 0b12_i 1__0.5e1_0 0xffi 9223372036854775808i", `"\z  a\u{10ffff}\x4g\300" '\
' [=[a]]=]`, "`{`{{}}`}`}{`{{`", "--!strict\n--[=[ ]] ]=] --[[\r\n]]\xe2\x80\x9cx @native @[ /= // //= ..= ->"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		l := newLexer(src)
		text := l.src[:len(l.src)-1]
		starts := lineStarts(text)
		offset := func(p ast.Pos) int {
			if p.Line < 1 || int(p.Line) > len(starts) || p.Column < 1 || starts[p.Line-1]+int(p.Column)-1 > len(text) {
				t.Fatalf("place %v outside the source", p)
			}
			return starts[p.Line-1] + int(p.Column) - 1
		}
		end := 0
		for n := 0; ; n++ {
			var tok token
			inside := len(l.braces) > 0
			l.scan(&tok)
			from, to := offset(tok.at.Start), offset(tok.at.End)
			if from < end || to < from || int(tok.from) < from || tok.to < tok.from || int(tok.to) > to || n > len(text) {
				t.Fatalf("token %d, %v, at %d-%d with payload %d-%d behind %d", n, tok.kind, from, to, tok.from, tok.to, end)
			}
			if k, _ := onlyToken(text[end:from]); k != tokEOF {
				t.Fatalf("%q between tokens is %v", text[end:from], k)
			}
			checkAlone(t, &tok, text[from:to], text[tok.from:tok.to], inside)
			if end = to; tok.kind == tokEOF {
				break
			}
		}
		if end != len(text) {
			t.Fatalf("the last token ends at %d of %d", end, len(text))
		}
	})
}

// lineStarts gives the offset of each line.
func lineStarts(text []byte) []int {
	starts := []int{0}
	for i, c := range text {
		if c == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// onlyToken reads the first token of a text and tells whether it is the only one.
func onlyToken(text []byte) (kind, bool) {
	l := newLexer(text)
	var first, second token
	l.scan(&first)
	l.scan(&second)
	return first.kind, second.kind == tokEOF
}

// checkAlone reads a token's text again by itself, and what it stands for.
func checkAlone(t *testing.T, tok *token, text, payload []byte, inside bool) {
	switch tok.kind {
	case tokInterpMid, tokInterpEnd, tokBrokenString, tokBrokenComment, tokBrokenUnicode, tokBrokenBrace:
		return // what they are depends on what stands around them
	case '}', '{':
		if inside {
			return
		}
	case tokQuoted, tokInterpSimple, tokInterpBegin:
		if s, ok := unescape(payload); ok && len(s) > len(payload) {
			t.Fatalf("%q becomes %q", payload, s)
		}
	case tokRaw:
		if s := longText(payload); len(s) > len(payload) {
			t.Fatalf("%q becomes %q", payload, s)
		}
	case tokNumber:
		n, msg := parseNumber(payload)
		if want, err := strconv.ParseFloat(string(payload), 64); err == nil && !bytes.ContainsAny(payload, "xXbB_") && (msg != "" || n.isInteger || n.float != want) {
			t.Fatalf("%q is %v (%s), want %v", payload, n, msg, want)
		}
	}
	if k, only := onlyToken(text); k != tok.kind || !only {
		t.Fatalf("%q is %v, alone %v (%v)", text, tok.kind, k, only)
	}
}

// FuzzParse checks that any bytes end in a tree or in errors, and that every place named lies in the source.
func FuzzParse(f *testing.F) {
	for _, s := range fuzzSources {
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
