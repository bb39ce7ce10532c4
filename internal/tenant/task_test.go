package tenant

import (
	"strings"
	"testing"

	"github.com/template-worker/template-worker/internal/khronos"
)

func TestTask(t *testing.T) {
	w := newWorld(t, nil)
	for _, tt := range []struct{ name, code, want string }{
		{"wait gives the seconds that passed, at least 0.05",
			`local a, b = task.wait(), task.wait(-5); return a >= 0.05 and b >= 0.05 and a < 10`, `true`},
		{"wait refuses what never ends", `return { select(2, pcall(task.wait, 1/0)), select(2, pcall(task.wait, 0/0)), select(2, pcall(task.wait, 1e9)) }`,
			`["task.wait: seconds: the number inf is not finite","task.wait: seconds is not a number (NaN)","task.wait: seconds must be at most 315360000"]`},
		{"spawn runs at once, up to the first wait",
			`local log = {}
			task.spawn(function(a, b) table.insert(log, a + b) task.wait() table.insert(log, "later") end, 1, 2)
			table.insert(log, "after")
			task.wait(0.1)
			return log`, `[3,"after","later"]`},
		{"defer runs after what runs now, in order",
			`local log = {}
			for i = 1, 3 do task.defer(table.insert, log, i) end
			table.insert(log, "now")
			task.wait()
			return log`, `["now",1,2,3]`},
		{"delay runs in the order of the times",
			`local log = {}
			task.delay(0.15, table.insert, log, "b")
			task.delay(0.05, table.insert, log, "a")
			task.wait(0.3)
			return log`, `["a","b"]`},
		{"gives the thread; it can be a coroutine",
			`local co = coroutine.create(function(...) local n = select("#", ...) + coroutine.yield() return n end)
			local same = task.spawn(co, 1, 2) == co
			task.defer(co, 5)
			local waiting = coroutine.status(co)
			task.wait()
			return { same, waiting, coroutine.status(co) }`, `[true,"suspended","dead"]`},
		{"cancel ends a scheduled thread and one that waits",
			`local log = {}
			local a = task.delay(0.05, table.insert, log, "a")
			local b = task.spawn(function() task.wait(0.05) table.insert(log, "b") end)
			local c = task.defer(table.insert, log, "c")
			task.cancel(a) task.cancel(b) task.cancel(c)
			task.wait(0.15)
			return { #log, coroutine.status(a), coroutine.status(b), coroutine.status(c) }`, `[0,"dead","dead","dead"]`},
		{"cancel leaves alone what it does not know, and itself",
			`local co = coroutine.create(function() return 1 end)
			task.cancel(co)
			task.cancel(coroutine.running())
			return { coroutine.resume(co) }`, `[true,1]`},
		{"a thread cannot be scheduled twice",
			`local co = task.delay(0.05, function() end)
			local _, message = pcall(task.defer, co)
			return message`, `"the thread is scheduled already"`},
		{"a wait inside a coroutine gives control back to who resumed it",
			`local log = {}
			local co = coroutine.create(function() task.wait() table.insert(log, "inner") return 7 end)
			table.insert(log, select("#", coroutine.resume(co)))
			local ok, message = coroutine.resume(co)
			table.insert(log, message)
			task.wait(0.2)
			table.insert(log, coroutine.status(co))
			return log`, `[1,"cannot resume coroutine that waits for the host","inner","dead"]`},
		{"a handler that yields can be resumed by its script",
			`local me = coroutine.running()
			task.delay(0.05, function() task.spawn(me, "woken") end)
			return { coroutine.yield() }`, `["woken"]`},
		{"or by being scheduled",
			`task.delay(0.05, coroutine.running(), "woken")
			return { coroutine.yield() }`, `["woken"]`},
		{"host calls go through pcall and coroutines",
			`local ctx = ...
			local log = {}
			local co = coroutine.wrap(function()
				pcall(function() ctx.KV:set("k", 1, { "s" }) end)
				table.insert(log, (ctx.KV:get("k", { "s" })))
			end)
			co()
			table.insert(log, "outer")
			task.wait(0.2)
			return log`, `["outer",1]`},
		{"the library is frozen; two functions do nothing",
			`task.synchronize() task.desynchronize() return table.isfrozen(task)`, `true`},
		{"arguments are checked", `return select(2, pcall(task.spawn, 1))`,
			`"task.spawn: target must be a function or a thread, not a number"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := w.script(guild(1), tt.code)
			if out.Err != nil {
				t.Fatalf("%v\n%s", out.Err, out.Err.Trace)
			}
			if got := plain(t, out.Value); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestTask_Background(t *testing.T) {
	w := newWorld(t, nil)
	w.template(guild(1), "a", `
		local kept
		return {
			e = function(ctx)
				task.spawn(function()
					task.wait(0.3)
					print("still here")
					local ok, message = pcall(ctx.KV.get, ctx.KV, "k", { "s" })
					print(message)
					error("at the end")
				end)
				task.spawn(function() error("at once") end)
				kept = coroutine.create(function() ctx.KV:set("k", 1, { "s" }) coroutine.yield() ctx.KV:set("k", 2, { "s" }) print("set twice") end)
				coroutine.resume(kept)
				task.wait(0.05)
				return "done"
			end,
			again = function() coroutine.resume(kept) task.wait(0.1) return coroutine.status(kept) end,
		}`, "e", "again")
	if got := w.value(w.event(guild(1), "e", nil)); got != `"done"` {
		t.Fatalf("got %s", got)
	}
	for _, want := range []string{
		"a| still here",
		"kv.get: the dispatch that started this thread has ended",
		"a| background thread: script_error: init.luau:10: at the end",
		"a| background thread: script_error: init.luau:12: at once",
		"a|   init.luau:12",
	} {
		w.eventually(want, func() bool { return w.door.logged(want) })
	}
	// A coroutine works on behalf of whoever resumes it.
	if got := w.value(w.event(guild(1), "again", nil)); got != `"dead"` || !w.door.logged("set twice") {
		t.Errorf("got %s; log %q", got, w.door.lines())
	}
}

func TestTask_ClosedHandler(t *testing.T) {
	w := newWorld(t, nil)
	w.template(guild(1), "a", `
		local main
		return {
			wait = function(ctx) main = coroutine.running() ctx.KV:list_scopes() end,
			close = function() return coroutine.close(main) end,
		}`, "wait", "close")
	k := w.event(guild(1), "wait", nil)
	w.eventually("at the gate", func() bool { return w.door.atGate() == 1 })
	w.value(w.event(guild(1), "close", nil))
	w.door.open()
	if kind, _, text := w.fault(k); kind != "script_error" || !strings.Contains(text, "closed by the script") {
		t.Errorf("%s: %s", kind, text)
	}
}

func TestRequire(t *testing.T) {
	files := map[string]string{
		"plain.luau":         `loads = (loads or 0) + 1; return { name = "plain", loads = loads }`,
		"old.lua":            `return "lua"`,
		"nothing.luau":       ``,
		"lib/init.luau":      `return { part = require("@self/part"), beside = require("./plain").name }`,
		"lib/part.luau":      `return require("./other") .. require("../old")`,
		"lib/other.luau":     `return "other"`,
		"both.luau":          ``,
		"both/init.luau":     ``,
		"a.luau":             `return require("./b")`,
		"b.luau":             `return require("./c")`,
		"c.luau":             `return require("./a")`,
		"self.luau":          `return require("./self")`,
		"slow.luau":          `task.wait(0.1) return {}`,
		"bad.luau":           "\nreturn }",
		"fails.luau":         `error("not today")`,
		"spin.luau":          `while true do end`,
		"x/one.luau":         `task.spawn(function() require("./two") end) return require("./two")`,
		"x/two.luau":         `task.wait(0.1) return require("./one")`,
		".luaurc":            `{ "aliases": { "Lib": "./lib", "root": "/", "deep": "lib" } }`,
		"lib/.luaurc":        `{ "aliases": { "deep": "." } }`,
		"lib/alias.luau":     `return require("@deep/other") .. require("@LIB/other")`,
		"broken/.luaurc":     `{`,
		"broken/module.luau": `return require("@lib/other")`,

		"rc/.luaurc":               `local at = "../lib" return { aliases = { Shared = at } }`,
		"rc/module.luau":           `return require("@shared/other") .. require("@lib/other")`,
		"config/.config.luau":      `return { luau = { aliases = { shared = "../lib" } } }`,
		"config/module.luau":       `return require("@shared/other")`,
		"config/deep/in/side.luau": `return require("@shared/other")`,
		"none/.config.luau":        `return { luau = {} }`,
		"none/module.luau":         `return require("@lib/other")`,
		"twofold/.luaurc":          `{}`,
		"twofold/.config.luau":     `return {}`,
		"twofold/module.luau":      `return require("@lib/other")`,
		"loop/.config.luau":        `while true do end`,
		"loop/module.luau":         `return require("@lib/other")`,
		"nosy/.config.luau":        `return { luau = { aliases = { a = tostring(ctx or task or require) } } }`,
		"nosy/module.luau":         `return require("@a/x")`,
		"odd/.config.luau":         `return { luau = { aliases = { a = 1 } } }`,
		"odd/module.luau":          `return require("@a/x")`,
		"syntax/.config.luau":      "\nreturn }",
		"syntax/module.luau":       `return require("@a/x")`,
		"twice/.luaurc":            `{ "aliases": { "a": "./x", "A": "./y" } }`,
		"twice/module.luau":        `return require("@a/x")`,
	}
	w := newWorld(t, quick)
	run := func(t *testing.T, code string) khronos.Outcome {
		all := map[string]string{"init.luau": "return { e = function(ctx)\n" + code + "\nend }"}
		for name, source := range files {
			all[name] = source
		}
		w.door.put(guild(7), khronos.Template{Name: "a", Files: all, Subscriptions: []string{"e"}})
		if err := w.rt.Drop(t.Context(), guild(7)); err != nil {
			t.Fatal(err)
		}
		return w.outcome(w.event(guild(7), "e", nil))
	}
	for _, tt := range []struct{ name, code, want string }{
		{"a file beside, once", `local a, b = require("./plain"), require("./plain") return { a == b, a.name, a.loads }`, `[true,"plain",1]`},
		{"a .lua file", `return require("./old")`, `"lua"`},
		{"no result is true", `return require("./nothing")`, `true`},
		{"a folder, @self, .. and beside a folder", `return require("./lib")`, `{"part":"otherlua","beside":"plain"}`},
		{"into a folder", `return require("./lib/other")`, `"other"`},
		{"an alias, whatever its case", `return require("@lib/other") .. require("@root/lib/other")`, `"otherother"`},
		{"the nearest alias first", `return require("./lib/alias")`, `"otherother"`},
		{"aliases in Luau", `return { require("./rc/module"), require("./config/module"), require("./config/deep/in/side"), require("./none/module") }`,
			`["otherother","other","other","other"]`},
		{"a module of the platform, whatever its case", `return require("@antiraid/interop") == require("@AntiRaid/InterOp")`, `true`},
		{"a module that waits is loaded once for all who ask",
			`local got = {}
			for i = 1, 3 do task.spawn(function() table.insert(got, require("./slow")) end) end
			local mine = require("./slow")
			task.wait(0.2)
			return { #got, got[1] == mine, got[2] == mine, got[3] == mine }`, `[3,true,true,true]`},
		{"a module that failed may be tried again",
			`local a = { pcall(require, "./fails") }
			local b = { pcall(require, "./fails") }
			return { a[2], b[2] }`, `["fails.luau:1: not today","fails.luau:1: not today"]`},
		{"a thread that was cancelled while loading leaves no trap",
			`local th = task.spawn(function() require("./slow") end)
			task.cancel(th)
			return type(require("./slow"))`, `"table"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := run(t, tt.code)
			v, _ := out.Value.Index(0).Get("value")
			if got := plain(t, v); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	for _, tt := range []struct{ name, code, kind, want string }{
		{"nothing there", `require("./gone")`, "script_error", `init.luau:2: require "./gone": the template has no module "gone"`},
		{"ambiguous", `require("./both")`, "script_error", `init.luau:2: require "./both": ambiguous: both both.luau and both/init.luau exist`},
		{"no prefix", `require("plain")`, "script_error", `init.luau:2: require "plain": a path must start with "./", "../" or "@"`},
		{"out of the template", `require("../plain")`, "script_error", `init.luau:2: require "../plain": the path leaves the template`},
		{"the entry", `require("./init")`, "script_error", `init.luau is what the template begins with, not a module`},
		{"the entry by its folder", `require(".")`, "script_error", `init.luau is what the template begins with, not a module`},
		{"an unknown alias", `require("@antiraid/x")`, "script_error", `require "@antiraid/x": there is no such module: there are @antiraid/`},
		{"a broken .luaurc", `require("./broken/module")`, "script_error", `broken/.luaurc: unexpected end of JSON input`},
		{"two kinds of aliases", `require("./twofold/module")`, "script_error", `ambiguous: both twofold/.luaurc and twofold/.config.luau exist`},
		{"aliases that never end", `require("./loop/module")`, "script_error", `loop/.config.luau: `},
		{"aliases have no platform", `require("./nosy/module")`, "script_error", `the template has no module "nosy/nil/x"`},
		{"aliases that are no strings", `require("./odd/module")`, "script_error", `odd/.config.luau: aliases and where they lead must be strings`},
		{"aliases that are no Luau", `require("./syntax/module")`, "script_error", `syntax/.config.luau:2:8:`},
		{"an alias twice", `require("./twice/module")`, "script_error", `twice/.luaurc: the alias "a" is there twice`},
		{"not a string", `require(1)`, "script_error", `require "1": a path must start`},
		{"a cycle", `require("./a")`, "script_error", `c.luau:1: require: cyclic: a.luau -> b.luau -> c.luau -> a.luau`},
		{"a cycle of one", `require("./self")`, "script_error", `self.luau:1: require: cyclic: self.luau -> self.luau`},
		{"bad source", `require("./bad")`, "script_error", `init.luau:2: bad.luau:2:8:`},
		{"a module that never ends", `require("./spin")`, "cpu_limit", `CPU time`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := run(t, tt.code)
			kind, _ := out.Value.Index(0).Get("kind")
			text, _ := out.Value.Index(0).Get("value")
			k, _ := kind.AsText()
			if got, _ := text.AsText(); k != tt.kind || !strings.Contains(got, tt.want) {
				t.Errorf("got %s %q, want %s %q", k, got, tt.kind, tt.want)
			}
		})
	}
	t.Run("a cycle over two threads", func(t *testing.T) {
		run(t, `require("./x/one")`)
		if want := "x/two.luau:1: require: cyclic: x/one.luau -> x/two.luau -> x/one.luau"; !w.door.logged(want) {
			t.Errorf("log %q has no %q", w.door.lines(), want)
		}
	})
}

func TestContext_Event(t *testing.T) {
	w := newWorld(t, nil)
	w.template(guild(1), "a", `
		return { e = function(ctx)
			local e = ctx:event()
			return {
				same = e == ctx:event(), frozen = table.isfrozen(e), name = e.name, author = e.author,
				write = (pcall(function() e.name = "x" end)), data = e.data,
				array = getmetatable(e.data.list) ~= nil, empty = e.data.empty, object = e.data.object,
				holes = { e.data.holes[1], e.data.holes[2] == nil, e.data.holes[3] }, null = e.data.null == nil, big = e.data.big,
			}
		end }`, "e")
	data := `{"list":[1,2],"empty":[],"object":{},"holes":[1,null,3],"null":null,"big":123456789012345678901,"text":"\u00e4"}`
	payload, err := khronos.JSONPayload([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	got := w.value(w.mustDeliver(Job{Tenant: guild(1), Kind: JobDispatchEvent, Event: khronos.Event{Name: "e", Author: "42", Data: payload}}))
	for _, want := range []string{
		`"same":true`, `"frozen":true`, `"name":"e"`, `"author":"42"`, `"write":false`, `"array":true`, `"empty":[]`, `"object":{}`,
		`"holes":[1,true,3]`, `"null":true`, `"text":"ä"`, `"big":123456789012345680000`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s, want %s in it", got, want)
		}
	}
}

// A schedule that finds its thread waiting for something else is given up, and says so.
func TestTask_LateSchedule(t *testing.T) {
	for _, code := range []string{
		`task.delay(0.05, task.spawn(function() task.wait(0.2) end)) task.wait(0.3)`,
		`local co = coroutine.create(function() task.wait(0.1) end) task.defer(co) coroutine.resume(co) task.wait(0.2)`,
	} {
		w := newWorld(t, nil)
		w.scriptValue(code)
		if want := "| background thread: it was not resumed when its time came"; !w.door.logged(want) {
			t.Errorf("%s: log %q", code, w.door.lines())
		}
	}
}
