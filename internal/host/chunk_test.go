package host_test

import (
	"strings"
	"testing"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/tenant"
)

func TestLuauLoad(t *testing.T) {
	const head = `local luau = m("luau") local load = luau.load `
	show := func(expression, want string) moduleCase { return moduleCase{head + "print(" + expression + ")", want} }
	runModuleCases(t, []moduleCase{
		show(`load("return ...") : call(1, nil, 3)`, "1\tnil\t3"),
		show(`select("#", load(""):call())`, "0"),
		show(`typeof(load("")), load("x").code, load("").chunk_name, load("").environment, load("").optimization_level`, "Chunk\tx\tnil\tnil\tnil"),
		{head + `local c = load("n = (n or 0) + 1 return n") print(c:call(), c:call(), n) c.code = "return n" print(c:call())`, "1\t2\tnil|nil"},
		{head + `local env = { y = 1 } local c = load("x = y return x, print") c.environment = env print(c:call()) print(env.x, c.environment == env)`, "1\tnil|1\ttrue"},
		{head + `local c = load("local a = 1 return a + 1") for level = 0, 2 do c.optimization_level = level print(c:call()) end`, "2|2|2"},
		{head + `local c = load("return pcall(function() task.wait(0.05) error('late', 0) end)") print(c:call())`, "false\tlate"},
		{head + `local c = load("error('x')") c.chunk_name = "mine" print(pcall(c.call, c))`, "false\tmine:1: x"},
		{head + `local c = load("x = = 1") c.chunk_name = "=/a/init.luau" print(pcall(c.call, c))`, "false\ta/init.luau:1:5: Expected identifier when parsing expression, got '='"},
		{head + `print(pcall(load, "\xff"))`, "false\t@antiraid/luau.load: code is not UTF-8"},
		{head + `print(pcall(load, {}))`, "false\t@antiraid/luau.load: code must be a string, not a table"},
		{head + `local c = load("") print(pcall(function() c.code = 1 end)) print(pcall(function() c.environment = 1 end)) print(pcall(function() c.chunk_name = "a\nb" end))
			print(pcall(function() c.optimization_level = 3 end)) print(pcall(function() c.x = 3 end)) c.environment = nil c.chunk_name = nil c.optimization_level = nil print(c:call() == nil)`,
			"false\texample:1: code must be a string, not a number|false\texample:1: environment must be a table, not a number|" +
				"false\texample:1: chunk_name must be one line of at most 200 bytes|false\texample:2: optimization_level must be 0, 1 or 2|" +
				"false\texample:2: a Chunk has no field \"x\"|true"},
		{head + `print(pcall(function() load("return require('./m')"):call() end))`, "false\tchunk:1: require \"./m\": only a file of the template can require another"},
		show(`load("return require('@antiraid/luau')"):call() == luau`, "true"),
		show(`pcall(load, string.rep(" ", 3e6))`, "false\t@antiraid/luau.load: code has 3000000 bytes: the limit is 262144 (template_bytes)"),
		{head + `local c = load(string.rep(" ", 250000)) print(pcall(c.call, c))`, "false\tnot enough memory"},
	})
}

func TestLuauFormat(t *testing.T) {
	const head = `local format = m("luau").format `
	show := func(args, want string) moduleCase { return moduleCase{head + "print(format(" + args + "))", want} }
	runModuleCases(t, []moduleCase{
		show(``, ""), show(`1, nil, true, "a\n\"", 1.5`, `1	nil	true	"a\n\""	1.5`),
		show(`{}, { 1, { 2 } }, { [3] = 3, [-1] = 0, b = 1, a = 2, ["x y"] = 3 }`, `{}	{1, {2}}	{[-1] = 0, [3] = 3, a = 2, b = 1, ["x y"] = 3}`),
		show(`(function() local t = { 1 } t.t = t return t end)()`, `{1, t = {<itself>}}`),
		show(`setmetatable({ 1 }, { __tostring = function() return "no" end, __iter = error, __index = error })`, `{1}`),
		show(`m("datetime").timedelta_seconds(5), m("typesext").U64(3), m("interop").null`, `TimeDelta(PT5S)	U64(3)	null(null)`),
		show(`(function() local t = {} for i = 1, 20 do t = { t } end return t end)()`, strings.Repeat("{", 10)+"{...}"+strings.Repeat("}", 10)),
		show(`#format(string.rep("\1", 100000))`, "400002"),
		{head + `print(#format(string.rep("é", 100001)))`, "200004"},
	})
}

func TestVfs(t *testing.T) {
	const head = `local typesext = m("typesext") local over = typesext.Vfs.newoverlay
		local function run(files, ...) local g = typesext.createglobalproxy() return over({ files }):createrequirefunction("app", g)("./init") end `
	runModuleCases(t, []moduleCase{
		{head + `print(run({ ["init.luau"] = "return require('./a') .. require('@self/a')", ["a/init.luau"] = "return 'a' .. require('@self/b') .. require('./c')", ["a/b.luau"] = "return 'b'", ["c.luau"] = "return 'c'" }))`,
			"abcabc"},
		{head + `print(run({ ["init.luau"] = "return require('@lib/x')", [".luaurc"] = '{"aliases":{"lib":"./l"}}', ["l/x.luau"] = "return 7" }))`, "7"},
		{head + `print(run({ ["init.luau"] = "y = 1 return require('@antiraid/typesext')" }) == typesext, y)`, "true\tnil"},
		{head + `print(pcall(run, { ["init.luau"] = "require('./a')", ["a.luau"] = "require('./b')", ["b.luau"] = "require('./a')" }))`, "false\tapp/b.luau:1: require: cyclic: a.luau -> b.luau -> a.luau"},
		{head + `print(pcall(run, { ["init.luau"] = "x = = 1" }))`, "false\texample:2: app/init.luau:1:5: Expected identifier when parsing expression, got '='"},
		{head + `print(pcall(run, { ["init.luau"] = "require('../x')" }))`, "false\tapp/init.luau:1: require \"../x\": the path leaves the template"},
		{head + `local g = { setmetatable = setmetatable } local require = over({ { ["a.luau"] = "v = (v or 0) + 1 return v, print" } }):createrequirefunction("x", g) print(require("./a"), require("./a"), g.v, g.require == require)`,
			"1\t1\t1\ttrue"},
		{head + `local one = typesext.newlazystringmap({ a = "return 1", b = "return 1" }) local two = over({ { a = "return 2" }, over({ one }) })
			print(pcall(over, { { a = 1 } })) print(pcall(over, { 1 })) print(typeof(two))`,
			"false\t@antiraid/typesext.Vfs.newoverlay: layers[1] must be a Vfs, a Lazy or a table of strings|false\t@antiraid/typesext.Vfs.newoverlay: layers[1] must be a Vfs, a Lazy or a table of strings|Vfs"},
		{head + `print(pcall(function() over({}):createrequirefunction("a\nb", {}) end))`, "false\texample:2: Vfs:createrequirefunction: id must be one line of at most 200 bytes"},
		{head + `print(run({ ["init.luau"] = "task.wait(0.05) return require('./a')", ["a.luau"] = "task.wait(0.05) return 'waited'" }))`, "waited"},
	})
}

// Code that a script makes counts as memory as long as a function of it lives, and no longer.
func TestLuauLoad_memory(t *testing.T) {
	l := limits.Default()
	l.HeapBytes, l.CPUHard, l.CPUWindowBudget = 2<<20, l.CPUWindowBudget, 10*l.CPUWindowBudget
	s := newStageWith(t, l)
	const body = `local luau = require("@antiraid/luau") local keep = {}
		local source = string.rep("a = 1 ", 300)
		for i = 1, 600 do local f = luau.load("return function() " .. source .. " end -- " .. i):call() `
	if got := s.script(body + ` end print("done")`); got != "done" {
		t.Errorf("dropped: %s", got)
	}
	out := s.run(tenant.Job{Kind: tenant.JobRunScript, Name: "x", Code: body + `keep[i] = f end`})
	if out.Err == nil || out.Err.Kind != khronos.ErrKindMemoryLimit {
		t.Errorf("kept: got %v", out.Err)
	}
	out = s.run(tenant.Job{Kind: tenant.JobRunScript, Name: "x", Code: `local typesext = require("@antiraid/typesext") local keep = {}
		local vfs = typesext.Vfs.newoverlay({ { ["m.luau"] = "return function() " .. string.rep("a = 1 ", 300) .. " end" } })
		for i = 1, 600 do keep[i] = vfs:createrequirefunction("x", {})("./m") end`})
	if out.Err == nil || out.Err.Kind != khronos.ErrKindMemoryLimit {
		t.Errorf("required: got %v", out.Err)
	}
}

// Compiling costs CPU time, and what is loaded is held by the limits of who calls it.
func TestLuauLoad_cpu(t *testing.T) {
	for _, code := range []string{
		`while true do pcall(function() require("@antiraid/luau").load("while true do end"):call() end) end`,
		`local source = string.rep("a = 1 ", 1000) while true do pcall(function() require("@antiraid/luau").load(source):call() end) end`,
	} {
		out := newStage(t).run(tenant.Job{Kind: tenant.JobRunScript, Name: "x", Code: code})
		if out.Err == nil || out.Err.Kind != khronos.ErrKindCPULimit {
			t.Errorf("%s: got %v", code, out.Err)
		}
	}
}
