// Package numfmt writes numbers and strings as C's printf does.
//
// It knows the conversions d i o u x X c e E f g G s with flags, width and
// precision, in the C locale. It is pure and appends to the caller's buffer.
package numfmt

import (
	"math"
	"strconv"
)

// Error is a fault of a format item.
type Error string

func (e Error) Error() string { return string(e) }

// Spec is one format item: %[flags][width][.precision]verb.
type Spec struct {
	Minus, Plus, Space, Alt, Zero bool

	Width, Prec int // Prec is -1 if none is given
	Verb        byte
	Bare        bool // nothing stands between % and the verb
}

const (
	maxFlags  = 5 // as many as there are
	maxDigits = 2 // of width and precision
)

// Parse reads the item that begins behind a % and gives the number of bytes it
// takes. At the end of the format the verb is 0.
func Parse(f string) (s Spec, n int, err error) {
	s.Prec = -1
	for n < len(f) && s.flag(f[n]) {
		n++
	}
	if n > maxFlags {
		return s, n, Error("invalid format (repeated flags)")
	}
	n += digits(f[n:], &s.Width)
	if n < len(f) && f[n] == '.' {
		s.Prec = 0
		n++
		n += digits(f[n:], &s.Prec)
	}
	if n < len(f) && isDigit(f[n]) {
		return s, n, Error("invalid format (width or precision too long)")
	}
	s.Bare = n == 0
	if n < len(f) {
		s.Verb = f[n]
		n++
	}
	return s, n, nil
}

func (s *Spec) flag(c byte) bool {
	switch c {
	case '-':
		s.Minus = true
	case '+':
		s.Plus = true
	case ' ':
		s.Space = true
	case '#':
		s.Alt = true
	case '0':
		s.Zero = true
	default:
		return false
	}
	return true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// digits reads at most two digits and gives how many there were.
func digits(f string, n *int) int {
	i := 0
	for i < maxDigits && i < len(f) && isDigit(f[i]) {
		*n = *n*10 + int(f[i]-'0')
		i++
	}
	return i
}

// pad appends the parts of a number, filled up to the width: a sign or prefix, then body.
func (s Spec) pad(b []byte, prefix string, body []byte, zero bool) []byte {
	fill := s.Width - len(prefix) - len(body)
	if !s.Minus && !zero {
		b = spaces(b, fill, ' ')
	}
	b = append(b, prefix...)
	if !s.Minus && zero {
		b = spaces(b, fill, '0')
	}
	b = append(b, body...)
	if s.Minus {
		b = spaces(b, fill, ' ')
	}
	return b
}

func spaces(b []byte, n int, c byte) []byte {
	for ; n > 0; n-- {
		b = append(b, c)
	}
	return b
}

// sign gives what stands before the digits of a signed number.
func (s Spec) sign(negative bool) string {
	switch {
	case negative:
		return "-"
	case s.Plus:
		return "+"
	case s.Space:
		return " "
	}
	return ""
}

// AppendInt appends v by the verbs d and i.
func (s Spec) AppendInt(b []byte, v int64) []byte {
	u := uint64(v)
	if v < 0 {
		u = -u
	}
	var digits [24]byte
	var tmp [128]byte
	body := s.precise(tmp[:0], strconv.AppendUint(digits[:0], u, 10), u == 0)
	return s.pad(b, s.sign(v < 0), body, s.Zero && s.Prec < 0)
}

// AppendUint appends v by the verbs o, u, x and X.
func (s Spec) AppendUint(b []byte, v uint64) []byte {
	base, prefix := 10, ""
	switch s.Verb {
	case 'o':
		base = 8
	case 'x', 'X':
		base = 16
		if s.Alt && v != 0 {
			prefix = "0" + string(s.Verb)
		}
	}
	var digits [24]byte
	num := strconv.AppendUint(digits[:0], v, base)
	if s.Verb == 'X' {
		upper(num)
	}
	var tmp [128]byte
	body := s.precise(tmp[:0], num, v == 0)
	if s.Verb == 'o' && s.Alt && (len(body) == 0 || body[0] != '0') {
		body = append([]byte{'0'}, body...)
	}
	return s.pad(b, prefix, body, s.Zero && s.Prec < 0)
}

// precise fills an integer's digits up to the precision; zero with precision zero has none.
func (s Spec) precise(b, num []byte, zero bool) []byte {
	if s.Prec == 0 && zero {
		return b
	}
	b = spaces(b, s.Prec-len(num), '0')
	return append(b, num...)
}

func upper(b []byte) {
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
}

// AppendFloat appends f by the verbs e, E, f, g and G. NaN has no sign.
func (s Spec) AppendFloat(b []byte, f float64) []byte {
	if f != f || math.IsInf(f, 0) {
		return s.appendSpecial(b, f)
	}
	neg := math.Signbit(f)
	f = math.Abs(f)
	prec := s.Prec
	if prec < 0 {
		prec = 6
	}
	var tmp [512]byte
	body := tmp[:0]
	switch s.Verb {
	case 'f':
		body = strconv.AppendFloat(body, f, 'f', prec, 64)
		if prec == 0 && s.Alt {
			body = append(body, '.')
		}
	case 'e', 'E':
		body = s.exponent(body, f, prec)
	default:
		body = s.general(body, f, prec)
	}
	if s.Verb == 'E' || s.Verb == 'G' {
		upper(body)
	}
	return s.pad(b, s.sign(neg), body, s.Zero)
}

func (s Spec) appendSpecial(b []byte, f float64) []byte {
	text, sign := []byte("inf"), s.sign(f < 0)
	if f != f {
		text = []byte("nan")
	}
	if s.Verb == 'E' || s.Verb == 'G' {
		upper(text)
	}
	return s.pad(b, sign, text, false)
}

func (s Spec) exponent(b []byte, f float64, prec int) []byte {
	start := len(b)
	b = strconv.AppendFloat(b, f, 'e', prec, 64)
	if prec == 0 && s.Alt {
		b = append(b[:start+1], append([]byte{'.'}, b[start+1:]...)...)
	}
	return b
}

// general is %g: prec significant digits, an exponent only for large and small numbers, no zeros at the end.
func (s Spec) general(b []byte, f float64, prec int) []byte {
	prec = max(prec, 1)
	var tmp [128]byte
	sci := strconv.AppendFloat(tmp[:0], f, 'e', prec-1, 64)
	e := len(sci) - 1
	for sci[e] != 'e' {
		e--
	}
	exp, _ := strconv.Atoi(string(sci[e+1:])) // digits that strconv wrote
	if exp < -4 || exp >= prec {
		mantissa := sci[:e]
		if !s.Alt {
			mantissa = trimZeros(mantissa)
		} else if prec == 1 {
			mantissa = append(append([]byte{}, mantissa...), '.')
		}
		return append(append(b, mantissa...), sci[e:]...)
	}
	start := len(b)
	b = strconv.AppendFloat(b, f, 'f', prec-1-exp, 64)
	if s.Alt {
		if prec-1-exp == 0 {
			b = append(b, '.')
		}
		return b
	}
	return append(b[:start], trimZeros(b[start:])...)
}

// trimZeros removes the zeros at the end of a fraction, and its dot if nothing is left.
func trimZeros(b []byte) []byte {
	dot := false
	for _, c := range b {
		dot = dot || c == '.'
	}
	if !dot {
		return b
	}
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	if b[len(b)-1] == '.' {
		b = b[:len(b)-1]
	}
	return b
}

// AppendChar appends one byte.
func (s Spec) AppendChar(b []byte, c byte) []byte { return s.pad(b, "", []byte{c}, false) }

// AppendString appends at most the precision's number of bytes.
func (s Spec) AppendString(b []byte, str string) []byte {
	if s.Prec >= 0 && len(str) > s.Prec {
		str = str[:s.Prec]
	}
	return s.pad(b, str, nil, false)
}
