package vm

import (
	"math/bits"
	"strconv"
)

// ToString gives what tostring gives: a __tostring handler is run, and must give a string or a number.
func (c *Call) ToString(v Value) (string, error) {
	switch v.Kind() {
	case KindString:
		return v.AsString().Str(), nil
	case KindNumber:
		return NumberString(v.AsNumber()), nil
	case KindUserdata:
		if u := v.AsUserdata(); u.typ != nil && u.typ.ToString != nil {
			return u.typ.ToString(c.vm, u)
		}
	}
	h := c.vm.Meta(v).named(toStringName)
	if h.p == nil {
		return c.vm.PlainString(v), nil
	}
	r, err := c.Call(h, v)
	if err != nil {
		return "", err
	}
	if len(r) > 0 && r[0].Kind() == KindString {
		return r[0].AsString().Str(), nil
	}
	if len(r) > 0 && r[0].IsNumber() {
		return NumberString(r[0].AsNumber()), nil
	}
	return "", c.Errorf("'__tostring' must return a string")
}

var toStringName = Const("__tostring")

// named gives a field of a metatable that may be nil.
func (t *Table) named(s *String) Value {
	if t == nil {
		return Nil
	}
	return t.GetStr(s)
}

// PlainString gives a value's text without running script code. Objects show a
// number that stands for their identity, never an address.
func (vm *VM) PlainString(v Value) string {
	switch k := v.Kind(); k {
	case KindNil, KindBoolean, KindNumber, KindInteger, KindString:
		return displayString(v)
	case KindVector:
		x, y, z := v.AsVector().XYZ()
		return floatString(x) + ", " + floatString(y) + ", " + floatString(z)
	case KindLight:
		return "userdata: " + hexID(scramble(v.w, vm.cfg.Seed))
	}
	return vm.TypeName(v) + ": " + hexID(scramble(uint64(vm.serialOf(v)), vm.cfg.Seed))
}

// floatString gives the shortest digits that read back as the same 32-bit float.
func floatString(f float32) string {
	g, err := strconv.ParseFloat(strconv.FormatFloat(float64(f), 'g', -1, 32), 64)
	if err != nil {
		return NumberString(float64(f)) // infinite or not a number
	}
	return NumberString(g)
}

func hexID(n uint64) string {
	const digits = "0123456789abcdef"
	b := []byte("0x0000000000000000")
	for i := len(b) - 1; i > 1; i-- {
		b[i] = digits[n&15]
		n >>= 4
	}
	return string(b)
}

// scramble is a permutation of the 48-bit numbers that depends on the seed, so that serials do not show.
func scramble(n, seed uint64) uint64 {
	const mask = 1<<48 - 1
	for i := range 3 {
		n = (n ^ bits.RotateLeft64(seed, i*21)) & mask
		n = n * 0x9e3779b97f4b & mask
		n ^= n >> 23
	}
	return n
}
