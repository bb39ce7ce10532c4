package tenant

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
)

// Whatever happens to a job, it has exactly one outcome, and nothing of it stays.
func TestRuntime_EveryJobEndsOnce(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		quick(c)
		c.Limits.HeapBytes, c.Limits.CPUWindowBudget = 2<<20, c.Limits.CPUWindow
	})
	source := `
		local kept = {}
		return {
			fast = function() return 1 end,
			kv = function(ctx) for i = 1, 5 do ctx.KV:set("k", i, { "s" }) end return (ctx.KV:get("k", { "s" })) end,
			gate = function(ctx) pcall(function() ctx.KV:list_scopes() end) end,
			sleep = function() task.wait(1000) end,
			background = function(ctx)
				table.insert(kept, task.spawn(function() for i = 1, 3 do task.wait() end end))
				task.delay(1000, print)
				if #kept > 20 then for _, th in kept do task.cancel(th) end table.clear(kept) end
			end,
			spin = function() while true do end end,
			bomb = function() local t = {}; while true do t[#t + 1] = {} end end,
			fail = function() error("no") end,
		}`
	names := []string{"fast", "kv", "gate", "sleep", "background", "spin", "bomb", "fail"}
	for id := range 3 {
		w.template(guild(id+1), "a", source, names...)
	}
	const perTenant = 120
	var outcomes [3 * perTenant]atomic.Int32
	var refused, drops atomic.Int32
	var wg sync.WaitGroup
	for id := range 3 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(id), 42))
			for i := range perTenant {
				n := id*perTenant + i
				job := Job{
					ID: uint64(n + 1), Tenant: guild(id + 1), Kind: JobDispatchEvent, Event: khronos.Event{Name: names[rnd.IntN(len(names))]},
					Deadline: time.Now().Add(time.Duration(rnd.IntN(300)) * time.Millisecond),
					Done:     func(khronos.Outcome) { outcomes[n].Add(1) },
				}
				if err := w.rt.Deliver(job); err != nil {
					refused.Add(1)
					outcomes[n].Add(1)
				}
				switch rnd.IntN(20) {
				case 0, 1, 2:
					w.rt.Cancel(uint64(id*perTenant + rnd.IntN(i+1) + 1))
				case 3:
					if i%10 == 0 {
						drops.Add(1)
						if err := w.rt.Drop(context.Background(), guild(id+1)); err != nil {
							t.Error(err)
						}
					}
				}
			}
		})
	}
	wg.Wait()
	w.eventually("all jobs have ended", func() bool { s := w.rt.Stats(); return s.Queued == 0 && s.Running == 0 })
	for i := range outcomes {
		if n := outcomes[i].Load(); n != 1 {
			t.Errorf("job %d has %d outcomes", i+1, n)
		}
	}
	w.rt.mu.Lock()
	left := len(w.rt.jobs)
	w.rt.mu.Unlock()
	if left != 0 {
		t.Errorf("%d jobs are still known", left)
	}
	t.Logf("%d jobs, %d refused, %d drops, %+v", len(outcomes), refused.Load(), drops.Load(), w.rt.Stats())
}

// A machine that has done much holds no more than one that has done little.
func TestRuntime_KeepsNothing(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Limits.CPUWindowBudget = c.Limits.CPUWindow })
	w.template(guild(1), "a", `
		return {
			e = function(ctx)
				local co = coroutine.create(function() ctx.KV:get("k", { "s" }) coroutine.yield() end)
				coroutine.resume(co)
				task.cancel(task.delay(1000, print, ctx))
				return ctx:event().data
			end,
			wait = function(ctx) ctx.KV:list_scopes() end,
		}`, "e", "wait")
	live := func() int64 {
		var n int64
		w.onTenant(guild(1), func(t *tenant) { n = t.account.Collect() })
		return n
	}
	round := func(n int) {
		for i := range n {
			w.value(w.event(guild(1), "e", fmt.Sprintf(`{"n":[%d]}`, i)))
			k := w.event(guild(1), "wait", nil)
			w.rt.Cancel(k.id)
			w.outcome(k)
		}
		w.eventually("all threads have ended", func() bool {
			threads := 0
			w.onTenant(guild(1), func(t *tenant) {
				for _, m := range t.machines {
					threads += len(m.threads)
				}
			})
			return threads == 0
		})
	}
	round(20)
	few := live()
	round(400)
	if many := live(); many > few+32<<10 {
		t.Errorf("%d bytes live after 420 rounds, %d after 20", many, few)
	}
}

// onTenant runs f on the goroutine of a tenant.
func (w *world) onTenant(id khronos.TenantID, f func(*tenant)) {
	w.t.Helper()
	w.rt.mu.Lock()
	t := w.rt.tenants[id]
	w.rt.mu.Unlock()
	ran := make(chan struct{})
	if t == nil || !t.post(func() { f(t); close(ran) }) {
		w.t.Fatalf("no tenant %s", id)
	}
	<-ran
}
