// Package strpack reads the format strings of string.pack and its relatives, and
// writes and reads the integers in them. It is pure.
package strpack

import "fmt"

// Error is a fault of the format itself; ArgError one that the library reports
// as a fault of its first argument.
type (
	Error    string
	ArgError string
)

func (e Error) Error() string    { return string(e) }
func (e ArgError) Error() string { return string(e) }

// Kind is what an option packs.
type Kind uint8

// The kinds of options.
const (
	Int     Kind = iota // signed integer of Size bytes
	Uint                // unsigned integer of Size bytes
	Float               // float of 4 or 8 bytes
	Char                // string of exactly Size bytes
	String              // string behind its length of Size bytes
	Zero                // string with a zero byte behind it
	Pad                 // one byte of padding
	Align               // padding alone
	Nothing             // a setting or a space
)

const (
	maxInt   = 16      // bytes of an integer
	maxAlign = 8       // what ! sets without a number
	maxSize  = 1 << 30 // bytes of anything
	native   = 8       // bytes of the integers we compute with
)

// Option is one item of a format.
type Option struct {
	Kind   Kind
	Size   int // bytes
	Before int // bytes of padding in front of it
	Little bool
}

// Reader goes through a format.
type Reader struct {
	f     string
	i     int
	big   bool
	align int // the largest alignment
}

// NewReader begins at the start of f. A zero byte ends a format.
func NewReader(f string) *Reader { return &Reader{f: f, align: 1} }

// More tells whether there is another option.
func (r *Reader) More() bool { return r.i < len(r.f) && r.f[r.i] != 0 }

// Next reads an option that will stand at offset total.
func (r *Reader) Next(total int) (Option, error) {
	kind, size, err := r.option()
	if err != nil {
		return Option{}, err
	}
	o := Option{Kind: kind, Size: size, Little: !r.big}
	align := size
	if kind == Align {
		if align, err = r.aligned(); err != nil {
			return o, err
		}
	}
	if align <= 1 || kind == Char {
		return o, nil
	}
	align = min(align, r.align)
	if align&(align-1) != 0 {
		return o, ArgError("format asks for alignment not power of 2")
	}
	o.Before = (align - total&(align-1)) & (align - 1)
	return o, nil
}

// aligned gives the alignment of the option behind X.
func (r *Reader) aligned() (int, error) {
	const bad = ArgError("invalid next option for option 'X'")
	if !r.More() {
		return 0, bad
	}
	kind, size, err := r.option()
	if err != nil {
		return 0, err
	}
	if kind == Char || size == 0 {
		return 0, bad
	}
	return size, nil
}

// option reads one option without its alignment.
func (r *Reader) option() (Kind, int, error) {
	c := r.f[r.i]
	r.i++
	switch c {
	case 'b':
		return Int, 1, nil
	case 'B':
		return Uint, 1, nil
	case 'h':
		return Int, 2, nil
	case 'H':
		return Uint, 2, nil
	case 'l':
		return Int, 8, nil
	case 'L':
		return Uint, 8, nil
	case 'j':
		return Int, 4, nil
	case 'J', 'T':
		return Uint, 4, nil
	case 'f':
		return Float, 4, nil
	case 'd', 'n':
		return Float, 8, nil
	case 'i':
		return r.sized(Int)
	case 'I':
		return r.sized(Uint)
	case 's':
		return r.sized(String)
	case 'c':
		n, err := r.number(-1)
		if err == nil && n < 0 {
			err = Error("missing size for format option 'c'")
		}
		return Char, n, err
	case 'z':
		return Zero, 0, nil
	case 'x':
		return Pad, 1, nil
	case 'X':
		return Align, 0, nil
	case ' ':
		return Nothing, 0, nil
	case '<', '=':
		r.big = false
		return Nothing, 0, nil
	case '>':
		r.big = true
		return Nothing, 0, nil
	case '!':
		n, err := r.limited(maxAlign)
		r.align = n
		return Nothing, 0, err
	}
	return 0, 0, Error("invalid format option '" + string([]byte{c}) + "'")
}

func (r *Reader) sized(k Kind) (Kind, int, error) {
	n, err := r.limited(4)
	return k, n, err
}

// limited reads the size of an integer.
func (r *Reader) limited(d int) (int, error) {
	n, err := r.number(d)
	if err == nil && (n > maxInt || n <= 0) {
		err = Error(fmt.Sprintf("integral size (%d) out of limits [1,%d]", n, maxInt))
	}
	return n, err
}

// number reads a decimal number, d if there is none.
func (r *Reader) number(d int) (int, error) {
	if r.i >= len(r.f) || !isDigit(r.f[r.i]) {
		return d, nil
	}
	n := 0
	for r.i < len(r.f) && isDigit(r.f[r.i]) {
		n = n*10 + int(r.f[r.i]-'0')
		r.i++
		if n > maxSize {
			return 0, Error("size specifier is too large")
		}
	}
	return n, nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// AppendInt appends v in size bytes; fill is the sign's byte for sizes beyond eight.
func AppendInt(b []byte, v uint64, size int, little bool, fill byte) []byte {
	start := len(b)
	for range size {
		b = append(b, fill)
	}
	out := b[start:]
	for i := range min(size, native) {
		at := i
		if !little {
			at = size - 1 - i
		}
		out[at] = byte(v >> (8 * i))
	}
	return b
}

// ReadInt reads an integer from all of s.
func ReadInt(s string, little, signed bool) (int64, error) {
	size := len(s)
	at := func(i int) byte {
		if little {
			return s[i]
		}
		return s[size-1-i]
	}
	var v uint64
	for i := min(size, native) - 1; i >= 0; i-- {
		v = v<<8 | uint64(at(i))
	}
	if size < native {
		if signed {
			shift := uint(64 - 8*size)
			v = uint64(int64(v<<shift) >> shift)
		}
		return int64(v), nil
	}
	fill := byte(0)
	if signed && int64(v) < 0 {
		fill = 0xff
	}
	for i := native; i < size; i++ {
		if at(i) != fill {
			return 0, Error(fmt.Sprintf("%d-byte integer does not fit into Lua Integer", size))
		}
	}
	return int64(v), nil
}
