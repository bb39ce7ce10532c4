package host

import (
	"testing"

	"github.com/template-worker/template-worker/internal/host/registry"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/luau"
)

// What there is to call costs a machine nothing until it is used: a fresh one
// counts for less than 4 KiB, and a ctx with its plugins for less than 2 KiB more with the script that asks for them.
func TestFootprint(t *testing.T) {
	vm := luau.NewVM(NewBase(), luau.Config{Account: luau.NewAccount(1 << 20)})
	defer vm.Close()
	fresh := vm.MemoryUsed()
	if fresh > 4<<10 {
		t.Errorf("a fresh machine counts for %d bytes", fresh)
	}
	_, used := newDesk(t)
	before := used.MemoryUsed()
	ctx, err := NewContext(used, Scope{Event: khronos.Event{Name: "E"}, Held: registry.AllGrants})
	if err != nil {
		t.Fatal(err)
	}
	d := used.Host().(*desk)
	fn, err := d.loader.Script(used, "script", `local ctx = ... local kv, runtime, interop = ctx.KV, ctx.Runtime, require("@antiraid/interop")`)
	if err != nil {
		t.Fatal(err)
	}
	co, err := used.NewThread(fn, ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := used.Resume(co); err != nil {
		t.Fatal(err)
	}
	t.Logf("a fresh machine: %d bytes; a ctx, its plugins, a module and the script: %d bytes", fresh, used.MemoryUsed()-before)
	if got := used.MemoryUsed() - before; got > 2<<10 {
		t.Errorf("a ctx, its plugins, a module and the script count for %d bytes", got)
	}
}

// BenchmarkOperation is what the registry's checks cost a host call whose answer
// is there at once.
func BenchmarkOperation(b *testing.B) {
	d, vm := newDesk(b)
	d.answer = khronos.List(khronos.Text("v"), khronos.Boolean(true))
	ctx, err := NewContext(vm, Scope{Held: registry.NewGrants([]string{"kv:get:*"})})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for range b.N {
		if _, err := run(d, vm, `local kv = (...).KV for i = 1, 1000 do kv:get("key", {"scope"}) end`, ctx); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/call")
}
