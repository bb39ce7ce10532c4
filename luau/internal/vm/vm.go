// Package vm is the machine that runs compiled Luau: values, strings, tables and
// the other objects, the memory they are charged to, and the execution of
// bytecode with calls, metamethods, errors, coroutines and natives.
//
// A [Base] holds the built-in globals and a [Program] the code; both are
// immutable and shared. A [VM] belongs to one tenant: it has globals, threads
// ([Coroutine]) and a memory [Account], and no other machine sees its objects. It
// is used by one goroutine at a time; only [VM.Kill] may be called from others.
//
// Script calls use no Go stack and errors no panic: frames, coroutines, pcall and
// metamethods are data that one loop works on, so a run may stop at the end of a
// slice of fuel and go on later, on any goroutine. Natives are Go functions that
// get a [Call]; when one waits for the host it suspends its coroutine.
//
// Limits are a [LimitError] that scripts can not catch. Fuel is counted per
// instruction and charged at calls, returns and backward jumps; bytes are
// charged before they are allocated and recounted by walking what is live.
//
// The package starts no goroutine, does no I/O and reads no clock but the one it
// is given. It knows nothing of source text; the libraries live in luau/lib.
package vm

import (
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// The defaults of [Config].
const (
	DefaultMaxFrames = 20000
	DefaultMaxNative = 200
)

// Config is what a VM is made with. The zero value of each field has a meaning.
type Config struct {
	Account        *Account         // memory; nil means one without a limit
	MaxObjectBytes int64            // size of one object; beyond it scripts get "not enough memory"; 0 means 2 GiB, more than there can be
	MaxFrames      int              // calls in progress on one coroutine; 0 means [DefaultMaxFrames]
	MaxNative      int              // nested natives, metamethods and resumes; 0 means [DefaultMaxNative]
	Clock          func() time.Time // what os.time and os.clock read; nil means time.Now
	Seed           uint64           // of math.random and of the serials that tostring shows
	Host           any              // for the host's natives: [VM.Host]
	OnPrint        func(line string)
}

// VM runs scripts of one tenant. It belongs to the goroutine that uses it at the
// time; [VM.Kill] alone may be called from others. Programs and bases are shared
// between VMs, values are not.
type VM struct {
	heap // memory: accounting and census

	base    *Base
	cfg     Config
	globals *Table
	main    *Coroutine // the thread that scripts do not see as one, if the host has named it

	fuel      int64 // what is left of the grant; negative at a safepoint ends the slice
	grant     int64 // given to fuel and not yet settled
	left      int64 // total that may still be granted
	slice     int64 // fuel of one Resume
	sliceLeft int64 // of the slice in progress, not yet granted
	spent     int64 // settled
	killed    atomic.Pointer[killOrder]

	co        *Coroutine // running
	call      *Call      // of the native in progress, one per nesting of runs
	calls     []*Call
	callDepth int
	nested    int     // runs inside natives: no slicing while above zero
	outcome   outcome // why the loop was left

	stepped int64                   // bytes of collectgarbage("step") since the last census
	random  uint64                  // state of math.random
	hosted  map[*Coroutine]struct{} // threads the host knows: roots
	profile *profile                // nil unless one is being made
	fatal   error                   // the limit error under way
	dead    error                   // set once the VM can not be used any more
}

// The slice of a VM whose host sets none, and the total.
const (
	noSlice = 1 << 30
	noTotal = 1 << 62
)

// NewVM makes a VM. It allocates little: the libraries belong to the base.
func NewVM(b *Base, cfg Config) *VM {
	if cfg.MaxFrames == 0 {
		cfg.MaxFrames = DefaultMaxFrames
	}
	if cfg.MaxNative == 0 {
		cfg.MaxNative = DefaultMaxNative
	}
	if cfg.MaxObjectBytes == 0 {
		cfg.MaxObjectBytes = 2 << 30
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	vm := &VM{base: b, cfg: cfg, slice: noSlice, left: noTotal}
	vm.SeedRandom(cfg.Seed)
	vm.heap.init(vm)
	vm.enterCall()
	vm.globals, vm.dead = vm.NewEnv()
	return vm
}

// Base gives the frozen globals the VM was made with.
func (vm *VM) Base() *Base { return vm.base }

// Host gives Config.Host.
func (vm *VM) Host() any { return vm.cfg.Host }

// Config gives the configuration with its defaults filled in.
func (vm *VM) Config() Config { return vm.cfg }

// Globals is the VM's own table of globals. Reads of absent names fall through to the base.
func (vm *VM) Globals() *Table { return vm.globals }

// Current gives the running coroutine, nil outside [VM.Resume].
func (vm *VM) Current() *Coroutine { return vm.co }

// Status is how a [VM.Resume] ended without an error.
type Status uint8

// The statuses.
const (
	StatusDone      Status = iota // the thread's function returned; Results has its values
	StatusYielded                 // it called coroutine.yield; Results has the values
	StatusSuspended               // a native waits for the host
	StatusSliced                  // the slice is used up: Resume again, without arguments
)

// NewFunction makes the function of a program's main chunk, with env as its globals (nil: the VM's own).
func (vm *VM) NewFunction(p *Program, env *Table) (Value, error) {
	if env == nil {
		env = vm.globals
	}
	cl, err := vm.newClosure(p.Main, env)
	if err != nil {
		return Nil, err
	}
	return cl.Value(), nil
}

// NewThread makes a coroutine that will call fn with args at its first [VM.Resume]. It is a root until it ends,
// yields to the host or is released; see [VM.HoldThread].
func (vm *VM) NewThread(fn Value, args ...Value) (*Coroutine, error) {
	if vm.dead != nil {
		return nil, vm.dead
	}
	co, err := vm.newCoroutine(fn, vm.globals)
	if err != nil {
		return nil, err
	}
	if err := co.grow(len(args) + 2); err != nil {
		return nil, err
	}
	copy(co.stack[1:], args)
	co.top = int32(1 + len(args))
	vm.host(co)
	return co, nil
}

// SetMain makes co the main thread, for which coroutine.running gives nil. A VM has none at first.
func (vm *VM) SetMain(co *Coroutine) { vm.main = co }

// Resume runs a thread of the host until it ends, waits or has used a slice of
// fuel. args are the values a waiting thread receives, or more arguments for one
// that has not begun. The error is a [*ScriptError] or a [*LimitError] and means
// that the thread is dead; any other error means the VM is.
func (vm *VM) Resume(co *Coroutine, args ...Value) (Status, error) {
	return vm.resumeHost(co, args, nil)
}

// ResumeError raises v at the point where the thread waits, as [VM.Resume] does otherwise.
func (vm *VM) ResumeError(co *Coroutine, v Value) (Status, error) {
	return vm.resumeHost(co, nil, &thrown{value: v})
}

// ErrBusy is returned when a native of the same VM calls [VM.Resume].
var ErrBusy = fmt.Errorf("resume a thread: the machine is running")

// ErrNotResumable is returned for a thread that is dead or was not left waiting.
var ErrNotResumable = fmt.Errorf("resume a thread: it is dead or runs")

func (vm *VM) resumeHost(co *Coroutine, args []Value, raise *thrown) (st Status, err error) {
	switch {
	case vm.dead != nil:
		return 0, vm.dead
	case vm.co != nil:
		return 0, ErrBusy
	case co.status == coDead || co.active == nil && (co.status == coNormal || co.status == coRunning):
		return 0, ErrNotResumable
	}
	defer func() {
		if r := recover(); r != nil {
			vm.dead = fmt.Errorf("internal: %v\n%s", r, debug.Stack())
			err = vm.dead
		}
		vm.co, vm.fatal = nil, nil
		vm.settle()
	}()
	if !co.hosted {
		vm.host(co)
	}
	vm.grantSlice()
	co.results = nil
	return vm.runHost(co, args, raise)
}

// runHost puts the thread in motion, runs the loop and reports how it ended.
func (vm *VM) runHost(co *Coroutine, args []Value, raise *thrown) (Status, error) {
	if co.active != nil {
		vm.switchTo(co.active)
		co.active = nil
		if !vm.unpause() {
			return vm.ended(co)
		}
	} else {
		if vm.enter(co, args, raise) == actExit {
			return vm.ended(co)
		}
	}
	vm.run()
	return vm.ended(co)
}

// enter sets a thread of the host in motion.
func (vm *VM) enter(co *Coroutine, args []Value, raise *thrown) action {
	co.depth = 1
	vm.switchTo(co)
	if raise == nil {
		return vm.drive(vm.wake(co, args))
	}
	if co.nf > 1 {
		_, w := co.pop()
		vm.credit(w.held)
	}
	return vm.drive(raising(raise))
}

// ended translates the reason for which the loop was left.
func (vm *VM) ended(root *Coroutine) (Status, error) {
	out := vm.outcome
	vm.outcome = outcome{}
	switch out.kind {
	case outSliced:
		root.active = vm.co
		return StatusSliced, nil
	case outYielded:
		root.rest()
		return StatusYielded, nil
	case outSuspended:
		root.rest()
		return StatusSuspended, nil
	case outFailed:
		vm.obeyed(out.err)
		return 0, vm.failed(root, out.err)
	}
	return StatusDone, nil
}

// Close drops everything the VM holds and returns its memory to the account.
func (vm *VM) Close() {
	vm.dead = ErrClosed
	vm.heap.close()
	vm.hosted, vm.globals, vm.co = nil, nil, nil
}

// ErrClosed is returned by a VM after Close, ErrDead after it ran out of memory.
var (
	ErrClosed = fmt.Errorf("the machine is closed")
	ErrDead   = fmt.Errorf("the machine ran out of memory and can not be used again")
)

// roots visits the values the VM itself keeps alive, but for references and
// objects the heap knows. It is the census's starting point.
func (vm *VM) roots(visit func(Value)) {
	if vm.globals != nil {
		visit(vm.globals.Value())
	}
	for co := range vm.hosted {
		visit(co.Value())
	}
	if vm.co != nil {
		visit(vm.co.Value())
	}
	for _, c := range vm.calls {
		for _, v := range c.held {
			visit(v)
		}
		traceState(c.kept, visit)
	}
	if vm.outcome.err != nil {
		if t, ok := vm.outcome.err.(*thrown); ok {
			visit(t.value)
		}
	}
}
