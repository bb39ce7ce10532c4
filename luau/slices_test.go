package luau_test

import (
	"strings"
	"testing"

	"github.com/template-worker/template-worker/luau"
)

// callers are library functions, and other natives of the engine, that call what
// the script gives. work makes a function that uses much fuel, or does something else first, of another.
var callers = []struct{ name, src string }{
	{"sort", `local t = {5, 3, 8, 1} table.sort(t, work(function(a, b) return a > b end)) return table.concat(t, ",")`},
	{"sort by __lt", `local m = {__lt = work(function(a, b) return a.v < b.v end)}
		local t = {} for i = 1, 4 do t[i] = setmetatable({v = -i}, m) end table.sort(t) return t[1].v`},
	{"gsub", `return (string.gsub("a b c", "%a", work(function(s) return s .. s end)))`},
	{"gsub once", `return (string.gsub("a b c", "^%a", work(function(s) return s .. s end)))`},
	{"gsub by __index", `return (string.gsub("a b c", "%a", setmetatable({}, {__index = work(function(t, s) return s .. "!" end)})))`},
	{"foreach", `local n = 0 table.foreach({1, 2, x = 3}, work(function(k, v) n += v end)) return n`},
	{"foreach that ends", `return table.foreach({1, 2, x = 3}, work(function(k, v) return v end))`},
	{"foreachi", `local n = 0 table.foreachi({1, 2, 3}, work(function(k, v) n += v end)) return n`},
	{"tostring", `return tostring(setmetatable({}, {__tostring = work(function() return "text" end)}))`},
	{"print", `print(1, setmetatable({}, {__tostring = work(function() return "text" end)}), nil, setmetatable({}, {__tostring = function() return "2" end})) return 1`},
	{"format", `return string.format("%d %* %s %*", 1, setmetatable({}, {__tostring = work(function() return "text" end)}), "x", 2)`},
	{"interpolation", "local o = setmetatable({}, {__tostring = work(function() return 'text' end)}) return `{1}{o}{2}{o}`"},
	{"find", `local m = {__eq = work(function(a, b) return b.v == 3 end)}
		local t = {} for i = 1, 4 do t[i] = setmetatable({v = i}, m) end return table.find(t, setmetatable({}, m))`},
	{"an import", `local env = setmetatable({}, {__index = work(function(t, k) return {floor = function(x) return x end} end)})
		setfenv(1, env) return math.floor(7)`},
	{"xpcall", `return select(2, xpcall(error, work(function(e) return e .. "!" end), "x"))`},
	{"require-like natives", `return select(2, pcall(work(function(x) return x end), 5))`},
}

// workSource makes work use much fuel.
const workSource = `local function work(f) return function(...) for i = 1, 20000 do end return f(...) end end
`

const (
	sliceFuel     = 1000
	smallOverrun  = 4400    // what a slice may use beyond its fuel, for work that natives do in one piece
	largeOverrun  = 150_000 // the same where a table of some 100 KiB is made or copied
	refusedYields = "attempt to yield across metamethod/C-call boundary"
)

// A slice ends inside whatever functions natives call, and that makes no difference to what comes out or what is charged.
func TestSlices_InsideNatives(t *testing.T) {
	for _, tt := range callers {
		t.Run(tt.name, func(t *testing.T) {
			whole, wholeFuel, _ := runSlices(t, workSource+tt.src, 0, 0)
			sliced, fuel, resumes := runSlices(t, workSource+tt.src, sliceFuel, smallOverrun)
			if whole != sliced || wholeFuel != fuel {
				t.Errorf("%q with %d fuel in one piece, %q with %d in slices", whole, wholeFuel, sliced, fuel)
			}
			if resumes < 15 {
				t.Errorf("only %d slices", resumes)
			}
		})
	}
}

// Natives with much work of their own let slices end too.
func TestSlices_OfNatives(t *testing.T) {
	for _, tt := range []struct{ name, src string }{
		{"sort of numbers", `local t = {} for i = 1, 20000 do t[i] = (i * 7919) % 10007 end table.sort(t) return t[1] + t[20000]`},
		{"sort of texts", `local t = {} for i = 1, 5000 do t[i] = tostring((i * 7919) % 10007) end table.sort(t) return t[1]`},
		{"sort by a native", `local t = table.create(5000, 1) table.sort(t, rawequal) return 1`},
		{"gsub", `return #string.gsub(string.rep("ab", 20000), "a", "xy")`},
		{"foreach of a native", `table.foreach(table.create(20000, 1), function() end) table.foreach(table.create(20000, 1), math.abs) return 1`},
		{"find", `return table.find(table.create(20000, 1), 2)`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			whole, wholeFuel, _ := runSlices(t, tt.src, 0, 0)
			sliced, fuel, resumes := runSlices(t, tt.src, 3*sliceFuel, largeOverrun)
			if whole != sliced || wholeFuel != fuel {
				t.Errorf("%q with %d fuel in one piece, %q with %d in slices", whole, wholeFuel, sliced, fuel)
			}
			if resumes < 8 {
				t.Errorf("only %d slices", resumes)
			}
		})
	}
}

// runSlices runs a script and gives what came of it, the fuel it took and the
// number of slices, none of which may use more than overrun beyond its fuel.
func runSlices(t *testing.T, src string, slice, overrun int64) (out string, fuel int64, resumes int) {
	t.Helper()
	var b strings.Builder
	vm := luau.NewVM(luau.Standard(), luau.Config{OnPrint: func(line string) { b.WriteString(line + "\n") }})
	defer vm.Close()
	vm.SetSlice(slice)
	fn, err := vm.NewFunction(load(src), nil)
	if err != nil {
		t.Fatal(err)
	}
	co, err := vm.NewThread(fn)
	if err != nil {
		t.Fatal(err)
	}
	for {
		before := vm.FuelUsed()
		st, err := vm.Resume(co)
		resumes++
		if used := vm.FuelUsed() - before; slice > 0 && used > slice+overrun {
			t.Errorf("slice %d used %d of %d", resumes, used, slice)
		}
		if err != nil {
			b.WriteString(err.Error())
		} else if st == luau.StatusSliced {
			continue
		}
		for _, v := range co.Results() {
			b.WriteString(vm.PlainString(v))
		}
		return b.String(), vm.FuelUsed(), resumes
	}
}

// What the reference refuses is refused: natives that call back may not be yielded across.
func TestSlices_Yields(t *testing.T) {
	for _, tt := range callers[:len(callers)-2] { // xpcall and pcall may
		t.Run(tt.name, func(t *testing.T) {
			src := "local function work(f) return function(...) coroutine.yield() return f(...) end end\n" +
				"local ok, err = coroutine.resume(coroutine.create(function() " + tt.src + " end)) return ok, err"
			out, _, _ := runSlices(t, src, 0, 0)
			if !strings.Contains(out, "false") || !strings.Contains(out, refusedYields) {
				t.Errorf("got %q", out)
			}
		})
	}
}

// A thread that is closed in the middle of a native's work gives back what that held; so does an error.
func TestSlices_Memory(t *testing.T) {
	for _, tt := range callers {
		vm := luau.NewVM(luau.Standard(), luau.Config{})
		fresh := vm.Collect()
		fn, err := vm.NewFunction(load(workSource+tt.src), nil)
		if err != nil {
			t.Fatal(err)
		}
		co, err := vm.NewThread(fn)
		if err != nil {
			t.Fatal(err)
		}
		vm.SetSlice(sliceFuel)
		for range 10 {
			if st, err := vm.Resume(co); err != nil || st != luau.StatusSliced {
				t.Fatalf("%s: %d %v", tt.name, st, err)
			}
			if used, live := vm.MemoryUsed(), vm.Collect(); live > used {
				t.Errorf("%s: live %d of %d", tt.name, live, used)
			}
		}
		if !vm.CloseThread(co) {
			t.Errorf("%s: not closed", tt.name)
		}
		if live := vm.Collect(); live != fresh {
			t.Errorf("%s: %d bytes live, %d before", tt.name, live, fresh)
		}
		vm.Close()
	}
}

// Natives that call each other without end meet the limit of native depth, as if they used Go's stack.
func TestSlices_Depth(t *testing.T) {
	for _, src := range []string{
		`local function f() table.sort({1, 2}, f) end f()`,
		`local function f() string.gsub("x", "x", f) end f()`,
		`local function f() table.foreachi({1}, f) end f()`,
		`local o = setmetatable({}, {}) getmetatable(o).__tostring = function() return tostring(o) end tostring(o)`,
	} {
		if out, _, _ := runSlices(t, "return pcall(function() "+src+" end)", 0, 0); !strings.Contains(out, "C stack overflow") {
			t.Errorf("%s: %q", src, out)
		}
	}
}
