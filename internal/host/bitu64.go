package host

import (
	"math/bits"

	"github.com/template-worker/template-worker/luau"
)

// wideArg reads an argument as a U64.
func wideArg(c *luau.Call, i int) (uint64, error) {
	u, err := toU64(c.VM(), c.Arg(i))
	if err != nil {
		return 0, unfitf("%v", err)
	}
	return u, nil
}

func returnU64(c *luau.Call, u uint64) error {
	v, err := wide.newU64(c.VM(), u)
	if err != nil {
		return err
	}
	return c.Return1(v)
}

// foldU64 combines all arguments; each is a unit of fuel.
func foldU64(c *luau.Call, r uint64, f func(x, y uint64) uint64) (uint64, error) {
	if err := c.Charge(int64(c.NArgs())); err != nil {
		return 0, err
	}
	for i := range c.NArgs() {
		x, err := wideArg(c, i)
		if err != nil {
			return 0, err
		}
		r = f(r, x)
	}
	return r, nil
}

// bitFold makes bitu64.band and its like.
func bitFold(zero uint64, f func(x, y uint64) uint64) luau.Func {
	return func(c *luau.Call) error {
		r, err := foldU64(c, zero, f)
		if err != nil {
			return err
		}
		return returnU64(c, r)
	}
}

func bitAnd(x, y uint64) uint64 { return x & y }
func bitOr(x, y uint64) uint64  { return x | y }
func bitXor(x, y uint64) uint64 { return x ^ y }

// bitTest is bitu64.btest(a, ...) -> whether they have a bit in common.
func bitTest(c *luau.Call) error {
	r, err := foldU64(c, ^uint64(0), bitAnd)
	if err != nil {
		return err
	}
	return c.Return1(luau.Bool(r != 0))
}

// bitMap makes a function of one number.
func bitMap(f func(x uint64) uint64) luau.Func {
	return func(c *luau.Call) error {
		x, err := wideArg(c, 0)
		if err != nil {
			return err
		}
		return returnU64(c, f(x))
	}
}

// bitCount makes a function of one number that gives a plain one.
func bitCount(f func(x uint64) int) luau.Func {
	return func(c *luau.Call) error {
		x, err := wideArg(c, 0)
		if err != nil {
			return err
		}
		return c.Return1(luau.Number(float64(f(x))))
	}
}

// bitShift makes a function of a number and an amount, which counts modulo 64.
func bitShift(f func(x uint64, n int) uint64) luau.Func {
	return func(c *luau.Call) error {
		x, err := wideArg(c, 0)
		if err != nil {
			return err
		}
		n, err := toI64(c.VM(), c.Arg(1))
		if err != nil {
			return unfitf("%v", err)
		}
		return returnU64(c, f(x, int(n&63)))
	}
}

func shiftLeft(x uint64, n int) uint64   { return x << n }
func shiftRight(x uint64, n int) uint64  { return x >> n }
func rotateRight(x uint64, n int) uint64 { return bits.RotateLeft64(x, -n) }

// fieldMask gives the mask of width bits, and the bit that they begin at, from
// arguments i and i+1.
func fieldMask(c *luau.Call, i int) (mask uint64, at int, err error) {
	at = int(c.Arg(i).AsNumber())
	width := 1
	if v := c.Arg(i + 1); !v.IsNil() {
		width = int(v.AsNumber())
	}
	if at+width > 64 {
		return 0, 0, unfitf("field %d and width %d reach beyond 64 bits", at, width)
	}
	return ^uint64(0) >> (64 - width), at, nil
}

// bitExtract is bitu64.extract(n, field, width?) -> U64.
func bitExtract(c *luau.Call) error {
	x, err := wideArg(c, 0)
	if err != nil {
		return err
	}
	mask, at, err := fieldMask(c, 1)
	if err != nil {
		return err
	}
	return returnU64(c, x>>at&mask)
}

// bitReplace is bitu64.replace(n, bits, field, width?) -> U64.
func bitReplace(c *luau.Call) error {
	x, err := wideArg(c, 0)
	if err != nil {
		return err
	}
	v, err := wideArg(c, 1)
	if err != nil {
		return err
	}
	mask, at, err := fieldMask(c, 2)
	if err != nil {
		return err
	}
	return returnU64(c, x&^(mask<<at)|v&mask<<at)
}
