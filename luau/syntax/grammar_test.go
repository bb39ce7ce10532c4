package syntax

import "testing"

// TestParse_Grammar shows the tree of every row of the grammar.
func TestParse_Grammar(t *testing.T) {
	tests := []struct{ src, want string }{
		// statements
		{"", ""},
		{"a = 1", "$a = 1"},
		{"a, b.c, d[1] = 1, f()", "$a, $b.c, $d[1] = 1, $f()"},
		{"a += 1 b -= 2 c *= 3 d /= 4 e //= 5 f %= 6 g ^= 7 h ..= 'x'",
			`$a += 1; $b -= 2; $c *= 3; $d /= 4; $e //= 5; $f %= 6; $g ^= 7; $h ..= "x"`},
		{"f() f{} f'' f[[]] a.b:c(1, ...) f()()", `$f(); $f({}); $f(""); $f(""); $a.b:c(1, ...); $f()()`},
		{"a(); b();", "$a(); $b()"},
		{"do local a = 1 end a()", "do {local a = 1}; $a()"},
		{"while a do b() end", "while $a {$b()}"},
		{"repeat local a = 1 until a", "repeat {local a = 1} until a"},
		{"if a then b() end", "if $a {$b()}"},
		{"if a then elseif b then c() else d() end", "if $a {} else if $b {$c()} else {$d()}"},
		{"for i = 1, 2 do f(i) end", "for i = 1, 2 {$f(i)}"},
		{"for i: number = 1, 2, 3 do end", "for i = 1, 2, 3 {}"},
		{"for k, v: string in a, b do f(k, v) end", "for k, v in $a, $b {$f(k, v)}"},
		{"for k in t do end", "for k in $t {}"},
		{"while a do break end", "while $a {break}"},
		{"while a do if b then continue end end", "while $a {if $b {continue}}"},
		{"return", "return "},
		{"return 1, 2;", "return 1, 2"},
		{"function f(a, b, ...) end", "$f := fn f(a, b...) {}"},
		{"function a.b.c() end function a:m(x) return self end", "$a.b.c := fn c() {}; $a.m := fn m self(self, x) {return self}"},
		{"local function f() return f end", "local f := fn f() {return ^f}"},
		{"local a, b: number = 1", "local a, b = 1"},
		{"local a = a", "local a = $a"},
		{"const a, b = f()", "local const a, const b = $f()"},
		{"const function f() end", "local const f := fn f() {}"},
		// contextual words are ordinary names elsewhere
		{"type = 1 type() continue = 2 export += 1 const.x = 1", "$type = 1; $type(); $continue = 2; $export += 1; $const.x = 1"},
		{"local type, continue, typeof, read = 1 f(type)", "local type, continue, typeof, read = 1; $f(type)"},
		{"declare.x = class", "$declare.x = $class"},
		// exports
		{"export local a, b = 1", "export local a, b = 1"},
		{"export const a = 1", "export local const a = 1"},
		{"export function f() end", "export local const f := fn f() {}"},
		{"@native export function f() end", "export local const f := fn f native() {}"},
		{"export type T = number export type function F() end", ""},
		// attributes
		{"@native function f() end", "$f := fn f native() {}"},
		{"@checked @native local function f() end", "local f := fn f native() {}"},
		{"@native const function f() end", "local const f := fn f native() {}"},
		{"@[native, deprecated {use = 'g', reason = 'old'}] function f() end", "$f := fn f native() {}"},
		{"@[deprecated()] function f() end", "$f := fn f() {}"},
		{"return @native function() end", "return fn  native() {}"},
		// expressions
		{"return nil, true, false, ..., 1, 'a'", `return nil, true, false, ..., 1, "a"`},
		{"return a or b and c == d .. e + f * -g ^ h", "return [$a or [$b and [$c == [$d .. [$e + [$f * [- [$g ^ $h]]]]]]]]"},
		{"return 1 - 2 - 3, 1 .. 2 .. 3, 2 ^ 3 ^ 2, -2 ^ -3", "return [[1 - 2] - 3], [1 .. [2 .. 3]], [2 ^ [3 ^ 2]], [- [2 ^ [- 3]]]"},
		{"return not a == b, #a + 1, 7 // 2 % 3", "return [[not $a] == $b], [[# $a] + 1], [[7 // 2] % 3]"},
		{"return a < b, a <= b, a > b, a >= b, a ~= b", "return [$a < $b], [$a <= $b], [$a > $b], [$a >= $b], [$a ~= $b]"},
		{"return (f()), (...)", "return ($f()), (...)"},
		{"return a.b[c]:d 'x'.e", `return $a.b[$c]:d("x").e`},
		{"return if a then b else c", "return if($a, $b, $c)"},
		{"return if a then b elseif c then d else e + 1", "return if($a, $b, if($c, $d, [$e + 1]))"},
		{"return function(a, ...: number): string return a end", "return fn (a...) {return a}"},
		{"return {}, {1, 2; 3}, {a = 1, ['b'] = 2, c}, {f(),}", `return {}, {1, 2, 3}, {a = 1, ["b"] = 2, $c}, {$f()}`},
		{"return {f = function() end}", "return {f = fn f() {}}"},
		{"local f = function() end", "local f = fn () {}"},
		{"return `a`, `a{1}b{x}`, `{`{1}`}`", `return "a", interp(["a" "b" ""], 1, $x), interp(["" ""], interp(["" ""], 1))`},
		{"return `{ f{a = {}} }\\{`", `return interp(["" "{"], $f({a = {}}))`},
		{"return `\\u{41}{\n1\n}`", `return interp(["A" ""], 1)`},
		// casts leave one value
		{"return a :: number, f() :: any, ... :: any, (a :: any).b", "return $a, ($f()), (...), ($a).b"},
		{"return -x :: number ^ 2", "return [- [$x ^ 2]]"},
		// explicit type instantiation
		{"f<<number, string>>(1) a:m<<T...>>() a.b<<>>.c = 1", "$f(1); $a:m(); $a.b.c = 1"},
		{"return f<<(number)>>, f()<<string?>>", "return ($f), ($f())"},
		{"return a < b", "return [$a < $b]"},
		// comments, separators and spaces
		{"--[==[ ]] ]=] ]==] a() -- b()\n--!strict\nc()", "$a(); $c()"},
		{"a()\r\nb()\r\n", "$a(); $b()"},
		{"a()\x00 junk ((", "$a()"},
	}
	for _, tt := range tests {
		c, err := Parse("t", []byte(tt.src), Options{})
		if err != nil {
			t.Errorf("%q: %v", tt.src, err)
			continue
		}
		if got := dumpBlock(c.Main.Body); got != tt.want {
			t.Errorf("%q:\n got %s\nwant %s", tt.src, got, tt.want)
		}
	}
}

// TestParse_Types accepts every form of type and leaves nothing of it.
func TestParse_Types(t *testing.T) {
	types := []string{
		"nil", "true", "false", "'a'", "[[a]]", "T", "M.T", "T<>", "T<number, string>", "M.T<U...>", "T<...number>", "T<()>", "T<(number)>",
		"T<(number, string)>", "T<(number)?>", "T<(number) | string>", "T<(number) -> string>", "T<U<V<W>>>",
		"typeof(1 + f(x))", "typeof({a = 1})", "T?", "T??", "T | U", "T & U & V", "| T", "| T | U", "& T & U", "(T | U) & V", "(T)?",
		"{}", "{T}", "{T?}", "{ {T} }", "{a: T}", "{a: T, b: U;}", "{[string]: T}", "{['a b']: T, c: U, [number]: V}",
		"{read a: T, write b: U, read: V, write: W}", "{read [string]: T}", "{read T}",
		"() -> ()", "(T) -> U", "(T, U) -> (V, W)", "(a: T, b: U) -> V", "(...T) -> ...U", "(T, U...) -> U...", "(T, ...U) -> (V, ...W)",
		"<A>(A) -> A", "<A, B...>(A, B...) -> B...", "(T) -> (U) -> V", "() -> (T)?", "((T) -> U)?", "(T) -> U | V", "(() -> ()) | nil",
	}
	for _, typ := range types {
		for _, src := range []string{
			"type X = " + typ, "local a: " + typ + " = 1", "local function f(a: " + typ + ") end", "return x :: " + typ,
			"type X<A = " + typ + "> = A", "f<<" + typ + ">>()",
		} {
			if _, err := Parse("t", []byte(src), Options{}); err != nil {
				t.Errorf("%q: %v", src, err)
			}
		}
	}
	for _, src := range []string{
		"type X<A, B = A, C... = ...number, D... = (A, B), E... = C...> = {A}",
		"local function f<A, B...>(a: A, ...: B...): (A, B...) end",
		"function f(...: number): ...string end",
		"function f(): T... end", "function f(): () end", "function f(): (T) end", "function f(): (T)? end", "function f(): (T) | U end",
		"function f(): (a: T) -> U end",
		"type function F(a, b) local c = a return function() return c end end",
		"type function F(...) return ... end",
	} {
		if _, err := Parse("t", []byte(src), Options{}); err != nil {
			t.Errorf("%q: %v", src, err)
		}
	}
}
