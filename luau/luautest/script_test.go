package luautest

import (
	"strings"
	"testing"

	"github.com/template-worker/template-worker/luau"
)

// TestScripts runs the script tests of the engine.
func TestScripts(t *testing.T) {
	RunScripts(t, luau.Standard(), "../testdata/*.luau")
}

// TestCheckScript_Notices makes sure that a script test can fail.
func TestCheckScript_Notices(t *testing.T) {
	for _, tt := range []struct{ name, src, want string }{
		{"other output", "print(1) --> =2", `t.luau:1: got "1", want "2"`},
		{"no match", "print(1) --> ~^2", `got "1"`},
		{"missing output", "local x = 1 --> =2", "no output"},
		{"more output", "print(1)", "unexpected output"},
		{"no error", "local x = 1 --! bad", "no error"},
		{"other error", "error('good') --! bad", "want \"bad\""},
		{"an error on another line", "\nerror('bad')\n--! bad", "the error is on line 2"},
		{"an unexpected error", "print(1) --> =1\n---\n\nerror('x')", "t.luau:4: unexpected error"},
		{"a syntax error", "local = 1", "unexpected error"},
		{"a limit", "-- limits: fuel=1000\nwhile true do end", "cpu limit"},
		{"a bad expectation", "print(1) --> 1", "begins with"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(CheckScript(luau.Standard(), "t.luau", tt.src), "\n")
			if !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q in it", got, tt.want)
			}
		})
	}
}
