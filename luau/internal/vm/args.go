package vm

import (
	"fmt"
	"math"
)

// ArgError reports argument i, counted from 0, as the reference does: "invalid argument #1 to 'f' (...)".
func (c *Call) ArgError(i int, format string, args ...any) error {
	extra := fmt.Sprintf(format, args...)
	if c.native.Name == "" {
		return c.vm.errorAt(1, "invalid argument #%d (%s)", i+1, extra)
	}
	return c.vm.errorAt(1, "invalid argument #%d to '%s' (%s)", i+1, c.native.Name, extra)
}

// TypeError reports that argument i is not a want.
func (c *Call) TypeError(i int, want string) error {
	if i >= c.n {
		if c.native.Name == "" {
			return c.vm.errorAt(1, "missing argument #%d (%s expected)", i+1, want)
		}
		return c.vm.errorAt(1, "missing argument #%d to '%s' (%s expected)", i+1, c.native.Name, want)
	}
	return c.ArgError(i, "%s expected, got %s", want, c.vm.TypeName(c.Arg(i)))
}

// Errorf makes an error with the position of the calling script line in front.
func (c *Call) Errorf(format string, args ...any) error { return c.vm.errorAt(1, format, args...) }

// Throw makes an error of any value, as it is.
func (c *Call) Throw(v Value) error { return &thrown{value: v} }

// CheckAny requires argument i to be present; nil will do.
func (c *Call) CheckAny(i int) error {
	if i < c.n {
		return nil
	}
	return c.vm.errorAt(1, "missing argument #%d", i+1)
}

// CheckNumber gives argument i as a number; numeric strings convert.
func (c *Call) CheckNumber(i int) (float64, error) {
	v := c.Arg(i)
	if v.IsNumber() {
		return v.AsNumber(), nil
	}
	if err := c.co.vm.payDigits(v, Nil); err != nil {
		return 0, err
	}
	if f, ok := ToNumber(v); ok {
		return f, nil
	}
	return 0, c.TypeError(i, "number")
}

// CheckInt gives argument i as a 32-bit integer, by the C conversion on amd64:
// truncated, and the smallest integer when out of range or NaN.
func (c *Call) CheckInt(i int) (int, error) {
	f, err := c.CheckNumber(i)
	return int(truncInt32(f)), err
}

// CheckUint32 gives argument i modulo 2^32.
func (c *Call) CheckUint32(i int) (uint32, error) {
	f, err := c.CheckNumber(i)
	return uint32(truncInt64(f)), err
}

// CheckInt64 gives argument i truncated to 64 bits; the smallest integer when out of range or NaN.
func (c *Call) CheckInt64(i int) (int64, error) {
	f, err := c.CheckNumber(i)
	return truncInt64(f), err
}

func truncInt32(f float64) int32 {
	if f > -2147483649 && f < 2147483648 {
		return int32(f)
	}
	return math.MinInt32
}

func truncInt64(f float64) int64 {
	if f >= -9223372036854775808 && f < 9223372036854775808 {
		return int64(f)
	}
	return math.MinInt64
}

// CheckBool requires a boolean.
func (c *Call) CheckBool(i int) (bool, error) {
	v := c.Arg(i)
	if v.Kind() == KindBoolean {
		return v.AsBool(), nil
	}
	return false, c.TypeError(i, "boolean")
}

// CheckString gives argument i as text; numbers convert.
func (c *Call) CheckString(i int) (string, error) {
	v := c.Arg(i)
	switch v.Kind() {
	case KindString:
		return v.AsString().Str(), nil
	case KindNumber:
		return NumberString(v.AsNumber()), nil
	}
	return "", c.TypeError(i, "string")
}

// CheckTable requires a table.
func (c *Call) CheckTable(i int) (*Table, error) {
	if v := c.Arg(i); v.Kind() == KindTable {
		return v.AsTable(), nil
	}
	return nil, c.TypeError(i, "table")
}

// CheckFunction requires a script function or a native.
func (c *Call) CheckFunction(i int) (Value, error) {
	v := c.Arg(i)
	if k := v.Kind(); k == KindClosure || k == KindNative {
		return v, nil
	}
	return Nil, c.TypeError(i, "function")
}

// CheckBuffer requires a buffer.
func (c *Call) CheckBuffer(i int) (*Buffer, error) {
	if v := c.Arg(i); v.Kind() == KindBuffer {
		return v.AsBuffer(), nil
	}
	return nil, c.TypeError(i, "buffer")
}

// CheckVector requires a vector.
func (c *Call) CheckVector(i int) (*Vector, error) {
	if v := c.Arg(i); v.Kind() == KindVector {
		return v.AsVector(), nil
	}
	return nil, c.TypeError(i, "vector")
}

// CheckCoroutine requires a coroutine.
func (c *Call) CheckCoroutine(i int) (*Coroutine, error) {
	if v := c.Arg(i); v.Kind() == KindCoroutine {
		return v.AsCoroutine(), nil
	}
	return nil, c.TypeError(i, "thread")
}

// CheckUserdata requires a userdata of the type.
func (c *Call) CheckUserdata(i int, typ *UserType) (*Userdata, error) {
	if v := c.Arg(i); v.Kind() == KindUserdata && v.AsUserdata().typ == typ {
		return v.AsUserdata(), nil
	}
	return nil, c.TypeError(i, typ.Name)
}

// OptNumber is CheckNumber with d for nil and absent arguments; so are the others.
func (c *Call) OptNumber(i int, d float64) (float64, error) {
	if c.Arg(i).IsNil() {
		return d, nil
	}
	return c.CheckNumber(i)
}

// OptInt is CheckInt with a default.
func (c *Call) OptInt(i, d int) (int, error) {
	if c.Arg(i).IsNil() {
		return d, nil
	}
	return c.CheckInt(i)
}

// OptString is CheckString with a default.
func (c *Call) OptString(i int, d string) (string, error) {
	if c.Arg(i).IsNil() {
		return d, nil
	}
	return c.CheckString(i)
}

// OptBool is CheckBool with a default.
func (c *Call) OptBool(i int, d bool) (bool, error) {
	if c.Arg(i).IsNil() {
		return d, nil
	}
	return c.CheckBool(i)
}
