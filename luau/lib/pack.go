package lib

import (
	"math"
	"strings"

	"github.com/template-worker/template-worker/luau/internal/vm"
	"github.com/template-worker/template-worker/luau/lib/strpack"
)

// packError reports a fault of the format as the reference does.
func packError(c *vm.Call, err error) error {
	switch e := err.(type) {
	case strpack.Error:
		return c.Errorf("%s", string(e))
	case strpack.ArgError:
		return c.ArgError(0, "%s", string(e))
	}
	return err
}

// string.pack(format, ...): costs fuel for each item and for the bytes of the
// result, whose memory is taken as it grows.
func stringPack(c *vm.Call) error {
	f, err := c.CheckString(0)
	if err != nil {
		return err
	}
	out := newText(c)
	arg := 1
	for r := strpack.NewReader(f); r.More(); {
		if err := c.Charge(1); err != nil {
			return err
		}
		o, err := r.Next(len(out.b))
		if err != nil {
			return packError(c, err)
		}
		if err := out.fill(o.Before); err != nil {
			return err
		}
		switch o.Kind {
		case strpack.Pad:
			err = out.fill(1)
		case strpack.Align, strpack.Nothing:
		default:
			err = packItem(c, &out, o, arg)
			arg++
		}
		if err != nil {
			return err
		}
	}
	v, err := out.value()
	if err != nil {
		return err
	}
	return c.Return1(v)
}

func packItem(c *vm.Call, out *text, o strpack.Option, arg int) error {
	switch o.Kind {
	case strpack.Int, strpack.Uint:
		return packInt(c, out, o, arg)
	case strpack.Float:
		f, err := c.CheckNumber(arg)
		if err != nil {
			return err
		}
		bits := math.Float64bits(f)
		if o.Size == 4 {
			bits = uint64(math.Float32bits(float32(f)))
		}
		return addInt(out, bits, o, 0)
	}
	s, err := c.CheckString(arg)
	if err != nil {
		return err
	}
	switch o.Kind {
	case strpack.Char:
		if len(s) > o.Size {
			return c.ArgError(arg, "string longer than given size")
		}
		if err := out.add(s); err != nil {
			return err
		}
		return out.fill(o.Size - len(s))
	case strpack.String:
		if o.Size < 8 && len(s) >= 1<<(8*o.Size) {
			return c.ArgError(arg, "string length does not fit in given size")
		}
		if err := addInt(out, uint64(len(s)), o, 0); err != nil {
			return err
		}
		return out.add(s)
	}
	if strings.IndexByte(s, 0) >= 0 {
		return c.ArgError(arg, "string contains zeros")
	}
	if err := out.add(s); err != nil {
		return err
	}
	return out.fill(1)
}

func packInt(c *vm.Call, out *text, o strpack.Option, arg int) error {
	n, err := c.CheckInt64(arg)
	if err != nil {
		return err
	}
	sign := byte(0)
	if o.Kind == strpack.Uint {
		if o.Size < 8 && uint64(n) >= 1<<(8*o.Size) {
			return c.ArgError(arg, "unsigned overflow")
		}
	} else {
		if lim := int64(1) << min(8*o.Size-1, 62); o.Size < 8 && (n < -lim || n >= lim) {
			return c.ArgError(arg, "integer overflow")
		}
		if n < 0 {
			sign = 0xff
		}
	}
	return addInt(out, uint64(n), o, sign)
}

func addInt(out *text, v uint64, o strpack.Option, sign byte) error {
	if err := out.room(o.Size); err != nil {
		return err
	}
	out.b = strpack.AppendInt(out.b, v, o.Size, o.Little, sign)
	return nil
}

// string.packsize(format)
func stringPackSize(c *vm.Call) error {
	f, err := c.CheckString(0)
	if err != nil {
		return err
	}
	if err := payItems(c, len(f)); err != nil {
		return err
	}
	total := 0
	for r := strpack.NewReader(f); r.More(); {
		o, err := r.Next(total)
		if err != nil {
			return packError(c, err)
		}
		if o.Kind == strpack.String || o.Kind == strpack.Zero {
			return c.ArgError(0, "variable-length format")
		}
		if o.Size += o.Before; total > maxString-o.Size {
			return c.ArgError(0, "format result too large")
		}
		total += o.Size
	}
	return returnInt(c, total)
}

// string.unpack(format, s, init): costs fuel for each item.
func stringUnpack(c *vm.Call) error {
	f, err := c.CheckString(0)
	if err != nil {
		return err
	}
	s, err := c.CheckString(1)
	if err != nil {
		return err
	}
	init, err := c.OptInt(2, 1)
	if err != nil {
		return err
	}
	pos := max(fromEnd(init, len(s))-1, 0)
	if pos > len(s) {
		return c.ArgError(2, "initial position out of string")
	}
	var out []vm.Value
	for r := strpack.NewReader(f); r.More(); {
		if err := c.Charge(1); err != nil {
			return err
		}
		o, err := r.Next(pos)
		if err != nil {
			return packError(c, err)
		}
		if o.Before+o.Size > len(s)-pos {
			return c.ArgError(1, "data string too short")
		}
		pos += o.Before
		if o.Kind < strpack.Pad {
			if len(out)+2 > maxSlots {
				return c.Errorf("too many results")
			}
			v, n, err := unpackItem(c, o, s[pos:])
			if err != nil {
				return err
			}
			c.Hold(v)
			out = append(out, v)
			pos += n
		}
		pos += o.Size
	}
	return c.Return(append(out, vm.Number(float64(pos+1)))...)
}

// unpackItem reads one value from the start of s and gives the bytes it takes beyond the option's size.
func unpackItem(c *vm.Call, o strpack.Option, s string) (v vm.Value, n int, err error) {
	switch o.Kind {
	case strpack.Zero:
		i := strings.IndexByte(s, 0)
		if i < 0 {
			return vm.Nil, 0, c.ArgError(1, "unfinished string for format 'z'")
		}
		v, err = c.VM().NewString(s[:i])
		return v, i + 1, err
	case strpack.Char:
		v, err = c.VM().NewString(s[:o.Size])
		return v, 0, err
	}
	num, err := strpack.ReadInt(s[:o.Size], o.Little, o.Kind == strpack.Int)
	if err != nil {
		return vm.Nil, 0, packError(c, err)
	}
	switch o.Kind {
	case strpack.Int:
		return vm.Number(float64(num)), 0, nil
	case strpack.Uint:
		return vm.Number(float64(uint64(num))), 0, nil
	case strpack.Float:
		if o.Size == 4 {
			return vm.Number(float64(math.Float32frombits(uint32(num)))), 0, nil
		}
		return vm.Number(math.Float64frombits(uint64(num))), 0, nil
	}
	if uint64(num) > uint64(len(s)-o.Size) {
		return vm.Nil, 0, c.ArgError(1, "data string too short")
	}
	v, err = c.VM().NewString(s[o.Size : o.Size+int(num)])
	return v, int(num), err
}
