package lib

import (
	"runtime"
	"sync"
	"weak"

	"github.com/template-worker/template-worker/luau/internal/vm"
)

// generators holds the state of math.random of each machine that has used it, by
// weak pointer, until the machine is collected.
var generators sync.Map // weak.Pointer[vm.VM] to *uint64

// random gives the state of a machine's generator, seeded from its configuration.
func random(m *vm.VM) *uint64 {
	key := weak.Make(m)
	if r, ok := generators.Load(key); ok {
		return r.(*uint64)
	}
	r := new(uint64)
	seedRandom(r, m.Config().Seed)
	generators.Store(key, r)
	runtime.AddCleanup(m, func(k weak.Pointer[vm.VM]) { generators.Delete(k) }, key)
	return r
}
