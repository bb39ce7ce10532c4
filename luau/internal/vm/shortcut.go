package vm

// The common forms of pcall, coroutine.resume, coroutine.yield and natives that
// call a function again and again, called from a script and needing neither room nor metamethods, without the steps. Each gives
// way to the general form in step.go and switch.go, which says what they mean.

// enterPCall calls a script function under pcall.
func (vm *VM) enterPCall(c *Call, want int16) action {
	co := vm.co
	slot := int32(c.ret)
	if int(co.nf)+2 > len(co.frames) {
		return vm.drive(vm.afterNative(c, want, finishNone))
	}
	co.frames[co.nf].setNative(framePCall, slot, want)
	co.nf++
	if !vm.enterFunction(co, slot+1, int32(c.nret)) {
		co.nf--
		return vm.drive(vm.afterNative(c, want, finishNone))
	}
	c.after = afterNothing
	return actReload
}

// enterFunction pushes the frame of a script function called by a native, if that needs no more room.
func (vm *VM) enterFunction(co *Coroutine, slot, n int32) bool {
	fn := &co.stack[slot]
	if !fn.isClosure() || int(co.nf) >= len(co.frames) {
		return false
	}
	cl := (*Closure)(fn.p)
	p := cl.proto
	base := slot + 1
	if p.vararg || int(base)+int(p.maxStack) > len(co.stack) {
		return false
	}
	f := &co.frames[co.nf]
	co.nf++
	if f.cl != cl {
		f.cl = cl
	}
	f.pc, f.base, f.ret, f.nvar = 0, base, slot, 0
	f.want, f.kind, f.finish = -1, frameScript, finishNative
	for ; n < int32(p.numParams); n++ {
		co.stack[base+n] = Nil
	}
	return true
}

// continueNative hands the n results at slot to the native whose frame is on top,
// called from a script. A native that calls again, as a sort does for each
// comparison, gets its frame and its record back without the steps in between.
func (vm *VM) continueNative(slot, n int32) action {
	co := vm.co
	f := co.cur()
	last := len(co.waits) - 1
	w := co.waits[last]
	if w.cont == nil {
		return vm.drive(step{kind: stepReturn, slot: slot, n: n, want: -1, finish: finishNative})
	}
	ret, want, locks := f.ret, f.want, int32(0)
	if w.locks(frameCont) {
		locks = 1
	}
	co.nf--
	co.waits = co.waits[:last]
	co.inner -= locks
	c := vm.call
	c.native, c.base, c.n, c.ret, c.nret = w.native, int(slot), int(n), int(ret), 0
	c.keep(w)
	co.top = slot + n
	err := w.cont(c, w.state)
	record := &co.waits[:last+1][last]
	switch {
	case err != nil:
		*record = wait{}
		c.forget()
		return vm.raise(vm.nativeError(err))
	case c.after == afterCall && int(co.nf) < len(co.frames) && len(c.held)+len(c.res) == 0:
		record.again(c)
		co.waits = co.waits[:last+1]
		co.frames[co.nf].setNative(frameCont, ret, want)
		co.nf++
		co.inner += locks
		if vm.enterFunction(co, ret+1, int32(c.nret)) {
			return actReload
		}
		return vm.drive(step{kind: stepCall, slot: ret + 1, n: int32(c.nret), want: -1, finish: finishNative})
	}
	*record = wait{}
	return vm.drive(vm.afterNative(c, want, finishNone))
}

// again makes w the record of a native that has called a function from its continuation.
func (w *wait) again(c *Call) {
	w.native, w.cont, w.state, w.held, w.err = c.native, c.cont, c.state, c.alloc, nil
	c.vm.held -= c.alloc
	c.after, c.alloc = afterNothing, 0
	c.cont, c.state, c.kept = nil, nil, nil
}

// setNative makes f the frame of a native called from a script.
func (f *frame) setNative(kind frameKind, ret int32, want int16) {
	if f.cl != nil {
		f.cl = nil
	}
	f.pc, f.base, f.ret, f.nvar = 0, ret+1, ret, 0
	f.want, f.kind, f.finish = want, kind, finishNone
}

// yieldFast gives values to the script that resumed the coroutine.
func (vm *VM) yieldFast(c *Call, want int16) action {
	co, up := vm.co, vm.co.resumer
	if co.inner > 0 || up == nil || int(co.nf) >= len(co.frames) {
		return vm.drive(vm.afterNative(c, want, finishNone))
	}
	f := up.cur()
	at, n := f.ret, int32(c.nret)
	if f.finish != finishNone || int(at+n)+2 > len(up.stack) {
		return vm.drive(vm.afterNative(c, want, finishNone))
	}
	c.after = afterNothing
	co.frames[co.nf].setNative(frameYield, int32(c.ret), want)
	co.nf++
	co.status, co.resumer = coSuspended, nil
	if f.kind == frameResume {
		up.stack[at] = True
		at++
	}
	for j := range n {
		up.stack[at+j] = co.stack[c.base+int(j)]
	}
	up.nf--
	vm.switchTo(up)
	up.adjust(step{slot: f.ret, n: at - f.ret + n, want: f.want})
	return actReload
}

// resumeFast goes on in a coroutine that has yielded from a script.
func (vm *VM) resumeFast(c *Call, want int16) action {
	co, to := vm.co, c.state.(*Coroutine)
	if to.status != coSuspended || to.nf < 2 || co.nativeDepth() >= vm.cfg.MaxNative || int(co.nf) >= len(co.frames) {
		return vm.drive(vm.afterNative(c, want, finishNone))
	}
	f, n := to.cur(), int32(c.nret)
	if f.kind != frameYield || f.finish != finishNone || int(f.ret+n)+1 > len(to.stack) {
		return vm.drive(vm.afterNative(c, want, finishNone))
	}
	kind := frameResume
	if c.after == afterWrap {
		kind = frameWrap
	}
	c.after = afterNothing
	co.frames[co.nf].setNative(kind, int32(c.ret), want)
	co.nf++
	co.status = coNormal
	for j := range n {
		to.stack[f.ret+j] = co.stack[c.base+int(j)]
	}
	to.nf--
	to.resumer, to.depth = co, int32(co.nativeDepth()+1)
	vm.switchTo(to)
	to.adjust(step{slot: f.ret, n: n, want: f.want})
	return actReload
}
