package vm

import (
	"errors"
	"strings"
	"testing"
)

// newPointType makes a host type that uses every hook of UserType.
func newPointType() *UserType {
	var self *UserType
	self = &UserType{
		Name: "Point",
		Methods: map[string]*Native{
			"Double": {Name: "Double", Fn: func(c *Call) error {
				u, err := c.CheckUserdata(0, self)
				if err != nil {
					return err
				}
				return c.Return1(Number(2 * u.Data().(float64)))
			}},
			"Later": {Name: "Later", Yieldable: true, Fn: func(c *Call) error { return c.Suspend(nil, nil) }},
		},
		Fields: map[string]func(c *Call, self *Userdata) (Value, error){
			"X": func(_ *Call, self *Userdata) (Value, error) { return Number(self.Data().(float64)), nil },
			"Called": func(c *Call, self *Userdata) (Value, error) {
				r, err := c.Call(c.VM().Globals().GetStr(Const("callback")), Number(1))
				if err != nil {
					return Nil, err
				}
				return r[0], nil
			},
		},
		Index: func(_ *VM, _ *Userdata, key string) (Value, error) {
			if key == "bad" {
				return Nil, errors.New("no such field")
			}
			return Const("any " + key).Value(), nil
		},
		SetIndex: func(_ *VM, self *Userdata, key string, v Value) error {
			if key != "X" {
				return errors.New("read only")
			}
			self.data = v.AsNumber()
			return nil
		},
		ToString: func(*VM, *Userdata) (string, error) { return "a point", nil },
		Eq:       func(a, b *Userdata) bool { return a.data == b.data },
		Less:     func(_ *VM, a, b *Userdata) (bool, error) { return a.data.(float64) < b.data.(float64), nil },
		Len:      func(*VM, *Userdata) (Value, error) { return Number(3), nil },
		Arith: func(_ *VM, op ArithOp, a, b Value) (Value, error) {
			return Const("arith " + arithNames[op]).Value(), nil
		},
		Call: func(c *Call) error { return c.Return(Number(float64(c.NArgs())), c.Arg(1)) },
	}
	return self
}

func TestUserType(t *testing.T) {
	tests := []struct{ src, want string }{
		{`print(p:Double(), p.Double(q), p.X, p.other, tostring(p))`, "6	10	3	any other	a point\n"},
		{`p.X = 7 print(p.X) p.X = 3`, "7\n"},
		{`print(p == q, p == p, p ~= q, p < q, p <= q, p > q, q <= p)`, "false	true	true	true	true	false	false\n"},
		{`print(#p, p + 1, 1 - p, p .. "x", -p, p(5))`, "3	arith add	arith sub	arith concat	arith unm	2	5\n"},
		{`local a, b, c = 1, 2, 3 print(p.Called, a, b, c)`, "called	1	2	3\n"},
		{`print(pcall(function() return p.bad end))`, "false	test:1: no such field\n"},
		{`print(pcall(function() p.Y = 1 end))`, "false	test:1: read only\n"},
		{`print(pcall(p.Double, 5))`, "false	invalid argument #1 to 'Double' (Point expected, got number)\n"},
		{`print(pcall(function() return p[1] end))`, "false	test:1: attempt to index Point with number\n"},
	}
	for _, tt := range tests {
		s, pointType := newScript(t, Config{}), newPointType()
		for name, x := range map[string]float64{"p": 3, "q": 5} {
			u, err := s.vm.NewUserdata(pointType, x, 16)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.vm.Globals().SetStr(s.vm, Const(name), u.Value()); err != nil {
				t.Fatal(err)
			}
		}
		got, _, err := s.run(`callback = function() return "called" end ` + tt.src)
		if err != nil || got != tt.want {
			t.Errorf("%s\n got %q, %v\nwant %q", tt.src, got, err, tt.want)
		}
	}
}

func TestUserType_suspends(t *testing.T) {
	s := newScript(t, Config{})
	u, err := s.vm.NewUserdata(newPointType(), 1.0, 16)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.vm.Globals().SetStr(s.vm, Const("p"), u.Value()); err != nil {
		t.Fatal(err)
	}
	co := s.thread(`print(p:Later())`)
	mustResume(t, s, co, StatusSuspended)
	mustResume(t, s, co, StatusDone, Const("answer").Value())
	if got := s.out.String(); got != "answer\n" {
		t.Errorf("got %q", got)
	}
}

func TestCall_checks(t *testing.T) {
	var c *Call
	check := func(f func() error) string {
		err := f()
		if err == nil {
			return ""
		}
		return err.Error()
	}
	s := newScript(t, Config{})
	s.vm.base = NewBase(func(b *BaseBuilder) {
		b.Natives(&Native{Name: "probe", Fn: func(call *Call) error {
			c = call
			texts := []string{
				check(func() error { n, err := c.CheckInt(0); return want(n == 3, err) }),
				check(func() error { n, err := c.CheckUint32(1); return want(n == 4294967295, err) }),
				check(func() error { x, err := c.CheckString(0); return want(x == "3.9", err) }),
				check(func() error { x, err := c.OptString(9, "d"); return want(x == "d", err) }),
				check(func() error { b, err := c.OptBool(2, false); return want(b, err) }),
				check(func() error { _, err := c.CheckNumber(2); return err }),
				check(func() error { _, err := c.CheckTable(9); return err }),
				check(func() error { _, err := c.CheckBool(0); return err }),
				check(func() error { _, err := c.CheckFunction(0); return err }),
				check(func() error { _, err := c.CheckBuffer(0); return err }),
				check(func() error { _, err := c.CheckVector(0); return err }),
				check(func() error { _, err := c.CheckCoroutine(0); return err }),
				check(func() error { return c.ArgError(1, "out of %s", "range") }),
				check(func() error { return c.CheckAny(3) }),
			}
			out, err := c.VM().NewString(strings.Join(texts, "\n"))
			if err != nil {
				return err
			}
			return c.Return1(out)
		}})
	})
	s.vm.globals, _ = s.vm.NewEnv()
	_, r, err := s.run("\nlocal text = probe(3.9, -1, true)\nreturn text")
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(r[0].AsString().Str(), "\n")
	for i, w := range []string{
		"", "", "", "", "",
		"test:2: invalid argument #3 to 'probe' (number expected, got boolean)",
		"test:2: missing argument #10 to 'probe' (table expected)",
		"test:2: invalid argument #1 to 'probe' (boolean expected, got number)",
		"test:2: invalid argument #1 to 'probe' (function expected, got number)",
		"test:2: invalid argument #1 to 'probe' (buffer expected, got number)",
		"test:2: invalid argument #1 to 'probe' (vector expected, got number)",
		"test:2: invalid argument #1 to 'probe' (thread expected, got number)",
		"test:2: invalid argument #2 to 'probe' (out of range)",
		"test:2: missing argument #4",
	} {
		if got[i] != w {
			t.Errorf("check %d: got %q, want %q", i, got[i], w)
		}
	}
}

func want(ok bool, err error) error {
	if err == nil && !ok {
		return errors.New("another value")
	}
	return err
}
