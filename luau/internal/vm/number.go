package vm

import (
	"math"
	"strconv"
	"strings"
)

// NumberString gives the text of a number: the shortest digits that read back as
// the same number, plain from 1e-7 up to 1e21, with an exponent beyond.
func NumberString(f float64) string {
	var buf [32]byte
	return string(AppendNumber(buf[:0], f))
}

// AppendNumber appends what [NumberString] gives.
func AppendNumber(b []byte, f float64) []byte {
	switch {
	case f != f:
		return append(b, "nan"...)
	case math.IsInf(f, 1):
		return append(b, "inf"...)
	case math.IsInf(f, -1):
		return append(b, "-inf"...)
	case f == math.Trunc(f) && math.Abs(f) < 1e15:
		if f == 0 && math.Signbit(f) {
			return append(b, "-0"...)
		}
		return strconv.AppendInt(b, int64(f), 10)
	}
	var tmp [32]byte
	sci := strconv.AppendFloat(tmp[:0], f, 'e', -1, 64)
	e := len(sci) - 1
	for sci[e] != 'e' {
		e--
	}
	exp, _ := strconv.Atoi(string(sci[e+1:])) // digits that strconv wrote
	if dot := exp + 1; dot >= -5 && dot <= 21 {
		return strconv.AppendFloat(b, f, 'f', -1, 64)
	}
	return append(b, sci...)
}

// ToNumber gives the number that arithmetic and numeric arguments take v for: a
// number itself, or a string that reads as one.
func ToNumber(v Value) (float64, bool) {
	switch v.Kind() {
	case KindNumber:
		return v.AsNumber(), true
	case KindString:
		return ParseNumber(v.AsString().Str())
	}
	return 0, false
}

// payDigits pays for reading two values as numbers, which takes time if one is a long string.
func (vm *VM) payDigits(a, b Value) error {
	n := 0
	if a.Kind() == KindString {
		n = a.AsString().Len()
	}
	if b.Kind() == KindString {
		n += b.AsString().Len()
	}
	if n <= 64 {
		return nil
	}
	return vm.burn(int64(n) / digitsPerFuel)
}

// digitsPerFuel is how many characters of a number are read for a unit of fuel.
const digitsPerFuel = 4

// ParseNumber reads a number as C's strtod does, white space around it allowed:
// decimal, hexadecimal with or without fraction and exponent, inf, infinity, nan.
// What follows a NUL is not looked at.
func ParseNumber(s string) (float64, bool) {
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	s = strings.Trim(s, " \t\n\v\f\r")
	if s == "" || strings.IndexByte(s, '_') >= 0 {
		return 0, false
	}
	body := s
	if s[0] == '+' || s[0] == '-' {
		body = s[1:]
	}
	if strings.EqualFold(body, "nan") {
		return math.NaN(), true
	}
	if len(body) > 1 && body[1]|0x20 == 'x' && !strings.ContainsAny(body, "pP") {
		s += "p0" // Go wants an exponent in every hexadecimal number
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return f, true
}
