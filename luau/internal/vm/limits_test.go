package vm

import (
	"errors"
	"strings"
	"testing"
)

const busy = `
local function f(n) return n end
local s = 0
for i = 1, 2000 do
	s += f(i)
	local ok, e = pcall(function() local t = setmetatable({}, {__index = function(_, k) return k end}) return t[i] end)
	s += e
	for _, v in {1, 2, 3} do s += v end
	if i % 100 == 0 then
		local co = coroutine.wrap(function() for j = 1, 10 do coroutine.yield(j) end end)
		for j = 1, 10 do s += co() end
	end
	while s % 2 == 1 do s += 1 end
end
print(s)`

func TestVM_SetSlice(t *testing.T) {
	whole := newScript(t, Config{})
	want, _, err := whole.run(busy)
	if err != nil {
		t.Fatal(err)
	}
	for _, slice := range []int64{1, 7, 100, 5000} {
		s := newScript(t, Config{})
		s.vm.SetSlice(slice)
		co := s.thread(busy)
		turns := 0
		for {
			st, err := s.vm.Resume(co)
			if err != nil {
				t.Fatal(err)
			}
			if st == StatusDone {
				break
			}
			if st != StatusSliced {
				t.Fatalf("status %d", st)
			}
			turns++
		}
		if got := s.out.String(); got != want {
			t.Errorf("slice %d: got %q, want %q", slice, got, want)
		}
		if s.vm.FuelUsed() != whole.vm.FuelUsed() {
			t.Errorf("slice %d: fuel %d, in one piece %d", slice, s.vm.FuelUsed(), whole.vm.FuelUsed())
		}
		if turns == 0 {
			t.Errorf("slice %d: never sliced", slice)
		}
	}
}

func TestVM_SetSlice_interleaved(t *testing.T) {
	s := newScript(t, Config{})
	s.vm.SetSlice(50)
	a := s.thread(`local n = 0 for i = 1, 1000 do n += 1 end print("a", n)`)
	b := s.thread(`local co = coroutine.wrap(function() local n = 0 for i = 1, 1000 do n += 1 end return n end) print("b", co())`)
	for done := 0; done < 2; {
		for _, co := range []*Coroutine{a, b} {
			if co.status == coDead {
				continue
			}
			st, err := s.vm.Resume(co)
			if err != nil {
				t.Fatal(err)
			}
			if st == StatusDone {
				done++
			}
		}
	}
	if got := s.out.String(); !strings.Contains(got, "a\t1000\n") || !strings.Contains(got, "b\t1000\n") {
		t.Errorf("got %q", got)
	}
}

// catchers are ways a script may try to survive a limit.
var catchers = []string{
	`%s`,
	`pcall(function() %s end) print("survived")`,
	`xpcall(function() %s end, function() print("handled") end) print("survived")`,
	`local co = coroutine.create(function() %s end) print(coroutine.resume(co)) print("survived")`,
	`local t = setmetatable({}, {__index = function() %s end}) pcall(function() return t.x end) print("survived")`,
	`pcall(nested, function() %s end) print("survived")`,
	`nested(pcall, function() %s end) print("survived")`,
	`while true do pcall(function() %s end) end`,
	`guard(function() %s end) print("survived")`,
	`swallow(function() %s end) while true do end`,
}

func TestLimits_uncatchable(t *testing.T) {
	for _, c := range catchers {
		for _, tt := range []struct {
			body string
			kind LimitKind
		}{
			{`while true do end`, LimitFuel},
			{`local t = {} for i = 1, 1e9 do t[i] = {} end`, LimitMemory},
			{`local s = "x" while true do s = s .. s .. "y" end`, LimitMemory},
			{`local function f() return f() + 1 end while true do pcall(f) end`, LimitFuel},
		} {
			src := strings.ReplaceAll(c, "%s", tt.body)
			s := newScript(t, Config{Account: NewAccount(4 << 20)})
			s.vm.SetFuel(3_000_000)
			s.vm.SetSlice(100_000)
			out, _, err := s.run(src)
			var le *LimitError
			if !errors.As(err, &le) || le.Kind != tt.kind && c != catchers[7] {
				t.Errorf("%s\n  ended with %v", src, err)
				continue
			}
			if out != "" {
				t.Errorf("%s\n  printed %q after the limit", src, out)
			}
			if le.Traceback == "" {
				t.Errorf("%s\n  no traceback", src)
			}
		}
	}
}

func TestVM_Kill(t *testing.T) {
	s := newScript(t, Config{})
	co := s.thread(`while true do pcall(function() while true do end end) end`)
	go s.vm.Kill(LimitDeadline, "too late")
	_, err := s.vm.Resume(co)
	var le *LimitError
	if !errors.As(err, &le) || le.Kind != LimitDeadline || le.Cause != "too late" {
		t.Fatalf("got %v", err)
	}
	if _, err := s.vm.Resume(co); err != ErrNotResumable {
		t.Errorf("resume of the killed thread: %v", err)
	}
	if out, _, err := s.run(`print("next")`); err != nil || out != "next\n" {
		t.Errorf("after the kill: %q, %v", out, err)
	}
}

func TestVM_fuelRefilled(t *testing.T) {
	s := newScript(t, Config{})
	s.vm.SetFuel(1000)
	if _, _, err := s.run(`while true do end`); err == nil {
		t.Fatal("no limit")
	}
	s.vm.SetFuel(100_000)
	if out, _, err := s.run(`print("again")`); err != nil || out != "again\n" {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestVM_memoryIsFinal(t *testing.T) {
	s := newScript(t, Config{Account: NewAccount(1 << 20)})
	if _, _, err := s.run(`local t = {} while true do t[#t+1] = {} end`); err == nil {
		t.Fatal("no limit")
	}
	if _, err := s.vm.NewThread(Nil); err != ErrDead {
		t.Errorf("got %v", err)
	}
}

func TestVM_deepStacks(t *testing.T) {
	s := newScript(t, Config{Account: NewAccount(2 << 20)})
	_, _, err := s.run(`local function f(a, b, c, d, e) return f(a, b, c, d, e) end print(pcall(f))`)
	var le *LimitError
	if !errors.As(err, &le) || le.Kind != LimitMemory {
		t.Errorf("deep recursion in 2 MiB: %v", err)
	}
}

func TestVM_panicIsContained(t *testing.T) {
	s := newScript(t, Config{})
	_, _, err := s.run(`pcall(crash)`)
	if err == nil || !strings.Contains(err.Error(), "on purpose") {
		t.Fatalf("got %v", err)
	}
	if _, err := s.vm.NewThread(Nil); err == nil {
		t.Error("the machine goes on after an internal error")
	}
}

func TestRun_depthLimits(t *testing.T) {
	tests := []struct{ src, want string }{
		{`local function f(n) return n <= 1 and 1 or f(n-1) + 1 end print(f(19998)) print(pcall(f, 19997)) print((pcall(f, 19998)))`, "19998\ntrue	19997\nfalse\n"},
		{`local n = 0 local function f() n += 1 return pcall(f) end f() print(n)`, "9999\n"},
		{`local n = 0 local t t = setmetatable({}, {__index = function(t, k) n += 1 return t[k] end}) print(pcall(function() return t.x end)) print(n)`, "false	test:1: C stack overflow\n199\n"},
		{`local n = 0 local function f() n += 1 return nested(f) end print(pcall(f)) print(n)`, "false	C stack overflow\n200\n"},
		{`local n = 0 local function f() n += 1 return coroutine.wrap(f)() end print((pcall(f))) print(n)`, "false\n200\n"},
		{`local function f() return f() end print(xpcall(f, function(e) return "ok" end)) print(xpcall(f, function(e) return f() end))`, "false	ok\nfalse	error in error handling\n"},
	}
	for _, tt := range tests {
		got, _, err := newScript(t, Config{}).run(tt.src)
		if err != nil || got != tt.want {
			t.Errorf("%s\n got %q, %v\nwant %q", tt.src, got, err, tt.want)
		}
	}
}
