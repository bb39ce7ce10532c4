package vm

import (
	"errors"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"arithmetic", `local a, b = 7, 2 print(a+b, a-b, a*b, a/b, a//b, a%b, a^b, -a, -7 % 3, 7 % -3)`, "9	5	14	3.5	3	1	49	-7	2	-2\n"},
		{"constants", `local a = 7 print(a+1, a-1, a*2, a/2, a//2, a%4, 10-a, 14/a, 2^a)`, "8	6	14	3.5	3	3	3	2	128\n"},
		{"coercion", `print("10" + 5, "0x10" * 2, 10 .. 20, -"2")`, "15	32	1020	-2\n"},
		{"logic", `local n print(n and 1, n or 2, not n, 1 and 2, false or nil)`, "nil	2	true	2	nil\n"},
		{"compare", `local a, b = 1, 2 print(a < b, a <= b, a > b, a >= b, a == b, a ~= b, "a" < "b", "a" == "a", "b" <= "a")`, "true	true	false	false	false	true	true	true	false\n"},
		{"numeric for", `local s = 0 for i = 1, 10 do s += i end for i = 10, 1, -3 do s += i end for i = 1, 0 do s = -1 end print(s)`, "77\n"},
		{"for with strings", `local s = 0 for i = "1", "3" do s += i end print(s)`, "6\n"},
		{"while and repeat", `local i = 0 while i < 5 do i += 1 if i == 3 then break end end repeat i += 10 until i > 30 print(i)`, "33\n"},
		{"generic for", `for k, v in {10, 20, x = 30} do print(k, v) end for i, v in ipairs({1, 2, nil, 4}) do print(i, v) end`, "1	10\n2	20\nx	30\n1	1\n2	2\n"},
		{"pairs and next", `local n = 0 for k, v in pairs({a = 1, b = 2, 3}) do n += v end for k, v in next, {5, 6} do n += v end print(n, next({}), next({7}))`, "17	nil	1	7\n"},
		{"iterator function", `local function it(n, i) if i < n then return i + 1, i * i end end for i, q in it, 3, 0 do print(i, q) end`, "1	0\n2	1\n3	4\n"},
		{"iterator with __iter", `local t = setmetatable({}, {__iter = function(self) return function(_, i) if i < 2 then return i + 1 end end, self, 0 end}) for i in t do print(i) end`, "1\n2\n"},
		{"iterator with __call", `local n = 0 local t = setmetatable({}, {__call = function(self) n += 1 if n < 3 then return n end end}) for i in t do print(i) end`, "1\n2\n"},
		{"functions", `local function f(a, b, c) return c, b, a end print(f(1, 2)) print((f(1, 2, 3)))`, "nil	2	1\n3\n"},
		{"varargs", `local function f(...) local a, b = ... return select("#", ...), a, b, ... end print(f()) print(f(1, nil, 3)) print((f(9)))`, "0	nil	nil\n3	1	nil	1	nil	3\n1\n"},
		{"vararg with params", `local function f(a, ...) return a, ... end print(f(1, 2, 3)) print(f()) print(({f(1, 2)})[2])`, "1	2	3\nnil\n2\n"},
		{"recursion", `local function fib(n) return n < 2 and n or fib(n-1) + fib(n-2) end print(fib(15))`, "610\n"},
		{"closures", `local function c() local n = 0 return function() n += 1 return n end end local a, b = c(), c() a() print(a(), b())`, "2	1\n"},
		{"closures in loops", `local fs = {} for i = 1, 3 do local j = i fs[i] = function() j += 1 return i, j end end print(fs[1]()) print(fs[1]()) print(fs[3]())`, "1	2\n1	3\n3	4\n"},
		{"tables", `local t = {1, 2, 3, x = "y", [10] = 5} t.z = t.x t[4] = 4 t["q"] = t[1] print(#t, t.z, t[10], t.q, t.none, t[4])`, "4	y	5	1	nil	4\n"},
		{"absent and hashed numbers", `local t = {1, nil, 3, [7] = 7, [0.5] = "h", [-1] = "m"} local i, j = 7, 0.5 print(t[2], t[5], t[7], t[i], t[j], t[-1], t[i + 1], t[0/0], ({})[1])`, "nil	nil	7	7	h	m	nil	nil	nil\n"},
		{"absent numbers with __index", `local t = setmetatable({1}, {__index = function(_, k) return -k end}) local i = 2 print(t[1], t[2], t[i], t[1.5])`, "1	-2	-2	-1.5\n"},
		{"ipairs in one and three variables", `local n = 0 for i in ipairs({1, 2}) do n += i end for i, v, w in ipairs({5, 6}) do print(i, v, w) end local t = {[1] = 1, [2] = 2} for i, v in ipairs(t) do t[3], n = 3, n + v end print(n)`, "1	5	nil\n2	6	nil\n9\n"},
		{"many parameters from a high register", "local function f(" + strings.Repeat("p, ", 149) + "p) return p end\n" + strings.Repeat("local a = 1 ", 90) + "local b, g = 2, f print(g(), a, b)", "nil	1	2\n"},
		{"set list of calls", `local function f() return 1, 2, 3 end print(#{f(), f()}, #{f(), (f())})`, "4	2\n"},
		{"methods", `local A = {} A.__index = A function A.new(n) return setmetatable({n = n}, A) end function A:get() return self.n end print(A.new(5):get(), ("abc"):len())`, "5	3\n"},
		{"inheritance", `local A = {x = 1} A.__index = A local B = setmetatable({}, A) B.__index = B local o = setmetatable({}, B) print(o.x, o.y)`, "1	nil\n"},
		{"index function", `local t = setmetatable({}, {__index = function(t, k) return k .. "!" end}) print(t.a, t[1], t["x y"])`, "a!	1!	x y!\n"},
		{"newindex function", `local log = {} local t = setmetatable({}, {__newindex = function(t, k, v) log[k] = v end}) t.a = 1 t[2] = 3 print(log.a, log[2], t.a)`, "1	3	nil\n"},
		{"newindex table", `local p = {} local t = setmetatable({}, {__newindex = p}) t.a = 1 print(p.a)`, "1\n"},
		{"arithmetic metamethods", `local m = {} m.__add = function(a, b) return "add" end m.__unm = function() return "unm" end m.__concat = function(a, b) return "cat" end m.__len = function() return 42 end local t = setmetatable({}, m) print(t + 1, 1 + t, -t, t .. "x", 1 .. t, "a" .. "b" .. t, #t)`, "add	add	unm	cat	cat	acat	42\n"},
		{"concat in the middle", `local t = setmetatable({}, {__concat = function(a, b) return (type(a) == "table" and "T" or a) .. (type(b) == "table" and "T" or b) end}) print("a" .. t .. "b" .. "c", 1 .. 2 .. t .. 3)`, "aTbc	12T3\n"},
		{"comparison metamethods", `local m = {__lt = function(a, b) return a.v < b.v end, __le = function(a, b) return a.v <= b.v end, __eq = function(a, b) return a.v == b.v end} local function n(v) return setmetatable({v = v}, m) end print(n(1) < n(2), n(1) > n(2), n(1) <= n(1), n(1) == n(1), n(1) ~= n(1), not (n(1) < n(2)))`, "true	false	true	true	false	false\n"},
		{"le by lt", `local m = {__lt = function(a, b) return a.v < b.v end} local function n(v) return setmetatable({v = v}, m) end print(n(1) <= n(2), n(3) <= n(2))`, "true	false\n"},
		{"call metamethod", `local t = setmetatable({}, {__call = function(self, a, b) return a + b, self ~= nil end}) print(t(1, 2))`, "3	true\n"},
		{"pcall", `print(pcall(function(a) return a, 2 end, 1)) print(pcall(error, "x")) print(pcall(error)) print(pcall(error, {}) == false)`, "true	1	2\nfalse	x\nfalse	nil\ntrue\n"},
		{"pcall positions", "print(pcall(function() error('x') end))\nprint(pcall(function()\nlocal a = nil + 1 end)) print(pcall(function() error('y', 2) end)) print(pcall(function() error('z', 0) end))", "false	test:1: x\nfalse	test:3: attempt to perform arithmetic (add) on nil and number\nfalse	y\nfalse	z\n"},
		{"pcall nested", `print(pcall(pcall, pcall, error, "e"))`, "true	true	false	e\n"},
		{"xpcall", `print(xpcall(function() error("a", 0) end, function(e) return e .. "b", 2 end)) print(xpcall(function(...) return ... end, print, 1, 2))`, "false	ab\ntrue	1	2\n"},
		{"xpcall handler fails", `print(xpcall(function() error("a") end, function(e) error("b") end))`, "false	error in error handling\n"},
		{"xpcall traceback", "local function f() error('x') end\nprint(xpcall(f, debug.traceback))", "false	test:1: x\ntest:1 function f\ntest:2\n\n"},
		{"coroutines", `local co = coroutine.create(function(a, b) print(a, b) local c = coroutine.yield(a + b) print(c) local d, e = coroutine.yield(c * 2) return d, e end) print(coroutine.resume(co, 1, 2)) print(coroutine.resume(co, 10)) print(coroutine.status(co)) print(coroutine.resume(co, "d", "e")) print(coroutine.status(co), coroutine.resume(co))`, "1	2\ntrue	3\n10\ntrue	20\nsuspended\ntrue	d	e\ndead	false	cannot resume dead coroutine\n"},
		{"wrap", `local g = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) print(g(), g(), g()) local h = coroutine.wrap(function() error("boom") end) print(pcall(h))`, "1	2	3\nfalse	test:1: boom\n"},
		{"yield across pcall", `local co = coroutine.wrap(function() return pcall(function() local x = coroutine.yield(1) error(x, 0) end) end) print(co()) print(co("bad"))`, "1\nfalse	bad\n"},
		{"yield in iterator", `local co = coroutine.wrap(function() for i in function(_, i) coroutine.yield("y") if (i or 0) < 2 then return (i or 0) + 1 end end do print(i) end return "end" end) print(co()) print(co()) print(co()) print(co())`, "y\n1\ny\n2\ny\nend\n"},
		{"no yield across metamethods", `local t = setmetatable({}, {__index = function() coroutine.yield(1) end}) local co = coroutine.wrap(function() return pcall(function() return t.x end) end) print(co())`, "false	attempt to yield across metamethod/C-call boundary\n"},
		{"close", `local co = coroutine.create(function() coroutine.yield() end) coroutine.resume(co) print(coroutine.close(co), coroutine.status(co)) local d = coroutine.create(function() error("x", 0) end) coroutine.resume(d) print(coroutine.close(d)) print(coroutine.close(d))`, "true	dead\nfalse	x\ntrue\n"},
		{"nested native", `print(nested(function(a) return a, a end, 3)) print(pcall(nested, function() error("in", 0) end))`, "3	3\nfalse	in\n"},
		{"call then", `print((getfenv()["then"])(function(a) return a, a end, 7))`, "then	7	7\n"},
		{"guard", `print(guard(error, "g")) print(guard(function(...) return ... end, 1, 2))`, "guard	false	g\nguard	true	1	2\n"},
		{"globals", `x = 1 x += 1 print(x, y) local function f() z = x end f() print(z)`, "2	nil\n2\n"},
		{"hidden builtin", `math = {floor = function() return "mine" end} print(math.floor(1.5))`, "mine\n"},
		{"getfenv and setfenv", `local f = function() return v end setfenv(f, {v = 5}) print(f(), getfenv(f).v, getfenv(1) == getfenv(0))`, "5	5	true\n"},
		{"debug.info", "local function f(a, b, ...) return debug.info(1, 'nlsa') end\nprint(f()) print(debug.info(f, 'nlsa')) print(debug.info(print, 'nsa'))", "f	1	test	2	true\nf	1	test	2	true\nprint	[C]	0	true\n"},
		{"evaluation order", `local t = {} local i = 1 i, t[i] = 2, "a" print(t[1], t[2]) local a, b = 1, 2 a, b = b, a print(a, b)`, "a	nil\n2	1\n"},
		{"long chains", `local t = {} for i = 1, 300 do t[i] = function() return i end end local s = 0 for i = 1, 300 do s += t[i]() end print(s)`, "45150\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, _, err := newScript(t, Config{}).run(tt.src)
			if err != nil {
				t.Fatalf("%v\n%s", err, got)
			}
			if got != tt.want {
				t.Errorf("got:\n%swant:\n%s", got, tt.want)
			}
		})
	}
}

func TestRun_errors(t *testing.T) {
	tests := []struct{ src, want string }{
		{"local t = nil\nprint(t.x)", "test:2: attempt to index nil with 'x'"},
		{"local t = 5 print(t[{}])", "test:1: attempt to index number with table"},
		{"local t = nil t.x = 1", "test:1: attempt to index nil with 'x'"},
		{"local f f()", "test:1: attempt to call a nil value"},
		{"local t = {} t:foo()", "test:1: attempt to call missing method 'foo' of table"},
		{"nofunc()", "test:1: attempt to call a nil value"},
		{"print(1 < 'x')", "test:1: attempt to compare number < string"},
		{"print({} <= {})", "test:1: attempt to compare table <= table"},
		{"local a = 5 print(a > nil)", "test:1: attempt to compare nil < number"},
		{"print({} + {})", "test:1: attempt to perform arithmetic (add) on table"},
		{"local a = {} print(-a)", "test:1: attempt to perform arithmetic (unm) on table"},
		{"print('a' .. nil)", "test:1: attempt to concatenate string with nil"},
		{"print(#5)", "test:1: attempt to get length of a number value"},
		{"for i = 1, {} do end", "test:1: invalid 'for' limit (number expected, got table)"},
		{"for i = {}, 1 do end", "test:1: invalid 'for' initial value (number expected, got table)"},
		{"for i in 5 do end", "test:1: attempt to iterate over a number value"},
		{"local t = {} t[nil] = 1", "test:1: table index is nil"},
		{"local t = {} t[0/0] = 1", "test:1: table index is NaN"},
		{"local t = freeze({}) t.x = 1", "test:1: attempt to modify a readonly table"},
		{"next({}, 5)", "invalid key to 'next'"},
		{"pairs()", "test:1: missing argument #1 to 'pairs' (table expected)"},
		{"pairs(5)", "test:1: invalid argument #1 to 'pairs' (table expected, got number)"},
		{"assert(false)", "test:1: assertion failed!"},
		{"assert(nil, 'm')", "test:1: m"},
		{"error('x')", "test:1: x"},
		{"error(5)", "test:1: 5"},
		{"local function f() return f() end f()", "test:1: stack overflow"},
		{"local t = {} setmetatable(t, {__index = t}) print(t.x)", "test:1: '__index' chain too long; possible loop"},
	}
	for _, tt := range tests {
		_, _, err := newScript(t, Config{}).run(tt.src)
		var se *ScriptError
		if !errors.As(err, &se) || se.Msg != tt.want {
			t.Errorf("%s\n got %v\nwant %s", tt.src, err, tt.want)
		}
	}
}

func TestScriptError_traceback(t *testing.T) {
	_, _, err := newScript(t, Config{}).run("local function f()\n  error('x')\nend\nlocal function g()\n  f()\nend\ng()")
	var se *ScriptError
	if !errors.As(err, &se) {
		t.Fatal(err)
	}
	if want := "test:2 function f\ntest:5 function g\ntest:7\n"; se.Traceback != want {
		t.Errorf("got %q, want %q", se.Traceback, want)
	}
	if se.Chunk != "test" || se.Line != 2 {
		t.Errorf("position %s:%d", se.Chunk, se.Line)
	}
	_, _, err = newScript(t, Config{}).run("local function f() return f() end f()")
	if !errors.As(err, &se) || strings.Count(se.Traceback, "\n") != traceHead+traceTail+1 {
		t.Errorf("long traceback has %d lines", strings.Count(se.Traceback, "\n"))
	}
}
