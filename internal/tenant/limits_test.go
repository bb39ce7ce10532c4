package tenant

import (
	"strings"
	"testing"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
)

// quick makes CPU limits cheap to reach.
func quick(c *Config) {
	c.Limits.CPUSoft, c.Limits.CPUHard = 10*time.Millisecond, 40*time.Millisecond
}

func TestLimits_CPU(t *testing.T) {
	w := newWorld(t, quick)
	w.template(guild(1), "a", `
		local n = 0
		return {
			spin = function() while true do end end,
			pcall = function() while true do pcall(function() while true do end end) end end,
			xpcall = function() xpcall(function() while true do end end, function() while true do end end) print("on") end,
			coroutine = function() local co = coroutine.wrap(function() while true do end end); pcall(co); print("on") end,
			spawn = function() task.spawn(function() while true do end end); print("on") end,
			sort = function() table.sort({3, 2, 1}, function() while true do end end) end,
			tostring = function() return tostring(setmetatable({}, { __tostring = function() while true do end end })) end,
			find = function() return string.find(string.rep("a", 40000), string.rep("a-", 60) .. "b") end,
			late = function() task.wait(); while true do end end,
			e = function() n += 1 return n end,
		}`, "spin", "pcall", "xpcall", "coroutine", "spawn", "sort", "tostring", "find", "late", "e")
	for _, name := range []string{"spin", "pcall", "xpcall", "coroutine", "spawn", "sort", "tostring", "find", "late"} {
		kind, owner, text := w.fault(w.event(guild(1), name, nil))
		if kind != "cpu_limit" || owner != "tenant_limit" || !strings.Contains(text, "40ms") {
			t.Errorf("%s: %s of %s: %s", name, kind, owner, text)
		}
	}
	if w.door.logged("| on") {
		t.Error("a script went on after its limit")
	}
	if !w.door.logged("used more than 10ms of CPU time") {
		t.Errorf("no warning at the soft limit: %q", w.door.lines())
	}
	if got := w.value(w.event(guild(1), "e", nil)); got != "1" || w.rt.Stats().VMs != 1 {
		t.Errorf("the machine is not kept: %s, %d VMs", got, w.rt.Stats().VMs)
	}
}

func TestLimits_CPUWindow(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.Limits.CPUHard, c.Limits.CPUWindow, c.Limits.CPUWindowBudget = 10*time.Millisecond, 2*time.Second, 15*time.Millisecond
	})
	w.template(guild(1), "a", `return { spin = function() while true do end end, e = function() return "on" end }`, "spin", "e")
	w.fault(w.event(guild(1), "spin", nil))
	spinning := w.event(guild(1), "spin", nil)
	w.eventually("the rest begins", func() bool { return w.door.logged("has used its 15ms of CPU time for 2s") })
	late := w.mustDeliver(Job{Tenant: guild(1), Kind: JobDispatchEvent, Event: khronos.Event{Name: "e"}, Deadline: time.Now().Add(50 * time.Millisecond)})
	patient := w.event(guild(1), "e", nil)
	if out := w.script(guild(2), "return 1"); out.Err != nil {
		t.Errorf("another tenant: %v", out.Err)
	}
	if out := w.outcome(late); out.Err == nil || out.Err.Kind != khronos.ErrKindDeadline {
		t.Errorf("got %v, want the deadline to be heard", out)
	}
	if kind, _, _ := w.fault(spinning); kind != "cpu_limit" {
		t.Errorf("the spinning event ended with %s", kind)
	}
	if got := w.value(patient); got != `"on"` {
		t.Errorf("in the next window %s", got)
	}
	count := 0
	for _, line := range w.door.lines() {
		if strings.Contains(line, "has used its 15ms of CPU time for 2s") {
			count++
		}
	}
	if count != 1 {
		t.Errorf("the rest is logged %d times, want once: %q", count, w.door.lines())
	}
}

func TestLimits_Memory(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Limits.HeapBytes = 4 << 20 })
	w.template(guild(1), "a", `
		local n = 0
		return {
			table = function() local t = {}; while true do table.insert(t, {}) end end,
			pcall = function() local t = {}; while true do pcall(function() while true do t[#t + 1] = { #t } end end) end end,
			string = function() local s = "x"; while true do s = s .. s end end,
			strings = function() local t = {}; while true do t[#t + 1] = string.rep("x", 10000) .. #t end end,
			rep = function() return string.rep("x", 1e9) end,
			buffer = function() return buffer.create(1e9) end,
			closures = function() local t = {}; while true do local n = #t; t[n + 1] = function() return n end end end,
			coroutines = function() local t = {}; while true do t[#t + 1] = coroutine.create(print) end end,
			threads = function() while true do task.delay(1000, print) end end,
			stack = function() local function f(...) return f(1, ...) end; return f() end,
			caught = function() return { pcall(string.rep, "x", 1e9) } end,
			e = function() n += 1 return n end,
		}`, "table", "pcall", "string", "strings", "rep", "buffer", "closures", "coroutines", "stack", "caught", "threads", "e")
	for _, name := range []string{"table", "pcall", "string", "strings", "rep", "buffer", "closures", "coroutines"} {
		kind, owner, text := w.fault(w.event(guild(1), name, nil))
		if kind != "memory_limit" || owner != "tenant_limit" || !strings.Contains(text, "4 MiB") {
			t.Errorf("%s: %s of %s: %s", name, kind, owner, text)
		}
		if got := w.value(w.event(guild(1), "e", nil)); got == "" {
			t.Errorf("after %s the next event does not work", name)
		}
		if used := w.rt.Stats().HeapBytes; used > 4<<20 {
			t.Errorf("after %s %d bytes are in use", name, used)
		}
	}
	if kind, _, text := w.fault(w.event(guild(1), "threads", nil)); kind != "script_error" || !strings.Contains(text, "more than 1000 threads at once") {
		t.Errorf("threads: %s: %s", kind, text)
	}
	if kind, _, text := w.fault(w.event(guild(1), "stack", nil)); kind != "memory_limit" && !strings.Contains(text, "stack overflow") {
		t.Errorf("stack: %s: %s", kind, text)
	}
	if got := w.value(w.event(guild(1), "caught", nil)); got != `[false,"not enough memory"]` {
		t.Errorf("one object that is too large: %s", got)
	}
}

// A machine that runs out of memory takes its other handlers with it, and is
// made anew.
func TestLimits_MemoryEndsMachine(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Limits.HeapBytes = 2 << 20 })
	w.template(guild(1), "a", `
		local n = 0
		return {
			wait = function(ctx) ctx.KV:list_scopes() end,
			bomb = function() local t = {}; while true do t[#t + 1] = {} end end,
			e = function() n += 1 return n end,
		}`, "wait", "bomb", "e")
	w.value(w.event(guild(1), "e", nil))
	waiting := w.event(guild(1), "wait", nil)
	w.eventually("at the gate", func() bool { return w.door.atGate() == 1 })
	w.fault(w.event(guild(1), "bomb", nil))
	if kind, _, _ := w.fault(waiting); kind != "memory_limit" {
		t.Errorf("the waiting handler ended with %s", kind)
	}
	if got := w.value(w.event(guild(1), "e", nil)); got != "1" {
		t.Errorf("then %s, want a new machine", got)
	}
}

// Events that are too large for the heap are refused by it, not by the process.
func TestLimits_EventData(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Limits.HeapBytes = 2 << 20 })
	w.template(guild(1), "a", `return { e = function(ctx) return #ctx:event().data end }`, "e")
	deep := "[" + strings.Repeat("[],", 100_000) + "[]]"
	if kind, _, _ := w.fault(w.event(guild(1), "e", deep)); kind != "memory_limit" {
		t.Errorf("100000 tables within 2 MiB: %s", kind)
	}
	if got := w.value(w.event(guild(1), "e", "[1,2]")); got != "2" {
		t.Errorf("then %s", got)
	}
}

func TestInspect(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Limits.InspectCPU = 20 * time.Millisecond })
	init := func(s string) map[string]string { return map[string]string{"init.luau": s} }
	out := w.inspect(map[string]string{
		"init.luau": `local m = require("./m"); print("quiet"); return { b = m.f, a = m.f, c = m.f }`,
		"m.luau":    `task.wait(0.05); return { f = function() end }`,
	})
	if out.Err != nil || plain(t, out.Value) != `["a","b","c"]` {
		t.Errorf("got %v %v, want the names in order", out.Value, out.Err)
	}
	for _, tt := range []struct {
		files map[string]string
		kind  khronos.ErrorKind
		text  string
	}{
		{init("return {"), khronos.ErrKindScriptError, "init.luau:1:"},
		{map[string]string{"init.luau": `return require("./m")`, "m.luau": "\n\nlocal = 1"}, khronos.ErrKindScriptError, "m.luau:3:7:"},
		{map[string]string{"m.luau": ""}, khronos.ErrKindBadRequest, "no init.luau"},
		{init("while true do end"), khronos.ErrKindCPULimit, "20ms CPU time for loading (inspect_cpu)"},
		{init("local t = {}; while true do t[#t+1] = {} end"), khronos.ErrKindMemoryLimit, "4 MiB of memory for loading"},
		{init("return nil"), khronos.ErrKindScriptError, "it returned a nil"},
		{init(""), khronos.ErrKindScriptError, "it returned nothing"},
		{init("return { [1] = print }"), khronos.ErrKindScriptError, "it has a key that is a number"},
		{init(`return { ["bad\nname"] = print }`), khronos.ErrKindScriptError, "event name"},
		{init(`error("no")`), khronos.ErrKindScriptError, "init.luau:1: no"},
	} {
		out := w.inspect(tt.files)
		if out.Err == nil || out.Err.Kind != tt.kind || !strings.Contains(out.Err.Text, tt.text) {
			t.Errorf("%v: %v, want %s with %q", tt.files, out.Err, tt.kind, tt.text)
		}
	}
	if lines := w.door.lines(); len(lines) != 0 {
		t.Errorf("an inspection has logged %q", lines)
	}
	if n := w.rt.Stats().VMs; n != 0 {
		t.Errorf("%d VMs are left", n)
	}
}

func TestRunScript(t *testing.T) {
	w := newWorld(t, nil)
	for code, want := range map[string]string{
		`return 1, 2`: `1`,
		``:            `null`,
		`local ctx = ...; return {ctx:event().name, ctx.allowed_caps, ctx:has_cap("anything"), ctx:has_any_cap({"x"})}`:  `["RunScript",["*"],true,true]`,
		`local ctx = ...; ctx.KV:set("k", {a = {1, 2}}, {"s"}); local v, ok = ctx.KV:get("k", {"s"}); return {v, ok}`:    `[{"a":[1,2]},true]`,
		`local ctx = ...; local v, ok = ctx.KV:get("none", {"s"}); return {v == nil, ok}`:                                `[true,false]`,
		`local ctx = ...; local r = ctx.KV:getrecord("none", {"s"}); return {r.exists, table.isfrozen(r), r.key}`:        `[false,true,"none"]`,
		`local ctx = ...; return ctx.Runtime:links().docs_url`:                                                           `"https://docs"`,
		`local ctx = ...; return {typeof(ctx), tostring(ctx), typeof(ctx.KV), ctx.KV == ctx.KV, ctx.store == ctx.store}`: `["TemplateContext","TemplateContext","KV",true,true]`,
		`return {getfenv == nil, setfenv == nil, loadstring == nil, type(require), type(print), _VERSION}`:               `[true,true,true,"function","function","Luau"]`,
		`x = 1; return {x, rawget(_G, "nothing")}`:                                                                       `[1]`,
		`_G.x = 1; y = 2; return {x, _G.y, _G == _G._G}`:                                                                 `[1,2,true]`,
		`return (pcall(function() task.wait = nil end))`:                                                                 `false`,
		`local ctx = ...; return (pcall(function() ctx.Nothing() end))`:                                                  `false`,
	} {
		if got := w.scriptValue(code); got != want {
			t.Errorf("%s\n got %s, want %s", code, got, want)
		}
	}
	for code, want := range map[string]struct {
		kind khronos.ErrorKind
		text string
	}{
		`local x = = 1`:                                                              {khronos.ErrKindScriptError, "script:1:11:"},
		`error("no")`:                                                                {khronos.ErrKindScriptError, "script:1: no"},
		`return require("./x")`:                                                      {khronos.ErrKindScriptError, `script:1: require "./x": only a file of the template can require another`},
		`local ctx = ...; ctx.KV.get("k", {"s"})`:                                    {khronos.ErrKindScriptError, "script:1: kv.get: call it with a colon: ctx.KV:get(...)"},
		`local ctx = ...; ctx.KV:get(nil, {"s"})`:                                    {khronos.ErrKindScriptError, "script:1: kv.get: key is missing: it must be a string"},
		`local ctx = ...; ctx.KV:get("\xff", {"s"})`:                                 {khronos.ErrKindScriptError, "script:1: kv.get: key is not UTF-8"},
		`local ctx = ...; ctx.KV:get("k", "s")`:                                      {khronos.ErrKindScriptError, "script:1: kv.get: scopes must be a list of strings, not a string"},
		`local ctx = ...; ctx.KV:get("k", {1})`:                                      {khronos.ErrKindScriptError, "script:1: kv.get: scopes[1] must be a string, not a number"},
		`local ctx = ...; ctx.KV:set("k", {x = print}, {})`:                          {khronos.ErrKindScriptError, "script:1: kv.set: value.x: functions cannot leave the script"},
		`local ctx = ...; ctx.KV:set("k", 0/0, {"s"})`:                               {khronos.ErrKindScriptError, "script:1: kv.set: value: the number nan is not finite"},
		`local ctx = ...; table.sort({2, 1}, function() ctx.KV:get("k", {"s"}) end)`: {khronos.ErrKindScriptError, "attempt to yield across metamethod/C-call boundary"},
	} {
		out := w.script(guild(1), code)
		if out.Err == nil || out.Err.Kind != want.kind || !strings.Contains(out.Err.Text, want.text) {
			t.Errorf("%s\n got %v, want %s %q", code, out.Err, want.kind, want.text)
		}
	}
}

// A template that finds no memory left by another one of its tenant fails with
// memory_limit, at whatever point of its making the memory ends.
func TestLimits_MemoryShared(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Limits.HeapBytes = 1 << 20 })
	failed := 0
	for slack := range 30 {
		id := guild(slack + 1)
		w.template(id, "hog", `local t; return { hog = function(ctx)
			t = table.create(3000)
			for i = 1, ctx:event().data do t[i] = buffer.create(480) end
		end }`, "hog")
		w.template(id, "late", `local t = table.create(100, 1); return { e = function(ctx) return ctx:event().name end }`, "e")
		w.value(w.event(id, "hog", 0))
		var room int64
		w.onTenant(id, func(tn *tenant) { room = tn.account.Limit() - tn.account.Collect() })
		if kind := w.kind(w.event(id, "hog", room/512-int64(slack))); kind != "ok" && kind != "memory_limit" {
			t.Errorf("slack %d: the hog ended with %s", slack, kind)
		}
		kind := w.kind(w.event(id, "e", nil))
		if kind != "ok" && kind != "memory_limit" {
			t.Errorf("slack %d: the late one ended with %s", slack, kind)
		}
		if kind == "memory_limit" {
			failed++
		}
	}
	if failed == 0 {
		t.Error("no template was without memory: the test tests nothing")
	}
}

// kind waits for the end of a dispatch to one template and gives "ok" or the kind of its error.
func (w *world) kind(k *ticket) string {
	w.t.Helper()
	out := w.outcome(k)
	if out.Err != nil {
		return out.Err.Kind.String()
	}
	kind, bad := out.Value.Index(0).Get("kind")
	if !bad {
		return "ok"
	}
	text, _ := kind.AsText()
	return text
}
