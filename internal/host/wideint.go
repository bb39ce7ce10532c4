package host

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/template-worker/template-worker/luau"
)

// wideTypes are the 64-bit integers that numbers cannot hold: I64 and U64. Their
// arithmetic wraps around, / and // truncate, and the other operand is converted.
type wideTypes struct{ i64, u64 *luau.UserType }

var wide = newWideTypes()

func newWideTypes() *wideTypes {
	w := &wideTypes{i64: &luau.UserType{Name: "I64"}, u64: &luau.UserType{Name: "U64"}}
	for _, t := range []*luau.UserType{w.i64, w.u64} {
		t.Eq = func(a, b *luau.Userdata) bool { return a.Data() == b.Data() }
		t.ToString = func(_ *luau.VM, self *luau.Userdata) (string, error) { return fmt.Sprint(self.Data()), nil }
	}
	w.i64.Less = func(_ *luau.VM, a, b *luau.Userdata) (bool, error) { return a.Data().(int64) < b.Data().(int64), nil }
	w.u64.Less = func(_ *luau.VM, a, b *luau.Userdata) (bool, error) { return a.Data().(uint64) < b.Data().(uint64), nil }
	w.i64.Arith = func(vm *luau.VM, op luau.ArithOp, a, b luau.Value) (luau.Value, error) {
		x, y, err := bothWide(vm, a, b, toI64)
		if err != nil {
			return luau.Nil, err
		}
		r, err := arithI64(op, x, y)
		if err != nil {
			return luau.Nil, err
		}
		return w.newI64(vm, r)
	}
	w.u64.Arith = func(vm *luau.VM, op luau.ArithOp, a, b luau.Value) (luau.Value, error) {
		x, y, err := bothWide(vm, a, b, toU64)
		if err != nil {
			return luau.Nil, err
		}
		r, err := arithU64(op, x, y)
		if err != nil {
			return luau.Nil, err
		}
		return w.newU64(vm, r)
	}
	return w
}

func (w *wideTypes) newI64(vm *luau.VM, i int64) (luau.Value, error) {
	return newHostValue(vm, w.i64, i, 8)
}
func (w *wideTypes) newU64(vm *luau.VM, u uint64) (luau.Value, error) {
	return newHostValue(vm, w.u64, u, 8)
}

// newHostValue makes a userdata of a plain Go value.
func newHostValue(vm *luau.VM, typ *luau.UserType, data any, size int64) (luau.Value, error) {
	u, err := vm.NewUserdata(typ, data, size)
	if err != nil {
		return luau.Nil, err
	}
	return u.Value(), nil
}

// wideToLittle is n:to_le_bytes() -> {number}.
func wideToLittle(c *luau.Call) error { return wideBytes(c, binary.LittleEndian) }

// wideToBig is n:to_be_bytes() -> {number}.
func wideToBig(c *luau.Call) error { return wideBytes(c, binary.BigEndian) }

func wideBytes(c *luau.Call, order binary.AppendByteOrder) error {
	t, err := byteTable(c, bitsOf(c.Arg(0)), order)
	if err != nil {
		return err
	}
	return c.Return1(t)
}

// isWide tells whether v is an I64 or a U64.
func isWide(v luau.Value) bool {
	return v.Kind() == luau.KindUserdata && (v.AsUserdata().Type() == wide.i64 || v.AsUserdata().Type() == wide.u64)
}

// bitsOf gives the 64 bits of an I64 or U64.
func bitsOf(v luau.Value) uint64 {
	if i, ok := v.AsUserdata().Data().(int64); ok {
		return uint64(i)
	}
	return v.AsUserdata().Data().(uint64)
}

func byteTable(c *luau.Call, bits uint64, order binary.AppendByteOrder) (luau.Value, error) {
	t, err := c.VM().NewTable(8, 0)
	if err != nil {
		return luau.Nil, err
	}
	for i, b := range order.AppendUint64(nil, bits) {
		if err := t.SetInt(c.VM(), i+1, luau.Number(float64(b))); err != nil {
			return luau.Nil, err
		}
	}
	return t.Value(), nil
}

func bothWide[T any](vm *luau.VM, a, b luau.Value, convert func(*luau.VM, luau.Value) (T, error)) (x, y T, err error) {
	if x, err = convert(vm, a); err == nil {
		y, err = convert(vm, b)
	}
	return x, y, err
}

// toI64 takes an I64, a U64 that fits, an integral number or a decimal string.
func toI64(vm *luau.VM, v luau.Value) (int64, error) {
	switch v.Kind() {
	case luau.KindUserdata:
		switch x := v.AsUserdata().Data().(type) {
		case int64:
			return x, nil
		case uint64:
			if x > math.MaxInt64 {
				return 0, fmt.Errorf("%d does not fit into an I64", x)
			}
			return int64(x), nil
		}
	case luau.KindInteger:
		return v.AsInteger(), nil
	case luau.KindNumber:
		if f := v.AsNumber(); f == math.Trunc(f) && f >= -1<<63 && f < 1<<63 {
			return int64(f), nil
		}
		return 0, fmt.Errorf("the number %s is no 64-bit integer", luau.NumberString(v.AsNumber()))
	case luau.KindString:
		if i, err := strconv.ParseInt(v.AsString().Str(), 10, 64); err == nil {
			return i, nil
		}
		return 0, errors.New("the string is no 64-bit integer")
	}
	return 0, fmt.Errorf("cannot make an I64 of a %s", vm.TypeName(v))
}

// toU64 is toI64 for values from 0 to 2^64-1.
func toU64(vm *luau.VM, v luau.Value) (uint64, error) {
	switch v.Kind() {
	case luau.KindUserdata:
		switch x := v.AsUserdata().Data().(type) {
		case uint64:
			return x, nil
		case int64:
			if x < 0 {
				return 0, fmt.Errorf("%d does not fit into a U64", x)
			}
			return uint64(x), nil
		}
	case luau.KindInteger:
		if v.AsInteger() >= 0 {
			return uint64(v.AsInteger()), nil
		}
		return 0, fmt.Errorf("%d does not fit into a U64", v.AsInteger())
	case luau.KindNumber:
		if f := v.AsNumber(); f == math.Trunc(f) && f >= 0 && f < 1<<64 {
			return uint64(f), nil
		}
		return 0, fmt.Errorf("the number %s is no unsigned 64-bit integer", luau.NumberString(v.AsNumber()))
	case luau.KindString:
		if u, err := strconv.ParseUint(v.AsString().Str(), 10, 64); err == nil {
			return u, nil
		}
		return 0, errors.New("the string is no unsigned 64-bit integer")
	}
	return 0, fmt.Errorf("cannot make a U64 of a %s", vm.TypeName(v))
}

var errDivideByZero = errors.New("attempt to divide by zero")

func arithI64(op luau.ArithOp, x, y int64) (int64, error) {
	switch op {
	case luau.ArithAdd:
		return x + y, nil
	case luau.ArithSub:
		return x - y, nil
	case luau.ArithMul:
		return x * y, nil
	case luau.ArithUnm:
		return -x, nil
	case luau.ArithDiv, luau.ArithIDiv:
		if y == 0 {
			return 0, errDivideByZero
		}
		return x / y, nil
	case luau.ArithMod:
		if y == 0 {
			return 0, errDivideByZero
		}
		return x % y, nil
	case luau.ArithPow:
		if y < 0 {
			return 0, errors.New("negative exponent")
		}
		return int64(power(uint64(x), uint64(y))), nil
	}
	return 0, errors.New("attempt to concatenate I64")
}

func arithU64(op luau.ArithOp, x, y uint64) (uint64, error) {
	switch op {
	case luau.ArithAdd:
		return x + y, nil
	case luau.ArithSub:
		return x - y, nil
	case luau.ArithMul:
		return x * y, nil
	case luau.ArithUnm:
		return -x, nil
	case luau.ArithDiv, luau.ArithIDiv:
		if y == 0 {
			return 0, errDivideByZero
		}
		return x / y, nil
	case luau.ArithMod:
		if y == 0 {
			return 0, errDivideByZero
		}
		return x % y, nil
	case luau.ArithPow:
		return power(x, y), nil
	}
	return 0, errors.New("attempt to concatenate U64")
}

// power gives x^n modulo 2^64.
func power(x, n uint64) uint64 {
	r := uint64(1)
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			r *= x
		}
		x *= x
	}
	return r
}
