package vm

// arguments are the arguments of a native in progress: a window of the coroutine's stack.
type arguments struct {
	co   *Coroutine
	base int // slot of the first
	n    int
}

// Args is the argument side of a [Call].
type Args = arguments

// NArgs gives their number.
func (a *arguments) NArgs() int { return a.n }

// Arg gives argument i, counted from 0; Nil if it is absent.
func (a *arguments) Arg(i int) Value {
	if uint(i) >= uint(a.n) {
		return Nil
	}
	return a.co.stack[a.base+i]
}

// Args gives all arguments. The window is valid until the native returns, calls or grows its results.
func (a *arguments) Args() []Value { return a.co.stack[a.base : a.base+a.n : a.base+a.n] }

// Cont is a continuation of a native: the call's arguments are the results of what it waited for.
type Cont func(c *Call, state any) error

// Call is one call of a native, valid until the native returns. A native gives
// its results with one of the Return methods and then returns nil, or returns
// the error of a method that failed, or hands over with CallThen,
// ProtectedCallThen or Suspend.
type Call struct {
	arguments
	vm     *VM
	native *Native
	ret    int // slot of the first result
	nret   int
	after  after
	cont   Cont
	state  any
	held   []Value
	res    []Value // results of the last nested Call
	kept   any     // of a continuation in progress: its state, for the census
	alloc  int64   // bytes taken with Alloc
}

// after says what is left to do once a native has returned without an error.
type after uint8

const (
	afterNothing after = iota
	afterClean         // forget held values
	afterCall          // call the function in slot ret+1 with nret arguments, then cont
	afterProtect       // the same, errors go to cont
	afterPCall         // the same without cont: pcall
	afterXPCall
	afterResume
	afterWrap
	afterYield
	afterSuspend
	afterPause
)

// VM gives the machine, Coroutine the coroutine that called, Name the native's name.
func (c *Call) VM() *VM               { return c.vm }
func (c *Call) Coroutine() *Coroutine { return c.co }
func (c *Call) Name() string          { return c.native.Name }

// Native gives the native that was called.
func (c *Call) Native() *Native { return c.native }

// Globals gives the globals of the coroutine: what setfenv(0, t) has set, or else the machine's.
func (c *Call) Globals() *Table {
	if c.co.env != nil {
		return c.co.env
	}
	return c.vm.globals
}

// State gives what the maker of the native stored in it.
func (c *Call) State() any { return c.native.State }

// Return gives the results. Read the arguments first: results may overwrite them.
func (c *Call) Return(vs ...Value) error {
	w, err := c.ReturnN(len(vs))
	if err != nil {
		return err
	}
	copy(w, vs)
	return nil
}

// Return0 gives no result, Return1 one.
func (c *Call) Return0() error {
	c.nret = 0
	return nil
}

// Return1 gives one result.
func (c *Call) Return1(v Value) error {
	c.co.stack[c.ret] = v
	c.nret = 1
	return nil
}

// ReturnN makes room for n results and gives the window to fill. It is valid
// until the native returns or calls; the arguments may lie in it.
func (c *Call) ReturnN(n int) ([]Value, error) {
	co, end := c.co, c.ret+n
	if end > len(co.stack) {
		if end > maxStack {
			return nil, c.vm.errorAt(1, "too many results to unpack")
		}
		if err := co.grow(end); err != nil {
			return nil, err
		}
	}
	if int(co.top) < end {
		clear(co.stack[co.top:end])
		co.top = int32(end)
	}
	c.nret = n
	return co.stack[c.ret:end:end], nil
}

// Charge pays fuel before work that depends on sizes: 1 per 64 bytes or per
// element. It may fail with a [*LimitError], which the native must return.
func (c *Call) Charge(fuel int64) error { return c.vm.burn(fuel) }

// Alloc debits bytes that are about to live in the native's own buffers, until
// Free or the native's end: a continuation has them still. One piece that is too
// large is refused with an error that scripts can catch.
func (c *Call) Alloc(n int64) error {
	if err := c.vm.hold(n); err != nil {
		return err
	}
	c.alloc += n
	c.clean()
	return nil
}

// Free credits bytes taken with Alloc.
func (c *Call) Free(n int64) {
	c.vm.unhold(n)
	c.alloc -= n
}

// Hold keeps values that only the native knows counted until it returns.
func (c *Call) Hold(vs ...Value) {
	c.held = append(c.held, vs...)
	c.clean()
}

func (c *Call) clean() {
	if c.after == afterNothing {
		c.after = afterClean
	}
}

// CallThen runs fn as an ordinary frame, then k with its results as arguments.
// Use it as `return c.CallThen(...)`. The native's own arguments are gone when k
// runs: what it needs of them belongs into state, which is a [Tracer] if it holds
// values. fn may yield if the native is Yieldable; a slice may end in it anyway.
func (c *Call) CallThen(fn Value, args []Value, k Cont, state any) error {
	return c.handOver(afterCall, fn, args, k, state)
}

// ProtectedCallThen is CallThen with errors caught: k's arguments are true and the results, or false and the error.
func (c *Call) ProtectedCallThen(fn Value, args []Value, k Cont, state any) error {
	return c.handOver(afterProtect, fn, args, k, state)
}

func (c *Call) handOver(what after, fn Value, args []Value, k Cont, state any) error {
	c.vm.fuel -= handOverFuel
	co, slot := c.co, c.ret+1
	end := slot + 1 + len(args)
	if err := co.grow(end + 1); err != nil {
		return err
	}
	switch len(args) { // args may be the window of the arguments
	case 0:
	case 1:
		co.stack[slot+1] = args[0]
	case 2: // cheaper than copy
		a, b := args[0], args[1]
		co.stack[slot+1], co.stack[slot+2] = a, b
	default:
		copy(co.stack[slot+1:end], args)
	}
	co.stack[slot] = fn
	co.top = int32(end)
	c.after, c.nret, c.cont, c.state = what, len(args), k, state
	return nil
}

// Suspend hands the coroutine to the host, which has noted c.Coroutine() and
// will call [VM.Resume] with the values that become k's arguments; with k nil
// they are the native's results. Use it as `return c.Suspend(...)`.
func (c *Call) Suspend(k Cont, state any) error {
	if c.co.inner > 0 {
		return errYield
	}
	c.after, c.cont, c.state = afterSuspend, k, state
	return nil
}

// Recall makes args the native's arguments again, in a continuation that wants to go on as the native began.
func (c *Call) Recall(args []Value) error {
	c.base, c.n = c.ret+1, len(args)
	end := c.base + c.n
	if err := c.co.grow(end); err != nil {
		return err
	}
	copy(c.co.stack[c.base:end], args)
	c.co.top = int32(end)
	return nil
}

// Due tells whether the slice is over, so that a native with much work ahead should [Call.Pause].
func (c *Call) Due() bool { return c.vm.fuel < 0 && c.vm.nested == 0 }

// Pause lets the slice end if it is over; k goes on with the work, without
// arguments, at once or in the next slice. Use it as `return c.Pause(...)`, and
// before it is worth it: when [Call.Due].
func (c *Call) Pause(k Cont, state any) error {
	c.after, c.cont, c.state = afterPause, k, state
	return nil
}

// handOverFuel is what CallThen costs beyond what it runs.
const handOverFuel = 8

// nestedFuel is what a nested run costs beyond what it runs.
const nestedFuel = 10

// Call runs fn inside the native and gives its results, valid until the next
// Call. It is for functions that end soon, natives of the host above all: fn can
// not yield, and a slice waits for its end. No library function uses it for what
// a script gives.
func (c *Call) Call(fn Value, args ...Value) ([]Value, error) {
	vm, co := c.vm, c.co
	vm.fuel -= nestedFuel
	if err := co.enterNative(); err != nil {
		return nil, err
	}
	slot, keep := int(co.top), co.top
	err := co.grow(slot + 2 + len(args))
	if err == nil {
		err = co.push(frame{kind: frameBoundary, base: int32(slot), ret: int32(slot), nvar: int32(vm.callDepth), want: -1})
	}
	if err != nil {
		return nil, err
	}
	co.inner++
	level := co.nf
	co.stack[slot] = fn
	for i, a := range args { // few: a loop is cheaper than copy with its barriers
		co.stack[slot+1+i] = a
	}
	co.top = int32(slot + 1 + len(args))
	vm.enterCall()
	vm.nested++
	if vm.enterFunction(co, int32(slot), int32(len(args))) || vm.drive(step{kind: stepCall, slot: int32(slot), n: int32(len(args)), want: -1, finish: finishNative}) != actExit {
		vm.run()
	}
	vm.nested--
	vm.leaveCall()
	out := vm.outcome
	vm.outcome = outcome{}
	if co.nf == level { // the boundary itself, the usual case
		co.nf--
		co.inner--
	} else {
		co.dropTo(level - 1)
	}
	co.top = keep
	if out.err != nil {
		return nil, out.err
	}
	if out.n == 1 {
		c.res = append(c.res[:0], co.stack[out.ret])
		c.clean()
		return c.res, nil
	}
	if out.n > keptResults && out.n > cap(c.res) {
		if err := c.Alloc(int64(out.n) * sizeValue); err != nil {
			return nil, err
		}
	}
	c.res = append(c.res[:0], co.stack[out.ret:out.ret+out.n]...)
	c.clean()
	return c.res, nil
}

// enterCall makes the Call of a further level of nesting, leaveCall goes back.
func (vm *VM) enterCall() {
	n := 0
	if vm.call != nil {
		n = vm.callDepth + 1
	}
	if n == len(vm.calls) {
		vm.calls = append(vm.calls, &Call{vm: vm})
	}
	vm.callDepth = n
	vm.call = vm.calls[n]
	vm.call.co = vm.co
}

func (vm *VM) leaveCall() {
	vm.call.forget()
	vm.callDepth--
	vm.call = vm.calls[vm.callDepth]
}

// keptResults is how many values a call's lists may keep room for between natives, uncounted.
const keptResults = 16

// keep makes what a continuation's native has kept its own again.
func (c *Call) keep(w wait) {
	c.kept, c.alloc = w.state, w.held
	c.vm.held += w.held
	c.after = afterClean
}

// forget drops what a native that has returned held.
func (c *Call) forget() {
	clear(c.held)
	clear(c.res)
	c.held, c.res = c.held[:0], c.res[:0]
	if cap(c.held) > keptResults || cap(c.res) > keptResults {
		c.held, c.res = nil, nil
	}
	c.after, c.cont, c.state, c.kept = afterNothing, nil, nil, nil
	if c.alloc != 0 {
		c.vm.unhold(c.alloc)
		c.alloc = 0
	}
}
