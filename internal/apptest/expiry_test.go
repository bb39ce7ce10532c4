package apptest_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/apptest"
)

// Keys expire into their tenant's handler, those too whose time comes while the
// master is dead, and each expiry is acknowledged once its handler has ended.
func TestWorld_KeyExpiry(t *testing.T) {
	w := apptest.Start(t, apptest.Options{})
	tenant := guildID(1 << 22)
	w.PushFiles(tenant, "timer", map[string]string{"init.luau": `
local function list(ctx, key, value)
	local all = ctx.KV:get("log", {"log"}) or ""
	ctx.KV:set("log", all .. key .. "=" .. tostring(value) .. " ", {"log"})
end
return {
	Set = function(ctx)
		local d = ctx:event().data
		ctx.KV:set(d.key, d.value, {"timers"}, { expires_in = d.after })
	end,
	KeyExpiry = function(ctx)
		local record = ctx:event().data
		list(ctx, record.key, record.value)
	end,
	Log = function(ctx) return ctx.KV:get("log", {"log"}) end,
}`})
	set := func(key string, after float64) {
		t.Helper()
		if r, err := w.Dispatch(tenant, "Set", map[string]any{"key": key, "value": "v" + key, "after": after}); err != nil || r.Status != 200 {
			t.Fatalf("set: %v, %s", err, r.Body)
		}
	}
	log := func() string {
		t.Helper()
		r, err := w.Dispatch(tenant, "Log", nil)
		if err != nil {
			t.Fatal(err)
		}
		value, _, _ := only(t, r)
		text, _ := value.AsText()
		return text
	}
	set("c", 2)
	set("b", 0.4)
	set("a", 0.1)
	w.Eventually(10*time.Second, "a and b have expired", func() bool { return strings.HasPrefix(log(), "a=va b=vb ") })
	w.Restart(syscall.SIGKILL, apptest.Options{})
	w.Eventually(20*time.Second, "c has expired", func() bool { return log() == "a=va b=vb c=vc " })
}
