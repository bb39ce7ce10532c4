package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// result is what one command did.
type result struct {
	code     int
	out, err string
}

// command runs the program in this process, without environment.
func command(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var out, errOut bytes.Buffer
	code := run(context.Background(), context.Background(), args, stdio{strings.NewReader(stdin), &out, &errOut}, func(string) string { return "" })
	return result{code, out.String(), errOut.String()}
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRun_Usage(t *testing.T) {
	dir := t.TempDir()
	for _, tc := range []struct {
		args []string
		code int
		want string // part of standard error
	}{
		{[]string{"frobnicate"}, exitUsage, `unknown command "frobnicate"`},
		{[]string{"serve", "--frobnicate"}, exitUsage, "unknown flag: --frobnicate"},
		{[]string{"serve", "now"}, exitUsage, "got 1 arguments"},
		{[]string{"serve", "--workers", "none"}, exitUsage, "workers"},
		{[]string{"dispatch", "E"}, exitUsage, "--tenant is required"},
		{[]string{"dispatch", "E", "--tenant", "channel:1"}, exitUsage, "--tenant"},
		{[]string{"dispatch", "E", "--tenant", "guild:1", "--data", "{"}, exitUsage, "not valid JSON"},
		{[]string{"dispatch", "E", "--tenant", "guild:1", "--data", "@/does/not/exist"}, exitFailed, "/does/not/exist"},
		{[]string{"dispatch", "E", "--tenant", "guild:1", "--data-dir", dir}, exitFailed, "try: template-worker serve"},
		{[]string{"workers", "kill", "--data-dir", dir}, exitUsage, "wants one worker id, or --all"},
		{[]string{"workers", "kill", "x"}, exitUsage, "want a number"},
		{[]string{"templates", "push", "/does/not/exist", "--tenant", "guild:1"}, exitFailed, "/does/not/exist"},
		{[]string{"templates", "fetch"}, exitUsage, `unknown command "fetch"`},
		{[]string{"token", "create", "--data-dir", dir}, exitFailed, "signing key"},
		{[]string{"config", "--set", "limits.heap_bytes=lots"}, exitUsage, "heap_bytes"},
		{[]string{"config", "--set", "nothing=1"}, exitUsage, "nothing"},
		{[]string{"config", "--set", "x"}, exitUsage, "want name=value"},
		{[]string{"check"}, exitUsage, "at least one PATH"},
		{[]string{"worker"}, exitUsage, ""},
	} {
		got := command(t, "", tc.args...)
		if got.code != tc.code || !strings.Contains(got.err, tc.want) {
			t.Errorf("%q: exit %d, %q, want %d with %q", tc.args, got.code, got.err, tc.code, tc.want)
		}
		if lines := strings.Count(got.err, "\n"); lines > 2 {
			t.Errorf("%q: %d lines on standard error, want an error and at most a hint:\n%s", tc.args, lines, got.err)
		}
	}
}

func TestRun_ErrorsAsJSON(t *testing.T) {
	got := command(t, "", "dispatch", "E", "--json")
	var body struct {
		Error string
		Code  int `json:"exit_code"`
	}
	if err := json.Unmarshal([]byte(got.err), &body); err != nil || body.Code != exitUsage || body.Error == "" {
		t.Errorf("got %q, %v, want an error object with exit code 2", got.err, err)
	}
}

func TestRun_Script(t *testing.T) {
	for _, tc := range []struct {
		name, source string
		args         []string
		code         int
		out, err     string
	}{
		{"value", `return { sum = 1 + 1 }`, nil, exitDone, `{"sum":2}`, ""},
		{"tagged", `return "x"`, []string{"--json"}, exitDone, `"Text": "x"`, ""},
		{"prints", `print("hello", 1) return nil`, nil, exitDone, "null", "hello\t1"},
		{"context", `local ctx = ... return ctx:event().data.n`, []string{"--data", `{"n": 7}`}, exitDone, "7", ""},
		{"KV", `local ctx = ... ctx.KV:set("k", 1, {"s"}) return ctx.KV:get("k", {"s"})`, nil, exitDone, "1", ""},
		{"error", "\nerror('no')", nil, exitScriptError, "", ":2: no"},
		{"syntax", "return = 1", nil, exitScriptError, "", ":1:8:"},
		{"CPU", "while true do end", []string{"--set", "limits.cpu_hard=50ms", "--set", "limits.cpu_soft=20ms"}, exitScriptError, "", "50ms"},
		{"memory", "local t = {} while true do t[#t + 1] = {} end", nil, exitScriptError, "", "20 MiB"},
		{"deadline", "task.wait(60)", []string{"--timeout", "50ms"}, exitScriptError, "", "deadline"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := command(t, "", append([]string{"run", writeFile(t, "script.luau", tc.source)}, tc.args...)...)
			if got.code != tc.code || !strings.Contains(got.out, tc.out) || !strings.Contains(got.err, tc.err) {
				t.Errorf("exit %d, out %q, err %q, want %d, %q, %q", got.code, got.out, got.err, tc.code, tc.out, tc.err)
			}
		})
	}
}

func TestRun_EventFromStandardInput(t *testing.T) {
	path := writeFile(t, "greet.luau", `return { Greet = function(ctx) return "hello " .. ctx:event().data.name end }`)
	got := command(t, `{"name": "ann"}`, "run", path, "--event", "Greet", "--data", "-")
	if got.code != exitDone || strings.TrimSpace(got.out) != `"hello ann"` {
		t.Errorf("exit %d, out %q, err %q", got.code, got.out, got.err)
	}
	got = command(t, "", "run", path, "--event", "Other")
	if got.code != exitDone || !strings.Contains(got.err, "no template") {
		t.Errorf("an event nobody handles: exit %d, out %q, err %q", got.code, got.out, got.err)
	}
}

func TestCheck(t *testing.T) {
	root := filepath.Join("..", "..", "examples")
	got := command(t, "", "check", filepath.Join(root, "raid-guard"), filepath.Join(root, "levels"), filepath.Join(root, "word-filter"))
	if got.code != exitDone || strings.Count(got.out, ": ok, handles") != 3 {
		t.Errorf("examples: exit %d, %s%s", got.code, got.out, got.err)
	}
	got = command(t, "", "check", writeFile(t, "bad.luau", "local x =\n\nreturn {"))
	if got.code != exitScriptError || !strings.Contains(got.err, "init.luau:3:") {
		t.Errorf("bad syntax: exit %d, %s, want 3 with the place", got.code, got.err)
	}
}

func TestMigrate(t *testing.T) {
	dir := t.TempDir()
	if got := command(t, "", "migrate", "status", "--data-dir", dir); got.code != exitDone || !regexp.MustCompile(`00001_initial.sql +no\n`).MatchString(got.out) {
		t.Errorf("status of no database: exit %d, %s%s", got.code, got.out, got.err)
	}
	if got := command(t, "", "migrate", "--data-dir", dir); got.code != exitDone || !strings.Contains(got.out, "applied") {
		t.Errorf("first time: exit %d, %s%s", got.code, got.out, got.err)
	}
	if got := command(t, "", "migrate", "--data-dir", dir); got.code != exitDone || !strings.Contains(got.out, "up to date") {
		t.Errorf("second time: exit %d, %s%s", got.code, got.out, got.err)
	}
	got := command(t, "", "migrate", "status", "--data-dir", dir)
	if got.code != exitDone || !regexp.MustCompile(`00001_initial.sql +\d{4}-\d\d-\d\dT`).MatchString(got.out) || strings.Contains(got.out, " no\n") {
		t.Errorf("status: exit %d, %s%s", got.code, got.out, got.err)
	}
	if got := command(t, "", "migrate", "status", "--json", "--data-dir", dir); !strings.Contains(got.out, `"applied": true`) {
		t.Errorf("status --json: exit %d, %s%s", got.code, got.out, got.err)
	}
	got = command(t, "", "migrate", "--data-dir", dir, "--set", "database_url=postgres://u:hush@127.0.0.1:1/none?connect_timeout=2")
	if got.code != exitFailed || !strings.Contains(got.err, "PostgreSQL") || strings.Contains(got.out+got.err, "hush") {
		t.Errorf("no server: exit %d, %s%s, want a failure without the password", got.code, got.out, got.err)
	}
}

func TestVersionAndConfig(t *testing.T) {
	if got := command(t, "", "version"); got.code != exitDone || !strings.HasPrefix(got.out, "template-worker ") {
		t.Errorf("version: %+v", got)
	}
	if got := command(t, "", "config", "--set", "workers=7"); got.code != exitDone || !strings.Contains(got.out, "workers: 7") {
		t.Errorf("config: %+v", got)
	}
	if got := command(t, "", "help"); got.code != exitDone || !strings.Contains(got.out, "serve") || strings.Contains(got.out, "\n  worker ") {
		t.Errorf("help: %+v", got)
	}
}
