package luautest

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/template-worker/template-worker/luau"
)

// What the hostile scripts get, as a tenant does.
const (
	hostileMemory = 20 << 20
	hostileFuel   = 4_000_000
	overFuel      = 5_000_000 // one native call may take it further over than this at no time
	hostileSlice  = 100_000
	fuelTime      = 40 * time.Nanosecond  // at most, for a unit
	lateWork      = 50 * time.Millisecond // after a limit is reached
	leftBytes     = 64 << 20              // that a script may leave the process larger by
)

// hostileBase offers loadstring beside the libraries: a script that can compile can do more harm.
var hostileBase = luau.NewBase(func(b *luau.BaseBuilder) {
	luau.OpenAll(b)
	b.Natives(luau.LoadString)
})

// TestHostile runs each script of testdata/hostile, which all try to take more
// than they are given and never end by themselves. Its first line names the limit
// that must end it, in all of its ways to catch errors.
func TestHostile(t *testing.T) {
	files, err := filepath.Glob("../testdata/hostile/*.luau")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d scripts, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".luau"), func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			first, _, _ := strings.Cut(string(src), "\n")
			kind, ok := strings.CutPrefix(first, "-- ends: ")
			if !ok {
				t.Fatalf("the first line %q does not say how it ends", first)
			}
			h := hostile{t: t, name: filepath.Base(file), src: src}
			before := processBytes()
			h.limited(kind)
			if kind == luau.LimitFuel.String() {
				h.killed()
			}
			if grown := processBytes() - before; grown > leftBytes {
				t.Errorf("left the process %d MiB larger", grown>>20)
			}
		})
	}
}

// processBytes gives what the process takes of the machine's memory.
func processBytes() int64 {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys - m.HeapReleased)
}

type hostile struct {
	t    *testing.T
	name string
	src  []byte
}

func (h *hostile) start() (*luau.VM, *luau.Coroutine) {
	h.t.Helper()
	code, err := luau.Compile("="+h.name, h.src)
	if err != nil {
		h.t.Fatal(err)
	}
	vm := luau.NewVM(hostileBase, luau.Config{Account: luau.NewAccount(hostileMemory), OnPrint: func(string) {}})
	fn, err := vm.NewFunction(luau.Load(hostileBase, code), nil)
	if err != nil {
		h.t.Fatal(err)
	}
	co, err := vm.NewThread(fn)
	if err != nil {
		h.t.Fatal(err)
	}
	vm.SetSlice(hostileSlice)
	return vm, co
}

// limited runs the script with a memory limit and a total of fuel. It must end
// with the limit of this kind, not have gone far over it, and not have taken much
// longer than its fuel is worth.
func (h *hostile) limited(kind string) {
	vm, co := h.start()
	defer vm.Close()
	total := int64(hostileFuel)
	if kind == luau.LimitMemory.String() {
		total *= 10 // filling the memory is work, too
	}
	vm.SetFuel(total)
	var longest time.Duration
	start := time.Now()
	for {
		began := time.Now()
		st, err := vm.Resume(co)
		longest = max(longest, time.Since(began))
		if err == nil && st == luau.StatusSliced && time.Since(start) < 20*time.Second {
			continue
		}
		var limit *luau.LimitError
		if !errors.As(err, &limit) || limit.Kind.String() != kind {
			h.t.Fatalf("ended with %v (status %d), want %s", err, st, kind)
		}
		break
	}
	took, fuel := time.Since(start), vm.FuelUsed()
	h.t.Logf("%s: %d kfuel in %v, longest slice %v", kind, fuel/1000, took.Round(time.Millisecond), longest.Round(time.Millisecond/10))
	if over := fuel - total; over > overFuel {
		h.t.Errorf("used %d of fuel over the limit", over)
	}
	if worth := time.Duration(fuel) * fuelTime; took > loose*(worth+lateWork) {
		h.t.Errorf("%d of fuel took %v, should take %v", fuel, took, worth)
	}
}

// killed runs the script without limits on work and kills it: it must end soon.
func (h *hostile) killed() {
	vm, co := h.start()
	defer vm.Close()
	var at time.Time
	done := make(chan struct{})
	timer := time.AfterFunc(20*time.Millisecond, func() {
		defer close(done)
		at = time.Now()
		vm.Kill(luau.LimitDeadline, "test")
	})
	for {
		st, err := vm.Resume(co)
		if err == nil && st == luau.StatusSliced {
			continue
		}
		var limit *luau.LimitError
		if !errors.As(err, &limit) || limit.Kind != luau.LimitDeadline {
			timer.Stop()
			h.t.Fatalf("ended with %v (status %d), want the deadline", err, st)
		}
		break
	}
	<-done
	late := time.Since(at)
	h.t.Logf("killed: ended %v later", late.Round(time.Millisecond/10))
	if late > loose*lateWork {
		h.t.Errorf("ended %v after it was killed", late)
	}
}
