package vm

import (
	"strings"
	"testing"

	"github.com/template-worker/template-worker/luau/compile"
)

// BenchmarkRun measures one kind of work each; a turn is the whole program.
func BenchmarkRun(b *testing.B) {
	for _, bb := range []struct{ name, src string }{
		{"fib", `local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end return fib(22)`},
		{"numbers", `local s = 0 for i = 1, 1e5 do s = (s * 31 + i) % 65521 end return s`},
		{"fields", `local o = {x = 1, y = 2, n = 0} for i = 1, 1e5 do o.n = o.n + o.x * o.y end return o.n`},
		{"array", `local t = {} for i = 1, 1e4 do t[i] = i end local s = 0 for r = 1, 10 do for i = 1, #t do s += t[i] end end return s`},
		{"methods", `local A = {} A.__index = A function A:add(v) self.n += v end local o = setmetatable({n = 0}, A) for i = 1, 5e4 do o:add(i) end return o.n`},
		{"closures", `local function c(s) local n = 0 return function(v) n += s + v return n end end local t = 0 for i = 1, 1e4 do local f = c(i) f(1) t += f(2) end return t`},
		{"iteration", `local t = {} for i = 1, 1e3 do t[i] = i end local s = 0 for r = 1, 100 do for _, v in t do s += v end end return s`},
		{"pcall", `local function f(x) return x end local s = 0 for i = 1, 3e4 do local _, v = pcall(f, i) s += v end return s`},
		{"error", `local s = 0 for i = 1, 1e4 do local ok = pcall(error, i) if not ok then s += 1 end end return s`},
		{"coroutine", `local co = coroutine.wrap(function() while true do coroutine.yield(1) end end) local s = 0 for i = 1, 3e4 do s += co() end return s`},
		{"nested", `local function f(x) return x end local s = 0 for i = 1, 3e4 do s += nested(f, i) end return s`},
		{"metamethods", `local V = {} V.__add = function(a, b) return setmetatable({v = a.v + b.v}, V) end local a, b = setmetatable({v = 0}, V), setmetatable({v = 1}, V) for i = 1, 1e4 do a = a + b end return a.v`},
		{"concat", `local s = 0 for i = 1, 2e4 do s += #("k" .. i .. ":") end return s`},
	} {
		b.Run(bb.name, func(b *testing.B) { benchScript(b, bb.src) })
	}
}

func benchScript(b *testing.B, src string) {
	base := testBase()
	p, err := compile.Source("=bench", []byte(src), compile.Options{})
	if err != nil {
		b.Fatal(err)
	}
	prog := Load(base, p)
	m := NewVM(base, Config{Host: &strings.Builder{}})
	b.ReportAllocs()
	for b.Loop() {
		fn, err := m.NewFunction(prog, nil)
		if err != nil {
			b.Fatal(err)
		}
		co, err := m.NewThread(fn)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := m.Resume(co); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(m.FuelUsed())/b.Elapsed().Seconds()/1e6, "Mfuel/s")
}

// BenchmarkNewVM measures a machine that has never run: what an idle tenant costs.
func BenchmarkNewVM(b *testing.B) {
	base := testBase()
	b.ReportAllocs()
	for b.Loop() {
		NewVM(base, Config{}).Close()
	}
}
