package vm

import (
	"errors"
	"testing"
)

func TestVM_suspend(t *testing.T) {
	s := newScript(t, Config{})
	co := s.thread(`print(ask(1)) print(pcall(wait)) return "end"`)
	for i, send := range [][]Value{nil, {Number(5), True}, {Number(6)}} {
		st, err := s.vm.Resume(co, send...)
		if err != nil {
			t.Fatal(err)
		}
		if want := StatusSuspended; i < 2 && st != want {
			t.Fatalf("resume %d: status %d", i, st)
		} else if i == 2 && st != StatusDone {
			t.Fatalf("status %d at the end", st)
		}
	}
	if got, want := s.out.String(), "asked\t5\ttrue\ntrue\t6\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if r := co.Results(); len(r) != 1 || r[0].AsString().Str() != "end" {
		t.Errorf("results %v", r)
	}
}

func TestVM_ResumeError(t *testing.T) {
	s := newScript(t, Config{})
	co := s.thread(`print(pcall(wait)) print(pcall(coroutine.yield, 1)) wait()`)
	mustResume(t, s, co, StatusSuspended)
	if st, err := s.vm.ResumeError(co, Const("no").Value()); err != nil || st != StatusYielded {
		t.Fatal(st, err)
	}
	if st, err := s.vm.ResumeError(co, Number(7)); err != nil || st != StatusSuspended {
		t.Fatal(st, err)
	}
	_, err := s.vm.ResumeError(co, Const("last").Value())
	var se *ScriptError
	if !errors.As(err, &se) || se.Msg != "last" || se.Traceback != "test:1\n" {
		t.Errorf("got %v", err)
	}
	if got, want := s.out.String(), "false\tno\nfalse\t7\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func mustResume(t *testing.T, s *script, co *Coroutine, want Status, vs ...Value) {
	t.Helper()
	if st, err := s.vm.Resume(co, vs...); err != nil || st != want {
		t.Fatalf("status %d, %v; want %d", st, err, want)
	}
}

// A coroutine that waits for the host gives control back to the script that resumed it.
func TestVM_suspendInner(t *testing.T) {
	s := newScript(t, Config{})
	co := s.thread(`
		inner = coroutine.create(function() print("got", wait()) return 1 end)
		print(coroutine.resume(inner))
		print(coroutine.status(inner))
		print(coroutine.resume(inner))`)
	mustResume(t, s, co, StatusDone)
	inner := s.vm.Globals().GetStr(Const("inner")).AsCoroutine()
	mustResume(t, s, inner, StatusDone, Number(9))
	want := "true\nsuspended\nfalse\tcannot resume coroutine that waits for the host\ngot\t9\n"
	if got := s.out.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(s.vm.hosted) != 0 {
		t.Errorf("%d threads are still roots", len(s.vm.hosted))
	}
}

func TestVM_suspendRefused(t *testing.T) {
	s := newScript(t, Config{})
	got, _, err := s.run(`
		local t = setmetatable({}, {__index = function() return wait() end})
		print(pcall(function() return t.x end))
		print(pcall(nested, wait))`)
	const no = "false\tattempt to yield across metamethod/C-call boundary\n"
	if err != nil || got != no+no {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestVM_Resume_refused(t *testing.T) {
	s := newScript(t, Config{})
	co := s.thread(`return 1`)
	mustResume(t, s, co, StatusDone)
	if _, err := s.vm.Resume(co); err != ErrNotResumable {
		t.Errorf("dead thread: %v", err)
	}
	s.vm.Close()
	if _, err := s.vm.Resume(co); err != ErrClosed {
		t.Errorf("closed machine: %v", err)
	}
}

func TestVM_yieldedThread(t *testing.T) {
	s := newScript(t, Config{})
	co := s.thread(`local a = coroutine.yield(1, 2) return a`)
	mustResume(t, s, co, StatusYielded)
	if r := co.Results(); len(r) != 2 || r[1] != Number(2) {
		t.Errorf("yielded %v", r)
	}
	mustResume(t, s, co, StatusDone, Number(3))
	if r := co.Results(); len(r) != 1 || r[0] != Number(3) {
		t.Errorf("returned %v", r)
	}
}

// The accounted bytes of coroutines and their stacks go up and down with them.
func TestCoroutine_accounting(t *testing.T) {
	s := newScript(t, Config{})
	if _, _, err := s.run(`local function f(n) if n > 0 then return f(n - 1) + 1 end return 0 end f(5000)
		for i = 1, 100 do coroutine.wrap(f)(200) end local c = coroutine.create(f) pcall(coroutine.close, c)`); err != nil {
		t.Fatal(err)
	}
	before := s.vm.MemoryUsed()
	after := s.vm.Collect()
	if after > before || after > 64<<10 {
		t.Errorf("used %d, live %d", before, after)
	}
}

// A native that is not declared yieldable may not be yielded across, whatever way it calls.
func TestNative_Yieldable(t *testing.T) {
	s := newScript(t, Config{})
	got, _, err := s.run(`
		local co = coroutine.wrap(function() return getfenv()["then"](coroutine.yield, 1) end)
		print(co()) print(co(2))
		local no = coroutine.wrap(function() return pcall(strict, coroutine.yield, 1) end)
		print(no())
		print(strict(coroutine.isyieldable), coroutine.isyieldable())`)
	want := "1\nthen\t2\nfalse\tattempt to yield across metamethod/C-call boundary\nfalse\ttrue\n"
	if err != nil || got != want {
		t.Errorf("got %q, %v\nwant %q", got, err, want)
	}
}
