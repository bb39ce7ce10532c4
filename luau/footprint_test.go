package luau_test

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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

// busySource is a handler that answers events for ever: it reads a table, builds texts and small tables, and drops them.
const busySource = `
local seen, log = {}, {}
for n = 1, 1e15 do
	local event = {name = "user" .. n % 100, content = "hello " .. n, roles = {n % 7, n % 11}}
	local words = string.split(event.content, " ")
	seen[event.name] = (seen[event.name] or 0) + #words
	local total = 0
	for _, role in event.roles do total += role * 2 end
	for i = 1, 40 do total = (total * 31 + i) % 65521 end
	log[n % 50 + 1] = {id = n, text = string.format("%s has %d", event.name, total)}
end`

// BenchmarkVM_idleAndBusy keeps 100,000 machines that have run a small template
// alive while ten others work in slices on all processors, with the collector set
// as in the product's workers, and reports the share that garbage collection takes
// of the processor time used. Run it with -benchtime 1x.
func BenchmarkVM_idleAndBusy(b *testing.B) {
	const idle, busy, lasts = 100_000, 10, 10 * time.Second
	defer debug.SetGCPercent(debug.SetGCPercent(200))
	small, work := smallTemplate(), load(busySource)
	for b.Loop() {
		vms := make([]*luau.VM, idle)
		for i := range vms {
			vms[i] = luau.NewVM(luau.Standard(), luau.Config{OnPrint: func(string) {}})
			runSmall(b, vms[i], small)
		}
		runtime.GC()
		collected, used := processorSeconds(b)
		slices := runBusy(b, work, busy, lasts)
		collectedAfter, usedAfter := processorSeconds(b)
		b.ReportMetric(100*(collectedAfter-collected)/(usedAfter-used), "gc-%")
		b.ReportMetric(float64(slices)/lasts.Seconds(), "slices/s")
		runtime.KeepAlive(vms)
	}
}

// runBusy runs n machines in turn on all processors for a while and gives the number of slices.
func runBusy(b *testing.B, p *luau.Program, n int, lasts time.Duration) int64 {
	type thread struct {
		vm *luau.VM
		co *luau.Coroutine
	}
	queue := make(chan thread, n)
	for range n {
		vm := luau.NewVM(luau.Standard(), luau.Config{})
		vm.SetSlice(100_000)
		fn, err := vm.NewFunction(p, nil)
		if err != nil {
			b.Fatal(err)
		}
		co, err := vm.NewThread(fn)
		if err != nil {
			b.Fatal(err)
		}
		queue <- thread{vm, co}
	}
	var slices atomic.Int64
	var workers sync.WaitGroup
	end := time.Now().Add(lasts)
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for time.Now().Before(end) {
				t := <-queue
				if st, err := t.vm.Resume(t.co); err != nil || st != luau.StatusSliced {
					b.Errorf("status %d, %v", st, err)
					return
				}
				slices.Add(1)
				queue <- t
			}
		})
	}
	workers.Wait()
	return slices.Load()
}

// processorSeconds gives the processor time of garbage collection, without what it
// does on processors that would be idle, and all that was used.
func processorSeconds(b *testing.B) (collection, used float64) {
	names := []string{"/cpu/classes/gc/total:cpu-seconds", "/cpu/classes/gc/mark/idle:cpu-seconds", "/cpu/classes/total:cpu-seconds", "/cpu/classes/idle:cpu-seconds"}
	samples := make([]metrics.Sample, len(names))
	for i, name := range names {
		samples[i].Name = name
	}
	metrics.Read(samples)
	v := make([]float64, len(names))
	for i, s := range samples {
		if s.Value.Kind() != metrics.KindFloat64 {
			b.Skipf("the runtime does not tell %s", s.Name)
		}
		v[i] = s.Value.Float64()
	}
	return v[0] - v[1], v[2] - v[3] - v[1]
}
