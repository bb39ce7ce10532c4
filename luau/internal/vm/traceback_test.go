package vm

import "testing"

// place is what a coroutine tells of itself.
func place(co *Coroutine) (string, int, string) {
	chunk, line := co.CurrentLine()
	return chunk, line, co.Stack()
}

func wantPlace(t *testing.T, when string, co *Coroutine, chunk string, line int, stack string) {
	t.Helper()
	if c, l, s := place(co); c != chunk || l != line || s != stack {
		t.Errorf("%s: at %s:%d with stack %q, want %s:%d and %q", when, c, l, s, chunk, line, stack)
	}
}

func TestCoroutine_CurrentLine(t *testing.T) {
	s := newScript(t, Config{})
	co := s.thread(`local function f()
	local x = ask(1)
	return x
end
pcall(f)
coroutine.yield()`)
	wantPlace(t, "not begun", co, "test", 0, "test:0\n")
	mustResume(t, s, co, StatusSuspended)
	wantPlace(t, "waiting", co, "test", 2, "test:2 function f\ntest:5\n")
	mustResume(t, s, co, StatusYielded)
	wantPlace(t, "yielded", co, "test", 6, "test:6\n")
	if n := testing.AllocsPerRun(10, func() { co.CurrentLine() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	mustResume(t, s, co, StatusDone)
	wantPlace(t, "dead", co, "", 0, "")
}

func TestCoroutine_CurrentLine_slices(t *testing.T) {
	s := newScript(t, Config{})
	s.vm.SetSlice(100)
	co := s.thread(`local x = 1
local inner = coroutine.wrap(function()
	x += 1
	while true do
		x += 1
	end
end)
inner()`)
	for range 3 {
		mustResume(t, s, co, StatusSliced)
		chunk, line, stack := place(co)
		if chunk != "test" || line != 4 && line != 5 || stack != "test:4\ntest:8\n" && stack != "test:5\ntest:8\n" {
			t.Errorf("sliced at %s:%d with stack %q", chunk, line, stack)
		}
	}
}

func TestCoroutine_CurrentLine_natives(t *testing.T) {
	s := newScript(t, Config{})
	co, err := s.vm.NewThread(s.vm.base.globals.GetStr(Const("wait")))
	if err != nil {
		t.Fatal(err)
	}
	wantPlace(t, "a native that has not begun", co, "", 0, "")
	mustResume(t, s, co, StatusSuspended)
	wantPlace(t, "a native that waits", co, "", 0, "")
}
