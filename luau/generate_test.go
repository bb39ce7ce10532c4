package luau_test

import (
	"fmt"
	"strings"
)

// generator writes a Luau program that follows from bytes: the same bytes, the
// same program. Every program compiles, and most of what it does succeeds,
// because the parts know what kind of value they give. Spent bytes read as zero,
// which always chooses the shortest form, so each program ends.
type generator struct {
	data  []byte
	b     strings.Builder
	scope []variable
	names int
	depth int
	loops int // loops around, in this function
	left  int // statements that may still be written
}

type variable struct {
	name string
	kind byte // n, s, t, f: what it holds, mostly
}

// generate gives the program for the bytes.
func generate(data []byte) string {
	g := &generator{data: data, left: 60}
	g.b.WriteString(generatedPrelude)
	g.scope = []variable{{"T", 't'}, {"F", 'f'}, {"O", 't'}}
	for len(g.data) > 0 && g.left > 0 {
		if g.pick(4) == 0 {
			g.statement()
			continue
		}
		g.b.WriteString("print(pcall(function(...)\n")
		g.body(1+g.pick(6), true)
		g.b.WriteString("end, 1, 'x', T))\n")
	}
	g.line("return " + g.any())
	return g.b.String()
}

// generatedPrelude has what the parts rely on: conversions that never fail, and one object with all metamethods.
const generatedPrelude = `local function N(x) if type(x) == "number" then return x end return 1 end
local function S(x) if type(x) == "string" then return string.sub(x, 1, 64) end return "s" end
local function Q(x) if type(x) == "table" then return x end return {x} end
local B, M = buffer.create(64), {}
local T, F = {3, 1, 2, "x", k = 1}, function(...) return ... end
local O = setmetatable({v = 1}, M)
for _, e in {"add", "sub", "mul", "div", "mod", "pow", "idiv", "concat", "unm"} do M["__" .. e] = function(a, b) return a end end
M.__index = function(t, k) return k end
M.__call = function(self, ...) return ... end
M.__eq = function(a, b) return rawlen(a) == rawlen(b) end
M.__lt = function(a, b) return N(rawget(a, "v")) < N(rawget(b, "v")) end
M.__le = function(a, b) return N(rawget(a, "v")) <= N(rawget(b, "v")) end
M.__tostring = function(t) for i = 1, 3 do T[5] = i end return "O" end
M.__len = function() return 2 end
M.__iter = function(t) return next, t, nil end
`

// pick gives a number below n from the next byte.
func (g *generator) pick(n int) int {
	if len(g.data) == 0 {
		return 0
	}
	b := g.data[0]
	g.data = g.data[1:]
	return int(b) % n
}

func (g *generator) line(s string) {
	g.b.WriteString(s)
	g.b.WriteByte('\n')
}

func (g *generator) linef(format string, args ...any) { g.line(fmt.Sprintf(format, args...)) }

// declare makes a new variable of a kind.
func (g *generator) declare(kind byte) string {
	g.names++
	name := fmt.Sprintf("%c%d", kind, g.names)
	g.scope = append(g.scope, variable{name, kind})
	return name
}

// variable gives a visible variable of a kind, or what else if there is none.
func (g *generator) variable(kind byte, otherwise string) string {
	var found []string
	for _, v := range g.scope[max(0, len(g.scope)-100):] {
		if v.kind == kind {
			found = append(found, v.name)
		}
	}
	if len(found) == 0 {
		return otherwise
	}
	return found[len(found)-1-g.pick(len(found))]
}

// body writes up to n statements in a scope of their own.
func (g *generator) body(n int, function bool) {
	scope, loops := len(g.scope), g.loops
	if function {
		g.loops = 0
	}
	g.depth++
	for ; n > 0 && g.left > 0; n-- {
		g.statement()
	}
	if function && g.pick(3) > 0 {
		g.linef("return %s", g.list())
	}
	g.depth--
	g.scope, g.loops = g.scope[:scope], loops
}

// block writes "head ... tail" with statements in between.
func (g *generator) block(head, tail string, loop bool) {
	g.line(head)
	if loop {
		g.loops++
	}
	g.body(1+g.pick(3), false)
	if loop {
		g.loops--
	}
	g.line(tail)
}

// function gives the text of a function.
func (g *generator) function() string {
	if g.depth > 4 || g.left <= 0 {
		return "F"
	}
	outer := g.b
	g.b = strings.Builder{}
	scope := len(g.scope)
	a, b := g.declare('n'), g.declare('t')
	head := fmt.Sprintf("(function(%s, %s, ...)\n%s, %s = N(%s), Q(%s)\n", a, b, a, b, a, b)
	g.body(1+g.pick(3), true)
	text := head + g.b.String() + "end)"
	g.b, g.scope = outer, g.scope[:scope]
	return text
}

var numberTexts = []string{"1", "0", "-1", "2", "3", "0.5", "1e15", "255", "2^53", "-0", "1/0", "0/0", "0x7fffffff", "-2147483648", "1e-300", "10"}

func (g *generator) num() string {
	g.depth++
	defer func() { g.depth-- }()
	if g.depth > 7 {
		return g.variable('n', "1")
	}
	switch g.pick(18) {
	case 0, 1, 2:
		return g.variable('n', "1")
	case 3, 4:
		return "(" + numberTexts[g.pick(len(numberTexts))] + ")"
	case 5, 6, 7:
		return fmt.Sprintf("(%s %s %s)", g.num(), []string{"+", "-", "*", "/", "//", "%", "^"}[g.pick(7)], g.num())
	case 8:
		return fmt.Sprintf("#%s", g.tab())
	case 9:
		return fmt.Sprintf("#%s", g.str())
	case 10:
		return fmt.Sprintf("N(%s)", g.any())
	case 11:
		return fmt.Sprintf("math.%s(%s, %s)", []string{"max", "min", "floor", "abs", "sqrt", "ceil", "round", "sign", "fmod", "pow", "ldexp", "exp"}[g.pick(12)], g.num(), g.num())
	case 12:
		return fmt.Sprintf("bit32.%s(%s, %s)", []string{"band", "bxor", "lshift", "rshift", "arshift", "lrotate", "bor"}[g.pick(7)], g.num(), g.num())
	case 13:
		return fmt.Sprintf("(if %s then %s else %s)", g.cond(), g.num(), g.num())
	case 14:
		return fmt.Sprintf("N((%s)[%s])", g.tab(), g.num())
	case 15:
		i := g.pick(60)
		return fmt.Sprintf("buffer.read%s(B, %d)", []string{"u8", "i16", "u32", "i8", "f32"}[g.pick(5)], i)
	case 16:
		return fmt.Sprintf("N((string.%s))", []string{"find(" + g.str() + ", " + g.pattern() + ")", "byte(" + g.str() + ")", "len(" + g.str() + ")"}[g.pick(3)])
	}
	return fmt.Sprintf("(vector.create(%s, %s, 1) * %s).x", g.num(), g.num(), g.num())
}

var patternTexts = []string{"'x'", "'%a+'", "'(.)(.)'", "'()'", "'[^%s]*'", "'%d?'", "'.-b'", "'%b()'", "'^a'", "'%f[%w]%w+'", "'x*'", "'.'"}

func (g *generator) pattern() string { return patternTexts[g.pick(len(patternTexts))] }

func (g *generator) str() string {
	g.depth++
	defer func() { g.depth-- }()
	if g.depth > 7 {
		return g.variable('s', "'a'")
	}
	switch g.pick(13) {
	case 0, 1:
		return g.variable('s', "'a'")
	case 2:
		return []string{"'a'", "''", "'hello (world) 12'", "'x\\0y'", "'k'", "'10'", "'0x1f'", "'long\\\nlines'", "'%1'"}[g.pick(9)]
	case 3:
		return fmt.Sprintf("S(%s .. %s)", g.str(), g.str())
	case 4:
		return fmt.Sprintf("S(string.format('%%%s|%%*', %s, %s))", []string{"d", "g", "5.1f", "x", "*", "s"}[g.pick(6)], g.num(), g.any())
	case 5:
		return fmt.Sprintf("string.sub(%s, %s, %s)", g.str(), g.num(), g.num())
	case 6:
		return fmt.Sprintf("string.rep(%s, %d, %s)", g.str(), g.pick(6), g.str())
	case 7:
		return fmt.Sprintf("S((string.gsub(%s, %s, %s)))", g.str(), g.pattern(), []string{"'<%0>'", g.fn(), g.tab(), "'%1'"}[g.pick(4)])
	case 8:
		return fmt.Sprintf("string.%s(%s)", []string{"upper", "lower", "reverse"}[g.pick(3)], g.str())
	case 9:
		return fmt.Sprintf("S(tostring(%s))", g.any())
	case 10:
		return fmt.Sprintf("S(`a{ %s }b{ %s }`)", g.any(), g.num())
	case 11:
		return fmt.Sprintf("S(select(2, pcall(table.concat, %s, ',')))", g.tab())
	}
	return fmt.Sprintf("S(string.match(%s, %s))", g.str(), g.pattern())
}

func (g *generator) tab() string {
	g.depth++
	defer func() { g.depth-- }()
	if g.depth > 7 {
		return g.variable('t', "T")
	}
	switch g.pick(12) {
	case 0, 1, 2, 3:
		return g.variable('t', "T")
	case 4:
		return "O"
	case 5:
		return fmt.Sprintf("{%s}", g.list())
	case 6:
		return fmt.Sprintf("{k = %s, [%s] = %s, %s}", g.any(), g.num(), g.any(), g.any())
	case 7:
		return fmt.Sprintf("setmetatable({v = %s}, M)", g.num())
	case 8:
		return fmt.Sprintf("setmetatable({%s}, {__index = %s, __newindex = %s, __mode = 'kv'})", g.any(), g.tab(), []string{"rawset", g.fn(), "nil"}[g.pick(3)])
	case 9:
		return fmt.Sprintf("table.pack(%s)", g.list())
	case 10:
		return fmt.Sprintf("Q(table.clone(%s))", g.variable('t', "T"))
	}
	return fmt.Sprintf("Q(%s)", g.any())
}

func (g *generator) fn() string {
	g.depth++
	defer func() { g.depth-- }()
	if g.depth > 6 {
		return "F"
	}
	switch g.pick(9) {
	case 0, 1, 2:
		return g.variable('f', "F")
	case 3, 4, 5:
		return g.function()
	case 6:
		return "coroutine.wrap(" + g.fn() + ")"
	case 7:
		return []string{"print", "math.max", "select", "rawlen", "tostring", "pcall", "coroutine.yield", "table.unpack", "string.upper", "error", "next", "type", "rawequal", "table.sort"}[g.pick(14)]
	}
	return "O"
}

func (g *generator) any() string {
	switch g.pick(9) {
	case 0, 1:
		return g.num()
	case 2, 3:
		return g.str()
	case 4:
		return g.tab()
	case 5:
		return []string{"nil", "true", "false", "vector.create(1, 2, 3)", "B", "coroutine.running()"}[g.pick(6)]
	case 6:
		return fmt.Sprintf("%s(%s)", g.fn(), g.list())
	case 7:
		return fmt.Sprintf("(%s %s %s)", g.cond(), []string{"and", "or"}[g.pick(2)], g.num())
	}
	return fmt.Sprintf("(%s).%s", g.tab(), []string{"k", "v", "x", "n"}[g.pick(4)])
}

func (g *generator) cond() string {
	switch g.pick(6) {
	case 0, 1:
		return fmt.Sprintf("%s %s %s", g.num(), []string{"<", "<=", ">", ">=", "==", "~="}[g.pick(6)], g.num())
	case 2:
		return fmt.Sprintf("%s %s %s", g.str(), []string{"<", "<=", "==", "~="}[g.pick(4)], g.str())
	case 3:
		return fmt.Sprintf("%s == %s", g.any(), g.any())
	case 4:
		return "not " + g.any()
	}
	return fmt.Sprintf("setmetatable({v = %s}, M) %s O", g.num(), []string{"<", "<=", "==", ">"}[g.pick(4)])
}

func (g *generator) list() string {
	switch g.pick(5) {
	case 0, 1:
		return g.any()
	case 2:
		return g.any() + ", " + g.any()
	case 3:
		return g.num() + ", table.unpack(" + g.variable('t', "T") + ", 1, 3)"
	}
	return g.any() + ", " + g.str() + ", " + g.any()
}

// statement writes one statement.
func (g *generator) statement() {
	if g.left--; g.left < 0 || g.depth > 5 {
		g.linef("print(%s)", g.variable('n', "1"))
		return
	}
	switch g.pick(26) {
	case 0:
		g.linef("print(%s)", g.list())
	case 1, 2:
		v := g.num()
		g.linef("local %s = %s", g.declare('n'), v)
	case 3:
		v := g.str()
		g.linef("local %s = %s", g.declare('s'), v)
	case 4:
		v := g.tab()
		g.linef("local %s = %s", g.declare('t'), v)
	case 5:
		v := g.fn()
		g.linef("local %s = %s", g.declare('f'), v)
	case 6:
		n, m := g.variable('n', "G"), g.variable('n', "G")
		g.linef("%s, %s = %s, %s", n, m, g.num(), g.num())
	case 7:
		g.linef("%s %s= N(%s)", g.variable('n', "T.k"), []string{"+", "-", "*", "/", "//", "%"}[g.pick(6)], g.any())
	case 8:
		g.linef("%s[%s] = %s", g.variable('t', "T"), []string{g.num(), g.str(), "'k'", "1"}[g.pick(4)], g.any())
	case 9:
		g.block("if "+g.cond()+" then", "else", false)
		g.block("", "end", false)
	case 10:
		i := g.declare('n')
		g.linef("local %s = 0", i)
		g.block(fmt.Sprintf("while %s < %d and %s do %s += 1", i, 1+g.pick(20), g.cond(), i), "end", true)
	case 11, 12:
		from, to, by := g.pick(5), g.pick(30), g.pick(3)
		i := g.declare('n')
		g.block(fmt.Sprintf("for %s = %d, %d, %d do", i, from, to, by+1), "end", true)
	case 13:
		in := []string{g.tab(), "pairs(" + g.tab() + ")", "ipairs(" + g.tab() + ")", "next, " + g.tab(), "string.gmatch(" + g.str() + ", " + g.pattern() + ")", "coroutine.wrap(" + g.fn() + ")"}[g.pick(6)]
		g.names++
		g.block(fmt.Sprintf("for a%d, b%d in %s do if N(a%d) > 50 then break end", g.names, g.names, in, g.names), "end", true)
	case 14:
		i := g.declare('n')
		g.linef("local %s = 0", i)
		g.block("repeat "+i+" += 1", fmt.Sprintf("until %s > %d or %s", i, g.pick(10), g.cond()), false)
	case 15:
		if g.loops > 0 {
			g.linef("if %s then %s end", g.cond(), []string{"break", "continue"}[g.pick(2)])
		} else {
			g.linef("if %s then return %s end", g.cond(), g.list())
		}
	case 16:
		g.linef("print(pcall(%s, %s))", g.fn(), g.list())
	case 17:
		g.linef("print(xpcall(%s, %s, %s))", g.fn(), []string{"debug.traceback", g.fn(), "print"}[g.pick(3)], g.list())
	case 18:
		g.linef("if %s then error(%s) end", g.cond(), g.any())
	case 19:
		g.linef("coroutine.yield(%s)", g.list())
	case 20:
		g.names++
		co := fmt.Sprintf("c%d", g.names)
		g.linef("local %s = coroutine.create(%s)", co, g.fn())
		for range 1 + g.pick(3) {
			g.linef("print(coroutine.resume(%s, %s))", co, g.list())
		}
		g.linef("print(coroutine.status(%s), coroutine.close(%s))", co, co)
	case 21:
		g.linef("print(pcall(table.sort, %s%s))", g.tab(), []string{"", ", function(a, b) return tostring(a) < tostring(b) end", ", " + g.fn()}[g.pick(3)])
	case 22:
		t := g.variable('t', "T")
		g.linef("print(pcall(table.%s))", []string{
			"insert, " + t + ", " + g.any(), "insert, " + t + ", 1, " + g.any(), "remove, " + t, "remove, " + t + ", 1", "foreach, " + t + ", " + g.fn(),
			"foreachi, " + t + ", " + g.fn(), "find, " + t + ", " + g.any(), "move, " + t + ", 1, 3, 2", "clear, " + t, "freeze, {" + g.any() + "}", "maxn, " + t,
		}[g.pick(11)])
	case 23:
		i, v := g.pick(60), g.num()
		g.linef("buffer.write%s(B, %d, %s)", []string{"u8", "i16", "u32", "f32"}[g.pick(4)], i, v)
	case 24:
		g.linef("print(%s)", []string{"collectgarbage('count')", "collectgarbage('collect')", "gcinfo()", "debug.traceback('t')", "debug.info(1, 'sl')", "math.random(100)"}[g.pick(6)])
	case 25:
		name := g.declare('f')
		self := len(g.scope)
		n, t := g.declare('n'), g.declare('t')
		g.linef("local function %s(%s, %s, ...)\nif %s and N(%s) > 20 then return end %s, %s = N(%s) + 1, Q(%s)", name, n, t, n, n, n, t, n, t)
		g.body(1+g.pick(3), true)
		g.line("end")
		g.scope = g.scope[:self]
	}
}
