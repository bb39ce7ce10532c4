package vm

import "testing"

// A thread that waits keeps little more than it needs, and goes on as if nothing had been.
func TestCoroutine_rest(t *testing.T) {
	s := newScript(t, Config{})
	co := s.thread(`
		local function deep(n, at, what)
			local a, b, c = n, n + 1, n + 2
			if n == at then what() end
			if n < 5000 then deep(n + 1, at, what) end
			assert(a == n and b == n + 1 and c == n + 2)
		end
		deep(1, 0)
		wait()
		deep(1, 3, wait)
		deep(1, 4000, wait)
		coroutine.yield()
		return "end"`)
	const few = 8 << 10
	mustResume(t, s, co, StatusSuspended)
	if got := co.size(); got > few {
		t.Errorf("waits with %d bytes", got)
	}
	mustResume(t, s, co, StatusSuspended)
	if got := co.size(); got > few {
		t.Errorf("waits in a function with %d bytes", got)
	}
	mustResume(t, s, co, StatusSuspended)
	if got := co.size(); got < 4000*sizeFrame {
		t.Errorf("waits 4000 calls deep with %d bytes", got)
	}
	mustResume(t, s, co, StatusYielded)
	if got := co.size(); got > few {
		t.Errorf("has yielded with %d bytes", got)
	}
	s.vm.HoldThread(co)
	if used, live := s.vm.MemoryUsed(), s.vm.Collect(); used < live {
		t.Errorf("used %d, live %d", used, live)
	}
	mustResume(t, s, co, StatusDone)
	if r := co.Results(); len(r) != 1 || r[0].AsString().Str() != "end" {
		t.Errorf("results %v", r)
	}
}
