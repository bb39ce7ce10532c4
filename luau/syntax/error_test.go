package syntax

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/template-worker/template-worker/luau/ast"
)

// TestParse_Errors shows the first error of broken sources as line:column: message.
func TestParse_Errors(t *testing.T) {
	const ambiguous = "Ambiguous syntax: this looks like an argument list for a function call, but could also be a start of new statement; use ';' to separate statements"
	tests := []struct{ src, want string }{
		// statements
		{"x", "1:1: Incomplete statement: expected assignment or a function call"},
		{"\n  a.b", "2:3: Incomplete statement: expected assignment or a function call"},
		{"f<<T>>", "1:1: Incomplete statement: expected assignment or a function call"},
		{"f<<T>> = 1", "1:1: Assigned expression must be a variable or a field"},
		{"f() = 1", "1:5: Expected identifier when parsing expression, got '='"},
		{"a, f() = 1", "1:4: Assigned expression must be a variable or a field"},
		{"(a) += 1", "1:1: Assigned expression must be a variable or a field"},
		{"a, b += 1", "1:6: Expected '=' when parsing assignment, got '+='"},
		{"a() ;; b()", "1:6: Expected identifier when parsing expression, got ';'"},
		{"return 1 f()", "1:10: Expected <eof>, got 'f'"},
		{"end", "1:1: Expected <eof>, got 'end'"},
		{"while a do break f() end", "1:18: Expected 'end' (to close 'do' at column 9), got 'f'"},
		{"if a\nb() end", "2:1: Expected 'then' when parsing if statement, got 'b'"},
		{"if a then\nb()", "2:4: Expected 'end' (to close 'then' at line 1), got <eof>"},
		{"while a b() end", "1:9: Expected 'do' when parsing while loop, got 'b'"},
		{"for i = 1 do end", "1:11: Expected ',' when parsing index range, got 'do'"},
		{"for 1 do end", "1:5: Expected identifier when parsing variable name, got '1'"},
		{"for a, b do end", "1:10: Expected 'in' when parsing for loop, got 'do'"},
		{"repeat a()", "1:11: Expected 'until' (to close 'repeat' at column 1), got <eof>"},
		{"break", "1:1: break statement must be inside a loop"},
		{"while a do local function f() continue end end", "1:31: continue statement must be inside a loop"},
		{"local end", "1:7: Expected identifier when parsing variable name, got 'end'"},
		{"local function 1() end", "1:16: Expected identifier when parsing variable name, got '1'"},
		{"function f(a,) end", "1:14: Expected identifier when parsing variable name, got ')'"},
		{"function f(..., a) end", "1:15: Expected ')' (to close '(' at column 11), got ','"},
		{"function f\nend", "2:1: Expected '(' when parsing function, got 'end'"},
		{"function f()\n  if a then\n    b()\nend", "4:4: Expected 'end' (to close 'function' at line 1), got <eof>; did you forget to close 'then' at line 2?"},
		{"local a <const> = 1", "1:9: Expected identifier when parsing expression, got '<'"},
		{"\ufeffa()", "1:1: Expected identifier when parsing expression, got Unicode character U+feff"},
		{"goto x", "1:1: Incomplete statement: expected assignment or a function call"},
		{"class A end", "1:1: Incomplete statement: expected assignment or a function call"},
		// expressions
		{"a = ", "1:5: Expected identifier when parsing expression, got <eof>"},
		{"a = 1 +", "1:8: Expected identifier when parsing expression, got <eof>"},
		{"a = (1", "1:7: Expected ')' (to close '(' at column 5), got <eof>"},
		{"a = (b = 1)", "1:8: Expected ')' (to close '(' at column 5), got '='; did you mean to use '{' when defining a table?"},
		{"f(1,)", "1:5: Expected expression after ',' but got ')' instead"},
		{"f(1", "1:4: Expected ')' (to close '(' at column 2), got <eof>"},
		{"a[1", "1:4: Expected ']' (to close '[' at column 2), got <eof>"},
		{"a = {1, 2", "1:10: Expected '}' (to close '{' at column 5), got <eof>"},
		{"a = {b c}", "1:8: Expected ',' after table constructor element"},
		{"a = {[1] 2}", "1:10: Expected '=' when parsing table field, got '2'"},
		{"a.end = 1", "1:3: Expected identifier, got 'end'"},
		{"a:1()", "1:3: Expected identifier when parsing method name, got '1'"},
		{"a:b", "1:1: Expected '(', '{' or <string> when parsing function call, got <eof>"},
		{"a:b\nc()", "1:1: Expected function call arguments after '('"},
		{"f\n(1)", "2:1: " + ambiguous},
		{"local a = f\n(g or h)()", "2:1: " + ambiguous},
		{"a = if b then c", "1:16: Expected 'else' when parsing if then else expression, got <eof>"},
		{"a = if b c else d", "1:10: Expected 'then' when parsing if then else expression, got 'c'"},
		{"function f() return ... end", "1:21: Cannot use '...' outside of a vararg function"},
		{"a = b && c", "1:7: Unexpected '&&'; did you mean 'and'?"},
		{"a = b || c", "1:7: Unexpected '||'; did you mean 'or'?"},
		{"a = b != c", "1:7: Unexpected '!='; did you mean '~='?"},
		{"a = !b", "1:5: Unexpected '!'; did you mean 'not'?"},
		{"a = b ! = c", "1:7: Expected identifier when parsing expression, got '!'"},
		{"f`x`", "1:1: Incomplete statement: expected assignment or a function call"},
		// literals
		{"a = 3..2", "1:5: Malformed number"},
		{"a = 0x", "1:5: Malformed number"},
		{"a = 0b12", "1:5: Malformed number"},
		{"a = 1e", "1:5: Malformed number"},
		{"a = 0x1p4", "1:5: Malformed number"},
		{"a = 12ii", "1:5: Malformed integer"},
		{"a = 1.5i", "1:5: Malformed integer"},
		{"a = 9223372036854775808i", "1:5: Integer overflow"},
		{"a = 0x10000000000000000i", "1:5: Integer overflow"},
		{"a = 'b\nc'", "1:5: Malformed string; did you forget to finish it?"},
		{"a = \n\n[[b", "3:1: Malformed string; did you forget to finish it?"},
		{"a = [=b", "1:5: Malformed string; did you forget to finish it?"},
		{"a = 'x\x00y'", "1:5: Malformed string; did you forget to finish it?"},
		{"a = '\\300'", "1:5: String literal contains malformed escape sequence"},
		{"a = '\\xg0'", "1:5: String literal contains malformed escape sequence"},
		{"a = '\\u{110000}'", "1:5: String literal contains malformed escape sequence"},
		{"a = '\\u{}'", "1:5: String literal contains malformed escape sequence"},
		{"a = '\\u{00000000000000041}'", "1:5: String literal contains malformed escape sequence"},
		{"a = --[[b", "1:5: Expected identifier when parsing expression, got unfinished comment"},
		{"a = `b", "1:5: Malformed string; did you forget to finish it?"},
		{"a = `{b", "1:8: Malformed interpolated string; did you forget to add a '}'?"},
		{"a = `{b}", "1:8: Malformed interpolated string; did you forget to add a '`'?"},
		{"a = `x{}`", "1:5: Malformed interpolated string, expected expression inside '{}'"},
		{"a = `{{b}}`", "1:5: Double braces are not permitted within interpolated strings; did you mean '\\{'?"},
		{"a = `{b c}`", "1:5: Malformed interpolated string, got 'c'"},
		{"a = `{b}\\xzz`", "1:5: Interpolated string literal contains malformed escape sequence"},
		{"a = é", "1:5: Expected identifier when parsing expression, got Unicode character U+e9"},
		{"a = “b”", "1:5: Expected identifier when parsing expression, got Unicode character U+201c (did you mean '\"'?)"},
		{"a = \xff", "1:5: Expected identifier when parsing expression, got invalid UTF-8 sequence"},
		{"a = '" + strings.Repeat("x", 300) + "' 'y'", "1:308: Expected identifier when parsing expression, got \"y\""},
		// names
		{"const a = 1 a = 2", "1:13: Variable 'a' is constant and may not be reassigned"},
		{"const a = 1\nlocal function f() a += 1 end", "2:20: Variable 'a' is constant and may not be reassigned"},
		{"const function f() end function f() end", "1:33: Variable 'f' is constant and may not be reassigned"},
		{"const a", "1:1: Missing initializer in const declaration"},
		{"const a, b = f(), 1, 2", "1:1: Missing initializer in const declaration"},
		{"export function f() end f = 1", "1:25: Variable 'f' is constant and may not be reassigned"},
		// exports
		{"do export local a = 1 end", "1:4: 'export' may only be applied to top-level statements"},
		{"export local a = 1 export const a = 2", "1:33: Duplicate exported identifier 'a'"},
		{"export local a = 1 return a", "1:20: Exporting values is not compatible with top-level return (export/return conflict)"},
		{"if a then return end export local b = 1", "1:22: Exporting values is not compatible with top-level return (export/return conflict)"},
		{"export local function f() end", "1:1: 'export' must be followed by an identifier or 'function'; try removing 'local'"},
		{"export const function f() end", "1:1: 'export' must be followed by an identifier or 'function'"},
		{"export a", "1:1: Incomplete statement: expected assignment or a function call"},
		// attributes
		{"@what function f() end", "1:1: Invalid attribute '@what'"},
		{"@ function f() end", "1:1: Attribute name is missing"},
		{"@native @native function f() end", "1:9: Cannot duplicate attribute '@native'"},
		{"@[] function f() end", "1:1: Attribute list cannot be empty"},
		{"@[native(x)] function f() end", "1:10: Only literals can be passed as arguments for attributes"},
		{"@[deprecated 'x'] function f() end", "1:14: Unknown argument type for @deprecated"},
		{"@[deprecated({}, {})] function f() end", "1:3: @deprecated can be parametrized only by 1 argument"},
		{"@[deprecated {1}] function f() end", "1:15: Only constants keys 'use' and 'reason' are allowed for @deprecated attribute"},
		{"@[deprecated {use = 1}] function f() end", "1:21: Only constant string allowed as value for 'use'"},
		{"@native local a = 1", "1:15: Expected 'function' after local declaration with attribute, but got 'a' instead"},
		{"@native export local a = 1", "1:16: Expected 'function' after export declaration with attribute, but got 'local' instead"},
		{"@native f()", "1:9: Expected 'function', 'local function', 'const function', 'declare function' or a function type declaration after attribute, but got 'f' instead"},
		{"a = @native 1", "1:5: Expected 'function' declaration after attribute, but got '1' instead"},
		// types
		{"type T", "1:7: Expected '=' when parsing type alias, got <eof>"},
		{"type 1 = 2", "1:6: Expected identifier when parsing type name, got '1'"},
		{"type T = 1", "1:9: Expected type, got '1'"},
		{"type T = A | B & C", "1:10: Mixing union and intersection types is not allowed; consider wrapping in parentheses."},
		{"type T = function", "1:10: Using 'function' as a type annotation is not supported, consider replacing with a function type annotation e.g. '(...any) -> ...any'"},
		{"type T = `a`", "1:10: Interpolated string literals cannot be used as types"},
		{"type T = @native () -> ()", "1:10: attributes are not allowed in declaration context"},
		{"type T = (A, B)", "1:16: Expected '->' when parsing function type, got <eof>"},
		{"type T = ()", "1:10: Expected '->' after '()' when parsing function type; did you mean 'nil'?"},
		{"type T = (A): B", "1:13: Return types in function type annotations are written after '->' instead of ':'"},
		{"type T = (A,) -> B", "1:13: Expected type after ',' but got ')' instead"},
		{"type T = A...", "1:11: Unexpected '...' after type name; type pack is not allowed in this context"},
		{"type T = {A}...", "1:13: Unexpected '...' after type annotation"},
		{"type T = {[A]: B, [C]: D}", "1:19: Cannot have more than one table indexer"},
		{"type T = {['a\\0']: B}", "1:11: String literal contains malformed escape sequence or \\0"},
		{"type T = {A, B}", "1:12: Expected '}' (to close '{' at column 10), got ','"},
		{"type T<A...,B> = A", "1:14: Generic types come before generic type packs"},
		{"type T<A = B, C> = A", "1:16: Expected default type after type name"},
		{"type T<A,> = A", "1:10: Expected type after ',' but got '>' instead"},
		{"type T<A... = (A) -> B> = C", "1:15: Expected type pack after '=', got type"},
		{"type T = typeof x", "1:17: Expected '(' when parsing typeof type, got 'x'"},
		{"function f() -> A end", "1:14: Function return type annotations are written after ':' instead of '->'"},
		{"function f(): A, B end", "1:16: Expected a statement, got ','; did you forget to wrap the list of return types in parentheses?"},
		{"f<<A>(1)", "1:6: Expected '>' (to close '<' at column 2), got '('"},
		{"local a type function F() return a end", "1:34: Type function cannot reference outer local 'a'"},
	}
	for _, tt := range tests {
		_, err := Parse("t", []byte(tt.src), Options{})
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%q: got %v", tt.src, err)
			continue
		}
		if got := fmt.Sprintf("%d:%d: %s", e.Pos.Line, e.Pos.Column, e.Msg); got != tt.want {
			t.Errorf("%q:\n got %s\nwant %s", tt.src, got, tt.want)
		}
		_, all := ParseAll("t", []byte(tt.src), Options{})
		if len(all) == 0 || *all[0] != *e {
			t.Errorf("%q: first of all errors is %v", tt.src, all)
		}
	}
}

func TestError_Forms(t *testing.T) {
	e := &Error{Chunk: "init.luau", Pos: ast.Pos{Line: 3, Column: 7}, Msg: "Malformed number"}
	if got, want := e.Error(), "init.luau:3: Malformed number"; got != want {
		t.Errorf("Error: got %q, want %q", got, want)
	}
	if got, want := e.Long(), "init.luau:3:7: Malformed number"; got != want {
		t.Errorf("Long: got %q, want %q", got, want)
	}
}

func TestParseAll_GoesOn(t *testing.T) {
	c, errs := ParseAll("t", []byte("local a = 1 +\nlocal 5\nif x then y() else\nb = = 2\nend\nlocal t = {1, 2\nprint(t)\n"), Options{})
	var lines []int32
	for _, e := range errs {
		lines = append(lines, e.Pos.Line)
	}
	if c != nil || len(errs) < 4 {
		t.Errorf("got chunk %v, lines %v", c, lines)
	}
	_, errs = ParseAll("t", []byte(strings.Repeat("x\n", 1000)), Options{})
	if len(errs) != MaxErrors {
		t.Errorf("got %d errors, want %d", len(errs), MaxErrors)
	}
}

func TestParse_MaxSourceBytes(t *testing.T) {
	if _, err := Parse("t", []byte("a()"), Options{MaxSourceBytes: 3}); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	_, err := Parse("t", []byte("a( )"), Options{MaxSourceBytes: 3})
	if err == nil || err.Error() != "t:1: Source is too long (4 bytes, limit 3)" {
		t.Errorf("over the limit: %v", err)
	}
}

func TestStripShebang(t *testing.T) {
	for src, want := range map[string]string{"#!/bin/x\na()": "\na()", "#!x": "", "a() #!": "a() #!", "": ""} {
		if got := string(StripShebang([]byte(src))); got != want {
			t.Errorf("%q: got %q, want %q", src, got, want)
		}
	}
	if _, err := Parse("t", []byte("#!/bin/x\na()"), Options{}); err == nil {
		t.Error("the parser took a #! line")
	}
}

// TestParse_Nesting gives every construct that nests far more levels than are allowed.
func TestParse_Nesting(t *testing.T) {
	const n = 100_000
	tests := map[string][3]string{
		"paren":             {"a = ", "(", ""},
		"table":             {"a = ", "{", ""},
		"table key":         {"a = ", "{[", ""},
		"unary minus":       {"a = ", "- ", "1"},
		"unary not":         {"a = ", "not ", "1"},
		"index":             {"a = ", "a[", ""},
		"call argument":     {"", "f(", ""},
		"table argument":    {"", "f{", ""},
		"method argument":   {"", "a:b(", ""},
		"call chain":        {"f", "()", ""},
		"field chain":       {"a", ".b", "()"},
		"index chain":       {"a", "[1]", "()"},
		"string call chain": {"a", "''", ""},
		"method chain":      {"a", ":b()", ""},
		"instance chain":    {"a", "<<T>>", "()"},
		"binary chain":      {"a = 1", " + 1", ""},
		"concat chain":      {"a = 1", " .. 1", ""},
		"power chain":       {"a = 1", " ^ 1", ""},
		"and chain":         {"a = 1", " and 1", ""},
		"function":          {"", "a = function() ", ""},
		"argument function": {"", "f(function() ", ""},
		"local function":    {"", "local function f() ", ""},
		"function name":     {"function a", ".b", "() end"},
		"do":                {"", "do ", ""},
		"while":             {"", "while a do ", ""},
		"repeat":            {"", "repeat ", ""},
		"for":               {"", "for i = 1, 2 do ", ""},
		"for in":            {"", "for a in b do ", ""},
		"if":                {"", "if a then ", ""},
		"else":              {"", "if a then else ", ""},
		"elseif":            {"if a then ", "elseif a then ", "end"},
		"if expression":     {"a = ", "if b then ", ""},
		"if condition":      {"a = ", "if ", ""},
		"elseif expression": {"a = if b then c ", "elseif b then c ", "else d"},
		"interpolation":     {"a = ", "`{", ""},
		"attribute":         {"", "@[native(", ""},
		"attribute table":   {"@[native ", "{", ""},
		"type paren":        {"type T = ", "(", ""},
		"type table":        {"type T = ", "{", ""},
		"type field":        {"type T = ", "{a: ", ""},
		"type indexer":      {"type T = ", "{[", ""},
		"type argument":     {"type T = ", "A<", ""},
		"type pack":         {"type T = ", "A<(", ""},
		"type result":       {"type T = ", "() -> ", ""},
		"type result list":  {"type T = ", "() -> (", ""},
		"type variadic":     {"type T = ", "(...", ""},
		"type intersection": {"type T = ", "A & (", ""},
		"type union":        {"type T = A", " | A", ""},
		"leading union":     {"type T = ", "| (", ""},
		"typeof":            {"type T = ", "typeof(a :: ", ""},
		"cast":              {"a = ", "b :: typeof(", ""},
		"generic default":   {"type T", "<A = B", ""},
		"type function":     {"", "type function f() ", ""},
		"instance":          {"a = ", "f<<typeof(", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			src := []byte(tt[0] + strings.Repeat(tt[1], n) + tt[2])
			_, errs := ParseAll("t", src, Options{})
			if len(errs) == 0 {
				t.Fatal("accepted")
			}
			last := errs[len(errs)-1].Msg
			if name == "generic default" { // does not nest: it is wrong at once
				return
			}
			if !strings.HasPrefix(last, "Exceeded allowed ") && len(errs) < MaxErrors {
				t.Errorf("got %d errors, last %q", len(errs), last)
			}
		})
	}
}

func TestParse_NestingAllowed(t *testing.T) {
	for _, src := range []string{
		"a = " + strings.Repeat("(", 900) + "1" + strings.Repeat(")", 900),
		strings.Repeat("do ", 900) + strings.Repeat("end ", 900),
		"type T = " + strings.Repeat("{", 900) + "A" + strings.Repeat("}", 900),
		"type T = A" + strings.Repeat(" | A", 999) + strings.Repeat("?", 5000),
		"a = 1" + strings.Repeat(" + 1", 900),
		strings.Repeat("a = 1 + 1\n", 5000),
		"a = {" + strings.Repeat("f(1) .. 'x', ", 5000) + "}",
	} {
		if _, err := Parse("t", []byte(src), Options{}); err != nil {
			t.Errorf("%.40q: %v", src, err)
		}
	}
}
