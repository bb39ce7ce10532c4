package khronos

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"
)

// msgKind is what the first byte of a value announces.
type msgKind uint8

const (
	msgNone msgKind = iota
	msgNull
	msgBoolean
	msgInteger
	msgFloat
	msgText
	msgBuffer
	msgList
	msgMap
	msgExtension
)

// msgKinds is indexed by first bytes.
var msgKinds = func() (kinds [256]msgKind) {
	fill := func(first, last int, kind msgKind) {
		for c := first; c <= last; c++ {
			kinds[c] = kind
		}
	}
	fill(0x00, 0x7f, msgInteger)
	fill(0x80, 0x8f, msgMap)
	fill(0x90, 0x9f, msgList)
	fill(0xa0, 0xbf, msgText)
	fill(0xc0, 0xc0, msgNull)
	fill(0xc2, 0xc3, msgBoolean)
	fill(0xc4, 0xc6, msgBuffer)
	fill(0xc7, 0xc9, msgExtension)
	fill(0xca, 0xcb, msgFloat)
	fill(0xcc, 0xd3, msgInteger)
	fill(0xd4, 0xd8, msgExtension)
	fill(0xd9, 0xdb, msgText)
	fill(0xdc, 0xdd, msgList)
	fill(0xde, 0xdf, msgMap)
	fill(0xe0, 0xff, msgInteger)
	return kinds
}()

var (
	errMsgEnd  = malformedMsg("end of input, want a value")
	errNotUTF8 = errors.New("text is not UTF-8")
)

func noValue(first byte) error { return malformedMsg("byte %#x begins no value", first) }

// The functions below read the value whose kind its first byte announced. What
// they return lies in b.

func readInteger(b []byte) (i int64, rest []byte, err error) {
	if c := int8(b[0]); c >= -32 { // in one byte
		return int64(c), b[1:], nil
	}
	if i, rest, err = msgp.ReadInt64Bytes(b); err != nil {
		return 0, nil, badScalar(KindInteger, err)
	}
	return i, rest, nil
}

func readFloat(b []byte) (f float64, rest []byte, err error) {
	if f, rest, err = msgp.ReadFloat64Bytes(b); err != nil {
		return 0, nil, badScalar(KindFloat, err)
	}
	if !finite(f) {
		return 0, nil, under("Float", ErrNotFinite)
	}
	return f, rest, nil
}

func readText(b []byte) (text, rest []byte, err error) {
	if text, rest, err = readStr(b); err != nil {
		return nil, nil, badScalar(KindText, err)
	}
	return text, rest, nil
}

func readBuffer(b []byte) (buf, rest []byte, err error) {
	if buf, rest, err = msgp.ReadBytesZC(b); err != nil {
		return nil, nil, badScalar(KindBuffer, err)
	}
	return buf, rest, nil
}

func badScalar(kind Kind, err error) error {
	return under(kind.String(), fmt.Errorf("%w MessagePack: %w", ErrMalformed, err))
}

// readListHeader returns no more items than there are bytes behind it.
func readListHeader(b []byte) (n int, rest []byte, err error) {
	if c := b[0]; c <= 0x9f && int(c&0xf) < len(b) {
		return int(c & 0xf), b[1:], nil
	}
	count, rest, err := msgp.ReadArrayHeaderBytes(b)
	if err != nil || uint64(count) > uint64(len(rest)) {
		return 0, nil, under("List", malformedMsg("%d items in %d bytes", count, len(rest)))
	}
	return int(count), rest, nil
}

// readMapHeader returns no more entries than there is room for behind it.
func readMapHeader(b []byte) (n int, rest []byte, err error) {
	if c := b[0]; c <= 0x8f && 2*int(c&0xf) < len(b) {
		return int(c & 0xf), b[1:], nil
	}
	count, rest, err := msgp.ReadMapHeaderBytes(b)
	if err != nil || 2*uint64(count) > uint64(len(rest)) {
		return 0, nil, under("Map", malformedMsg("%d entries in %d bytes", count, len(rest)))
	}
	return int(count), rest, nil
}

// readStr reads a str that is UTF-8.
func readStr(b []byte) (text, rest []byte, err error) {
	if n := int(b0(b)&0x1f) + 1; b0(b)>>5 == 5 && n <= len(b) {
		text, rest = b[1:n], b[n:]
	} else if text, rest, err = msgp.ReadStringZC(b); err != nil {
		return nil, b, err
	}
	if !utf8.Valid(text) {
		return nil, b, errNotUTF8
	}
	return text, rest, nil
}

// b0 is the first byte of b, 0 when there is none.
func b0(b []byte) byte {
	if len(b) == 0 {
		return 0
	}
	return b[0]
}

// readExt reads an extension, whose first byte is known to begin one, without
// copying it:
//
//	c7 [1 n] [1 type] [n data]    d4..d8 [1 type] [1 << (first-d4) data]
//	c8 [2 n] [1 type] [n data]
//	c9 [4 n] [1 type] [n data]
func readExt(b []byte) (typ byte, data, rest []byte, err error) {
	lead, rest := b[0], b[1:]
	n := uint64(0)
	if lead >= 0xd4 {
		n = 1 << (lead - 0xd4)
	} else {
		size := 1 << (lead - 0xc7)
		if len(rest) < size {
			return 0, nil, nil, malformedMsg("end of input in an extension")
		}
		for _, c := range rest[:size] {
			n = n<<8 | uint64(c)
		}
		rest = rest[size:]
	}
	if uint64(len(rest)) < n+1 {
		return 0, nil, nil, malformedMsg("extension of %d bytes in %d", n, len(rest))
	}
	return rest[0], rest[1 : n+1], rest[n+1:], nil
}

func readLazy(b []byte) (map[string]string, error) {
	n, b, err := msgp.ReadMapHeaderBytes(b)
	if err != nil || 2*uint64(n) > uint64(len(b)) {
		return nil, malformedMsg("%d entries in %d bytes", n, len(b))
	}
	m := make(map[string]string, min(int(n), maxPrealloc))
	for range n {
		var key, value []byte
		if key, b, err = readStr(b); err == nil {
			value, b, err = readStr(b)
		}
		if err != nil {
			return nil, fmt.Errorf("%w MessagePack: %w", ErrMalformed, err)
		}
		m[string(key)] = string(value)
	}
	if len(b) > 0 {
		return nil, malformedMsg("%d bytes after the last entry", len(b))
	}
	return m, nil
}

func malformedMsg(format string, args ...any) error {
	return fmt.Errorf("%w MessagePack: %s", ErrMalformed, fmt.Sprintf(format, args...))
}
