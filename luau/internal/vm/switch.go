package vm

// switchTo makes co the running coroutine.
func (vm *VM) switchTo(co *Coroutine) {
	vm.co = co
	vm.call.co = co
	co.status = coRunning
}

// resumeScript is coroutine.resume and a call of a wrapped coroutine: it leaves f
// on the running coroutine and goes on in target with the n values at base.
func (vm *VM) resumeScript(f frame, target *Coroutine, base, n int32) step {
	co := vm.co
	if msg := vm.refusal(co, target); msg != "" {
		return vm.refuseResume(f, msg)
	}
	if err := vm.pushNative(f, wait{}); err != nil {
		return raising(err)
	}
	args := co.stack[base : base+n]
	depth := int32(co.nativeDepth() + 1)
	co.status = coNormal
	target.resumer, target.depth = co, depth
	vm.switchTo(target)
	return vm.wake(target, args)
}

// refusal tells why target can not be resumed.
func (vm *VM) refusal(co, target *Coroutine) string {
	switch target.status {
	case coDead:
		return "cannot resume dead coroutine"
	case coRunning:
		return "cannot resume running coroutine"
	case coNormal:
		return "cannot resume normal coroutine"
	case coWaiting:
		return "cannot resume coroutine that waits for the host"
	}
	if co.nativeDepth() >= vm.cfg.MaxNative {
		return "C stack overflow"
	}
	return ""
}

// refuseResume answers a resume that can not be: false and a message, or an error from a wrapped coroutine.
func (vm *VM) refuseResume(f frame, msg string) step {
	if f.kind == frameWrap {
		return raising(vm.errorAt(1, "%s", msg))
	}
	co := vm.co
	v, err := vm.NewString(msg)
	if err == nil {
		err = co.grow(int(f.ret) + 2)
	}
	if err != nil {
		return raising(err)
	}
	co.stack[f.ret], co.stack[f.ret+1] = False, v
	return step{kind: stepReturn, slot: f.ret, n: 2, want: f.want, finish: f.finish}
}

// wake sets a suspended coroutine in motion: vals are the arguments of one that
// has not begun, or what the call that suspended it gives.
func (vm *VM) wake(co *Coroutine, vals []Value) step {
	n := int32(len(vals))
	if co.fresh() {
		at := co.top
		if err := co.grow(int(at+n) + 1); err != nil {
			return raising(err)
		}
		copy(co.stack[at:], vals)
		co.top += n
		co.begun = true
		return step{kind: stepCall, slot: 0, n: co.top - 1, want: -1, finish: finishNative}
	}
	top := co.cur()
	at := top.ret
	if top.kind == frameSuspend {
		at = top.base
	}
	if err := co.grow(int(at+n) + 1); err != nil {
		return raising(err)
	}
	f, w := co.pop()
	copy(co.stack[at:], vals)
	if f.kind == frameSuspend {
		return vm.runCont(f, w, at, n)
	}
	return step{kind: stepReturn, slot: at, n: n, want: f.want, finish: f.finish}
}

// fresh tells whether the coroutine has not begun.
func (co *Coroutine) fresh() bool { return co.nf == 1 && co.status != coDead && !co.begun }

// yield leaves f on the running coroutine and hands the n values at base to whoever resumed it.
func (vm *VM) yield(f frame, base, n int32) step {
	co := vm.co
	if co.inner > 0 {
		return raising(errYield)
	}
	if err := vm.pushNative(f, wait{}); err != nil {
		return raising(err)
	}
	co.status = coSuspended
	vals := co.stack[base : base+n]
	if co.resumer == nil {
		vm.yieldedToHost(co)
		co.results = append([]Value(nil), vals...)
		vm.outcome = outcome{kind: outYielded}
		return step{kind: stepExit}
	}
	return vm.answer(co, vals)
}

// suspend leaves f on the running coroutine until the host resumes it. A script
// that resumed it goes on without values.
func (vm *VM) suspend(f frame, w wait) step {
	co := vm.co
	if err := vm.pushNative(f, w); err != nil {
		return raising(err)
	}
	co.status = coWaiting
	if !co.hosted {
		vm.host(co)
	}
	if co.resumer == nil {
		vm.outcome = outcome{kind: outSuspended}
		return step{kind: stepExit}
	}
	return vm.answer(co, nil)
}

// answer goes back to the coroutine that resumed co, with values.
func (vm *VM) answer(co *Coroutine, vals []Value) step {
	up := co.resumer
	co.resumer = nil
	vm.switchTo(up)
	f, _ := up.pop()
	at, n := f.ret, int32(len(vals))
	if err := up.grow(int(at+n) + 2); err != nil {
		return raising(err)
	}
	if f.kind == frameResume {
		up.stack[at] = True
		at++
	}
	copy(up.stack[at:], vals)
	return step{kind: stepReturn, slot: f.ret, n: at - f.ret + n, want: f.want, finish: f.finish}
}

// finished ends a coroutine whose function has returned the values at s.slot.
func (vm *VM) finished(co *Coroutine, s step) step {
	vals := co.stack[s.slot : s.slot+s.n]
	if co.resumer != nil {
		next := vm.answer(co, vals)
		co.end()
		return next
	}
	co.results = append([]Value(nil), vals...)
	co.end()
	vm.outcome = outcome{kind: outDone}
	return step{kind: stepExit}
}

// died ends a coroutine with an error that nothing in it caught. Its frames stay for its traceback.
func (vm *VM) died(co *Coroutine, t *thrown) step {
	up := co.resumer
	co.status, co.failure, co.resumer = coDead, t, nil
	vm.unhost(co)
	if up == nil {
		vm.outcome = outcome{kind: outFailed, err: t}
		return step{kind: stepExit}
	}
	vm.switchTo(up)
	f, _ := up.pop()
	if f.kind == frameWrap {
		return raising(vm.located(t))
	}
	if err := up.grow(int(f.ret) + 2); err != nil {
		return raising(err)
	}
	up.stack[f.ret], up.stack[f.ret+1] = False, t.value
	return step{kind: stepReturn, slot: f.ret, n: 2, want: f.want, finish: f.finish}
}

// located puts the position of the caller in front of an error that leaves a wrapped coroutine.
func (vm *VM) located(t *thrown) error {
	if t.value.Kind() != KindString {
		return &thrown{value: t.value}
	}
	return vm.throwText(vm.where(1) + t.value.AsString().Str())
}

// end makes a coroutine dead and drops its stack.
func (co *Coroutine) end() {
	co.status, co.resumer, co.active = coDead, nil, nil
	co.vm.unhost(co)
	before := co.size()
	co.stack, co.frames, co.waits, co.paused = nil, nil, nil, nil
	co.nf, co.top, co.inner, co.handler = 0, 0, 0, 0
	co.vm.credit(before - co.size())
}

// close is coroutine.close: it ends a suspended or dead coroutine and gives the error it died of.
func (co *Coroutine) close() *thrown {
	t := co.failure
	co.end()
	co.failure = nil
	return t
}
