package tenant

import (
	"fmt"
	"strings"
	"testing"

	"github.com/template-worker/template-worker/internal/khronos"
)

// versioned stores a version of template "a" that answers its number: E at once,
// Slow after its host call.
func (w *world) versioned(version int64, paused bool) {
	source := fmt.Sprintf(`return {
		E = function() return %[1]d end,
		Slow = function(ctx) ctx.KV:list_scopes() return %[1]d end,
		Spawn = function() task.spawn(function() while true do task.wait(0.05) end end) return %[1]d end,
	}`, version)
	w.door.put(guild(1), khronos.Template{
		Name: "a", Version: version, Files: map[string]string{"init.luau": source}, Capabilities: []string{"*"},
		Subscriptions: []string{"E", "Slow", "Spawn"}, Paused: paused,
	})
}

func (w *world) wantValue(k *ticket, want string) {
	w.t.Helper()
	if got := w.value(k); got != want {
		w.t.Errorf("got %s, want %s", got, want)
	}
}

// A handler that runs ends on the version it began on, new events go to the new
// one, and the old VM is closed with its last handler.
func TestSwap_HandlersEndOnTheirVersion(t *testing.T) {
	w := newWorld(t, nil)
	w.versioned(1, false)
	slow := w.event(guild(1), "Slow", nil)
	w.eventually("the handler waits", func() bool { return w.door.atGate() == 1 })

	w.versioned(2, false)
	w.rt.Refresh(guild(1))
	w.wantValue(w.event(guild(1), "E", nil), "2")
	if vms := w.rt.Stats().VMs; vms != 2 {
		t.Errorf("%d VMs while the old handler runs, want 2", vms)
	}
	w.door.open()
	w.wantValue(slow, "1")
	w.eventually("the old VM is closed", func() bool { return w.rt.Stats().VMs == 1 })
	w.wantValue(w.event(guild(1), "E", nil), "2")
}

// Background threads end with their version; a paused template keeps nothing.
func TestSwap_BackgroundThreadsEnd(t *testing.T) {
	w := newWorld(t, nil)
	w.versioned(1, false)
	w.wantValue(w.event(guild(1), "Spawn", nil), "1")
	w.versioned(2, false)
	w.rt.Refresh(guild(1)) // nobody needs to send an event
	w.eventually("the old VM is closed", func() bool { return w.rt.Stats().VMs == 0 })
	if log := strings.Join(w.door.lines(), "\n"); !strings.Contains(log, "1 background threads of version 1 have ended") {
		t.Errorf("the log does not say so:\n%s", log)
	}
	w.wantValue(w.event(guild(1), "E", nil), "2")
	w.versioned(2, true)
	w.rt.Refresh(khronos.TenantID{}) // all tenants
	w.eventually("the paused VM is closed", func() bool { return w.rt.Stats().VMs == 0 })
	if out := w.outcome(w.event(guild(1), "E", nil)); !out.Value.IsNull() || out.Err != nil {
		t.Errorf("paused: got %v, %v", out.Value, out.Err)
	}
}

// A deleted template's handlers end at once, those of others go on.
func TestSwap_Deleted(t *testing.T) {
	w := newWorld(t, nil)
	w.versioned(1, false)
	w.template(guild(1), "b", `return { Slow = function(ctx) ctx.KV:list_scopes() return "b" end }`, "Slow")
	slow := w.event(guild(1), "Slow", nil)
	w.eventually("both handlers wait", func() bool { return w.door.atGate() == 2 })
	w.door.remove(guild(1), "a")
	w.rt.Refresh(guild(1))
	w.eventually("the deleted template's VM is closed", func() bool { return w.rt.Stats().VMs == 1 })
	w.door.open()
	got := plain(t, w.outcome(slow).Value)
	if !strings.Contains(got, `"kind":"dropped_tenant"`) || !strings.Contains(got, `{"type":"ok","id":"b","value":"b"}`) {
		t.Errorf("got %s, want a dropped and b done", got)
	}
}

// Under a stream of events and changes each event is answered by one version, and
// by none older than what was stored when it was sent.
func TestSwap_NeverNone(t *testing.T) {
	w := newWorld(t, nil)
	const versions, each = 50, 4
	var sent []*ticket
	for v := range int64(versions) {
		w.versioned(v+1, false)
		w.rt.Refresh(guild(1))
		for range each {
			sent = append(sent, w.event(guild(1), "E", nil))
		}
		if v%5 == 0 {
			w.outcome(w.event(guild(1), "E", nil)) // let it catch up now and then
		}
	}
	for i, k := range sent {
		var got int
		if _, err := fmt.Sscan(w.value(k), &got); err != nil || got < i/each+1 {
			t.Errorf("event %d was answered by version %d (%v), version %d was stored", i, got, err, i/each+1)
		}
	}
}
