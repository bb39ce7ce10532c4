package lib

import (
	"math/bits"

	"github.com/template-worker/template-worker/luau/internal/vm"
)

func openBit32(b *vm.BaseBuilder) {
	b.Lib("bit32", []*vm.Native{
		bitFold("band", ^uint32(0), func(x, y uint32) uint32 { return x & y }, fastBAnd),
		bitFold("bor", 0, func(x, y uint32) uint32 { return x | y }, fastBOr),
		bitFold("bxor", 0, func(x, y uint32) uint32 { return x ^ y }, fastBXor),
		native("btest", bitTest),
		bitMap("bnot", func(x uint32) uint32 { return ^x }),
		bitMap("byteswap", bits.ReverseBytes32),
		bitMap("countlz", func(x uint32) uint32 { return uint32(bits.LeadingZeros32(x)) }),
		bitMap("countrz", func(x uint32) uint32 { return uint32(bits.TrailingZeros32(x)) }),
		bitShift("lshift", shiftLeft, fastLShift),
		bitShift("rshift", func(x uint32, n int) uint32 { return shiftLeft(x, -n) }, fastRShift),
		bitShift("arshift", shiftSigned, nil),
		bitShift("lrotate", bits.RotateLeft32, nil),
		bitShift("rrotate", func(x uint32, n int) uint32 { return bits.RotateLeft32(x, -n) }, nil),
		fast("extract", bitExtract, fastExtract),
		native("replace", bitReplace),
	})
}

func bitsValue(x uint32) vm.Value { return vm.Number(float64(x)) }

// word gives a number modulo 2^32 if that needs no rule for what is out of range.
func word(v vm.Value) (uint32, bool) {
	if !v.IsNumber() {
		return 0, false
	}
	f := v.AsNumber()
	if f >= 0 && f < 1<<32 {
		return uint32(f), true
	}
	if f > -1<<62 && f < 1<<62 {
		return uint32(int64(f)), true
	}
	return 0, false
}

func words(args []vm.Value) (x, y uint32, ok bool) {
	if len(args) != 2 {
		return 0, 0, false
	}
	x, okx := word(args[0])
	y, oky := word(args[1])
	return x, y, okx && oky
}

// fold combines all arguments.
func fold(c *vm.Call, r uint32, f func(x, y uint32) uint32) (uint32, error) {
	for i := range c.NArgs() {
		x, err := c.CheckUint32(i)
		if err != nil {
			return 0, err
		}
		r = f(r, x)
	}
	return r, c.Charge(int64(c.NArgs() / 8))
}

// bitFold makes bit32.band and its like: one fuel for 8 arguments.
func bitFold(name string, zero uint32, f func(x, y uint32) uint32, short vm.FastFunc) *vm.Native {
	return fast(name, func(c *vm.Call) error {
		r, err := fold(c, zero, f)
		if err != nil {
			return err
		}
		return c.Return1(bitsValue(r))
	}, short)
}

func fastBAnd(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	x, y, ok := words(args)
	return bitsValue(x & y), ok
}

func fastBOr(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	x, y, ok := words(args)
	return bitsValue(x | y), ok
}

func fastBXor(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	x, y, ok := words(args)
	return bitsValue(x ^ y), ok
}

// bit32.btest(...) tells whether the arguments have a bit in common.
func bitTest(c *vm.Call) error {
	r, err := fold(c, ^uint32(0), func(x, y uint32) uint32 { return x & y })
	if err != nil {
		return err
	}
	return c.Return1(vm.Bool(r != 0))
}

// bitMap makes a native of a function of one word.
func bitMap(name string, f func(uint32) uint32) *vm.Native {
	return fast(name, func(c *vm.Call) error {
		x, err := c.CheckUint32(0)
		if err != nil {
			return err
		}
		return c.Return1(bitsValue(f(x)))
	}, func(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
		if len(args) != 1 {
			return vm.Nil, false
		}
		x, ok := word(args[0])
		return bitsValue(f(x)), ok
	})
}

// shiftLeft shifts to the right if n is negative.
func shiftLeft(x uint32, n int) uint32 {
	if n < 0 {
		return x >> uint(-n)
	}
	return x << uint(n)
}

// shiftSigned shifts to the right with copies of the highest bit.
func shiftSigned(x uint32, n int) uint32 {
	if n < 0 {
		return shiftLeft(x, -n)
	}
	return uint32(int32(x) >> uint(n))
}

// bitShift makes a native of a function of a word and a distance.
func bitShift(name string, f func(x uint32, n int) uint32, short vm.FastFunc) *vm.Native {
	if short == nil {
		short = func(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
			x, n, ok := wordAndInt(args)
			return bitsValue(f(x, n)), ok
		}
	}
	return fast(name, func(c *vm.Call) error {
		x, err := c.CheckUint32(0)
		if err != nil {
			return err
		}
		n, err := c.CheckInt(1)
		if err != nil {
			return err
		}
		return c.Return1(bitsValue(f(x, n)))
	}, short)
}

func wordAndInt(args []vm.Value) (x uint32, n int, ok bool) {
	if len(args) != 2 {
		return 0, 0, false
	}
	x, okx := word(args[0])
	n, okn := smallInt(args[1])
	return x, n, okx && okn
}

func fastLShift(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	x, n, ok := wordAndInt(args)
	return bitsValue(shiftLeft(x, n)), ok
}

func fastRShift(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	x, n, ok := wordAndInt(args)
	return bitsValue(shiftLeft(x, -n)), ok
}

// field reads the arguments that name a run of bits: where it begins, and how many there are.
func field(c *vm.Call, i int) (from, width int, err error) {
	if from, err = c.CheckInt(i); err != nil {
		return 0, 0, err
	}
	if width, err = c.OptInt(i+1, 1); err != nil {
		return 0, 0, err
	}
	switch {
	case from < 0:
		return 0, 0, c.ArgError(i, "field cannot be negative")
	case width <= 0:
		return 0, 0, c.ArgError(i+1, "width must be positive")
	case from+width > 32:
		return 0, 0, c.Errorf("trying to access non-existent bits")
	}
	return from, width, nil
}

// bit32.extract(x, field, width)
func bitExtract(c *vm.Call) error {
	x, err := c.CheckUint32(0)
	if err != nil {
		return err
	}
	from, width, err := field(c, 1)
	if err != nil {
		return err
	}
	return c.Return1(bitsValue(x >> from & (1<<width - 1)))
}

func fastExtract(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	if len(args) != 3 {
		return vm.Nil, false
	}
	x, ok0 := word(args[0])
	from, ok1 := smallInt(args[1])
	width, ok2 := smallInt(args[2])
	if !ok0 || !ok1 || !ok2 || from < 0 || width <= 0 || from+width > 32 {
		return vm.Nil, false
	}
	return bitsValue(x >> from & (1<<width - 1)), true
}

// bit32.replace(x, v, field, width)
func bitReplace(c *vm.Call) error {
	x, err := c.CheckUint32(0)
	if err != nil {
		return err
	}
	v, err := c.CheckUint32(1)
	if err != nil {
		return err
	}
	from, width, err := field(c, 2)
	if err != nil {
		return err
	}
	mask := uint32(1<<width - 1)
	return c.Return1(bitsValue(x&^(mask<<from) | v&mask<<from))
}
