package vm

// The host names a thread by its [Coroutine]. While a thread is hosted it is a
// root: the census counts it and what it holds. A thread is hosted from
// [VM.NewThread], [VM.Resume], [VM.HoldThread] or a native's Suspend on, until it
// ends, is released, or yields: then only a script can be expected to resume it.

func (vm *VM) host(co *Coroutine) {
	if vm.hosted == nil {
		vm.hosted = make(map[*Coroutine]struct{})
	}
	co.hosted = true
	vm.hosted[co] = struct{}{}
}

func (vm *VM) unhost(co *Coroutine) {
	if co.hosted {
		co.hosted, co.kept = false, false
		delete(vm.hosted, co)
	}
}

// yieldedToHost lets go of a thread that yielded with nobody to resume it but the host, unless the host keeps it.
func (vm *VM) yieldedToHost(co *Coroutine) {
	if !co.kept {
		vm.unhost(co)
	}
}

// HoldThread makes any coroutine a root until it ends or [VM.ReleaseThread]; it may yield meanwhile.
func (vm *VM) HoldThread(co *Coroutine) {
	if co.vm == vm && co.status != coDead && vm.dead == nil {
		vm.host(co)
		co.kept = true
	}
}

// ReleaseThread undoes [VM.HoldThread] and what [VM.NewThread] did: the coroutine lives on only if a script refers
// to it. One that runs or waits for the host stays a root until that is over.
func (vm *VM) ReleaseThread(co *Coroutine) {
	if co.vm != vm {
		return
	}
	co.kept = false
	if co.status == coSuspended || co.status == coDead {
		vm.unhost(co)
	}
}

// CloseThread ends a coroutine that does not run for good, as if it had never
// been: one that has not begun, has yielded, waits for the host, or is a thread
// between two slices, then with all coroutines it has resumed. Its memory is
// credited at once. It tells whether the coroutine is dead now: one that runs, or
// has resumed one that runs, is left alone. It may be called by the host and by a
// native in progress, and runs no script code.
func (vm *VM) CloseThread(co *Coroutine) bool {
	switch {
	case co.vm != vm || vm.dead == ErrClosed:
		return false
	case co.active != nil: // between slices
		for inner := co.active; inner != nil && inner != co; {
			up := inner.resumer
			inner.end()
			inner = up
		}
	case co.status == coRunning || co.status == coNormal:
		return false
	}
	co.end()
	co.results, co.failure = nil, nil
	return true
}

// Status tells how the coroutine stands: "suspended" (not begun, or yielded), "waiting" (a native has suspended it:
// only the host may resume it), "running" (a thread between two slices too), "normal" (has resumed one that runs) or "dead".
func (co *Coroutine) Status() string {
	switch co.status {
	case coWaiting:
		return "waiting"
	case coRunning:
		return "running"
	case coNormal:
		if co.active != nil {
			return "running"
		}
		return "normal"
	case coDead:
		return "dead"
	}
	return "suspended"
}
