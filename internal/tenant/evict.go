package tenant

import (
	"context"
	"slices"
	"time"
)

// evictPause is how long a worker whose memory is in use by scripts waits before
// it looks again for VMs that nobody uses.
const evictPause = time.Second

// evictUntil closes VMs that nobody uses until ctx ends: those that have been
// idle for long, and under pressure of memory others too.
func (r *Runtime) evictUntil(ctx context.Context) {
	tick := time.NewTicker(max(r.cfg.Limits.VMIdle/4, time.Second/4))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.evictIdle()
		case <-r.pressed:
			if r.relieve() {
				continue
			}
			select {
			case <-time.After(evictPause):
			case <-ctx.Done():
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// press says that the heaps are over their limit. It does not wait.
func (r *Runtime) press() {
	select {
	case r.pressed <- struct{}{}:
	default:
	}
}

// all gives the tenants there are.
func (r *Runtime) all() []*tenant {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]*tenant, 0, len(r.tenants))
	for _, t := range r.tenants {
		list = append(list, t)
	}
	return list
}

// evictIdle closes the VMs that were not used for vm_idle, and forgets the
// tenants that have nothing left. It waits for nobody.
func (r *Runtime) evictIdle() {
	before := time.Now().Add(-r.cfg.Limits.VMIdle)
	for _, t := range r.all() {
		t.post(func() {
			t.evictBefore(before)
			t.forgetBefore(before)
		})
	}
}

// idleVM is a VM that could be closed.
type idleVM struct {
	m    *machine
	t    *tenant
	used time.Time
}

// relieve closes idle VMs, those first that were used longest ago, until the
// heaps are well under their limit. It tells whether that went.
func (r *Runtime) relieve() bool {
	goal := r.cfg.Limits.WorkerHeapBytes / 10 * 9
	tenants := r.all()
	found := make(chan []idleVM, len(tenants))
	asked := 0
	for _, t := range tenants {
		if t.post(func() { found <- t.idleVMs() }) {
			asked++
		}
	}
	patience := time.After(dumpPatience) // one inside a long native is left alone
	var list []idleVM
	for late := false; asked > 0 && !late; asked-- {
		select {
		case vms := <-found:
			list = append(list, vms...)
		case <-patience:
			late = true
		}
	}
	slices.SortFunc(list, func(a, b idleVM) int { return a.used.Compare(b.used) })
	for _, vm := range list {
		if r.heap.Load() <= goal {
			break
		}
		closed := make(chan struct{})
		if !vm.t.post(func() {
			vm.t.evict(vm.m, "the worker needed its memory (worker_heap_bytes)")
			close(closed)
		}) {
			continue
		}
		select {
		case <-closed:
		case <-time.After(dumpPatience):
		}
	}
	return r.heap.Load() <= goal
}

// idle tells that nothing runs or waits in the VM: no handler, no thread, no timer.
func (m *machine) idle() bool {
	return m.vm != nil && len(m.threads) == 0 && len(m.waiting) == 0
}

// idleVMs lists the tenant's VMs that could be closed.
func (t *tenant) idleVMs() []idleVM {
	var list []idleVM
	for _, m := range t.machines {
		if m.idle() {
			list = append(list, idleVM{m, t, m.used})
		}
	}
	return list
}

// evictBefore closes VMs that were not used since.
func (t *tenant) evictBefore(before time.Time) {
	for name, m := range t.machines {
		switch {
		case m.vm == nil && m.stale():
			delete(t.machines, name)
		case m.used.Before(before):
			t.evict(m, "it was not used for "+t.rt.cfg.Limits.VMIdle.String()+" (vm_idle)")
		}
	}
}

// evict closes a VM, if it is idle still.
func (t *tenant) evict(m *machine, why string) {
	if t.machines[m.tpl.Name] != m || !m.idle() {
		return
	}
	m.log("the template's VM was closed: %s; the next event loads it anew, with an empty ctx.store", why)
	m.close()
	delete(t.machines, m.tpl.Name)
	t.rt.evicted.Add(1)
}

// forgetBefore ends a tenant that has had nothing to do since and has nothing
// left that must be known of it.
func (t *tenant) forgetBefore(before time.Time) {
	busy := len(t.machines)+len(t.live)+len(t.runnable)+t.calls > 0 || t.loading || t.rest != nil
	if busy || !t.used.Before(before) || t.window.open(time.Now()) {
		return
	}
	t.rt.mu.Lock()
	defer t.rt.mu.Unlock()
	t.mu.Lock() // the one place where two locks nest: nobody takes them the other way round
	defer t.mu.Unlock()
	if len(t.queue) > 0 || len(t.inbox) > 0 || t.gone {
		return
	}
	t.gone = true // whoever delivers to it finds a new one in the map
	if t.rt.tenants[t.id] == t {
		delete(t.rt.tenants, t.id)
	}
}
