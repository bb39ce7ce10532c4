package apptest_test

import (
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/apptest"
	"github.com/template-worker/template-worker/internal/khronos"
)

// ownersTemplate goes wrong in all ways in which a template can.
var ownersTemplate = map[string]string{"init.luau": `
return {
	Quick = function() return "quick" end,
	Broken = function(ctx) local nothing = nil; return nothing.field end,
	Spin = function() while true do pcall(function() while true do end end) end end,
	Bomb = function() local t = {} while true do t[#t + 1] = string.rep("x", 1000) end end,
	Wait = function() task.wait(20) end,
	Keep = function(ctx) ctx.KV:set("key", string.rep("x", 100000), { "scope" }) end,
}`}

// Twelve and more things that go wrong, each done for real, and whose fault the
// caller is told it is.
func TestWorld_EveryFaultHasItsOwner(t *testing.T) {
	w := apptest.Start(t, apptest.Options{
		Workers: 1, OwnCopy: true, DiskBytes: 64 << 20,
		Set: []string{"log_level=warn", "limits.handlers_per_tenant=2", "limits.queue_events=4", "limits.worker_wait=1s",
			"limits.restart_failures=100", "limits.restart_delay_max=300ms", "limits.heartbeat=50ms", "limits.heartbeat_missed=200"},
	})
	tenant := guildID(1 << 22)
	push := func(capabilities ...string) {
		w.Do("PUT", "/i/tenants/"+tenant.String()+"/templates/owners", map[string]any{"files": ownersTemplate, "capabilities": append([]string{}, capabilities...)}, http.StatusOK)
	}
	push("*")
	worker := func() int {
		var pid int
		w.Eventually(10*time.Second, "the worker is ready", func() bool {
			st := w.Workers()[0]
			pid = st.PID
			return st.State == "ready"
		})
		return pid
	}
	// during does something to the worker while it runs an event.
	during := func(do func(pid int)) func() apptest.Reply {
		return func() (r apptest.Reply) {
			pid := worker()
			w.Eventually(5*time.Second, "nothing runs", func() bool { return w.Workers()[0].Running == 0 })
			var wg sync.WaitGroup
			wg.Go(func() { r = dispatch(t, w, 2*time.Second, tenant, "Wait") })
			w.Eventually(5*time.Second, "the event runs", func() bool { return w.Workers()[0].Running == 1 })
			do(pid)
			wg.Wait()
			return r
		}
	}
	// plain gives a script time enough to meet its own limit on a busy machine.
	plain := func(event string) func() apptest.Reply {
		return func() apptest.Reply { return dispatch(t, w, 25*time.Second, tenant, event) }
	}
	check := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	for _, tt := range []struct {
		fault, code, owner string
		do                 func() apptest.Reply
	}{
		{"a script that fails", "script_error", "script", plain("Broken")},
		{"a script that computes for ever", "cpu_limit", "tenant_limit", plain("Spin")},
		{"a script that takes memory for ever", "memory_limit", "tenant_limit", plain("Bomb")},
		{"a script that waits too long", "Deadline", "tenant_limit", during(func(int) {})},
		{"a capability that was not granted", "script_error", "script", func() apptest.Reply {
			push()
			defer push("*")
			return dispatch(t, w, 5*time.Second, tenant, "Keep")
		}},
		{"more events than a tenant may queue", "TenantBusy", "tenant_limit", func() apptest.Reply {
			var wg sync.WaitGroup
			var mu sync.Mutex
			var busy apptest.Reply
			for range 12 {
				wg.Go(func() {
					if r := dispatch(t, w, 500*time.Millisecond, tenant, "Wait"); r.Status == http.StatusTooManyRequests {
						mu.Lock()
						defer mu.Unlock()
						busy = r
					}
				})
			}
			wg.Wait()
			return busy
		}},
		{"a request that makes no sense", "BadRequest", "caller", plain("a name with \x01 in it")},
		{"a full disk", "dependency", "dependency", func() apptest.Reply {
			free, err := w.FillDisk()
			check(err)
			defer func() { check(free()) }()
			return dispatch(t, w, 5*time.Second, tenant, "Keep")
		}},
		{"a killed worker", "WorkerLostStarted", "platform", during(func(pid int) { check(syscall.Kill(pid, syscall.SIGKILL)) })},
		{"a cut link", "WorkerLostStarted", "platform", during(func(pid int) { check(apptest.CutLink(pid)) })},
		{"half a frame", "WorkerLostStarted", "platform", during(func(pid int) { check(apptest.HalfFrame(pid)) })},
		{"a frozen worker", "WorkerSilent", "platform", func() apptest.Reply {
			var frozen int
			r := during(func(pid int) { frozen = pid; check(syscall.Kill(pid, syscall.SIGSTOP)) })()
			check(syscall.Kill(frozen, syscall.SIGCONT))
			return r
		}},
		{"a tenant that is dropped", "DroppedTenant", "platform", during(func(int) {
			check(w.Post("/i/drop-tenant", map[string]any{"tenant": tenant.String()}))
		})},
		{"a worker that was killed by an operator", "WorkerUnavailable", "platform", func() apptest.Reply {
			check(w.Post("/i/kill-worker", map[string]any{"id": 0}))
			defer func() { check(w.Post("/i/start-worker", map[string]any{"id": 0})) }()
			return dispatch(t, w, 5*time.Second, tenant, "Quick")
		}},
		{"a program that does not start", "WorkerUnavailable", "platform", func() apptest.Reply {
			pid := worker()
			restore := w.ReplaceProgram("#!/bin/sh\nexit 7\n")
			defer restore()
			check(syscall.Kill(pid, syscall.SIGKILL))
			w.Eventually(5*time.Second, "the worker is gone", func() bool { return w.Workers()[0].State != "ready" })
			return dispatch(t, w, 5*time.Second, tenant, "Quick")
		}},
	} {
		t.Run(tt.fault, func(t *testing.T) {
			r := tt.do()
			code, owner := r.Code, r.Owner
			if r.Status == http.StatusOK {
				_, code, owner = only(t, r)
			}
			if code != tt.code || owner != tt.owner {
				t.Errorf("got %s, owner %s, want %s, owner %s: %s", code, owner, tt.code, tt.owner, r.Body)
			}
			w.Eventually(15*time.Second, "the next event is served", func() bool {
				r, err := w.Dispatch(tenant, "Quick", nil)
				return err == nil && r.Status == http.StatusOK && len(r.Value.Items()) == 1
			})
		})
	}
}

func dispatch(t *testing.T, w *apptest.World, timeout time.Duration, tenant khronos.TenantID, event string) apptest.Reply {
	r, err := w.DispatchWithin(timeout, tenant, event, nil)
	if err != nil {
		t.Errorf("%s: %v", event, err)
	}
	return r
}
