package lib

import (
	"math"
	"math/bits"

	"github.com/template-worker/template-worker/luau/internal/vm"
)

func openMath(b *vm.BaseBuilder) {
	natives := []*vm.Native{
		fast("abs", mathAbs, fastAbs),
		fast("floor", mathFloor, fastFloor),
		fast("ceil", mathCeil, fastCeil),
		fast("sqrt", mathSqrt, fastSqrt),
		fast("max", mathMax, fastMax),
		fast("min", mathMin, fastMin),
		fast("clamp", mathClamp, fastClamp),
		fast("lerp", mathLerp, fastLerp),
		native("map", mathMap),
		native("noise", mathNoise),
		native("modf", mathModf),
		native("frexp", mathFrexp),
		native("random", mathRandom),
		native("randomseed", mathRandomSeed),
		native("log", mathLog),
		native("ldexp", mathLdexp),
		test("isnan", func(x float64) bool { return x != x }),
		test("isinf", func(x float64) bool { return math.IsInf(x, 0) }),
		test("isfinite", func(x float64) bool { return !math.IsInf(x, 0) && x == x }),
	}
	for name, f := range map[string]func(float64) float64{
		"acos": math.Acos, "asin": math.Asin, "atan": math.Atan,
		"cos": math.Cos, "sin": math.Sin, "tan": math.Tan,
		"cosh": math.Cosh, "sinh": math.Sinh, "tanh": math.Tanh,
		"exp": math.Exp, "log10": log10, "round": round, "sign": sign,
		"deg": func(x float64) float64 { return x / radiansPerDegree },
		"rad": func(x float64) float64 { return x * radiansPerDegree },
	} {
		natives = append(natives, ofOne(name, f))
	}
	for name, f := range map[string]func(x, y float64) float64{
		"atan2": math.Atan2, "fmod": math.Mod, "pow": vm.Pow,
	} {
		natives = append(natives, ofTwo(name, f))
	}
	b.Lib("math", natives,
		vm.Field{Name: "pi", Value: vm.Number(math.Pi)},
		vm.Field{Name: "huge", Value: vm.Number(math.Inf(1))},
		vm.Field{Name: "nan", Value: vm.Number(math.NaN())},
		vm.Field{Name: "e", Value: vm.Number(math.E)},
		vm.Field{Name: "phi", Value: vm.Number(math.Phi)},
		vm.Field{Name: "sqrt2", Value: vm.Number(math.Sqrt2)},
		vm.Field{Name: "tau", Value: vm.Number(2 * math.Pi)},
	)
}

const radiansPerDegree = math.Pi / 180

// ofOne makes a native of a function of one number.
func ofOne(name string, f func(float64) float64) *vm.Native {
	return fast(name, func(c *vm.Call) error {
		x, err := c.CheckNumber(0)
		if err != nil {
			return err
		}
		return c.Return1(vm.Number(f(x)))
	}, func(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
		if len(args) == 0 || !args[0].IsNumber() {
			return vm.Nil, false
		}
		return vm.Number(f(args[0].AsNumber())), true
	})
}

// ofTwo makes a native of a function of two numbers.
func ofTwo(name string, f func(x, y float64) float64) *vm.Native {
	return fast(name, func(c *vm.Call) error {
		x, err := c.CheckNumber(0)
		if err != nil {
			return err
		}
		y, err := c.CheckNumber(1)
		if err != nil {
			return err
		}
		return c.Return1(vm.Number(f(x, y)))
	}, func(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
		if len(args) < 2 || !args[0].IsNumber() || !args[1].IsNumber() {
			return vm.Nil, false
		}
		return vm.Number(f(args[0].AsNumber(), args[1].AsNumber())), true
	})
}

// test makes a native of a question about one number.
func test(name string, f func(float64) bool) *vm.Native {
	return native(name, func(c *vm.Call) error {
		x, err := c.CheckNumber(0)
		if err != nil {
			return err
		}
		return c.Return1(vm.Bool(f(x)))
	})
}

// one makes the full form of a function whose short cut is written out.
func one(f func(float64) float64) vm.Func {
	return func(c *vm.Call) error {
		x, err := c.CheckNumber(0)
		if err != nil {
			return err
		}
		return c.Return1(vm.Number(f(x)))
	}
}

// The commonest functions have short cuts of their own: no call through a variable.
var (
	mathAbs   = one(math.Abs)
	mathFloor = one(math.Floor)
	mathCeil  = one(math.Ceil)
	mathSqrt  = one(math.Sqrt)
)

func fastAbs(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	if len(args) == 0 || !args[0].IsNumber() {
		return vm.Nil, false
	}
	return vm.Number(math.Abs(args[0].AsNumber())), true
}

func fastFloor(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	if len(args) == 0 || !args[0].IsNumber() {
		return vm.Nil, false
	}
	return vm.Number(math.Floor(args[0].AsNumber())), true
}

func fastCeil(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	if len(args) == 0 || !args[0].IsNumber() {
		return vm.Nil, false
	}
	return vm.Number(math.Ceil(args[0].AsNumber())), true
}

func fastSqrt(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	if len(args) == 0 || !args[0].IsNumber() {
		return vm.Nil, false
	}
	return vm.Number(math.Sqrt(args[0].AsNumber())), true
}

// math.max(...), math.min(...): cost one fuel for 8 arguments. A NaN counts only in first place.
func mathMax(c *vm.Call) error { return extreme(c, func(x, best float64) bool { return x > best }) }

func mathMin(c *vm.Call) error { return extreme(c, func(x, best float64) bool { return x < best }) }

func extreme(c *vm.Call, better func(x, best float64) bool) error {
	if err := c.Charge(int64(c.NArgs() / 8)); err != nil {
		return err
	}
	best, err := c.CheckNumber(0)
	if err != nil {
		return err
	}
	for i := 1; i < c.NArgs(); i++ {
		x, err := c.CheckNumber(i)
		if err != nil {
			return err
		}
		if better(x, best) {
			best = x
		}
	}
	return c.Return1(vm.Number(best))
}

func fastMax(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	if len(args) != 2 || !args[0].IsNumber() || !args[1].IsNumber() {
		return vm.Nil, false
	}
	if args[1].AsNumber() > args[0].AsNumber() {
		return args[1], true
	}
	return args[0], true
}

func fastMin(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	if len(args) != 2 || !args[0].IsNumber() || !args[1].IsNumber() {
		return vm.Nil, false
	}
	if args[1].AsNumber() < args[0].AsNumber() {
		return args[1], true
	}
	return args[0], true
}

// numbers reads len(x) number arguments.
func numbers(c *vm.Call, x []float64) (err error) {
	for i := range x {
		if x[i], err = c.CheckNumber(i); err != nil {
			return err
		}
	}
	return nil
}

// fastNumbers reads three numbers of a short cut.
func fastNumbers(args []vm.Value) (x, y, z float64, ok bool) {
	if len(args) < 3 || !args[0].IsNumber() || !args[1].IsNumber() || !args[2].IsNumber() {
		return 0, 0, 0, false
	}
	return args[0].AsNumber(), args[1].AsNumber(), args[2].AsNumber(), true
}

// math.clamp(x, min, max)
func mathClamp(c *vm.Call) error {
	var x [3]float64
	if err := numbers(c, x[:]); err != nil {
		return err
	}
	if !(x[1] <= x[2]) {
		return c.ArgError(2, "max must be greater than or equal to min")
	}
	return c.Return1(vm.Number(clamp(x[0], x[1], x[2])))
}

func clamp(x, lo, hi float64) float64 {
	if x < lo {
		x = lo
	}
	if x > hi {
		x = hi
	}
	return x
}

func fastClamp(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	x, lo, hi, ok := fastNumbers(args)
	if !ok || !(lo <= hi) {
		return vm.Nil, false
	}
	return vm.Number(clamp(x, lo, hi)), true
}

// math.lerp(a, b, t): exactly b at t = 1.
func mathLerp(c *vm.Call) error {
	var x [3]float64
	if err := numbers(c, x[:]); err != nil {
		return err
	}
	return c.Return1(vm.Number(lerp(x[0], x[1], x[2])))
}

func lerp(a, b, t float64) float64 {
	if t == 1 {
		return b
	}
	return a + float64((b-a)*t)
}

func fastLerp(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	a, b, t, ok := fastNumbers(args)
	return vm.Number(lerp(a, b, t)), ok
}

// math.map(x, inmin, inmax, outmin, outmax)
func mathMap(c *vm.Call) error {
	var x [5]float64
	if err := numbers(c, x[:]); err != nil {
		return err
	}
	scaled := float64((x[0]-x[1])*(x[4]-x[3])) / (x[2] - x[1])
	return c.Return1(vm.Number(x[3] + scaled))
}

// math.modf(x) gives the integral and the fractional part, both with the sign of x.
func mathModf(c *vm.Call) error {
	x, err := c.CheckNumber(0)
	if err != nil {
		return err
	}
	if math.IsInf(x, 0) {
		return c.Return(vm.Number(x), vm.Number(math.Copysign(0, x)))
	}
	whole := math.Trunc(x)
	return c.Return(vm.Number(whole), vm.Number(math.Copysign(x-whole, x)))
}

// math.frexp(x)
func mathFrexp(c *vm.Call) error {
	x, err := c.CheckNumber(0)
	if err != nil {
		return err
	}
	m, e := math.Frexp(x)
	return c.Return(vm.Number(m), vm.Number(float64(e)))
}

// math.ldexp(x, e)
func mathLdexp(c *vm.Call) error {
	x, err := c.CheckNumber(0)
	if err != nil {
		return err
	}
	e, err := c.CheckInt(1)
	if err != nil {
		return err
	}
	return c.Return1(vm.Number(math.Ldexp(x, e)))
}

// math.log(x, base)
func mathLog(c *vm.Call) error {
	x, err := c.CheckNumber(0)
	if err != nil {
		return err
	}
	if c.Arg(1).IsNil() {
		return c.Return1(vm.Number(math.Log(x)))
	}
	base, err := c.CheckNumber(1)
	if err != nil {
		return err
	}
	switch base {
	case 2:
		return c.Return1(vm.Number(math.Log2(x)))
	case 10:
		return c.Return1(vm.Number(log10(x)))
	}
	return c.Return1(vm.Number(math.Log(x) / math.Log(base)))
}

// round rounds half away from zero and keeps the sign of zero.
func round(x float64) float64 { return math.Round(x) }

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}

// math.random(), math.random(n), math.random(m, n)
func mathRandom(c *vm.Call) error {
	m := c.VM()
	switch c.NArgs() {
	case 0:
		lo := uint64(m.Random32())
		n := lo | uint64(m.Random32())<<32
		return c.Return1(vm.Number(math.Ldexp(float64(n), -64)))
	case 1:
		n, err := c.CheckInt(0)
		if err != nil {
			return err
		}
		if n < 1 {
			return c.ArgError(0, "interval is empty")
		}
		hi, _ := bits.Mul32(uint32(n), m.Random32())
		return returnInt(c, 1+int(hi))
	case 2:
		return randomBetween(c)
	}
	return c.Errorf("wrong number of arguments")
}

func randomBetween(c *vm.Call) error {
	lo, err := c.CheckInt(0)
	if err != nil {
		return err
	}
	hi, err := c.CheckInt(1)
	if err != nil {
		return err
	}
	if lo > hi {
		return c.ArgError(1, "interval is empty")
	}
	if hi-lo >= math.MaxUint32 {
		return c.ArgError(1, "interval is too large")
	}
	x := uint64(hi-lo+1) * uint64(c.VM().Random32())
	return returnInt(c, lo+int(x>>32))
}

// math.randomseed(n)
func mathRandomSeed(c *vm.Call) error {
	n, err := c.CheckInt(0)
	if err != nil {
		return err
	}
	c.VM().SeedRandom(uint64(n))
	return c.Return0()
}

// log10 is exact for powers of ten, which math.Log10 is not.
func log10(x float64) float64 {
	r := math.Log10(x)
	if n := math.Round(r); n != r && math.Abs(r-n) < 1e-9 && vm.Pow(10, n) == x {
		return n
	}
	return r
}
