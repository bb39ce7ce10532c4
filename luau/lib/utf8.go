package lib

import (
	"unicode/utf8"

	"github.com/template-worker/template-worker/luau/internal/vm"
)

func openUTF8(b *vm.BaseBuilder) {
	b.Lib("utf8", []*vm.Native{
		native("char", utf8Char),
		native("codepoint", utf8Codepoint),
		native("codes", utf8Codes),
		native("len", utf8Len),
		native("offset", utf8Offset),
	}, vm.Field{Name: "charpattern", Value: vm.Const("[\x00-\x7F\xC2-\xF4][\x80-\xBF]*").Value()})
}

const maxRune = 0x10FFFF

func continues(s string, i int) bool { return i < len(s) && s[i]&0xC0 == 0x80 }

// decode reads the character at the start of s; size is 0 if there is no valid one.
func decode(s string) (r rune, size int) {
	r, size = utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && size <= 1 {
		return 0, 0
	}
	return r, size
}

// utf8.char(...): surrogates are written like any other number. Costs one fuel for each character.
func utf8Char(c *vm.Call) error {
	n := c.NArgs()
	if err := payItems(c, n); err != nil {
		return err
	}
	var small [64]byte
	b := small[:0]
	for i := range n {
		code, err := c.CheckInt(i)
		if err != nil {
			return err
		}
		if code < 0 || code > maxRune {
			return c.ArgError(i, "value out of range")
		}
		if code >= 0xD800 && code < 0xE000 {
			b = append(b, 0xE0|byte(code>>12), 0x80|byte(code>>6)&0x3F, 0x80|byte(code)&0x3F)
			continue
		}
		b = utf8.AppendRune(b, rune(code))
	}
	v, err := c.VM().NewStringBytes(b)
	if err != nil {
		return err
	}
	return c.Return1(v)
}

// utf8.codepoint(s, i, j): costs one fuel for each byte.
func utf8Codepoint(c *vm.Call) error {
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
	j = fromEnd(j, len(s))
	if i < 1 {
		return c.ArgError(1, "out of range")
	}
	if j > len(s) {
		return c.ArgError(2, "out of range")
	}
	if i > j {
		return c.Return0()
	}
	if j-i+1 > maxSlots {
		return c.Errorf("string slice too long")
	}
	if err := payItems(c, j-i+1); err != nil {
		return err
	}
	out, err := c.ReturnN(j - i + 1)
	if err != nil {
		return err
	}
	n := 0
	for at := i - 1; at < j; n++ {
		r, size := decode(s[at:])
		if size == 0 {
			return c.Errorf("invalid UTF-8 code")
		}
		out[n] = vm.Number(float64(r))
		at += size
	}
	_, err = c.ReturnN(n)
	return err
}

// utf8.len(s, i, j) gives the number of characters, or nil and the position of the first that is not valid.
func utf8Len(c *vm.Call) error {
	s, err := c.CheckString(0)
	if err != nil {
		return err
	}
	i, err := c.OptInt(1, 1)
	if err != nil {
		return err
	}
	j, err := c.OptInt(2, -1)
	if err != nil {
		return err
	}
	i, j = fromEnd(i, len(s)), fromEnd(j, len(s))
	if i < 1 || i > len(s)+1 {
		return c.ArgError(1, "initial position out of string")
	}
	if j > len(s) {
		return c.ArgError(2, "final position out of string")
	}
	if err := payBytes(c, 16*max(j-i, 0)); err != nil {
		return err
	}
	n := 0
	for at := i - 1; at < j; n++ {
		_, size := decode(s[at:])
		if size == 0 {
			return c.Return(vm.Nil, vm.Number(float64(at+1)))
		}
		at += size
	}
	return returnInt(c, n)
}

// utf8.offset(s, n, i) gives the position of the nth character from i on.
func utf8Offset(c *vm.Call) error {
	s, err := c.CheckString(0)
	if err != nil {
		return err
	}
	n, err := c.CheckInt(1)
	if err != nil {
		return err
	}
	d := 1
	if n < 0 {
		d = len(s) + 1
	}
	i, err := c.OptInt(2, d)
	if err != nil {
		return err
	}
	at := fromEnd(i, len(s)) - 1
	if at < 0 || at > len(s) {
		return c.ArgError(2, "position out of range")
	}
	if n != 0 && continues(s, at) {
		return c.Errorf("initial position is a continuation byte")
	}
	if err := payBytes(c, 8*len(s)); err != nil {
		return err
	}
	at, ok := walk(s, at, n)
	if !ok {
		return c.Return1(vm.Nil)
	}
	return returnInt(c, at+1)
}

// walk goes from the character at offset at to the nth one; 0 is the one at is inside of.
func walk(s string, at, n int) (int, bool) {
	if n == 0 {
		for at > 0 && continues(s, at) {
			at--
		}
		return at, true
	}
	for ; n < 0 && at > 0; n++ {
		for at--; at > 0 && continues(s, at); {
			at--
		}
	}
	if n < 0 {
		return 0, false
	}
	if n == 0 {
		return at, true
	}
	for n--; n > 0 && at < len(s); n-- {
		for at++; continues(s, at); {
			at++
		}
	}
	return at, n == 0
}

var codesNext = &vm.Native{Fn: utf8CodesNext}

// utf8.codes(s) gives an iterator over positions and characters; it refuses bytes that are not valid.
func utf8Codes(c *vm.Call) error {
	if _, err := c.CheckString(0); err != nil {
		return err
	}
	return c.Return(codesNext.Value(), c.Arg(0), vm.Number(0))
}

func utf8CodesNext(c *vm.Call) error {
	s, err := c.CheckString(0)
	if err != nil {
		return err
	}
	i, err := c.OptInt(1, 0)
	if err != nil {
		return err
	}
	at := i - 1
	switch {
	case at < 0:
		at = 0
	case at < len(s):
		for at++; continues(s, at); {
			at++
		}
	}
	if at >= len(s) {
		return c.Return0()
	}
	r, size := decode(s[at:])
	if size == 0 || continues(s, at+size) {
		return c.Errorf("invalid UTF-8 code")
	}
	return c.Return(vm.Number(float64(at+1)), vm.Number(float64(r)))
}
