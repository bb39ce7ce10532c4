package vm

import "errors"

// stepRaise unwinds the running coroutine to whoever catches err.
func (vm *VM) stepRaise(err error) step {
	t, err := vm.scriptError(err)
	if err != nil {
		return vm.raiseLimit(err)
	}
	if !t.handled {
		var s step
		if s, t = vm.startHandler(t); t == nil {
			return s
		}
	}
	return vm.unwind(t)
}

// scriptError makes a script error of what a native or an object raised. An
// error that scripts must not see comes back as it is.
func (vm *VM) scriptError(err error) (*thrown, error) {
	var limit *LimitError
	switch e := err.(type) {
	case *thrown:
		return e, nil
	case *LimitError:
		return nil, e
	}
	if errors.As(err, &limit) {
		return nil, limit
	}
	v, err2 := vm.NewString(vm.where(1) + err.Error())
	switch e := err2.(type) {
	case nil:
		return &thrown{value: v}, nil
	case *thrown:
		return e, nil
	}
	return nil, err2
}

// startHandler runs the xpcall handler that t meets first, on top of the frames
// that raised it; then the error it gives is nil. Otherwise that is the error to
// unwind with: an error inside a handler becomes "error in error handling".
func (vm *VM) startHandler(t *thrown) (step, *thrown) {
	co := vm.co
	for i := co.nf - 1; i > 0; i-- {
		f := &co.frames[i]
		switch f.kind {
		case framePCall, frameProtect:
			return step{}, t
		case frameHandler:
			return step{}, handlerFailed(co.waitOf(i).err, t)
		case frameXPCall:
			return vm.callHandler(t, co.stack[f.ret+1])
		}
	}
	return step{}, t
}

// waitOf gives what frame i keeps.
func (co *Coroutine) waitOf(i int32) *wait {
	n := len(co.waits)
	for j := co.nf - 1; ; j-- {
		if co.frames[j].kind.keeps() {
			n--
		}
		if j == i {
			return &co.waits[n]
		}
	}
}

// handlerFailed is the error that takes the place of t, whose handler failed with err: for want of memory if both did.
func handlerFailed(t *thrown, err error) *thrown {
	if t == errNoMemory && err == errNoMemory {
		return &thrown{value: errNoMemory.value, handled: true}
	}
	return &thrown{value: errErrErr.value, handled: true}
}

func (vm *VM) callHandler(t *thrown, handler Value) (step, *thrown) {
	co := vm.co
	slot := int32(co.extent())
	co.handler++
	err := co.grow(int(slot) + 3)
	if err == nil {
		err = co.enterNative()
	}
	if err == nil {
		err = vm.pushNative(frame{kind: frameHandler, base: slot, ret: slot}, wait{err: t})
	}
	if err != nil {
		co.leaveHandler()
		if _, fatal := err.(*LimitError); fatal {
			return raising(err), nil
		}
		return step{}, handlerFailed(t, err)
	}
	co.stack[slot], co.stack[slot+1] = handler, t.value
	co.top = slot + 2
	return step{kind: stepCall, slot: slot, n: 1, want: -1, finish: finishNative}, nil
}

// leaveHandler ends the deeper limits of an error handler.
func (co *Coroutine) leaveHandler() {
	co.handler--
	limit := co.vm.cfg.MaxFrames
	if n := len(co.frames); co.handler == 0 && n > limit && int(co.nf) <= limit {
		co.frames = append(make([]frame, 0, limit), co.frames[:limit]...)
		co.vm.credit(framesSize(n) - framesSize(limit))
	}
}

// unwind removes frames down to the one that catches t. A coroutine that nothing
// catches t in keeps them, for its traceback.
func (vm *VM) unwind(t *thrown) step {
	co := vm.co
	i := co.nf - 1
	for ; i > 0; i-- {
		if k := co.frames[i].kind; k == frameBoundary || k == framePCall || k == frameXPCall || k == frameProtect {
			break
		}
	}
	if i <= 0 {
		return vm.died(co, t)
	}
	co.dropTo(i + 1)
	if co.cur().kind == frameBoundary {
		vm.outcome = outcome{kind: outFailed, err: t}
		return step{kind: stepExit}
	}
	top := co.cur()
	at := top.ret
	if top.kind == frameProtect {
		at = top.base
	}
	if err := co.grow(int(at) + 2); err != nil {
		return raising(err)
	}
	f, w := co.pop()
	co.stack[at], co.stack[at+1] = False, t.value
	if f.kind == frameProtect {
		return vm.runCont(f, w, at, 2)
	}
	return step{kind: stepReturn, slot: at, n: 2, want: f.want, finish: f.finish}
}

// raiseLimit ends every coroutine of the chain, whatever would catch errors,
// down to the nearest nested run or the end of the thread.
func (vm *VM) raiseLimit(err error) step {
	if limit, ok := err.(*LimitError); ok && limit.Traceback == "" {
		limit.Traceback = vm.co.Traceback("", 0)
	}
	vm.fatal = err
	vm.exhaust()
	for co := vm.co; ; co = vm.co {
		for i := co.nf - 1; i >= 0; i-- {
			if co.frames[i].kind == frameBoundary {
				co.dropTo(i + 1)
				vm.outcome = outcome{kind: outFailed, err: err}
				return step{kind: stepExit}
			}
		}
		up := co.resumer
		co.end()
		if up == nil {
			vm.outcome = outcome{kind: outFailed, err: err}
			return step{kind: stepExit}
		}
		vm.switchTo(up)
	}
}
