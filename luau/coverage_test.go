package luau_test

import (
	"fmt"
	"testing"

	"github.com/template-worker/template-worker/luau"
)

// covered compiles src with counters, runs it on as many machines as told, and gives the visits.
func covered(t *testing.T, src string, machines int) []luau.Coverage {
	t.Helper()
	code, err := luau.Options{Cover: true}.Compile("=covered", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	program := luau.Load(luau.Standard(), code)
	for range machines {
		vm := luau.NewVM(luau.Standard(), luau.Config{})
		fn, err := vm.NewFunction(program, nil)
		if err != nil {
			t.Fatal(err)
		}
		co, err := vm.NewThread(fn)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := vm.Resume(co); err != nil {
			t.Fatal(err)
		}
		vm.Close()
	}
	return program.Coverage()
}

// Each line with a statement, an elseif or an until is counted, those that are never reached with 0.
func TestProgram_Coverage(t *testing.T) {
	got := covered(t, `local function size(n)
	if n < 0 then
		return "negative"
	elseif n < 10 then
		return "small"
	end
	return "large"
end
local n = 0
while true do
	if n > 2 then
		break
	end
	repeat
		n += 1
		if n == 2 then
			continue
		end
	until true
	do size(n * 5) end
end
local list = {
	size(1),
	function() return 1 end,
}
`, 1)
	want := []luau.Coverage{
		{Lines: []luau.LineVisits{
			{Line: 1, Visits: 1},
			{Line: 9, Visits: 1},
			{Line: 10, Visits: 1},
			{Line: 11, Visits: 4},
			{Line: 12, Visits: 1},
			{Line: 14, Visits: 3},
			{Line: 15, Visits: 3},
			{Line: 16, Visits: 3},
			{Line: 17, Visits: 1},
			{Line: 19, Visits: 3},
			{Line: 20, Visits: 3},
			{Line: 22, Visits: 1},
		}},
		{Function: "size", Line: 1, Depth: 1, Lines: []luau.LineVisits{
			{Line: 2, Visits: 4},
			{Line: 3, Visits: 0},
			{Line: 4, Visits: 4},
			{Line: 5, Visits: 2},
			{Line: 7, Visits: 2},
		}},
		{Line: 24, Depth: 1, Lines: []luau.LineVisits{{Line: 24, Visits: 0}}},
	}
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("got  %s\nwant %s", g, w)
	}
}

// The machines that share a program share its counters.
func TestProgram_Coverage_shared(t *testing.T) {
	got := covered(t, "for i = 1, 10 do\nlocal x = i\nend", 3)
	if len(got) != 1 || fmt.Sprint(got[0].Lines) != "[{1 3} {2 30}]" {
		t.Errorf("got %v", got)
	}
}

// Code compiled without counters has none.
func TestProgram_Coverage_off(t *testing.T) {
	code, err := luau.Compile("=plain", []byte("return 1"))
	if err != nil {
		t.Fatal(err)
	}
	if got := luau.Load(luau.Standard(), code).Coverage(); got != nil {
		t.Errorf("got %v", got)
	}
}
