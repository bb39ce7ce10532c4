package syntax

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"unicode/utf8"
)

// unescape resolves the escapes of the text between quotes or backticks.
// It returns false when one is malformed.
func unescape(text []byte) (string, bool) {
	i := bytes.IndexByte(text, '\\')
	if i < 0 {
		return string(text), true
	}
	out := make([]byte, 0, len(text))
	for i >= 0 {
		out = append(out, text[:i]...)
		var ok bool
		if out, text, ok = unescapeOne(out, text[i+1:]); !ok {
			return "", false
		}
		i = bytes.IndexByte(text, '\\')
	}
	return string(append(out, text...)), true
}

// simpleEscapes gives the byte for each one-letter escape.
var simpleEscapes = [256]byte{'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}

// unescapeOne resolves the escape whose backslash stood before text and returns what follows it.
func unescapeOne(out, text []byte) (rest, tail []byte, ok bool) {
	if len(text) == 0 {
		return nil, nil, false
	}
	c := text[0]
	switch {
	case c == '\r':
		if len(text) > 1 && text[1] == '\n' {
			text = text[1:]
		}
		return append(out, '\n'), text[1:], true
	case c == 'x':
		return unescapeHex(out, text[1:])
	case c == 'u':
		return unescapeUnicode(out, text[1:])
	case c == 'z':
		return out, bytes.TrimLeft(text[1:], " \t\r\n\v\f"), true
	case classes[c]&isDigit != 0:
		return unescapeDecimal(out, text)
	case simpleEscapes[c] != 0:
		return append(out, simpleEscapes[c]), text[1:], true
	default:
		return append(out, c), text[1:], true
	}
}

func unescapeHex(out, text []byte) (rest, tail []byte, ok bool) {
	if len(text) < 2 || classes[text[0]]&classes[text[1]]&isHex == 0 {
		return nil, nil, false
	}
	return append(out, hexDigit(text[0])<<4|hexDigit(text[1])), text[2:], true
}

func unescapeDecimal(out, text []byte) (rest, tail []byte, ok bool) {
	n, i := 0, 0
	for i < 3 && i < len(text) && classes[text[i]]&isDigit != 0 {
		n = n*10 + int(text[i]-'0')
		i++
	}
	if n > 255 {
		return nil, nil, false
	}
	return append(out, byte(n)), text[i:], true
}

// unescapeUnicode resolves "{H...}" of 1 to 16 hex digits.
func unescapeUnicode(out, text []byte) (rest, tail []byte, ok bool) {
	if len(text) < 3 || text[0] != '{' {
		return nil, nil, false
	}
	code, i := uint64(0), 1
	for i <= 16 && i < len(text) && classes[text[i]]&isHex != 0 {
		code = code<<4 | uint64(hexDigit(text[i]))
		i++
	}
	if i == 1 || i == len(text) || text[i] != '}' || code > utf8.MaxRune {
		return nil, nil, false
	}
	return appendUTF8(out, uint32(code)), text[i+1:], true
}

// appendUTF8 differs from utf8.AppendRune in encoding surrogates too.
func appendUTF8(out []byte, code uint32) []byte {
	if code >= 0xd800 && code <= 0xdfff {
		return append(out, 0xe0|byte(code>>12), 0x80|byte(code>>6)&0xbf, 0x80|byte(code)&0xbf)
	}
	return utf8.AppendRune(out, rune(code))
}

func hexDigit(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}

// longText gives the value of a long string: without its first line end, and with CRLF as LF.
func longText(text []byte) string {
	if bytes.HasPrefix(text, []byte("\r\n")) {
		text = text[2:]
	} else if bytes.HasPrefix(text, []byte("\n")) {
		text = text[1:]
	}
	if bytes.IndexByte(text, '\r') < 0 {
		return string(text)
	}
	return string(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
}

// number is the value of a numeric literal.
type number struct {
	isInteger bool
	integer   int64
	float     float64
}

// parseNumber reads a literal that starts with a digit or a dot. msg is "" when it is well formed.
func parseNumber(text []byte) (n number, msg string) {
	if bytes.IndexByte(text, '_') >= 0 {
		text = bytes.ReplaceAll(text, []byte("_"), nil)
	}
	if text[len(text)-1] == 'i' {
		return parseInteger(text[:len(text)-1])
	}
	if base := prefixBase(text); base != 0 {
		u, over, ok := parseBits(text[2:], base)
		if !ok {
			return number{}, "Malformed number"
		}
		if over {
			u = math.MaxUint64
		}
		return number{float: float64(u)}, ""
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return number{}, "Malformed number"
	}
	return number{float: f}, ""
}

// parseInteger reads what stands before the suffix i.
func parseInteger(text []byte) (n number, msg string) {
	base := prefixBase(text)
	digits, limit := text, uint64(math.MaxInt64)
	if base != 0 {
		digits, limit = text[2:], math.MaxUint64
	} else {
		base = 10
	}
	u, over, ok := parseBits(digits, base)
	if !ok {
		return number{}, "Malformed integer"
	}
	if over || u > limit {
		return number{}, "Integer overflow"
	}
	return number{isInteger: true, integer: int64(u)}, ""
}

// prefixBase returns 16 for 0x, 2 for 0b, else 0.
func prefixBase(text []byte) uint64 {
	if len(text) < 2 || text[0] != '0' {
		return 0
	}
	switch text[1] {
	case 'x', 'X':
		return 16
	case 'b', 'B':
		return 2
	default:
		return 0
	}
}

// parseBits reads digits of base 2, 10 or 16. over tells that they do not fit 64 bits.
func parseBits(digits []byte, base uint64) (u uint64, over, ok bool) {
	if len(digits) == 0 {
		return 0, false, false
	}
	for _, c := range digits {
		if classes[c]&isHex == 0 || uint64(hexDigit(c)) >= base {
			return 0, false, false
		}
		d := uint64(hexDigit(c))
		over = over || u > (math.MaxUint64-d)/base
		u = u*base + d
	}
	return u, over, true
}
