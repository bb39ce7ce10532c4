package luau_test

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/template-worker/template-worker/luau"
)

// freshBytes is what a machine with all libraries may count for before it runs anything.
const freshBytes = 4 << 10

// TestFootprint holds what a fresh machine and one that has run a small template count for.
func TestFootprint(t *testing.T) {
	vm := luau.NewVM(luau.Standard(), luau.Config{})
	defer vm.Close()
	if got := vm.MemoryUsed(); got > freshBytes {
		t.Errorf("a fresh machine counts for %d bytes", got)
	}
	runSmall(t, vm, smallTemplate())
	if got := vm.Collect(); got > freshBytes+6<<10 {
		t.Errorf("a machine that has run a small template counts for %d bytes", got)
	}
}

// smallSource is what a small template does at start: some functions, a table of them, a little state.
const smallSource = `
local count = 0
local handlers = {}
function handlers.message(event) count += 1 return {content = "hello " .. event.name, n = count} end
function handlers.join(event) handlers.last = event.name end
state = {handlers = handlers}
local r = handlers.message({name = "world"})
return r.content`

func smallTemplate() *luau.Program { return load(smallSource) }

func load(src string) *luau.Program {
	code, err := luau.Compile("=init.luau", []byte(src))
	if err != nil {
		panic(err)
	}
	return luau.Load(luau.Standard(), code)
}

func runSmall(tb testing.TB, vm *luau.VM, p *luau.Program) {
	fn, err := vm.NewFunction(p, nil)
	if err != nil {
		tb.Fatal(err)
	}
	co, err := vm.NewThread(fn)
	if err != nil {
		tb.Fatal(err)
	}
	if st, err := vm.Resume(co); err != nil || st != luau.StatusDone {
		tb.Fatal(st, err)
	}
}

// BenchmarkVM_create is a machine with all libraries and print bound to the host.
func BenchmarkVM_create(b *testing.B) {
	base := luau.Standard()
	b.ReportAllocs()
	for b.Loop() {
		luau.NewVM(base, luau.Config{OnPrint: func(string) {}})
	}
}

// BenchmarkVM_createCompileRun adds compiling and running `return 1+1`.
func BenchmarkVM_createCompileRun(b *testing.B) {
	base := luau.Standard()
	b.ReportAllocs()
	for b.Loop() {
		vm := luau.NewVM(base, luau.Config{OnPrint: func(string) {}})
		runSmall(b, vm, load("return 1+1"))
		vm.Close()
	}
}

// BenchmarkVM_createRun runs a small template that is compiled already.
func BenchmarkVM_createRun(b *testing.B) {
	p := smallTemplate()
	b.ReportAllocs()
	for b.Loop() {
		vm := luau.NewVM(luau.Standard(), luau.Config{})
		runSmall(b, vm, p)
		vm.Close()
	}
}

// BenchmarkVM_idle keeps 100,000 machines alive and reports what each adds to the
// process's resident memory: fresh ones, and ones that have run a small template.
// Run it with -benchtime 1x.
func BenchmarkVM_idle(b *testing.B) {
	p := smallTemplate()
	for _, run := range []bool{false, true} {
		name := "fresh"
		if run {
			name = "ran"
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				before := residentBytes(b)
				vms := make([]*luau.VM, 100_000)
				var counted int64
				for i := range vms {
					vms[i] = luau.NewVM(luau.Standard(), luau.Config{OnPrint: func(string) {}})
					if run {
						runSmall(b, vms[i], p)
					}
					counted += vms[i].Collect()
				}
				b.ReportMetric(float64(residentBytes(b)-before)/float64(len(vms)), "rss-B/vm")
				b.ReportMetric(float64(counted)/float64(len(vms)), "counted-B/vm")
				runtime.KeepAlive(vms)
			}
		})
	}
}

// residentBytes gives the process's resident memory, after a collection.
func residentBytes(b *testing.B) int64 {
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Skip("resident memory is read from /proc: ", err)
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		b.Fatal(err)
	}
	return resident * int64(os.Getpagesize())
}
