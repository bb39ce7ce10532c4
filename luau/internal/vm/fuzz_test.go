package vm

import (
	"errors"
	"strings"
	"testing"

	"github.com/template-worker/template-worker/luau/compile"
)

// FuzzRun runs any program within small limits: it ends, in whatever way, without
// an internal error, at the same fuel in one piece and in slices.
func FuzzRun(f *testing.F) {
	for _, s := range []string{
		busy,
		`local t = setmetatable({}, {__index = function(t, k) return t end, __newindex = rawset, __concat = function() return "c" end, __eq = print}) t.x = t .. t print(t == t.y, #t, t.a.b)`,
		`local co = coroutine.wrap(function(...) for i in ipairs({...}) do pcall(coroutine.yield, i) end error({}) end) print(pcall(co, 1, 2), pcall(co), xpcall(co, debug.traceback))`,
		`local function f(...) local a, b = ... return select("#", ...), nested(pcall, f2 or print, a, ...) end print(f(1, nil, 3), (f()))`,
		`for k, v in pairs({1, 2, a = 3}) do for i = 10, 1, -k do local c = function() i += 1 return i, k end print(c()) end end`,
		`local s = "x" repeat s = s .. s .. 1 until #s > 1e6`,
		`print(xpcall(function() local function r() return r() end r() end, function(e) return e .. nil end))`,
		`print(guard(function() return ask(1) end)) print(debug.info(1, "slnfa"), getfenv(0))`,
	} {
		f.Add(s, uint16(50))
	}
	base := testBase()
	f.Fuzz(func(t *testing.T, src string, slice uint16) {
		if strings.Contains(src, "crash") {
			t.Skip("the native that panics on purpose")
		}
		p, err := compile.Source("=fuzz", []byte(src), compile.Options{})
		if err != nil {
			t.Skip("does not compile")
		}
		prog := Load(base, p)
		whole, wholeEnd := fuzzRun(t, base, prog, 0)
		sliced, slicedEnd := fuzzRun(t, base, prog, int64(slice)+1)
		if whole != sliced || wholeEnd != slicedEnd {
			t.Errorf("fuel %d (%s) in one piece, %d (%s) in slices of %d", whole, wholeEnd, sliced, slicedEnd, slice)
		}
	})
}

// fuzzRun runs a program to its end and gives the fuel it took and how it ended.
func fuzzRun(t *testing.T, base *Base, prog *Program, slice int64) (fuel int64, end string) {
	m := NewVM(base, Config{Account: NewAccount(256 << 10), MaxObjectBytes: 64 << 10, Host: &strings.Builder{}})
	defer m.Close()
	m.SetFuel(20_000)
	m.SetSlice(slice)
	fn, err := m.NewFunction(prog, nil)
	if err != nil {
		t.Fatal(err)
	}
	co, err := m.NewThread(fn)
	if err != nil {
		t.Fatal(err)
	}
	for waits := 0; waits < 20; {
		st, err := m.Resume(co)
		var se *ScriptError
		var le *LimitError
		switch {
		case errors.As(err, &se):
			return m.FuelUsed(), "error"
		case errors.As(err, &le):
			return 0, "limit" // where it strikes depends on where the slices end
		case err != nil:
			t.Fatalf("%v", err)
		case st == StatusDone:
			before := m.MemoryUsed()
			if live := m.Collect(); live > before {
				t.Errorf("live %d, charged %d", live, before)
			}
			return m.FuelUsed(), "done"
		case st != StatusSliced:
			waits++
		}
	}
	return m.FuelUsed(), "waits"
}
