package tenant

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/luau"
)

// thread is a script thread that the tenant runs: a handler, a load, or one that
// a script started or that waited for the host inside another.
type thread struct {
	m    *machine
	r    *run // on whose behalf it runs; after that has ended, in the background
	co   *luau.Coroutine
	kind threadKind
	fuel int64 // used since it last waited, once in the background

	state threadState
	since time.Time // when it came into its state; slices do not count
	begun bool      // it has run since
	turn  uint64    // counts the waits: an answer to an earlier one comes too late
	waits string    // what for

	timer  *time.Timer        // of a wait in time
	cancel context.CancelFunc // of a host call
	sched  *schedule          // will resume it, if it has yielded by then

	value khronos.Value  // what a threadMain has returned
	fault *khronos.Error // the last error of a host call
}

type threadKind uint8

const (
	threadMain  threadKind = iota // host.Main: its value is the run's
	threadLoad                    // its first result is the handler table
	threadOther                   // nobody waits for it
)

type threadState uint8

const (
	threadRunnable threadState = iota // in tenant.runnable, or running
	threadWaiting                     // for the host
	threadIdle                        // not begun, or it has yielded: its script may resume it
)

// spawn makes a thread for fn and queues it.
func (m *machine) spawn(r *run, kind threadKind, fn luau.Value, args ...luau.Value) error {
	co, err := m.vm.NewThread(fn, args...)
	if err != nil {
		return err
	}
	m.adopt(co, r, kind).queue()
	return nil
}

// adopt starts to keep track of a coroutine.
func (m *machine) adopt(co *luau.Coroutine, r *run, kind threadKind) *thread {
	th := &thread{m: m, r: r, co: co, kind: kind}
	m.threads[co] = th
	return th
}

// queue makes the thread run when its turn comes.
func (th *thread) queue() {
	th.state, th.waits = threadRunnable, ""
	th.since, th.begun = time.Now(), false
	th.requeue()
}

// requeue makes the thread run on after the others have had their slices.
func (th *thread) requeue() {
	th.m.t.runnable = append(th.m.t.runnable, th)
}

// slice runs a thread for one slice of fuel and sees how it stands then.
func (t *tenant) slice(th *thread) {
	now := time.Now()
	th.m.used = now
	if wait := t.window.wait(now); wait > 0 {
		t.runnable = slices.Insert(t.runnable, 0, th)
		t.sitOut(wait)
		return
	}
	used, st, err := t.execute(th)

	t.spend(used)
	t.showHeap()
	t.bill(th, used)
	m := th.m
	switch {
	case errors.Is(err, luau.ErrNotResumable):
		th.vanished()
	case err != nil:
		th.died(err)
	case st == luau.StatusSliced:
		th.requeue()
	case st == luau.StatusDone:
		th.done()
	case st == luau.StatusYielded:
		th.yielded()
	}
	m.finishElsewhere()
}

// execute is resume, seen by those who watch what the worker runs.
func (t *tenant) execute(th *thread) (used int64, st luau.Status, err error) {
	r := th.r
	number := t.rt.pulse.begin()
	defer t.rt.pulse.end(number)
	r.goOn(th.kind == threadLoad)
	t.now.set(th)
	used, st, err = th.resume()
	t.now.clear()
	r.rest(th)
	return used, st, err
}

// resume runs the VM and gives the fuel it used.
func (th *thread) resume() (used int64, st luau.Status, err error) {
	vm := th.m.vm
	th.begun = true
	before := vm.FuelUsed()
	vm.SetFuel(th.fuelLeft())
	var args []luau.Value
	if s := th.sched; s != nil && s.due {
		args = s.args
		th.sched = nil
		defer s.drop()
	}
	th.m.current = th
	st, err = vm.Resume(th.co, args...)
	th.m.current = nil
	return vm.FuelUsed() - before, st, err
}

// fuelLeft is what the thread may still use: of its dispatch's budget, or, once
// that has ended, of as much for each time it wakes.
func (th *thread) fuelLeft() int64 {
	rt := th.m.t.rt
	budget := rt.fuel(rt.cfg.Limits.CPUHard)
	if th.m.inspect {
		budget = rt.fuel(rt.cfg.Limits.InspectCPU)
	}
	if th.r.ended {
		return max(budget-th.fuel, 0)
	}
	return max(budget-th.r.d.fuel, 0)
}

// bill charges fuel to the dispatch and warns once at the soft limit.
func (t *tenant) bill(th *thread, used int64) {
	if th.r.ended {
		th.fuel += used
		return
	}
	d := th.r.d
	d.fuel += used
	if lim := &t.rt.cfg.Limits; !d.warned && d.fuel > t.rt.fuel(lim.CPUSoft) {
		d.warned = true
		th.m.log("%s: used more than %s of CPU time (cpu_soft); the limit is %s (cpu_hard)", d.job.Event.Name, lim.CPUSoft, lim.CPUHard)
	}
}

// done ends a thread that has returned.
func (th *thread) done() {
	m := th.m
	results := th.co.Results()
	th.forget()
	switch th.kind {
	case threadLoad:
		m.loaded(results)
	case threadMain:
		m.t.endRun(th.r, th.value, nil)
	}
}

// finishElsewhere ends runs whose threads a script has resumed to their end.
func (m *machine) finishElsewhere() {
	list := m.elsewhere
	m.elsewhere = nil
	for _, th := range list {
		if m.threads[th.co] == th {
			th.done()
		}
	}
}

// died ends a thread that the VM ended with an error.
func (th *thread) died(err error) {
	m := th.m
	th.forget()
	if th.kind == threadLoad {
		m.fail(m.loadError(err))
		return
	}
	e, fatal := m.t.vmError(err)
	if fatal {
		m.die(e)
		return
	}
	blame(e, th.fault)
	if th.kind == threadMain {
		m.t.endRun(th.r, khronos.Null(), e)
		return
	}
	m.logError("background thread", e)
}

// yielded lets go of a thread that only its script can resume. One that a caller
// waits for is still watched.
func (th *thread) yielded() {
	if th.kind == threadOther && th.sched == nil {
		th.forget()
		return
	}
	th.state, th.waits, th.since = threadIdle, "its script to resume it", time.Now()
	if th.kind != threadOther {
		th.m.vm.HoldThread(th.co)
	}
}

// vanished ends a thread that its script has closed, or run to its end, while it
// was to be resumed.
func (th *thread) vanished() {
	m := th.m
	th.forget()
	gone := khronos.Errorf(khronos.ErrKindScriptError, "the thread was closed by the script while it waited")
	switch th.kind {
	case threadLoad:
		m.fail(gone)
	case threadMain:
		m.t.endRun(th.r, khronos.Null(), gone)
	}
}

// wait begins a wait and gives its turn, which [thread.wake] has to show.
func (th *thread) wait(what string) uint64 {
	th.turn++
	th.state, th.waits, th.since = threadWaiting, what, time.Now()
	return th.turn
}

// wake queues a thread again if it still waits for that turn, and tells whether it does.
func (th *thread) wake(turn uint64) bool {
	if !th.waitsAt(turn) {
		return false
	}
	th.stopWaiting()
	th.fuel = 0
	th.queue()
	return true
}

// waitsAt tells whether the thread is in its wait of that turn.
func (th *thread) waitsAt(turn uint64) bool {
	return th.turn == turn && th.m.threads[th.co] == th && th.state == threadWaiting
}

// stopWaiting ends the timer or the host call that would wake the thread.
func (th *thread) stopWaiting() {
	th.turn++
	if th.timer != nil {
		th.timer.Stop()
		th.timer = nil
	}
	if th.cancel != nil {
		th.cancel()
		th.cancel = nil
	}
}

// forget drops the thread from all lists, and what would wake it.
func (th *thread) forget() {
	th.stopWaiting()
	th.unschedule()
	delete(th.m.threads, th.co)
	th.unqueue()
}

// unqueue takes the thread out of the queue, if it is there.
func (th *thread) unqueue() {
	if t := th.m.t; th.state == threadRunnable {
		t.runnable = slices.DeleteFunc(t.runnable, func(x *thread) bool { return x == th })
	}
}

// abandon ends all threads of a run where they are; no script code runs any more on its behalf.
func (m *machine) abandon(r *run, err *khronos.Error) {
	if m.vm == nil {
		return
	}
	if slices.Contains(m.waiting, r) {
		m.waiting = slices.DeleteFunc(m.waiting, func(w *run) bool { return w == r })
		m.handLoadOn(r, err)
	}
	var drop []*thread
	for _, th := range m.threads {
		if th.r == r {
			drop = append(drop, th)
		}
	}
	for _, th := range drop {
		th.forget()
		m.vm.CloseThread(th.co)
	}
}

// handLoadOn hands a load that runs on r's budget to the next run that waits
// for it; with none left the machine is closed, and the next event loads anew.
func (m *machine) handLoadOn(r *run, err *khronos.Error) {
	for _, th := range m.threads {
		if th.r != r || th.kind != threadLoad {
			continue
		}
		if len(m.waiting) > 0 {
			th.r = m.waiting[0]
			continue
		}
		m.err = err
		m.close()
	}
}
