package vm

import "testing"

func TestVM_CloseThread(t *testing.T) {
	s := newScript(t, Config{})
	s.vm.SetSlice(1000)
	live := s.vm.Collect()
	for _, tt := range []struct{ name, src, status string }{
		{"not begun", "", "suspended"},
		{"yields", "coroutine.yield(1)", "suspended"},
		{"waits", "local t = {} wait() t.x = 1", "waiting"},
		{"is sliced", "while true do end", "running"},
		{"is sliced inside others", "", ""},
		{"has ended", "return 1", "dead"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src := tt.src
			if tt.status == "" {
				tt.status = "running"
				src = `local function deep(n) while n == 0 do end pcall(coroutine.wrap(deep), n - 1) print("never") end deep(3)`
			}
			co := s.thread(src)
			if tt.name != "not begun" {
				if _, err := s.vm.Resume(co); err != nil {
					t.Fatal(err)
				}
			}
			if got := co.Status(); got != tt.status {
				t.Errorf("status %q, want %q", got, tt.status)
			}
			if !s.vm.CloseThread(co) || co.Status() != "dead" {
				t.Errorf("not closed: %s", co.Status())
			}
			if _, err := s.vm.Resume(co); err != ErrNotResumable {
				t.Errorf("resume gives %v", err)
			}
			if len(s.vm.hosted) != 0 {
				t.Errorf("%d threads are roots", len(s.vm.hosted))
			}
			if got := s.vm.Collect(); got != live {
				t.Errorf("%d bytes are live, want %d", got, live)
			}
		})
	}
	if got := s.out.String(); got != "" {
		t.Errorf("closed threads printed %q", got)
	}
}

// A native in progress may end what does not run, and leaves what runs alone.
func TestVM_CloseThread_inNative(t *testing.T) {
	s := newScript(t, Config{})
	end := &Native{Name: "finish", Fn: func(c *Call) error {
		co, err := c.CheckCoroutine(0)
		if err != nil {
			return err
		}
		return c.Return1(Bool(c.VM().CloseThread(co)))
	}}
	if err := s.vm.Globals().SetStr(s.vm, Const("finish"), end.Value()); err != nil {
		t.Fatal(err)
	}
	got, _, err := s.run(`
		local me = coroutine.running()
		print(finish(me))
		coroutine.wrap(function() print(finish(me), finish(coroutine.running())) end)()
		local co = coroutine.create(function() wait() print("never") end)
		coroutine.resume(co)
		print(finish(co), coroutine.status(co), coroutine.resume(co))`)
	want := "false\nfalse\tfalse\ntrue\tdead\tfalse\tcannot resume dead coroutine\n"
	if err != nil || got != want {
		t.Errorf("got %q, %v\nwant %q", got, err, want)
	}
	other := newScript(t, Config{})
	if co := s.thread(`return 1`); other.vm.CloseThread(co) || co.Status() != "suspended" {
		t.Error("closed the thread of another machine")
	}
}

// A thread that has yielded belongs to the script alone, unless the host holds it.
func TestVM_HoldThread(t *testing.T) {
	s := newScript(t, Config{})
	live := s.vm.Collect()
	const src = `local t = {} for i = 1, 100 do t[i] = {} end wait() coroutine.yield() return #t`
	yielded := func() *Coroutine {
		co := s.thread(src)
		mustResume(t, s, co, StatusSuspended)
		return co
	}
	let := yielded()
	mustResume(t, s, let, StatusYielded)
	if got := s.vm.Collect(); got != live {
		t.Errorf("a thread that has yielded keeps %d bytes", got-live)
	}
	mustResume(t, s, let, StatusDone)

	held := yielded()
	s.vm.HoldThread(held)
	mustResume(t, s, held, StatusYielded)
	if s.vm.Collect() == live {
		t.Error("a held thread is not counted")
	}
	s.vm.ReleaseThread(held)
	if got := s.vm.Collect(); got != live {
		t.Errorf("a released thread keeps %d bytes", got-live)
	}

	waits := yielded()
	s.vm.ReleaseThread(waits)
	if s.vm.Collect() == live {
		t.Error("a thread that waits for the host is not counted")
	}
	mustResume(t, s, waits, StatusYielded)
	if fresh := s.thread(src); fresh.hosted {
		s.vm.ReleaseThread(fresh)
	}
	if got := s.vm.Collect(); got != live {
		t.Errorf("%d bytes are left", got-live)
	}
}

// _G of each table of globals is that table.
func TestVM_NewEnv(t *testing.T) {
	s := newScript(t, Config{})
	got, _, err := s.run(`_G.x = 1 y = 2 print(x, _G.y, _G == _G._G, _G == getfenv())`)
	if want := "1\t2\ttrue\ttrue\n"; err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
	env, err := s.vm.NewEnv()
	if err != nil {
		t.Fatal(err)
	}
	if env.GetStr(envName) != env.Value() {
		t.Error("a new table of globals is not its own _G")
	}
}
