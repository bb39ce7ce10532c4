package lib

import (
	"encoding/binary"
	"math"

	"github.com/template-worker/template-worker/luau/internal/vm"
)

func openBuffer(b *vm.BaseBuilder) {
	natives := []*vm.Native{
		native("create", bufferCreate),
		native("fromstring", bufferFromString),
		native("tostring", bufferToString),
		native("len", bufferLen),
		native("copy", bufferCopy),
		native("fill", bufferFill),
		native("readstring", bufferReadString),
		native("writestring", bufferWriteString),
		native("readbits", bufferReadBits),
		native("writebits", bufferWriteBits),
		native("readinteger", bufferReadInteger),
		native("writeinteger", bufferWriteInteger),
		bufferRead("readi8", 1, func(p []byte) float64 { return float64(int8(p[0])) }),
		bufferRead("readu8", 1, func(p []byte) float64 { return float64(p[0]) }),
		bufferRead("readi16", 2, func(p []byte) float64 { return float64(int16(le.Uint16(p))) }),
		bufferRead("readu16", 2, func(p []byte) float64 { return float64(le.Uint16(p)) }),
		bufferRead("readi32", 4, func(p []byte) float64 { return float64(int32(le.Uint32(p))) }),
		bufferRead("readu32", 4, func(p []byte) float64 { return float64(le.Uint32(p)) }),
		bufferRead("readf32", 4, func(p []byte) float64 { return float64(math.Float32frombits(le.Uint32(p))) }),
		bufferRead("readf64", 8, func(p []byte) float64 { return math.Float64frombits(le.Uint64(p)) }),
		bufferWriteFloat("writef32", 4, func(p []byte, f float64) { le.PutUint32(p, math.Float32bits(float32(f))) }),
		bufferWriteFloat("writef64", 8, func(p []byte, f float64) { le.PutUint64(p, math.Float64bits(f)) }),
	}
	for _, sign := range []string{"i", "u"} {
		natives = append(natives,
			bufferWriteWord("write"+sign+"8", 1, func(p []byte, w uint32) { p[0] = byte(w) }),
			bufferWriteWord("write"+sign+"16", 2, func(p []byte, w uint32) { le.PutUint16(p, uint16(w)) }),
			bufferWriteWord("write"+sign+"32", 4, func(p []byte, w uint32) { le.PutUint32(p, w) }),
		)
	}
	b.Lib("buffer", natives)
}

var le = binary.LittleEndian

func errBounds(c *vm.Call) error { return c.Errorf("buffer access out of bounds") }

// span gives the n bytes at an offset that a script chose.
func span(c *vm.Call, b *vm.Buffer, offset, n int) ([]byte, error) {
	if offset < 0 || n < 0 || offset+n > b.Len() {
		return nil, errBounds(c)
	}
	return b.Bytes()[offset : offset+n], nil
}

// bufferAt reads the arguments buffer and offset.
func bufferAt(c *vm.Call, i int) (*vm.Buffer, int, error) {
	b, err := c.CheckBuffer(i)
	if err != nil {
		return nil, 0, err
	}
	offset, err := c.CheckInt(i + 1)
	return b, offset, err
}

// bufferRead makes a native that reads a number of size bytes.
func bufferRead(name string, size int, get func([]byte) float64) *vm.Native {
	return fast(name, func(c *vm.Call) error {
		b, offset, err := bufferAt(c, 0)
		if err != nil {
			return err
		}
		p, err := span(c, b, offset, size)
		if err != nil {
			return err
		}
		return c.Return1(vm.Number(get(p)))
	}, func(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
		if len(args) != 2 || args[0].Kind() != vm.KindBuffer {
			return vm.Nil, false
		}
		offset, ok := smallInt(args[1])
		p := args[0].AsBuffer().Bytes()
		if !ok || offset < 0 || offset+size > len(p) {
			return vm.Nil, false
		}
		return vm.Number(get(p[offset : offset+size])), true
	})
}

// bufferWriteWord makes a native that writes an integer modulo its size.
func bufferWriteWord(name string, size int, put func([]byte, uint32)) *vm.Native {
	return native(name, func(c *vm.Call) error {
		b, offset, err := bufferAt(c, 0)
		if err != nil {
			return err
		}
		w, err := c.CheckUint32(2)
		if err != nil {
			return err
		}
		p, err := span(c, b, offset, size)
		if err != nil {
			return err
		}
		put(p, w)
		return c.Return0()
	})
}

// bufferWriteFloat makes a native that writes a float.
func bufferWriteFloat(name string, size int, put func([]byte, float64)) *vm.Native {
	return native(name, func(c *vm.Call) error {
		b, offset, err := bufferAt(c, 0)
		if err != nil {
			return err
		}
		f, err := c.CheckNumber(2)
		if err != nil {
			return err
		}
		p, err := span(c, b, offset, size)
		if err != nil {
			return err
		}
		put(p, f)
		return c.Return0()
	})
}

// buffer.create(size): costs fuel for the bytes.
func bufferCreate(c *vm.Call) error {
	n, err := c.CheckInt(0)
	if err != nil {
		return err
	}
	if n < 0 {
		return c.ArgError(0, "size")
	}
	b, err := newBuffer(c, n)
	if err != nil {
		return err
	}
	return c.Return1(b.Value())
}

func newBuffer(c *vm.Call, n int) (*vm.Buffer, error) {
	if n > maxString {
		return nil, throwText(c, "memory allocation error: block too big")
	}
	if err := payBytes(c, n); err != nil {
		return nil, err
	}
	return c.VM().NewBuffer(n)
}

// buffer.fromstring(s): costs fuel for the bytes.
func bufferFromString(c *vm.Call) error {
	s, err := c.CheckString(0)
	if err != nil {
		return err
	}
	b, err := newBuffer(c, len(s))
	if err != nil {
		return err
	}
	copy(b.Bytes(), s)
	return c.Return1(b.Value())
}

// buffer.tostring(b): costs fuel for the bytes.
func bufferToString(c *vm.Call) error {
	b, err := c.CheckBuffer(0)
	if err != nil {
		return err
	}
	return returnBytes(c, b.Bytes())
}

func returnBytes(c *vm.Call, p []byte) error {
	if err := payBytes(c, len(p)); err != nil {
		return err
	}
	v, err := c.VM().NewStringBytes(p)
	if err != nil {
		return err
	}
	return c.Return1(v)
}

// buffer.len(b)
func bufferLen(c *vm.Call) error {
	b, err := c.CheckBuffer(0)
	if err != nil {
		return err
	}
	return returnInt(c, b.Len())
}

// buffer.copy(target, offset, source, sourceoffset, count): costs fuel for the bytes.
func bufferCopy(c *vm.Call) error {
	dst, to, err := bufferAt(c, 0)
	if err != nil {
		return err
	}
	src, err := c.CheckBuffer(2)
	if err != nil {
		return err
	}
	from, err := c.OptInt(3, 0)
	if err != nil {
		return err
	}
	n, err := c.OptInt(4, src.Len()-from)
	if err != nil {
		return err
	}
	p, err := span(c, src, from, n)
	if err != nil {
		return err
	}
	q, err := span(c, dst, to, n)
	if err != nil {
		return err
	}
	if err := payBytes(c, n); err != nil {
		return err
	}
	copy(q, p)
	return c.Return0()
}

// buffer.fill(b, offset, value, count): costs fuel for the bytes.
func bufferFill(c *vm.Call) error {
	b, offset, err := bufferAt(c, 0)
	if err != nil {
		return err
	}
	v, err := c.CheckUint32(2)
	if err != nil {
		return err
	}
	n, err := c.OptInt(3, b.Len()-offset)
	if err != nil {
		return err
	}
	p, err := span(c, b, offset, n)
	if err != nil {
		return err
	}
	if err := payBytes(c, n); err != nil {
		return err
	}
	if len(p) == 0 {
		return c.Return0()
	}
	p[0] = byte(v)
	for done := 1; done < len(p); {
		done += copy(p[done:], p[:done])
	}
	return c.Return0()
}

// buffer.readstring(b, offset, count): costs fuel for the bytes.
func bufferReadString(c *vm.Call) error {
	b, offset, err := bufferAt(c, 0)
	if err != nil {
		return err
	}
	n, err := c.CheckInt(2)
	if err != nil {
		return err
	}
	if n < 0 {
		return c.ArgError(2, "size")
	}
	p, err := span(c, b, offset, n)
	if err != nil {
		return err
	}
	return returnBytes(c, p)
}

// buffer.writestring(b, offset, s, count): costs fuel for the bytes.
func bufferWriteString(c *vm.Call) error {
	b, offset, err := bufferAt(c, 0)
	if err != nil {
		return err
	}
	s, err := c.CheckString(2)
	if err != nil {
		return err
	}
	n, err := c.OptInt(3, len(s))
	switch {
	case err != nil:
		return err
	case n < 0:
		return c.ArgError(3, "count")
	case n > len(s):
		return c.Errorf("string length overflow")
	}
	p, err := span(c, b, offset, n)
	if err != nil {
		return err
	}
	if err := payBytes(c, n); err != nil {
		return err
	}
	copy(p, s)
	return c.Return0()
}

// bitRange reads the arguments buffer, bit offset and bit count, and gives the
// bytes they touch and the place of the first bit in them.
func bitRange(c *vm.Call) (p []byte, shift, count int, err error) {
	b, err := c.CheckBuffer(0)
	if err != nil {
		return nil, 0, 0, err
	}
	offset, err := c.CheckInt64(1)
	if err != nil {
		return nil, 0, 0, err
	}
	if count, err = c.CheckInt(2); err != nil {
		return nil, 0, 0, err
	}
	if offset < 0 {
		return nil, 0, 0, errBounds(c)
	}
	if count < 0 || count > 32 {
		return nil, 0, 0, c.Errorf("bit count is out of range of [0; 32]")
	}
	if offset > int64(b.Len())*8-int64(count) {
		return nil, 0, 0, errBounds(c)
	}
	first, end := offset/8, (offset+int64(count)+7)/8
	return b.Bytes()[first:end], int(offset % 8), count, nil
}

func loadBits(p []byte) (v uint64) {
	for i := len(p) - 1; i >= 0; i-- {
		v = v<<8 | uint64(p[i])
	}
	return v
}

// buffer.readbits(b, bitoffset, bitcount)
func bufferReadBits(c *vm.Call) error {
	p, shift, count, err := bitRange(c)
	if err != nil {
		return err
	}
	v := loadBits(p) >> shift & (1<<count - 1)
	return c.Return1(vm.Number(float64(v)))
}

// buffer.writebits(b, bitoffset, bitcount, value)
func bufferWriteBits(c *vm.Call) error {
	w, err := c.CheckUint32(3)
	if c.NArgs() > 3 && err != nil {
		return err
	}
	p, shift, count, rangeErr := bitRange(c)
	if rangeErr != nil {
		return rangeErr
	}
	if err != nil {
		return err
	}
	mask := uint64(1<<count-1) << shift
	v := loadBits(p)&^mask | uint64(w)<<shift&mask
	for i := range p {
		p[i] = byte(v >> (8 * i))
	}
	return c.Return0()
}

// checkInteger requires a value of the 64-bit integer type.
func checkInteger(c *vm.Call, i int) (int64, error) {
	if v := c.Arg(i); v.Kind() == vm.KindInteger {
		return v.AsInteger(), nil
	}
	return 0, c.TypeError(i, "integer")
}

// buffer.readinteger(b, offset), buffer.writeinteger(b, offset, value): values of the 64-bit integer type.
func bufferReadInteger(c *vm.Call) error {
	b, offset, err := bufferAt(c, 0)
	if err != nil {
		return err
	}
	p, err := span(c, b, offset, 8)
	if err != nil {
		return err
	}
	return c.Return1(vm.Integer(int64(le.Uint64(p))))
}

func bufferWriteInteger(c *vm.Call) error {
	b, offset, err := bufferAt(c, 0)
	if err != nil {
		return err
	}
	v, err := checkInteger(c, 2)
	if err != nil {
		return err
	}
	p, err := span(c, b, offset, 8)
	if err != nil {
		return err
	}
	le.PutUint64(p, uint64(v))
	return c.Return0()
}
