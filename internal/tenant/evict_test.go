package tenant

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
)

// A VM that nobody uses is closed after vm_idle, and loaded anew by the next
// event; a tenant that has nothing left is forgotten.
func TestEvict_Idle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) { c.Limits.VMIdle = 10 * time.Minute })
		w.template(guild(1), "a", `local n = 0; return { e = function() n += 1 return n end }`, "e")
		w.template(guild(1), "b", `local n = 0; return { f = function() n += 1 return n end }`, "f")
		w.value(w.event(guild(1), "e", nil))
		w.value(w.event(guild(1), "f", nil))
		for range 3 { // b is used all the time
			<-time.After(4 * time.Minute)
			w.value(w.event(guild(1), "f", nil))
		}
		<-time.After(2 * time.Minute)
		synctest.Wait()
		if s := w.rt.Stats(); s.VMs != 1 || s.Evicted != 1 || s.Tenants != 1 {
			t.Errorf("%+v, want one VM closed and one left", s)
		}
		if !w.door.logged("a| the template's VM was closed: it was not used for 10m0s (vm_idle)") {
			t.Errorf("the tenant is not told: %q", w.door.lines())
		}
		if got := w.value(w.event(guild(1), "f", nil)); got != "5" {
			t.Errorf("the VM in use says %s, want 5", got)
		}
		if got := w.value(w.event(guild(1), "e", nil)); got != "1" || w.door.asked != 1 {
			t.Errorf("the closed VM says %s, want 1; templates asked for %d times", got, w.door.asked)
		}
		<-time.After(13 * time.Minute)
		synctest.Wait()
		if s := w.rt.Stats(); s.VMs != 0 || s.Tenants != 0 || s.HeapBytes != 0 {
			t.Errorf("%+v, want the tenant forgotten", s)
		}
		if got := w.value(w.event(guild(1), "e", nil)); got != "1" || w.door.asked != 2 {
			t.Errorf("after it was forgotten: %s; templates asked for %d times, want twice", got, w.door.asked)
		}
	})
}

// A thread, a timer, a host call or a handler in progress keeps the VM, and its
// tenant with it.
func TestEvict_KeepsWhatWaits(t *testing.T) {
	for name, source := range map[string]string{
		"thread": `return { e = function() task.spawn(function() task.wait(3000); print("woken") end) end }`,
		"timer":  `return { e = function() task.delay(3000, print, "woken") end }`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(c *Config) { c.Limits.VMIdle = time.Minute })
				w.template(guild(1), "a", source, "e")
				w.value(w.event(guild(1), "e", nil))
				<-time.After(49 * time.Minute)
				synctest.Wait()
				if s := w.rt.Stats(); s.VMs != 1 || s.Tenants != 1 {
					t.Errorf("%+v, want the VM kept", s)
				}
				<-time.After(2 * time.Minute)
				if !w.door.logged("a| woken") {
					t.Errorf("it was not woken: %q", w.door.lines())
				}
				<-time.After(3 * time.Minute)
				synctest.Wait()
				if s := w.rt.Stats(); s.VMs != 0 || s.Tenants != 0 {
					t.Errorf("%+v, want it closed then", s)
				}
			})
		})
	}
	t.Run("handler", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, func(c *Config) { c.Limits.VMIdle = time.Minute })
			w.template(guild(1), "a", `return { e = function(ctx) return ctx.KV:list_scopes()[1] end }`, "e")
			k := w.mustDeliver(Job{Tenant: guild(1), Kind: JobDispatchEvent, Event: khronos.Event{Name: "e"}, Deadline: time.Now().Add(time.Hour)})
			<-time.After(30 * time.Minute)
			w.door.open()
			if got := w.value(k); got != `"opened"` {
				t.Errorf("got %s", got)
			}
		})
	})
}

// The CPU window of a tenant is not forgotten with it.
func TestEvict_KeepsCPUWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) { c.Limits.VMIdle, c.Limits.CPUWindow = time.Second, time.Hour })
		w.template(guild(1), "a", `return { e = function() for i = 1, 1000 do end end }`, "e")
		w.value(w.event(guild(1), "e", nil))
		<-time.After(30 * time.Minute)
		synctest.Wait()
		if s := w.rt.Stats(); s.VMs != 0 || s.Tenants != 1 {
			t.Errorf("%+v, want the VM closed and the tenant kept", s)
		}
		<-time.After(31 * time.Minute)
		synctest.Wait()
		if s := w.rt.Stats(); s.Tenants != 0 {
			t.Errorf("%+v, want the tenant forgotten when its window is over", s)
		}
	})
}

// Under pressure of memory VMs go that nobody uses, those first that were used
// longest ago; those in use stay, and so do VMs that fit.
func TestEvict_Pressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) { c.Limits.HeapBytes, c.Limits.WorkerHeapBytes = 4<<20, 10<<20 })
		source := `local b; return { e = function() b = buffer.create(1e6) end, wait = function(ctx) b = buffer.create(1e6); ctx.KV:list_scopes() end }`
		for i := range 12 {
			w.template(guild(i+1), "a", source, "e", "wait")
			name := "e"
			if i == 0 {
				name = "wait"
			}
			k := w.event(guild(i+1), name, nil)
			if i > 0 {
				w.value(k)
			}
			<-time.After(time.Millisecond)
			synctest.Wait()
		}
		s := w.rt.Stats()
		if s.HeapBytes > 10<<20 || s.HeapBytes < 7<<20 || s.Evicted == 0 {
			t.Errorf("%+v, want the heaps within 10 MiB and not far below", s)
		}
		for i := range 12 {
			vms := 0
			w.onTenant(guild(i+1), func(t *tenant) { vms = len(t.machines) })
			evicted := i > 0 && i <= int(s.Evicted)
			if evicted != (vms == 0) {
				t.Errorf("tenant %d has %d VMs; %d were closed, which must be those after the first", i, vms, s.Evicted)
			}
		}
		if !w.door.logged("(worker_heap_bytes)") {
			t.Errorf("the tenants are not told: %q", w.door.lines())
		}
		w.door.open()
	})
}

// Memory that is all in use ends nobody's work, and looking for idle VMs does not spin.
func TestEvict_PressureWithoutIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) { c.Limits.HeapBytes, c.Limits.WorkerHeapBytes = 4<<20, 4<<20 })
		source := `return { e = function(ctx) local b = buffer.create(3e6); return ctx.KV:list_scopes()[1] .. buffer.len(b) end }`
		var jobs []*ticket
		for i := range 3 {
			w.template(guild(i+1), "a", source, "e")
			jobs = append(jobs, w.event(guild(i+1), "e", nil))
		}
		<-time.After(10 * time.Second)
		w.door.open()
		for _, k := range jobs {
			if got := w.value(k); got != `"opened3000000"` {
				t.Errorf("got %s", got)
			}
		}
	})
}
