package lib

import (
	"math"
	"math/bits"

	"github.com/template-worker/template-worker/luau/internal/vm"
)

func openInteger(b *vm.BaseBuilder) {
	b.Lib("integer", []*vm.Native{
		native("create", integerCreate),
		native("fromstring", integerFromString),
		native("tonumber", integerToNumber),
		integer2("add", func(a, b int64) int64 { return a + b }),
		integer2("sub", func(a, b int64) int64 { return a - b }),
		integer2("mul", func(a, b int64) int64 { return a * b }),
		integerDivide("div", true, func(a, b int64) int64 { return a / b }),
		integerDivide("idiv", true, floorDivide),
		integerDivide("rem", false, func(a, b int64) int64 { return a % b }),
		integerDivide("mod", false, floorModulo),
		integerDivide("udiv", false, func(a, b int64) int64 { return int64(uint64(a) / uint64(b)) }),
		integerDivide("urem", false, func(a, b int64) int64 { return int64(uint64(a) % uint64(b)) }),
		integerFold("min", 1, math.MaxInt64, func(a, b int64) int64 { return min(a, b) }),
		integerFold("max", 1, math.MinInt64, func(a, b int64) int64 { return max(a, b) }),
		integerFold("band", 0, -1, func(a, b int64) int64 { return a & b }),
		integerFold("bor", 0, 0, func(a, b int64) int64 { return a | b }),
		integerFold("bxor", 0, 0, func(a, b int64) int64 { return a ^ b }),
		native("btest", integerBTest),
		native("clamp", integerClamp),
		integer1("neg", func(a int64) int64 { return -a }),
		integer1("bnot", func(a int64) int64 { return ^a }),
		integer1("bswap", func(a int64) int64 { return int64(bits.ReverseBytes64(uint64(a))) }),
		integer1("countlz", func(a int64) int64 { return int64(bits.LeadingZeros64(uint64(a))) }),
		integer1("countrz", func(a int64) int64 { return int64(bits.TrailingZeros64(uint64(a))) }),
		integer2("lshift", shiftLeft64),
		integer2("rshift", func(a, n int64) int64 { return shiftLeft64(a, -max(n, -64)) }),
		integer2("arshift", shiftSigned64),
		integer2("lrotate", func(a, n int64) int64 { return int64(bits.RotateLeft64(uint64(a), int(n&63))) }),
		integer2("rrotate", func(a, n int64) int64 { return int64(bits.RotateLeft64(uint64(a), -int(n&63))) }),
		native("extract", integerExtract),
		native("replace", integerReplace),
		integerTest("lt", func(a, b int64) bool { return a < b }),
		integerTest("le", func(a, b int64) bool { return a <= b }),
		integerTest("gt", func(a, b int64) bool { return a > b }),
		integerTest("ge", func(a, b int64) bool { return a >= b }),
		integerTest("ult", func(a, b int64) bool { return uint64(a) < uint64(b) }),
		integerTest("ule", func(a, b int64) bool { return uint64(a) <= uint64(b) }),
		integerTest("ugt", func(a, b int64) bool { return uint64(a) > uint64(b) }),
		integerTest("uge", func(a, b int64) bool { return uint64(a) >= uint64(b) }),
	},
		vm.Field{Name: "minsigned", Value: vm.Integer(math.MinInt64)},
		vm.Field{Name: "maxsigned", Value: vm.Integer(math.MaxInt64)},
	)
}

// integers reads len(x) arguments of the integer type.
func integers(c *vm.Call, x []int64) (err error) {
	for i := range x {
		if x[i], err = checkInteger(c, i); err != nil {
			return err
		}
	}
	return nil
}

// integer1 makes a native of a function of one integer, integer2 of two.
func integer1(name string, f func(int64) int64) *vm.Native {
	return fast(name, func(c *vm.Call) error {
		a, err := checkInteger(c, 0)
		if err != nil {
			return err
		}
		return c.Return1(vm.Integer(f(a)))
	}, func(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
		if len(args) != 1 || args[0].Kind() != vm.KindInteger {
			return vm.Nil, false
		}
		return vm.Integer(f(args[0].AsInteger())), true
	})
}

func integer2(name string, f func(a, b int64) int64) *vm.Native {
	return fast(name, func(c *vm.Call) error {
		var x [2]int64
		if err := integers(c, x[:]); err != nil {
			return err
		}
		return c.Return1(vm.Integer(f(x[0], x[1])))
	}, func(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
		if !twoIntegers(args) {
			return vm.Nil, false
		}
		return vm.Integer(f(args[0].AsInteger(), args[1].AsInteger())), true
	})
}

func twoIntegers(args []vm.Value) bool {
	return len(args) == 2 && args[0].Kind() == vm.KindInteger && args[1].Kind() == vm.KindInteger
}

// integerTest makes a native of a comparison.
func integerTest(name string, f func(a, b int64) bool) *vm.Native {
	return fast(name, func(c *vm.Call) error {
		var x [2]int64
		if err := integers(c, x[:]); err != nil {
			return err
		}
		return c.Return1(vm.Bool(f(x[0], x[1])))
	}, func(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
		if !twoIntegers(args) {
			return vm.Nil, false
		}
		return vm.Bool(f(args[0].AsInteger(), args[1].AsInteger())), true
	})
}

// integerDivide makes a native of a division. With overflows set, the one
// quotient that does not fit is an error; otherwise Go's wrapping is the answer.
func integerDivide(name string, overflows bool, f func(a, b int64) int64) *vm.Native {
	return native(name, func(c *vm.Call) error {
		var x [2]int64
		if err := integers(c, x[:]); err != nil {
			return err
		}
		if x[1] == 0 {
			return c.Errorf("division by zero")
		}
		if overflows && x[0] == math.MinInt64 && x[1] == -1 {
			return c.Errorf("integer overflow")
		}
		return c.Return1(vm.Integer(f(x[0], x[1])))
	})
}

func floorDivide(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

func floorModulo(a, b int64) int64 {
	r := a % b
	if r != 0 && (a < 0) != (b < 0) {
		r += b
	}
	return r
}

// integerFold makes a native that combines all arguments, at least so many of them: one fuel for 8 arguments.
func integerFold(name string, least int, start int64, f func(a, b int64) int64) *vm.Native {
	return native(name, func(c *vm.Call) error {
		r, err := foldIntegers(c, least, start, f)
		if err != nil {
			return err
		}
		return c.Return1(vm.Integer(r))
	})
}

func foldIntegers(c *vm.Call, least int, r int64, f func(a, b int64) int64) (int64, error) {
	for i := range max(c.NArgs(), least) {
		x, err := checkInteger(c, i)
		if err != nil {
			return 0, err
		}
		r = f(r, x)
	}
	return r, c.Charge(int64(c.NArgs() / 8))
}

// integer.btest(...) tells whether the arguments have a bit in common.
func integerBTest(c *vm.Call) error {
	r, err := foldIntegers(c, 0, -1, func(a, b int64) int64 { return a & b })
	if err != nil {
		return err
	}
	return c.Return1(vm.Bool(r != 0))
}

// integer.create(x) gives nil for a number that is no 64-bit integer.
func integerCreate(c *vm.Call) error {
	x, err := c.CheckNumber(0)
	if err != nil {
		return err
	}
	if x != math.Trunc(x) || x < -1<<63 || x >= 1<<63 {
		return c.Return1(vm.Nil)
	}
	return c.Return1(vm.Integer(int64(x)))
}

// integer.tonumber(i)
func integerToNumber(c *vm.Call) error {
	x, err := checkInteger(c, 0)
	if err != nil {
		return err
	}
	return c.Return1(vm.Number(float64(x)))
}

// integer.fromstring(s, base) gives nil if s is no integer. Costs fuel for the bytes.
func integerFromString(c *vm.Call) error {
	s, err := c.CheckString(0)
	if err != nil {
		return err
	}
	base, err := c.OptInt(1, 10)
	if err != nil {
		return err
	}
	if base < 2 || base > 36 {
		return c.ArgError(1, "base out of range")
	}
	if err := payBytes(c, len(s)*charCost); err != nil {
		return err
	}
	v, ok := parseInteger(s, base)
	if !ok {
		return c.Return1(vm.Nil)
	}
	return c.Return1(vm.Integer(v))
}

// parseInteger reads base 10 with saturation, or hexadecimal behind 0x; other bases are bit patterns.
func parseInteger(s string, base int) (int64, bool) {
	d := readDigits(s, base)
	if base == 10 && d.rest != "" && d.rest[0]|0x20 == 'x' {
		base = 16
	}
	if base != 10 {
		n, rest, ok := parseUint(s, base)
		return int64(n), ok && trimSpace(rest) == ""
	}
	if !d.any || trimSpace(d.rest) != "" {
		return 0, false
	}
	switch {
	case d.neg && (d.over || d.n > 1<<63):
		return math.MinInt64, true
	case d.neg:
		return -int64(d.n), true
	case d.over || d.n > math.MaxInt64:
		return math.MaxInt64, true
	}
	return int64(d.n), true
}

// integer.clamp(x, min, max)
func integerClamp(c *vm.Call) error {
	var x [3]int64
	if err := integers(c, x[:]); err != nil {
		return err
	}
	if x[1] > x[2] {
		return c.ArgError(2, "max must be greater than or equal to min")
	}
	return c.Return1(vm.Integer(min(max(x[0], x[1]), x[2])))
}

// shiftLeft64 shifts to the right if n is negative.
func shiftLeft64(a, n int64) int64 {
	switch {
	case n < -63 || n > 63:
		return 0
	case n < 0:
		return int64(uint64(a) >> uint(-n))
	}
	return int64(uint64(a) << uint(n))
}

// shiftSigned64 shifts to the right with copies of the sign.
func shiftSigned64(a, n int64) int64 {
	if n < 0 {
		return shiftLeft64(a, -max(n, -64))
	}
	return a >> uint(min(n, 63))
}

// field64 reads the arguments that name a run of bits.
func field64(c *vm.Call, i int) (from, width int64, err error) {
	if from, err = checkInteger(c, i); err != nil {
		return 0, 0, err
	}
	width = 1
	if !c.Arg(i + 1).IsNil() {
		if width, err = checkInteger(c, i+1); err != nil {
			return 0, 0, err
		}
	}
	switch {
	case from < 0 || from > 63:
		return 0, 0, c.ArgError(i, "field cannot be negative")
	case width <= 0:
		return 0, 0, c.ArgError(i+1, "width must be positive")
	case width > 64-from:
		return 0, 0, c.Errorf("trying to access non-existent bits")
	}
	return from, width, nil
}

// integer.extract(x, field, width)
func integerExtract(c *vm.Call) error {
	x, err := checkInteger(c, 0)
	if err != nil {
		return err
	}
	from, width, err := field64(c, 1)
	if err != nil {
		return err
	}
	return c.Return1(vm.Integer(int64(uint64(x) >> uint(from) & (^uint64(0) >> uint(64-width)))))
}

// integer.replace(x, v, field, width)
func integerReplace(c *vm.Call) error {
	var x [2]int64
	if err := integers(c, x[:]); err != nil {
		return err
	}
	from, width, err := field64(c, 2)
	if err != nil {
		return err
	}
	mask := ^uint64(0) >> uint(64-width) << uint(from)
	return c.Return1(vm.Integer(int64(uint64(x[0])&^mask | uint64(x[1])<<uint(from)&mask)))
}
