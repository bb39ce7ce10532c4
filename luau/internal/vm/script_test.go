package vm

import (
	"math"
	"strings"
	"testing"

	"github.com/template-worker/template-worker/luau/compile"
)

// testBase is a base with the machine's own natives and as little else as the
// tests of this package need; the library has its own package.
func testBase() *Base {
	return NewBase(func(b *BaseBuilder) {
		b.Natives(CoreNatives()...)
		b.Lib("coroutine", CoroutineNatives())
		b.Lib("debug", DebugNatives())
		b.Natives(testNatives()...)
		b.Lib("math", []*Native{
			{header: sharedHeader(), Name: "floor", Fn: slowOnly, Fast: func(_ *VM, a []Value) (Value, bool) {
				return number(a, math.Floor)
			}},
			{header: sharedHeader(), Name: "sqrt", Fn: slowOnly, Fast: func(_ *VM, a []Value) (Value, bool) {
				return number(a, math.Sqrt)
			}},
		}, Field{"huge", Number(math.Inf(1))})
		meta := SharedTable(0, 4)
		lib := b.Lib("string", []*Native{{header: sharedHeader(), Name: "len", Fn: func(c *Call) error {
			s, err := c.CheckString(0)
			if err != nil {
				return err
			}
			return c.Return1(Number(float64(len(s))))
		}}})
		meta.setShared("__index", lib.Value())
		meta.Freeze()
		b.SetStringMeta(meta)
	})
}

func slowOnly(c *Call) error { return c.TypeError(0, "number") }

func number(args []Value, f func(float64) float64) (Value, bool) {
	if len(args) == 0 || !args[0].IsNumber() {
		return Nil, false
	}
	return Number(f(args[0].AsNumber())), true
}

// rest gives the arguments behind the first.
func rest(c *Call) []Value { return c.Args()[min(1, c.NArgs()):] }

// testNatives are small stand-ins for library functions, and natives that use the Call API in all its ways.
func testNatives() []*Native {
	return []*Native{
		{header: sharedHeader(), Name: "print", Fn: func(c *Call) error {
			var parts []string
			for _, v := range c.Args() {
				parts = append(parts, show(v))
			}
			out := c.VM().Host().(*strings.Builder)
			out.WriteString(strings.Join(parts, "\t") + "\n")
			return c.Return0()
		}},
		{header: sharedHeader(), Name: "type", Fn: func(c *Call) error { return c.Return1(Const(typeName(c.Arg(0))).Value()) }},
		{header: sharedHeader(), Name: "tostring", Fn: func(c *Call) error {
			text, err := c.ToString(c.Arg(0))
			if err != nil {
				return err
			}
			s, err := c.vm.NewString(text)
			if err != nil {
				return err
			}
			return c.Return1(s)
		}},
		{header: sharedHeader(), Name: "setmetatable", Fn: func(c *Call) error {
			t, err := c.CheckTable(0)
			if err != nil {
				return err
			}
			t.SetMeta(nil)
			if m := c.Arg(1); m.Kind() == KindTable {
				t.SetMeta(m.AsTable())
			}
			return c.Return1(t.Value())
		}},
		{header: sharedHeader(), Name: "select", Fn: func(c *Call) error {
			if c.Arg(0).Kind() == KindString {
				return c.Return1(Number(float64(c.NArgs() - 1)))
			}
			n, err := c.CheckInt(0)
			if err != nil {
				return err
			}
			if n < 0 || n > c.NArgs() {
				return c.ArgError(0, "index out of range")
			}
			return c.Return(c.Args()[n:]...)
		}},
		{header: sharedHeader(), Name: "freeze", Fn: func(c *Call) error {
			t, err := c.CheckTable(0)
			if err != nil {
				return err
			}
			t.Freeze()
			return c.Return1(t.Value())
		}},
		{header: sharedHeader(), Name: "unpack", Fn: func(c *Call) error {
			t, err := c.CheckTable(0)
			if err != nil {
				return err
			}
			n := t.Len()
			w, err := c.ReturnN(n)
			if err != nil {
				return err
			}
			for i := range w {
				w[i] = t.GetInt(i + 1)
			}
			return nil
		}},
		// nested(f, ...) calls f inside Go; then(f, ...) leaves it to the machine; guard(f, ...) does with errors caught.
		{header: sharedHeader(), Name: "nested", Fn: func(c *Call) error {
			r, err := c.Call(c.Arg(0), rest(c)...)
			if err != nil {
				return err
			}
			return c.Return(r...)
		}},
		{header: sharedHeader(), Name: "then", Yieldable: true, Fn: func(c *Call) error {
			return c.CallThen(c.Arg(0), rest(c), func(c *Call, state any) error {
				out := append([]Value{Const(state.(string)).Value()}, c.Args()...)
				return c.Return(out...)
			}, "then")
		}},
		{header: sharedHeader(), Name: "strict", Fn: func(c *Call) error {
			return c.CallThen(c.Arg(0), rest(c), func(c *Call, _ any) error { return c.Return(c.Args()...) }, nil)
		}},
		{header: sharedHeader(), Name: "guard", Yieldable: true, Fn: func(c *Call) error {
			return c.ProtectedCallThen(c.Arg(0), rest(c), func(c *Call, _ any) error {
				return c.Return(append([]Value{Const("guard").Value()}, c.Args()...)...)
			}, nil)
		}},
		// swallow(f) calls f and ignores its error, as a careless native might.
		{header: sharedHeader(), Name: "swallow", Fn: func(c *Call) error {
			_, _ = c.Call(c.Arg(0))
			return c.Return0()
		}},
		{header: sharedHeader(), Name: "ask", Fn: func(c *Call) error {
			return c.Suspend(func(c *Call, state any) error {
				return c.Return(append([]Value{state.(Value)}, c.Args()...)...)
			}, Const("asked").Value())
		}},
		{header: sharedHeader(), Name: "wait", Fn: func(c *Call) error { return c.Suspend(nil, nil) }},
		{header: sharedHeader(), Name: "crash", Fn: func(*Call) error { panic("on purpose") }},
	}
}

func show(v Value) string {
	switch v.Kind() {
	case KindTable, KindClosure, KindNative, KindCoroutine:
		return typeName(v)
	}
	return displayString(v)
}

// script is a VM with a program loaded.
type script struct {
	t   *testing.T
	vm  *VM
	out *strings.Builder
}

func newScript(t *testing.T, cfg Config) *script {
	t.Helper()
	out := &strings.Builder{}
	cfg.Host = out
	return &script{t, NewVM(testBase(), cfg), out}
}

// thread compiles src and makes a thread of it.
func (s *script) thread(src string) *Coroutine {
	s.t.Helper()
	p, err := compile.Source("=test", []byte(src), compile.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	fn, err := s.vm.NewFunction(Load(s.vm.base, p), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	co, err := s.vm.NewThread(fn)
	if err != nil {
		s.t.Fatal(err)
	}
	return co
}

// run runs src to its end and gives what it printed and what it returned.
func (s *script) run(src string) (string, []Value, error) {
	s.t.Helper()
	co := s.thread(src)
	for {
		st, err := s.vm.Resume(co)
		if err != nil {
			return s.out.String(), nil, err
		}
		if st == StatusDone {
			return s.out.String(), co.Results(), nil
		}
	}
}
