package compile

import "testing"

// TestBehaviour runs small programs on the model machine, with and without optimisation.
// Each prints what it should; the last line is what the chunk returns.
func TestBehaviour(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"swap", "local a, b = 1, 2 a, b = b, a print(a, b)", "2 1\n"},
		{"rotation", "local a, b, c = ... a, b, c = 1, 2, 3 a, b, c = c, a, b print(a, b, c)", "3 1 2\n"},
		{"target uses an assigned local", "local i, t = 1, {} i, t[i] = i + 1, 20 print(i, t)", "2 {1=20}\n"},
		{"table is itself assigned", "local t = {} local u = t t, t.x = 1, 2 print(t, u)", "1 {x=2}\n"},
		{"order of evaluation", `local t = {} local function f(x) print(x) return x end
			t[f(1)], t[f(2)] = f(3), f(4) print(t)`, "1\n2\n3\n4\n{1=3 2=4}\n"},
		{"more targets than values", "local a, b, c = 9, 9, 9 a, b, c = 1 print(a, b, c)", "1 nil nil\n"},
		{"targets from a call", "local function f() return 1, 2, 3 end local a, t = 0, {} a, t.x, t.y = f() print(a, t)", "1 {x=2 y=3}\n"},
		{"more values than targets", "local function f() print('f') end local a = 1 a = 2, f() print(a)", "f\n2\n"},
		{"later value reads an assigned local", "local a, b = 1, 1 a, b = 5, (a) + 1 print(a, b)", "5 2\n"},
		{"value is an assigned local", "local a, x = 1, 0 x, a = a, 5 print(x, a)", "1 5\n"},
		{"compound evaluates once", `local t, n = { 5 }, 0 local function i() n += 1 return n end
			t[i()] += 10 print(t, n)`, "{1=15} 1\n"},
		{"compound operators", "local a = 7 a += 1 a -= 2 a *= 3 a /= 2 a //= 2 a %= 3 a ^= 2 a ..= 'x' .. a print(a)", "1x1\n"},
		{"compound of an upvalue", "local a = 1 local function f() a += 1 a ..= 'z' return a end print(f(), a)", "2z 2z\n"},
		{"and or", `local function v(a, b, c) return a and b or c end
			print(v(1, 2, 3), v(nil, 2, 3), v(1, false, 3), v(false, nil, nil))`, "2 3 3 nil\n"},
		{"or and", "local function v(a, b, c) return (a or b) and c end print(v(1, 2, 3), v(nil, nil, 3), v(false, 2, nil))", "3 nil nil\n"},
		{"values of conditions", `local function v(a, b) return a == 1 and b, a == 1 or b, not (a == 1 and b) end
			print(v(1, 2)) print(v(2, 3)) print(v(1, nil))`, "2 true false\nfalse 3 true\nnil true true\n"},
		{"local assigned from itself", "local a = nil a = a or 5 a = a and a + 1 a = not a or a a = a > 3 and { a } print(a)", "{1=6}\n"},
		{"local in its own constructor", "local a = 1 a = { a, x = a } print(a)", "{1=1 x=1}\n"},
		{"local in its own condition", "local a, b = 3, 4 a = a < b and b < 5 and a or b print(a) a = b == 4 print(a)", "3\ntrue\n"},
		{"local in its own if", "local a = 2 a = if a == 1 then a elseif a == 2 then a + 10 else 0 print(a)", "12\n"},
		{"local in its own call", "local a = 2 local function f(x, y) return x + y end a = f(a, f(a, a)) print(a)", "6\n"},
		{"local in its own concatenation", "local a = 'x' a = a .. a .. 'y' .. a print(a)", "xxyx\n"},
		{"nan is neither less nor not", `local n = 0 / 0 local one = 1
			print(n < one, not (n < one), n >= one, not (n >= one), n ~= n)
			print(n == 0 / 0, n ~= 0 / 0, 0 / 0 == n, n < 0 / 0)
			if not (n < 1) then print('ok') end`, "false true false true true\nfalse true false false\nok\n"},
		{"comparison with constants", `local function c(x) return x < 3, x <= 3, x > 3, x >= 3, 3 < x, 3 <= x, 3 > x, 3 >= x end
			print(c(2)) print(c(3)) print(c(4))`,
			"true true false false false false true true\nfalse true false true false true false true\nfalse false true true true true false false\n"},
		{"closures of a numeric loop", `local fs = {} for i = 1, 3 do fs[i] = function() i += 10 return i end end
			print(fs[1](), fs[1](), fs[2]())`, "11 21 12\n"},
		{"closures of a generic loop", `local fs = {} for k, v in { 5, 6 } do fs[k] = function() v += 1 return v end end
			print(fs[1](), fs[1](), fs[2]())`, "6 7 7\n"},
		{"written loop variable", "for i = 1, 3 do i *= 2 print(i) end", "2\n4\n6\n"},
		{"closures of a while loop", `local fs, i = {}, 0 while i < 2 do i += 1 local j = i fs[i] = function() j += 1 return j end end
			print(fs[1](), fs[1](), fs[2]())`, "2 3 3\n"},
		{"shared cell", "local n = 0 local function up() n += 1 end local function get() return n end up() up() print(get(), n)", "2 2\n"},
		{"cell through two functions", "local n = 0 local function f() return function() n += 1 return n end end f()() print(f()(), n)", "2 2\n"},
		{"captured parameter", "local function f(a) local g = function() a += 1 end g() g() return a end print(f(1))", "3\n"},
		{"recursion", "local function fact(n) return if n < 2 then 1 else n * fact(n - 1) end print(fact(5))", "120\n"},
		{"recursion through an inner function", `local function f(n) return (function() if n > 0 then return f(n - 1) end return 'end' end)() end
			print(f(3))`, "end\n"},
		{"reassigned local function", "local function f() return 1 end local g = f f = function() return 2 end print(f(), g())", "2 1\n"},
		{"function statement on a local", "local f function f(n) return n == 0 and 'done' or f(n - 1) end print(f(2))", "done\n"},
		{"break and continue", `for i = 1, 10 do if i % 2 == 0 then continue end if i > 7 then break end print(i) end`, "1\n3\n5\n7\n"},
		{"continue in while", "local i = 0 while i < 4 do i += 1 if i == 2 then continue end print(i) end", "1\n3\n4\n"},
		{"repeat sees its locals", "local i = 0 repeat i += 1 local done = i == 3 until done print(i)", "3\n"},
		{"continue in repeat", "local i = 0 repeat i += 1 local stop = i > 3 if i == 2 then continue end print(i) until stop", "1\n3\n4\n"},
		{"condition captures", `local fs, i = {}, 0 repeat i += 1 local j = i local ok = (function() j += 1 return j > 3 end)() fs[i] = function() return j end until ok
			print(i, fs[1](), fs[3]())`, "3 2 4\n"},
		{"nested breaks", "for i = 1, 3 do for j = 1, 3 do if j == 2 then break end print(i, j) end if i == 2 then break end end", "1 1\n2 1\n"},
		{"downward loop", "for i = 3, 1, -1 do print(i) end for i = 1, 0 do print('never') end", "3\n2\n1\n"},
		{"varargs", `local function f(...) local a, b = ... return select('#', ...), a, b, ... end
			print(f()) print(f(1)) print((f(1, 2, 3)))`, "0 nil nil\n1 1 nil 1\n3\n"},
		{"varargs in the middle", "local function f(...) return { ..., 9, ... } end print(f(1, 2))", "{1=1 2=9 3=1 4=2}\n"},
		{"long constructor", `local t = { 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,x = 1,18,19,(function() return 20, 21 end)() }
			print(#t, t[17], t[18], t[21], t.x)`, "21 17 18 21 1\n"},
		{"duplicate keys", "print({ 1, [1] = 2 }, { a = 1, a = 2 }, { [1] = 2, 1 })", "{1=2} {a=2} {1=1}\n"},
		{"methods", "local t = { n = 1 } function t:add(x) self.n += x return self end print(t:add(2):add(3).n)", "6\n"},
		{"interpolation", "local x = 5 print(`{x}% of {x + 1} {'a'}{`{x}`}`, `plain %`)", "5% of 6 a5 plain %\n"},
		{"concatenation", "local a, b = 1, 'b' print(a .. b, a .. (b .. a) .. 'c' .. 'd')", "1b 1b1cd\n"},
		{"globals", "x = 1 function f() return x end x += 1 print(f(), y)", "2 nil\n"},
		{"dead code", "if false then print(1) elseif nil then print(2) else print(3) end while false do print(4) end", "3\n"},
		{"scopes", "local a = 1 do local a = 2 local b = a print(a, b) end local c = 3 print(a, c)", "2 2\n1 3\n"},
		{"error keeps other values", "local a = 1 print(pcall(function() a = 2 local b = nil + 1 a = 3 end)) print(a)", "false arithmetic on nil and 1\n2\n"},
		{"calls drop temporaries", "local function f(...) return ... end print(f(), f(1, f(2, f(3, 4)), (f(5, 6))))", "nil 1 2 5\n"},
		{"deep indexes", "local t = { { a = { b = { 7 } } } } local k = 'a' print(t[1][k].b[1], t[1].a['b'][0 + 1])", "7 7\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, level := range []int{0, NoOptimize} {
				p := compileText(t, tt.src, Options{Optimize: level})
				if got, want := runModel(p, 10000), tt.want+"->\n"; got != want {
					t.Errorf("level %d: got\n%swant\n%s%s", level, got, want, listing(t, p))
				}
			}
		})
	}
}

// TestBehaviour_Exports checks what a chunk with exports returns, and that the exports stay what they were.
func TestBehaviour_Exports(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"nothing but types", "export type T = number", "-> {}\n"},
		{"values", "export local a = 1 export local b, c = 2 export const d = 'x'", "-> {a=1 b=2 d=x}\n"},
		{"functions see each other", "export function f() return g() end export function g() return 5 end print(pcall(f))", "false call nil\n-> {f=function g=function}\n"},
		{"written by the chunk", "export local a = 1 a += 4 local b = a", "-> {a=5}\n"},
		{"written by a closure before the end", `export local a = 1 local function up() a += 1 return a end
			print(up(), a) a *= 10 print(up()) export local b = a`, "2 2\n21\n-> {a=21 b=21}\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, level := range []int{0, NoOptimize} {
				p := compileText(t, tt.src, Options{Optimize: level})
				if got := runModel(p, 10000); got != tt.want {
					t.Errorf("level %d: got\n%swant\n%s%s", level, got, tt.want, listing(t, p))
				}
			}
		})
	}
}

// TestBehaviour_ExportsAreFinal checks that a closure cannot change an export once the chunk has ended.
func TestBehaviour_ExportsAreFinal(t *testing.T) {
	p := compileText(t, "export local a = 1 function up() a += 1 end", Options{})
	m := newModel(1000)
	m.call(&modelClosure{p: p.Main}, nil)
	got := modelPcall(m, []any{m.env["up"]})
	if len(got) != 2 || got[0] != false || got[1] != "frozen" {
		t.Errorf("got %v, want an error", got)
	}
}
