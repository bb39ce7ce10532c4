package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// folder writes a template's files and returns its folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "subject")
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// commandOf is command with its result in parts.
func commandOf(t *testing.T, args ...string) (out, errOut string, code int) {
	t.Helper()
	r := command(t, "", args...)
	return r.out, r.err, r.code
}

const subjectSource = `
local n = 0
return {
	Echo = function(ctx) print("echo") return ctx:event().data end,
	Author = function(ctx) return ctx:event().author end,
	Count = function(ctx) n += 1 ctx.KV:set("n", n, { "s" }) return n end,
	Read = function(ctx) local v, ok = ctx.KV:get("n", { "s" }) return { v = v, ok = ok } end,
	Stats = function(ctx) return ctx.Runtime:links().docs_url end,
	Spin = function() while true do end end,
	OnStartup = function() error("a test dispatches this itself") end,
	Never = function()
		return "not reached"
	end,
}`

func TestTest(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		fails      string // part of the failure; empty: it passes
	}{
		{"values come back", `t.equal(t.dispatch("Echo", { a = { 1, "x", true }, b = { c = 1.5 } }), { a = { 1, "x", true }, b = { c = 1.5 } })`, ""},
		{"binary values come back", `t.equal(buffer.tostring(t.dispatch("Echo", buffer.fromstring("\0\255"))), "\0\255")`, ""},
		{"author", `t.equal(t.dispatch("Author", nil, { author = "42" }), "42")`, ""},
		{"state lasts for a test", `t.dispatch("Count") t.equal(t.dispatch("Count"), 2) t.equal(t.host("kv.get", "n", { "s" }), 2)`, ""},
		{"and no longer", `t.equal(t.dispatch("Count"), 1) t.equal(t.dispatch("Read"), { v = 1, ok = true })`, ""},
		{"mock with a function", `t.mock("kv.get", function(key, scopes) return key .. scopes[1], true end) t.equal(t.dispatch("Read"), { v = "ns", ok = true })`, ""},
		{"mock with a value", `t.mock("runtime.links", { docs_url = "here" }) t.equal(t.dispatch("Stats"), "here")`, ""},
		{"mock that fails", `t.mock("kv.set", function() error("full", 0) end) t.raises("full", t.dispatch, "Count")`, ""},
		{"mock taken back", `t.mock("kv.get", 1) t.mock("kv.get", nil) t.equal(t.dispatch("Read").ok, false)`, ""},
		{"mock that dispatches", `t.mock("kv.get", function() return t.dispatch("Count") end) t.raises("has not ended", t.dispatch, "Read")`, ""},
		{"calls", `t.dispatch("Count") t.equal(t.calls("kv.set")[1][1], "n") t.equal(#t.calls("kv.get"), 0)`, ""},
		{"log", `t.dispatch("Echo") t.equal(t.log(), { "echo" })`, ""},
		{"fixture", `t.equal(t.fixture("one"), { one = 1 })`, ""},
		{"modules", `t.equal(require("./lib/half")(4), 2)`, ""},

		{"not equal", `t.equal({ a = { b = 1 } }, { a = { b = 2 } }, "it")`, "x.test.luau:1: it: a: b: got 1, want 2"},
		{"more than wanted", `t.equal({ a = 1 }, {})`, "a: got 1, want nil"},
		{"no error", `t.raises("x", function() end)`, "no error"},
		{"not true", `t.truthy(nil, "it")`, "it: got nil"},
		{"not in it", `t.contains("abc", "d")`, `got "abc"`},
		{"no handler", `t.dispatch("Nothing")`, "no template handles"},
		{"a template's error", `t.dispatch("OnStartup")`, "init.luau:10: a test dispatches this itself"},
		{"unknown operation", `t.mock("kv.gett", 1)`, `there is no operation "kv.gett"`},
		{"unknown fixture", `t.fixture("../template")`, `fixture "../template"`},
		{"the CPU of a template", `t.dispatch("Spin")`, "CPU"},
		{"the CPU of a test", `while true do end`, "CPU"},
		{"the time of a test", `task.wait(60)`, "deadline"},
		{"the time of a mock", `t.mock("kv.get", function() task.wait(60) end) t.dispatch("Read")`, "deadline"},
		{"a mock's value that cannot be one", `t.mock("kv.get", function() return print end) t.dispatch("Read")`, "function"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := folder(t, map[string]string{
				"init.luau": subjectSource, "template.toml": `capabilities = ["kv:*", "runtime:*"]`, "lib/half.luau": "return function(n) return n / 2 end",
				"fixtures/one.json": `{"one": 1}`, "x.test.luau": `return { it = function(t) ` + tc.body + ` end }`,
			})
			out, errOut, code := commandOf(t, "test", dir, "--json", "--timeout", "2s", "--set", "limits.cpu_soft=20ms", "--set", "limits.cpu_hard=50ms")
			var report testReport
			if err := json.Unmarshal([]byte(out), &report); err != nil || len(report.Tests) != 1 {
				t.Fatalf("exit %d, %v: %s%s", code, err, out, errOut)
			}
			got := report.Tests[0].Failure
			if tc.fails == "" && (got != "" || code != exitDone) || tc.fails != "" && (code != exitScriptError || !strings.Contains(got, tc.fails)) {
				t.Errorf("exit %d, failure %q, want %q", code, got, tc.fails)
			}
		})
	}
}

func TestTest_Report(t *testing.T) {
	files := map[string]string{
		"init.luau": subjectSource, "x.test.luau": `return { good = function(t) t.dispatch("Echo") end, bad = function(t) t.dispatch("Echo") t.fail("so") end }`,
	}
	out, errOut, code := commandOf(t, "test", folder(t, files), "--cover")
	for _, want := range []string{"FAIL x.test.luau: bad", "x.test.luau:1: so", "| echo", "ok   x.test.luau: good", "lines reached, not"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q lacks %q", out, want)
		}
	}
	if code != exitScriptError || !strings.Contains(errOut, "1 of 2 tests failed") {
		t.Errorf("exit %d, %q", code, errOut)
	}
	if out, _, code := commandOf(t, "test", folder(t, files), "--only", "good"); code != exitDone || !strings.Contains(out, "1 tests passed") {
		t.Errorf("--only: exit %d, %s", code, out)
	}
	if _, errOut, code := commandOf(t, "test", folder(t, files), "--only", "none"); code != exitFailed || !strings.Contains(errOut, "no test has run") {
		t.Errorf("--only of nothing: exit %d, %s", code, errOut)
	}
	files["x.test.luau"] = "return { 1 }"
	if out, _, code := commandOf(t, "test", folder(t, files)); code != exitScriptError || !strings.Contains(out, "must return a table from name to function") {
		t.Errorf("no functions: exit %d, %s", code, out)
	}
	delete(files, "x.test.luau")
	if _, errOut, code := commandOf(t, "test", folder(t, files)); code != exitFailed || !strings.Contains(errOut, "no *.test.luau files") {
		t.Errorf("no tests: exit %d, %s", code, errOut)
	}
}

// A saved file is in force within 300 ms, a broken one leaves the version before.
func TestDev(t *testing.T) {
	dir := folder(t, map[string]string{"init.luau": "return { E = function(ctx) return 1 end }", "fixtures/f.json": "5"})
	in, lines := io.Pipe()
	out, printed := io.Pipe()
	done := make(chan int, 1)
	go func() {
		done <- run(context.Background(), context.Background(), []string{"dev", dir, "--json"}, stdio{in: in, out: printed, err: io.Discard}, func(string) string { return "" })
		printed.Close()
	}()
	scanner := bufio.NewScanner(out)
	next := func(want string) {
		t.Helper()
		if !scanner.Scan() || !strings.Contains(scanner.Text(), want) {
			t.Fatalf("printed %q, want %q", scanner.Text(), want)
		}
	}
	send := func(line string) {
		t.Helper()
		if _, err := io.WriteString(lines, line+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	save := func(source string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "init.luau"), []byte(source), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	next(`"version":1`)
	send("E")
	next(`"value":1`)
	for _, n := range []string{"10", "11", "12"} {
		began := time.Now()
		save("return { E = function(ctx) return " + n + " end, F = function(ctx) return ctx:event().data end }")
		next(`"subscriptions":["E","F"]`)
		took := time.Since(began)
		t.Logf("swapped %s after it was saved", took)
		if limit := 300 * time.Millisecond; took > limit {
			t.Errorf("swapped %s after it was saved, want less than %s", took, limit)
		}
		send("E")
		next(`"value":` + n)
	}
	save("return {")
	next(`init.luau:1`)
	send("")
	next(`"value":12`)
	send("F f")
	next(`"value":5`)
	send(`F {"a":1}`)
	next(`"value":{"a":1}`)
	send("F nothing")
	next("neither JSON nor one of the fixtures f")
	lines.Close()
	if code := <-done; code != exitDone {
		t.Errorf("exit %d", code)
	}
}
