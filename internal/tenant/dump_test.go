package tenant

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/luau"
)

// find gives the entry of a dump for a job.
func find(list []khronos.ScriptStack, id uint64) khronos.ScriptStack {
	for _, e := range list {
		if e.Job == id {
			return e
		}
	}
	return khronos.ScriptStack{}
}

func TestDump(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Limits.HandlersPerTenant = 4 })
	w.door.put(guild(1), khronos.Template{Name: "a", Version: 7, Capabilities: []string{"*"}, Subscriptions: []string{"wait", "sleep", "spin", "inner"}, Files: map[string]string{"init.luau": `
local function list(ctx)
	return ctx.KV:list_scopes()
end
return {
	wait = function(ctx)
		task.delay(1000, print)
		list(ctx)
	end,
	sleep = function() task.wait(1000) end,
	spin = function() while true do end end,
	inner = function()
		local co = coroutine.wrap(function() while true do end end)
		co()
	end,
}`}})
	before := time.Now()
	waiting, sleeping := w.event(guild(1), "wait", nil), w.event(guild(1), "sleep", nil)
	spinning, inner := w.event(guild(1), "spin", nil), w.event(guild(1), "inner", nil)
	queued := w.event(guild(1), "wait", nil)
	other := w.mustDeliver(Job{Tenant: guild(2), Kind: JobRunScript, Name: "mine", Code: "\ntask.wait(1000)", Event: khronos.Event{Name: "RunScript"}})
	w.eventually("all have begun", func() bool {
		list := w.rt.Dump(t.Context())
		return find(list, waiting.id).Waits == "kv.list_scopes" && find(list, sleeping.id).Waits == "task.wait" &&
			find(list, spinning.id).State == khronos.StackRunning && find(list, inner.id).State == khronos.StackRunning && find(list, other.id).Waits == "task.wait"
	})
	list := w.rt.Dump(t.Context())
	for _, tt := range []struct {
		k        *ticket
		tenant   khronos.TenantID
		template string
		event    string
		state    string
		waits    string
		stack    string
	}{
		{waiting, guild(1), "a", "wait", "waiting", "kv.list_scopes", "init.luau:3 function list\ninit.luau:8 function wait\n"},
		{sleeping, guild(1), "a", "sleep", "waiting", "task.wait", "init.luau:10 function sleep\n"},
		{spinning, guild(1), "a", "spin", "running", "", "init.luau:11 function spin\n"},
		{inner, guild(1), "a", "inner", "running", "", "init.luau:13\ninit.luau:14 function inner\n"},
		{queued, guild(1), "", "wait", "queued", "a place among the tenant's dispatches in progress (handlers_per_tenant)", ""},
		{other, guild(2), "", "RunScript", "waiting", "task.wait", "mine:2\n"},
	} {
		got := find(list, tt.k.id)
		if got.Tenant != tt.tenant || got.Template != tt.template || got.Event != tt.event || got.State != tt.state || got.Waits != tt.waits || !strings.HasPrefix(got.Stack, tt.stack) {
			t.Errorf("job %d: %+v, want %+v", tt.k.id, got, tt)
		}
		if got.Template == "a" && got.Version != 7 {
			t.Errorf("job %d is of version %d, want 7", tt.k.id, got.Version)
		}
		if got.Since.Before(before) || got.Since.After(time.Now()) {
			t.Errorf("job %d: since %s", tt.k.id, got.Since)
		}
	}
	if e := find(list, waiting.id); !strings.Contains(e.Stack, "\nthread waiting for ") {
		t.Errorf("the stack %q does not name the other thread", e.Stack)
	}
	if len(list) != 6 || list[0].State != khronos.StackRunning || list[5].State != khronos.StackQueued {
		t.Errorf("%d entries from %s to %s, want 6 from running to queued", len(list), list[0].State, list[len(list)-1].State)
	}
	w.rt.Cancel(spinning.id)
	w.rt.Cancel(inner.id)
}

// A tenant that is inside one long native does not answer, and is told of all
// the same; nor does it keep others from answering.
func TestDump_Native(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Slots = 1; c.Limits.CPUHard = patience })
	w.template(guild(1), "a", `return { e = function()
		for i = 1, 1000000 do end
		return string.find(string.rep("a", 400000), string.rep("a-", 60) .. "b")
	end }`, "e")
	w.template(guild(2), "b", `return { e = function() return 1 end }`, "e")
	stuck := w.event(guild(1), "e", nil)
	var list []khronos.ScriptStack
	w.eventually("the native runs", func() bool {
		list = w.rt.Dump(t.Context())
		return strings.Contains(find(list, stuck.id).Stack, "does not answer")
	})
	got := find(list, stuck.id)
	if got.Tenant != guild(1) || got.Template != "a" || got.Event != "e" || got.State != khronos.StackRunning || !strings.HasPrefix(got.Stack, "init.luau:2 ") {
		t.Errorf("got %+v", got)
	}
	behind := w.event(guild(2), "e", nil)
	if e := find(w.rt.Dump(t.Context()), behind.id); e.Tenant != guild(2) {
		t.Errorf("the job behind it is missing: %+v", e)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if e := find(w.rt.Dump(ctx), stuck.id); e.Tenant != guild(1) {
		t.Errorf("with a context that has ended the job is missing")
	}
	w.rt.tenants[guild(1)].kill()
	w.outcome(stuck)
	w.outcome(behind)
}

// kill ends what the tenant has on a processor.
func (t *tenant) kill() {
	t.now.mu.Lock()
	defer t.now.mu.Unlock()
	t.now.m.vm.Kill(luau.LimitCancelled, "the test is over")
}

// A dump of more than fits says how much is missing.
func TestDump_LeftOut(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Limits.FrameBytes = 64 << 10; c.Limits.HandlersPerTenant = 1 })
	w.template(guild(1), "a", `return { e = function(ctx) ctx.KV:list_scopes() end }`, "e")
	var all []*ticket
	for range 250 {
		all = append(all, w.event(guild(1), "e", nil))
	}
	w.eventually("the first waits", func() bool { return w.door.atGate() == 1 })
	list := w.rt.Dump(t.Context())
	b, err := json.Marshal(list)
	if err != nil || len(b) > 32<<10 {
		t.Errorf("%d bytes, %v, want at most half a frame", len(b), err)
	}
	last := list[len(list)-1]
	if want := fmt.Sprintf("%d more: %d queued", 251-len(list), 251-len(list)); last.State != khronos.StackLeftOut || last.Stack != want {
		t.Errorf("the last entry is %+v, want %q", last, want)
	}
	if list[0].Job != all[0].id || list[0].State != khronos.StackWaiting {
		t.Errorf("the first entry is %+v, want the one that runs", list[0])
	}
}
