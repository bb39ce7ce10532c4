package khronos

import (
	"bytes"
	"maps"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
	"unsafe"
)

// Kind names a variant of [Value]. The numbers are only ever appended.
type Kind uint8

const (
	KindNull Kind = iota
	KindText
	KindInteger
	KindUnsigned
	KindFloat
	KindBoolean
	KindBuffer
	KindVector
	KindMap
	KindList
	KindTimestamptz
	KindInterval
	KindTimeZone
	KindLazyStringMap
)

var kindNames = [...]string{
	KindNull:          "Null",
	KindText:          "Text",
	KindInteger:       "Integer",
	KindUnsigned:      "UnsignedInteger",
	KindFloat:         "Float",
	KindBoolean:       "Boolean",
	KindBuffer:        "Buffer",
	KindVector:        "Vector",
	KindMap:           "Map",
	KindList:          "List",
	KindTimestamptz:   "Timestamptz",
	KindInterval:      "Interval",
	KindTimeZone:      "TimeZone",
	KindLazyStringMap: "LazyStringMap",
}

// String returns the tag of the variant in the JSON form, such as
// "UnsignedInteger".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "kind " + strconv.Itoa(int(k))
}

const (
	// MaxDepth is the depth of the deepest value that may be stored or handed
	// to a script. The root has depth 0, so ten nested lists around a scalar
	// pass and eleven do not.
	MaxDepth = 10
	// MaxResultDepth is MaxDepth for the result of a dispatch, which wraps what
	// a handler returned in a List and a Map.
	MaxResultDepth = MaxDepth + 2
	// MaxJSONDepth is the depth of the deepest value in plain JSON.
	MaxJSONDepth = 128
)

// Value is the data that scripts, host calls, stored records and the API
// exchange: one of the variants that [Kind] names. The zero value is Null.
//
// A Value never changes after it was made, and may be shared by goroutines.
// Constructors keep the slices and maps they are given, accessors hand out the
// ones inside: neither side may change them afterwards.
//
// Constructors accept everything; the borders check. Encoding refuses floats
// that are not finite, timestamps outside the years 0 to 9999, intervals whose
// nanoseconds are a second or more, and time zones that cannot be a name.
//
// Values are compared with [Value.Equal] only.
type Value struct {
	_    [0]func() // no ==
	kind Kind
	aux  uint32 // nanoseconds of a Timestamptz or Interval, bits of a Vector's z
	// num is the number of an Integer, UnsignedInteger or Boolean, the bits of a
	// Float or of a Vector's x and y, the seconds of a Timestamptz or Interval,
	// and the length of what ref points to.
	num uint64
	// ref points to the first byte of a Text, TimeZone or Buffer, the first
	// element of a List or Map, and to the map of a LazyStringMap. Constructors
	// set it, the methods of value_ref.go read it, nobody else touches it.
	ref unsafe.Pointer
}

// Pair is one entry of a Map.
type Pair struct{ Key, Value Value }

// Interval is a span of time, Seconds + Nanos/1e9 seconds, with
// 0 <= Nanos < 1e9: half a second before zero is {-1, 500_000_000}.
type Interval struct {
	Seconds int64
	Nanos   uint32
}

// Null returns the Null value, the zero Value.
func Null() Value { return Value{} }

// Text returns a Text. Bytes of s that are not UTF-8 are replaced by U+FFFD:
// Text is not binary safe, Buffer is.
func Text(s string) Value { return textValue(KindText, validUTF8(s)) }

// Integer returns an Integer.
func Integer(i int64) Value { return Value{kind: KindInteger, num: uint64(i)} }

// Unsigned returns an UnsignedInteger.
func Unsigned(u uint64) Value { return Value{kind: KindUnsigned, num: u} }

// Float returns a Float. NaN and infinities are refused when it is encoded.
func Float(f float64) Value { return Value{kind: KindFloat, num: math.Float64bits(f)} }

// Boolean returns a Boolean.
func Boolean(b bool) Value {
	if b {
		return Value{kind: KindBoolean, num: 1}
	}
	return Value{kind: KindBoolean}
}

// Buffer returns a Buffer that keeps b.
func Buffer(b []byte) Value {
	return Value{kind: KindBuffer, num: uint64(len(b)), ref: unsafe.Pointer(unsafe.SliceData(b))}
}

// Vector returns a Vector.
func Vector(x, y, z float32) Value {
	return Value{
		kind: KindVector,
		num:  uint64(math.Float32bits(x))<<32 | uint64(math.Float32bits(y)),
		aux:  math.Float32bits(z),
	}
}

// Map returns a Map that keeps pairs, in their order. Keys may be of any kind
// and may repeat.
func Map(pairs ...Pair) Value {
	return Value{kind: KindMap, num: uint64(len(pairs)), ref: unsafe.Pointer(unsafe.SliceData(pairs))}
}

// List returns a List that keeps items.
func List(items ...Value) Value {
	return Value{kind: KindList, num: uint64(len(items)), ref: unsafe.Pointer(unsafe.SliceData(items))}
}

// Timestamp returns a Timestamptz: the instant of t. Its zone is lost.
func Timestamp(t time.Time) Value {
	return Value{kind: KindTimestamptz, num: uint64(t.Unix()), aux: uint32(t.Nanosecond())}
}

// IntervalValue returns an Interval.
func IntervalValue(i Interval) Value {
	return Value{kind: KindInterval, num: uint64(i.Seconds), aux: i.Nanos}
}

// TimeZone returns a TimeZone with an IANA name such as "Asia/Kolkata".
func TimeZone(name string) Value { return textValue(KindTimeZone, name) }

// LazyStringMap returns a LazyStringMap that keeps m. Strings that are not
// UTF-8 make it keep a repaired copy.
func LazyStringMap(m map[string]string) Value {
	for k, v := range m {
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return lazyValue(repaired(m))
		}
	}
	return lazyValue(m)
}

func repaired(m map[string]string) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[validUTF8(k)] = validUTF8(v)
	}
	return out
}

// validUTF8 replaces each byte of s that is not UTF-8 by U+FFFD, as
// encoding/json does.
func validUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// Kind returns the variant of v.
func (v Value) Kind() Kind { return v.kind }

// IsNull reports whether v is Null.
func (v Value) IsNull() bool { return v.kind == KindNull }

// AsText returns the string of a Text.
func (v Value) AsText() (string, bool) {
	if v.kind != KindText {
		return "", false
	}
	return v.text(), true
}

// AsInteger returns the number of an Integer.
func (v Value) AsInteger() (int64, bool) {
	if v.kind != KindInteger {
		return 0, false
	}
	return int64(v.num), true
}

// AsUnsigned returns the number of an UnsignedInteger.
func (v Value) AsUnsigned() (uint64, bool) {
	if v.kind != KindUnsigned {
		return 0, false
	}
	return v.num, true
}

// AsFloat returns the number of a Float.
func (v Value) AsFloat() (float64, bool) {
	if v.kind != KindFloat {
		return 0, false
	}
	return math.Float64frombits(v.num), true
}

// AsBoolean returns the truth of a Boolean.
func (v Value) AsBoolean() (value, ok bool) {
	return v.kind == KindBoolean && v.num != 0, v.kind == KindBoolean
}

// AsBuffer returns the bytes of a Buffer, not a copy.
func (v Value) AsBuffer() ([]byte, bool) {
	if v.kind != KindBuffer {
		return nil, false
	}
	return v.buffer(), true
}

// AsVector returns the components of a Vector.
func (v Value) AsVector() (xyz [3]float32, ok bool) {
	if v.kind != KindVector {
		return xyz, false
	}
	xyz[0] = math.Float32frombits(uint32(v.num >> 32))
	xyz[1] = math.Float32frombits(uint32(v.num))
	xyz[2] = math.Float32frombits(v.aux)
	return xyz, true
}

// AsMap returns the entries of a Map, not a copy.
func (v Value) AsMap() ([]Pair, bool) {
	if v.kind != KindMap {
		return nil, false
	}
	return v.pairs(), true
}

// AsList returns the items of a List, not a copy.
func (v Value) AsList() ([]Value, bool) {
	if v.kind != KindList {
		return nil, false
	}
	return v.items(), true
}

// AsTimestamp returns the instant of a Timestamptz, in UTC.
func (v Value) AsTimestamp() (time.Time, bool) {
	if v.kind != KindTimestamptz {
		return time.Time{}, false
	}
	return time.Unix(int64(v.num), int64(v.aux)).UTC(), true
}

// AsInterval returns the span of an Interval.
func (v Value) AsInterval() (Interval, bool) {
	if v.kind != KindInterval {
		return Interval{}, false
	}
	return Interval{Seconds: int64(v.num), Nanos: v.aux}, true
}

// AsTimeZone returns the name of a TimeZone.
func (v Value) AsTimeZone() (string, bool) {
	if v.kind != KindTimeZone {
		return "", false
	}
	return v.text(), true
}

// AsLazyStringMap returns the strings of a LazyStringMap, not a copy.
func (v Value) AsLazyStringMap() (map[string]string, bool) {
	if v.kind != KindLazyStringMap {
		return nil, false
	}
	return v.lazy(), true
}

// Len returns the number of items of a List, entries of a Map or
// LazyStringMap, bytes of a Text or Buffer, and 0 for all else.
func (v Value) Len() int {
	switch v.kind {
	case KindText, KindBuffer, KindMap, KindList:
		return int(v.num)
	case KindLazyStringMap:
		return len(v.lazy())
	}
	return 0
}

// Index returns item i of a List, from 0, and Null when there is none.
func (v Value) Index(i int) Value {
	items := v.Items()
	if i < 0 || i >= len(items) {
		return Value{}
	}
	return items[i]
}

// Items returns the items of a List, nil for all else.
func (v Value) Items() []Value {
	items, _ := v.AsList()
	return items
}

// Pairs returns the entries of a Map, nil for all else.
func (v Value) Pairs() []Pair {
	pairs, _ := v.AsMap()
	return pairs
}

// Get returns the value under a Text key of a Map: the last one when the key
// repeats, as a script would see it.
func (v Value) Get(key string) (Value, bool) {
	pairs := v.Pairs()
	for i := len(pairs) - 1; i >= 0; i-- {
		if pairs[i].Key.kind == KindText && pairs[i].Key.text() == key {
			return pairs[i].Value, true
		}
	}
	return Value{}, false
}

// Depth returns the depth of the deepest value inside v; 0 when v holds none.
func (v Value) Depth() int {
	deepest := 0
	for _, item := range v.Items() {
		deepest = max(deepest, 1+item.Depth())
	}
	for _, p := range v.Pairs() {
		deepest = max(deepest, 1+p.Key.Depth(), 1+p.Value.Depth())
	}
	return deepest
}

// Equal reports whether v and o are the same variant with the same content.
// Floats are compared by their bits: NaN equals itself, 0 and -0 differ. The
// order of a Map's entries counts. Integer 1 is not UnsignedInteger 1.
func (v Value) Equal(o Value) bool {
	if v.kind != o.kind || v.num != o.num || v.aux != o.aux {
		return false
	}
	switch v.kind {
	case KindText, KindTimeZone:
		return v.text() == o.text()
	case KindBuffer:
		return bytes.Equal(v.buffer(), o.buffer())
	case KindList:
		return equalItems(v.items(), o.items())
	case KindMap:
		return equalPairs(v.pairs(), o.pairs())
	case KindLazyStringMap:
		return maps.Equal(v.lazy(), o.lazy())
	}
	return true
}

// equalItems is called with slices of one length, and so is equalPairs.
func equalItems(a, b []Value) bool {
	for i := range a {
		if !a[i].Equal(b[i]) {
			return false
		}
	}
	return true
}

func equalPairs(a, b []Pair) bool {
	for i := range a {
		if !a[i].Key.Equal(b[i].Key) || !a[i].Value.Equal(b[i].Value) {
			return false
		}
	}
	return true
}
