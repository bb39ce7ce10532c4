package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// files writes scripts to a folder of the test and gives it.
func files(t *testing.T, scripts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, src := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestRun(t *testing.T) {
	dir := files(t, map[string]string{
		"args.luau":    "#!/usr/bin/env luau\nprint(..., select('#', ...))",
		"fails.luau":   "local function f() error('no') end\nf()",
		"syntax.luau":  "local x = \nlocal",
		"use.luau":     "local m = require('./module')\nprint(m.x, require('./module') == m, loadstring('return 7')())",
		"module.luau":  "return {x = 5}",
		"yields.luau":  "coroutine.yield()",
		"missing.luau": "require('./nothing')",
		"spins.luau":   "while true do end",
		"grows.luau":   "local t = {} while true do t[#t + 1] = {} end",
		"hot.luau":     "local function hot()\n\tfor i = 1, 20000 do\n\t\tlocal x = i * i\n\tend\nend\nhot()\nprint('done')",
	})
	for _, tt := range []struct {
		name     string
		args     []string
		code     int
		out, err string // parts of what is written
	}{
		{"arguments", []string{"args.luau", "a", "b"}, 0, "a\t2\n", ""},
		{"an error", []string{"fails.luau"}, 1, "", "fails.luau:1: no\nstacktrace:\n"},
		{"bad source", []string{"syntax.luau"}, 1, "", "syntax.luau:2: "},
		{"modules", []string{"use.luau"}, 0, "5\ttrue\t7\n", ""},
		{"a yield", []string{"yields.luau"}, 1, "", "yielded"},
		{"a missing module", []string{"missing.luau"}, 1, "", "module './nothing' not found"},
		{"a missing file", []string{"nothing.luau"}, 1, "", "no such file"},
		{"check", []string{"--check", "args.luau", "syntax.luau"}, 1, "", "syntax.luau:2:1: "},
		{"check of good files", []string{"--check", "args.luau"}, 0, "", ""},
		{"check of nothing", []string{"--check"}, 2, "", "usage"},
		{"code", []string{"--dis", "module.luau"}, 0, "chunk", ""},
		{"no input", nil, 0, "", ""},
		{"an unknown option", []string{"--what"}, 2, "", "not defined: -what"},
		{"a limit of fuel", []string{"--fuel", "1000", "spins.luau"}, 1, "", "cpu limit"},
		{"a limit of memory", []string{"--memory=20000", "grows.luau"}, 1, "", "memory limit"},
		{"a profile", []string{"--profile", "--slice=1000", "hot.luau"}, 0, "hot.luau:3 function hot\n", ""},
		{"a profile of what fails", []string{"--profile", "--fuel=5000", "spins.luau"}, 1, "spins.luau:1\n", "cpu limit"},
		{"a profile of nothing", []string{"--profile"}, 2, "", "usage"},
		{"help", []string{"--help"}, 0, "usage", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := make([]string, len(tt.args))
			for i, a := range tt.args {
				args[i] = a
				if strings.HasSuffix(a, ".luau") {
					args[i] = filepath.Join(dir, a)
				}
			}
			var out, err bytes.Buffer
			if code := run(args, strings.NewReader(""), &out, &err); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			if !strings.Contains(out.String(), tt.out) || !strings.Contains(err.String(), tt.err) || tt.err == "" && err.Len() > 0 {
				t.Errorf("got output %q and errors %q, want %q and %q", out.String(), err.String(), tt.out, tt.err)
			}
		})
	}
}
