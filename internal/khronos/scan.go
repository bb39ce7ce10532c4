package khronos

import (
	"fmt"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads JSON (RFC 8259) token by token from b. It allocates only for
// strings with escapes. Like encoding/json it reads what is not UTF-8, and half
// of a surrogate pair, as U+FFFD.
type scanner struct {
	b       []byte
	i       int
	scratch []byte // the last string with escapes
}

func (s *scanner) malformed(format string, args ...any) error {
	return fmt.Errorf("%w JSON at byte %d: %s", ErrMalformed, s.i, fmt.Sprintf(format, args...))
}

// next skips white space and returns the byte at s.i without taking it; 0 at
// the end, which no token begins with.
func (s *scanner) next() byte {
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return c
		}
	}
	return 0
}

// take skips white space and takes c, or says what is there instead.
func (s *scanner) take(c byte) error {
	if s.next() != c {
		return s.unexpected(string(rune(c)))
	}
	s.i++
	return nil
}

func (s *scanner) unexpected(want string) error {
	if s.i >= len(s.b) {
		return s.malformed("end of input, want %s", want)
	}
	return s.malformed("%q, want %s", s.b[s.i], want)
}

// end checks that only white space is left.
func (s *scanner) end() error {
	s.next()
	if s.i < len(s.b) {
		return s.malformed("%q after the value", s.b[s.i])
	}
	return nil
}

// more is called after '[' or '{' was taken (first) or after an element. It
// takes the comma or the closing byte and reports whether an element follows.
func (s *scanner) more(first bool, closing byte) (bool, error) {
	c := s.next()
	if c == closing {
		s.i++
		return false, nil
	}
	if first {
		return true, nil
	}
	if c != ',' {
		return false, s.unexpected("',' or '" + string(rune(closing)) + "'")
	}
	s.i++
	return true, nil
}

// word takes true, false or null, whose first byte is at s.i.
func (s *scanner) word(w string) error {
	if len(s.b)-s.i < len(w) || string(s.b[s.i:s.i+len(w)]) != w {
		return s.malformed("want %s", w)
	}
	s.i += len(w)
	return nil
}

// text takes a string whose quote is at s.i. The result is valid until the
// next call.
func (s *scanner) text() ([]byte, error) {
	start := s.i + 1
	high := false
	for i := start; i < len(s.b); i++ {
		c := s.b[i]
		switch {
		case c == '"':
			s.i = i + 1
			raw := s.b[start:i]
			if !high || utf8.Valid(raw) {
				return raw, nil
			}
			s.scratch = appendValid(s.scratch[:0], raw)
			return s.scratch, nil
		case c == '\\':
			s.scratch = append(s.scratch[:0], s.b[start:i]...)
			s.i = i
			return s.escapedText()
		case c < 0x20:
			s.i = i
			return nil, s.malformed("control character in a string")
		case c >= utf8.RuneSelf:
			high = true
		}
	}
	return nil, s.malformed("string without end")
}

// escapedText takes the rest of a string, from the backslash at s.i on, behind
// what s.scratch holds.
func (s *scanner) escapedText() ([]byte, error) {
	for s.i < len(s.b) {
		c := s.b[s.i]
		switch {
		case c == '"':
			s.i++
			if !utf8.Valid(s.scratch) {
				s.scratch = appendValid(nil, s.scratch)
			}
			return s.scratch, nil
		case c == '\\':
			if err := s.escape(); err != nil {
				return nil, err
			}
		case c < 0x20:
			return nil, s.malformed("control character in a string")
		default:
			s.scratch = append(s.scratch, c)
			s.i++
		}
	}
	return nil, s.malformed("string without end")
}

// escape takes one escape, whose backslash is at s.i, into s.scratch.
func (s *scanner) escape() error {
	s.i++
	if s.i >= len(s.b) {
		return s.malformed("string without end")
	}
	c := s.b[s.i]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return s.unicodeEscape()
	default:
		return s.malformed("unknown escape in a string")
	}
	s.scratch = append(s.scratch, c)
	s.i++
	return nil
}

// unicodeEscape takes the letter u, which is at s.i, its four hexadecimal digits,
// and the second half of a surrogate pair when it follows.
func (s *scanner) unicodeEscape() error {
	r, ok := s.hex4(s.i + 1)
	if !ok {
		return s.malformed("want four hexadecimal digits after \\u")
	}
	s.i += 5
	if utf16.IsSurrogate(r) {
		first := r
		r = utf8.RuneError
		if s.i+1 < len(s.b) && s.b[s.i] == '\\' && s.b[s.i+1] == 'u' {
			second, ok := s.hex4(s.i + 2)
			if pair := utf16.DecodeRune(first, second); ok && pair != utf8.RuneError {
				r = pair
				s.i += 6
			}
		}
	}
	s.scratch = utf8.AppendRune(s.scratch, r)
	return nil
}

func (s *scanner) hex4(at int) (rune, bool) {
	if at+4 > len(s.b) {
		return 0, false
	}
	var r rune
	for _, c := range s.b[at : at+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// appendValid appends b with each byte that is not UTF-8 replaced by U+FFFD.
func appendValid(dst, b []byte) []byte {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		dst = utf8.AppendRune(dst, r)
		b = b[n:]
	}
	return dst
}

// number takes a number whose first byte is at s.i. It reports whether the
// number is written as an integer, without fraction and exponent.
func (s *scanner) number() (raw []byte, integer bool, err error) {
	start := s.i
	if s.b[s.i] == '-' {
		s.i++
	}
	switch {
	case s.i < len(s.b) && s.b[s.i] == '0':
		s.i++
	case s.digits() == 0:
		return nil, false, s.unexpected("a digit")
	}
	integer = true
	if s.i < len(s.b) && s.b[s.i] == '.' {
		integer = false
		s.i++
		if s.digits() == 0 {
			return nil, false, s.unexpected("a digit")
		}
	}
	if s.i < len(s.b) && (s.b[s.i] == 'e' || s.b[s.i] == 'E') {
		integer = false
		s.i++
		if s.i < len(s.b) && (s.b[s.i] == '+' || s.b[s.i] == '-') {
			s.i++
		}
		if s.digits() == 0 {
			return nil, false, s.unexpected("a digit")
		}
	}
	return s.b[start:s.i], integer, nil
}

// digits takes digits and returns how many.
func (s *scanner) digits() int {
	start := s.i
	for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
		s.i++
	}
	return s.i - start
}

// isNumber reports whether c begins a number.
func isNumber(c byte) bool { return c == '-' || c >= '0' && c <= '9' }

// parseFloat reads a number that the scanner took, and refuses one that
// overflows bits.
func parseFloat(raw []byte, bits int) (float64, error) {
	f, err := strconv.ParseFloat(string(raw), bits)
	if err != nil || math.IsInf(f, 0) {
		return 0, fmt.Errorf("%w: %s does not fit in %d bits", ErrNotFinite, clip(string(raw)), bits)
	}
	return f, nil
}
