package vm

// action tells the loop what to do after a slow path.
type action uint8

const (
	actNext   action = iota // go on with the next instruction; the stack may have moved
	actReload               // another frame or another pc: read everything again
	actExit                 // leave the loop: vm.outcome says why
)

// outcome says why the loop was left.
type outcome struct {
	kind   outKind
	ret, n int // outReturned: the results on the running coroutine's stack
	err    error
}

type outKind uint8

const (
	outDone outKind = iota
	outReturned
	outYielded
	outSuspended
	outSliced
	outFailed
)

// step is one move of the slow machinery that makes calls, hands results on and
// unwinds. A move leads to the next until the loop can go on, so chains of
// natives need no Go recursion.
type step struct {
	kind   stepKind
	finish finish
	want   int16
	slot   int32 // stepCall: slot of the function; stepReturn: slot of the first result
	n      int32 // arguments or results
	err    error // stepRaise
}

type stepKind uint8

const (
	stepReload stepKind = iota
	stepNext
	stepExit
	stepCall
	stepReturn
	stepRaise
)

// drive follows the steps.
func (vm *VM) drive(s step) action {
	for {
		switch s.kind {
		case stepReload:
			return actReload
		case stepNext:
			return actNext
		case stepExit:
			return actExit
		case stepCall:
			s = vm.stepCall(s)
		case stepReturn:
			s = vm.stepReturn(s)
		case stepRaise:
			s = vm.stepRaise(s.err)
		}
	}
}

// raise is how the loop's slow paths report an error.
func (vm *VM) raise(err error) action { return vm.drive(step{kind: stepRaise, err: err}) }

func raising(err error) step { return step{kind: stepRaise, err: err} }

// stepCall calls whatever lies in the slot.
func (vm *VM) stepCall(s step) step {
	co := vm.co
	fn := co.stack[s.slot]
	switch fn.Kind() {
	case KindClosure:
		if err := vm.pushScript(co, fn.AsClosure(), s); err != nil {
			return raising(err)
		}
		return step{kind: stepReload}
	case KindNative:
		return vm.callNative(fn.AsNative(), s)
	}
	h := vm.metaValue(fn, metaCall)
	if k := h.Kind(); k != KindClosure && k != KindNative {
		return raising(vm.callError(fn))
	}
	end := int(s.slot + s.n + 1)
	if err := co.grow(end + 1); err != nil {
		return raising(err)
	}
	copy(co.stack[s.slot+1:end+1], co.stack[s.slot:end])
	co.stack[s.slot] = h
	co.top = int32(end + 1)
	s.n++
	return s
}

// pushScript enters a script function: its arguments become its registers.
func (vm *VM) pushScript(co *Coroutine, cl *Closure, s step) error {
	p := cl.proto
	params := int32(p.numParams)
	base, nvar := s.slot+1, int32(0)
	if p.vararg && s.n > params {
		nvar = s.n - params
		base = s.slot + 1 + s.n
	}
	if err := co.grow(int(base) + int(p.maxStack)); err != nil {
		return err
	}
	if s.finish.isMeta() {
		if err := co.enterNative(); err != nil {
			return err
		}
	}
	f := frame{cl: cl, base: base, ret: s.slot, nvar: nvar, want: s.want, finish: s.finish}
	if err := co.push(f); err != nil {
		return err
	}
	if s.finish.isMeta() {
		co.inner++
	}
	co.arrange(p, s.slot, s.n, base, nvar)
	return nil
}

// arrange moves arguments to where a function expects them: parameters in
// R[0..], missing ones nil, extra ones below the base in their order.
func (co *Coroutine) arrange(p *Proto, slot, n, base, nvar int32) {
	st := co.stack
	params := int32(p.numParams)
	if nvar > 0 {
		copy(st[base:base+params], st[slot+1:slot+1+params])
		copy(st[slot+1:slot+1+nvar], st[slot+1+params:slot+1+n])
		// the slots between the extra ones and the base hold dead copies
		clear(st[slot+1+nvar : base])
		return
	}
	for i := n; i < params; i++ {
		st[base+i] = Nil
	}
}

// callNative runs a native whose arguments lie above s.slot and follows up.
func (vm *VM) callNative(n *Native, s step) step {
	c := vm.call
	c.native, c.base, c.n, c.ret, c.nret = n, int(s.slot)+1, int(s.n), int(s.slot), 0
	vm.co.top = s.slot + 1 + s.n
	if s.finish.isMeta() {
		if err := vm.co.enterNative(); err != nil {
			return raising(err)
		}
	}
	if vm.fuel -= max(n.Cost, 1); vm.fuel < 0 {
		if err := vm.burnSlow(); err != nil {
			return raising(err)
		}
	}
	if err := n.Fn(c); err != nil {
		c.forget()
		return raising(vm.nativeError(err))
	}
	return vm.afterNative(c, s.want, s.finish)
}

// afterNative does what a native left to do: hand its results on, or run what it asked for.
func (vm *VM) afterNative(c *Call, want int16, fin finish) step {
	ret := int32(c.ret)
	what := c.after
	if what == afterNothing {
		return step{kind: stepReturn, slot: ret, n: int32(c.nret), want: want, finish: fin}
	}
	n, base := int32(c.nret), int32(c.base)
	w := wait{native: c.native, cont: c.cont, state: c.state}
	if w.cont != nil {
		w.held, c.alloc = c.alloc, 0
	}
	c.forget()
	f := frame{base: ret + 1, ret: ret, want: want, finish: fin}
	switch what {
	case afterClean:
		return step{kind: stepReturn, slot: ret, n: n, want: want, finish: fin}
	case afterCall, afterProtect:
		f.kind = frameCont
		if what == afterProtect {
			f.kind = frameProtect
		}
		if err := vm.pushNative(f, w); err != nil {
			return raising(vm.nativeError(err))
		}
		return step{kind: stepCall, slot: ret + 1, n: n, want: -1, finish: finishNative}
	case afterPause:
		return vm.pause(f, w)
	case afterPCall:
		f.kind = framePCall
		if err := vm.pushNative(f, wait{}); err != nil {
			return raising(err)
		}
		return step{kind: stepCall, slot: ret + 1, n: n, want: -1, finish: finishNative}
	case afterXPCall: // ret+1 holds the handler, ret+2 the function
		f.kind, f.base = frameXPCall, ret+2
		if err := vm.pushNative(f, wait{}); err != nil {
			return raising(err)
		}
		return step{kind: stepCall, slot: ret + 2, n: n, want: -1, finish: finishNative}
	case afterResume, afterWrap:
		f.kind = frameResume
		if what == afterWrap {
			f.kind = frameWrap
		}
		return vm.resumeScript(f, w.state.(*Coroutine), base, n)
	case afterYield:
		f.kind = frameYield
		return vm.yield(f, base, n)
	}
	f.kind = frameSuspend
	return vm.suspend(f, w)
}

// pause ends the slice if it is over, and leaves the native for the next one to go on with; otherwise it goes on at once.
func (vm *VM) pause(f frame, w wait) step {
	sliced, err := vm.outOfFuel()
	switch {
	case err != nil:
		vm.unhold(w.held)
		return raising(err)
	case !sliced:
		vm.held -= w.held
		return vm.runCont(f, w, f.base, 0)
	}
	vm.held -= w.held
	vm.co.paused = &pausedNative{f, w}
	vm.outcome = outcome{kind: outSliced}
	return step{kind: stepExit}
}

// pausedNative is a native that was at work when the slice ended. It has neither a
// frame nor a record on the coroutine, so that what slices there are makes no
// difference to what is charged.
type pausedNative struct {
	f frame
	w wait
}

// unpause sets the native in motion that the last slice ended in, if it ended in one. It tells whether the loop can go on.
func (vm *VM) unpause() bool {
	p := vm.co.paused
	if p == nil {
		return true
	}
	vm.co.paused = nil
	return vm.drive(vm.runCont(p.f, p.w, p.f.base, 0)) != actExit
}

// pushNative pushes a frame that is not a script's, and what it keeps if its kind
// keeps something. The bytes that it holds become the coroutine's.
func (vm *VM) pushNative(f frame, w wait) error {
	co := vm.co
	locks := w.locks(f.kind)
	if locks {
		if err := co.enterNative(); err != nil {
			vm.unhold(w.held)
			return err
		}
	}
	if f.kind.keeps() {
		if err := co.pushWait(w); err != nil {
			vm.unhold(w.held)
			return err
		}
	}
	if err := co.push(f); err != nil {
		if f.kind.keeps() {
			co.popWait()
			vm.unhold(w.held)
		}
		return err
	}
	vm.held -= w.held // the coroutine's size has it now
	if f.finish.isMeta() || f.kind == frameHandler {
		co.inner++
	}
	if locks {
		co.inner++
	}
	return nil
}

// locks tells whether the native that waits may not be yielded across: while it
// has called a function, not while it waits for the host.
func (w *wait) locks(k frameKind) bool {
	return (k == frameCont || k == frameProtect) && w.cont != nil && w.native != nil && !w.native.Yieldable
}

// keeps tells whether frames of the kind have a record in waits.
func (k frameKind) keeps() bool {
	switch k {
	case frameCont, frameProtect, frameHandler, frameSuspend:
		return true
	}
	return false
}

// pop removes the top frame and undoes what pushing it counted. The bytes that
// the record holds are nobody's until they are kept or credited.
func (co *Coroutine) pop() (frame, wait) {
	f := co.frames[co.nf-1]
	co.nf--
	var w wait
	if f.kind.keeps() {
		w = co.popWait()
		if w.locks(f.kind) {
			co.inner--
		}
	}
	if f.finish.isMeta() || f.kind == frameHandler || f.kind == frameBoundary {
		co.inner--
	}
	if f.kind == frameHandler {
		co.leaveHandler()
	}
	return f, w
}

// dropTo removes frames until n are left.
func (co *Coroutine) dropTo(n int32) {
	for co.nf > n {
		_, w := co.pop()
		co.vm.credit(w.held)
	}
}

// stepReturn hands on results that lie at s.slot, the frame that made them being gone already.
func (vm *VM) stepReturn(s step) step {
	switch s.finish {
	case finishNone:
		vm.co.adjust(s)
		return step{kind: stepReload}
	case finishNative:
		return vm.returnToNative(s)
	}
	return vm.finishMeta(s)
}

// adjust makes exactly s.want results of s.n, or records where an open list ends.
func (co *Coroutine) adjust(s step) {
	if s.want < 0 {
		co.top = s.slot + s.n
		return
	}
	if s.n < int32(s.want) {
		clear(co.stack[s.slot+s.n : s.slot+int32(s.want)])
	}
}

// returnToNative hands results to the native frame on top.
func (vm *VM) returnToNative(s step) step {
	co := vm.co
	co.top = s.slot + s.n // nobody else covers the results now
	f := co.cur()
	switch f.kind {
	case frameBottom:
		return vm.finished(co, s)
	case frameBoundary:
		vm.outcome = outcome{kind: outReturned, ret: int(s.slot), n: int(s.n)}
		return step{kind: stepExit}
	case framePCall:
		ff, _ := co.pop()
		co.stack[ff.ret] = True
		return step{kind: stepReturn, slot: ff.ret, n: s.n + 1, want: ff.want, finish: ff.finish}
	case frameXPCall:
		ff, _ := co.pop()
		co.stack[ff.ret] = True
		copy(co.stack[ff.ret+1:ff.ret+1+s.n], co.stack[s.slot:s.slot+s.n])
		return step{kind: stepReturn, slot: ff.ret, n: s.n + 1, want: ff.want, finish: ff.finish}
	case frameHandler:
		v := Nil
		if s.n > 0 {
			v = co.stack[s.slot]
		}
		co.pop()
		return raising(&thrown{value: v, handled: true})
	case frameCont:
		ff, w := co.pop()
		return vm.runCont(ff, w, s.slot, s.n)
	case frameProtect:
		if err := co.grow(int(s.slot+s.n) + 1); err != nil {
			return raising(err)
		}
		ff, w := co.pop()
		copy(co.stack[s.slot+1:s.slot+1+s.n], co.stack[s.slot:s.slot+s.n])
		co.stack[s.slot] = True
		return vm.runCont(ff, w, s.slot, s.n+1)
	}
	panic("BUG: results for a frame that waits for none")
}

// runCont continues a native: its arguments are the n values at slot.
func (vm *VM) runCont(f frame, w wait, slot, n int32) step {
	if w.cont == nil { // nothing is held then; the values are the native's results
		copy(vm.co.stack[f.ret:f.ret+n], vm.co.stack[slot:slot+n])
		return step{kind: stepReturn, slot: f.ret, n: n, want: f.want, finish: f.finish}
	}
	c := vm.call
	c.native, c.base, c.n, c.ret, c.nret = w.native, int(slot), int(n), int(f.ret), 0
	c.keep(w)
	vm.co.top = slot + n
	if err := w.cont(c, w.state); err != nil {
		c.forget()
		return raising(vm.nativeError(err))
	}
	return vm.afterNative(c, f.want, f.finish)
}

// nativeError keeps the text of an object's error as it is: it has no position when a native raised it.
func (vm *VM) nativeError(err error) error {
	if e, ok := err.(objectError); ok {
		return vm.throwText(string(e))
	}
	return err
}
