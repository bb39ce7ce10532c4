package lib

import (
	"strings"

	"github.com/template-worker/template-worker/luau/internal/vm"
)

func openString(b *vm.BaseBuilder) {
	t := b.Lib("string", []*vm.Native{
		fast("byte", stringByte, fastByte),
		fast("char", stringChar, fastChar),
		native("find", stringFind),
		native("format", stringFormat),
		native("gmatch", stringGMatch),
		native("gsub", stringGSub),
		fast("len", stringLen, fastLen),
		native("lower", stringLower),
		native("match", stringMatch),
		native("pack", stringPack),
		native("packsize", stringPackSize),
		native("rep", stringRep),
		native("reverse", stringReverse),
		native("split", stringSplit),
		fast("sub", stringSub, fastSub),
		native("unpack", stringUnpack),
		native("upper", stringUpper),
	})
	meta := vm.SharedTable(0, 1)
	if err := meta.SetStr(nil, vm.Const("__index"), t.Value()); err != nil {
		panic("BUG: string metatable: " + err.Error())
	}
	meta.Freeze()
	b.SetStringMeta(meta)
}

// fromEnd turns a position that may count from the end into one from the start; 0 if it lies before it.
func fromEnd(pos, n int) int {
	if pos < 0 {
		pos += n + 1
	}
	return max(pos, 0)
}

// string.len(s)
func stringLen(c *vm.Call) error {
	s, err := c.CheckString(0)
	if err != nil {
		return err
	}
	return returnInt(c, len(s))
}

func fastLen(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	if len(args) == 0 || args[0].Kind() != vm.KindString {
		return vm.Nil, false
	}
	return vm.Number(float64(args[0].AsString().Len())), true
}

// string.sub(s, i, j): costs fuel and memory for the result.
func stringSub(c *vm.Call) error {
	s, err := c.CheckString(0)
	if err != nil {
		return err
	}
	i, err := c.CheckInt(1)
	if err != nil {
		return err
	}
	j, err := c.OptInt(2, -1)
	if err != nil {
		return err
	}
	piece := substring(s, i, j)
	if err := payBytes(c, len(piece)); err != nil {
		return err
	}
	if len(piece) == len(s) && c.Arg(0).Kind() == vm.KindString {
		return c.Return1(c.Arg(0))
	}
	return returnString(c, piece)
}

func substring(s string, i, j int) string {
	i, j = max(fromEnd(i, len(s)), 1), min(fromEnd(j, len(s)), len(s))
	if i > j {
		return ""
	}
	return s[i-1 : j]
}

func fastSub(m *vm.VM, args []vm.Value) (vm.Value, bool) {
	if len(args) < 2 || args[0].Kind() != vm.KindString || !args[1].IsNumber() {
		return vm.Nil, false
	}
	j := -1
	if len(args) > 2 {
		var ok bool
		if j, ok = smallInt(args[2]); !ok {
			return vm.Nil, false
		}
	}
	i, ok := smallInt(args[1])
	if !ok {
		return vm.Nil, false
	}
	piece := substring(args[0].AsString().Str(), i, j)
	if len(piece) >= 64 {
		return vm.Nil, false
	}
	v, err := m.NewString(piece)
	return v, err == nil
}

// smallInt gives the number as a 32-bit integer if it is one, the common case of
// an argument for which no conversion rule is needed.
func smallInt(v vm.Value) (int, bool) {
	if !v.IsNumber() {
		return 0, false
	}
	f := v.AsNumber()
	i := int32(f)
	return int(i), float64(i) == f
}

// string.byte(s, i, j): costs one fuel for each byte.
func stringByte(c *vm.Call) error {
	s, err := c.CheckString(0)
	if err != nil {
		return err
	}
	i, err := c.OptInt(1, 1)
	if err != nil {
		return err
	}
	i = fromEnd(i, len(s))
	j, err := c.OptInt(2, i)
	if err != nil {
		return err
	}
	piece := substring(s, i, j)
	if len(piece) > maxSlots {
		return c.Errorf("string slice too long")
	}
	if err := payItems(c, len(piece)); err != nil {
		return err
	}
	out, err := c.ReturnN(len(piece))
	if err != nil {
		return err
	}
	for k := range out {
		out[k] = vm.Number(float64(piece[k]))
	}
	return nil
}

func fastByte(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	if len(args) == 0 || len(args) > 2 || args[0].Kind() != vm.KindString {
		return vm.Nil, false
	}
	i := 1
	if len(args) == 2 {
		var ok bool
		if i, ok = smallInt(args[1]); !ok {
			return vm.Nil, false
		}
	}
	s := args[0].AsString().Str()
	if i < 1 || i > len(s) {
		return vm.Nil, false
	}
	return vm.Number(float64(s[i-1])), true
}

// string.char(...): costs one fuel for each byte.
func stringChar(c *vm.Call) error {
	n := c.NArgs()
	if err := payItems(c, n); err != nil {
		return err
	}
	var small [64]byte
	b := small[:0]
	for i := range n {
		x, err := c.CheckInt(i)
		if err != nil {
			return err
		}
		if x != int(byte(x)) {
			return c.ArgError(i, "invalid value")
		}
		b = append(b, byte(x))
	}
	v, err := c.VM().NewStringBytes(b)
	if err != nil {
		return err
	}
	return c.Return1(v)
}

func fastChar(_ *vm.VM, args []vm.Value) (vm.Value, bool) {
	if len(args) != 1 {
		return vm.Nil, false
	}
	i, ok := smallInt(args[0])
	if !ok || i != int(byte(i)) {
		return vm.Nil, false
	}
	return vm.ByteString(byte(i)), true
}

// mapBytes gives a string of the same length, made by fill. Costs fuel for the bytes.
func mapBytes(c *vm.Call, fill func(dst []byte, src string)) error {
	s, err := c.CheckString(0)
	if err != nil {
		return err
	}
	if err := payBytes(c, len(s)*4); err != nil {
		return err
	}
	if len(s) <= 1 {
		var b [1]byte
		fill(b[:len(s)], s)
		return returnString(c, string(b[:len(s)]))
	}
	o, b, err := c.VM().AllocString(len(s))
	if err != nil {
		return err
	}
	fill(b, s)
	return c.Return1(o.Value())
}

// string.lower(s), string.upper(s): letters of ASCII only.
func stringLower(c *vm.Call) error {
	return mapBytes(c, func(dst []byte, src string) {
		for i := range len(src) {
			ch := src[i]
			if ch >= 'A' && ch <= 'Z' {
				ch += 'a' - 'A'
			}
			dst[i] = ch
		}
	})
}

func stringUpper(c *vm.Call) error {
	return mapBytes(c, func(dst []byte, src string) {
		for i := range len(src) {
			ch := src[i]
			if ch >= 'a' && ch <= 'z' {
				ch -= 'a' - 'A'
			}
			dst[i] = ch
		}
	})
}

// string.reverse(s)
func stringReverse(c *vm.Call) error {
	return mapBytes(c, func(dst []byte, src string) {
		for i := range len(src) {
			dst[len(src)-1-i] = src[i]
		}
	})
}

// string.rep(s, n): refused before anything is made if the result is too long. Costs fuel for the result.
func stringRep(c *vm.Call) error {
	s, err := c.CheckString(0)
	if err != nil {
		return err
	}
	n, err := c.CheckInt(1)
	if err != nil {
		return err
	}
	if n <= 0 || s == "" {
		return returnString(c, "")
	}
	if len(s) > maxString/n {
		return c.Errorf("resulting string too large")
	}
	total := len(s) * n
	if total == 1 {
		return returnString(c, s)
	}
	if err := payBytes(c, total); err != nil {
		return err
	}
	o, b, err := c.VM().AllocString(total)
	if err != nil {
		return err
	}
	for done := copy(b, s); done < total; {
		done += copy(b[done:], b[:done])
	}
	return c.Return1(o.Value())
}

// string.split(s, separator): costs one fuel for each piece and fuel for the bytes.
func stringSplit(c *vm.Call) error {
	s, err := c.CheckString(0)
	if err != nil {
		return err
	}
	sep, err := c.OptString(1, ",")
	if err != nil {
		return err
	}
	if err := payBytes(c, len(s)+len(sep)); err != nil {
		return err
	}
	n := len(s)
	if sep != "" {
		n = strings.Count(s, sep) + 1
	}
	if err := payItems(c, n); err != nil {
		return err
	}
	t, err := c.VM().NewTable(n, 0)
	if err != nil {
		return err
	}
	c.Hold(t.Value())
	for i := 1; i <= n; i++ {
		var piece string
		if sep == "" {
			piece = s[i-1 : i]
		} else if at := strings.Index(s, sep); at >= 0 {
			piece, s = s[:at], s[at+len(sep):]
		} else {
			piece = s
		}
		v, err := c.VM().NewString(piece)
		if err != nil {
			return err
		}
		if err := t.SetInt(c.VM(), i, v); err != nil {
			return err
		}
	}
	return c.Return1(t.Value())
}
