package vm

import (
	"math"
	"unsafe"
)

// Value is any script value in two words. The zero Value is nil.
//
//	kind                 p                 w
//	nil                  nil               0
//	boolean              &boolTag          KindBoolean | truth<<8
//	number               &tags.number      bits of the float64
//	integer              &tags.integer     the int64
//	light userdata       &tags.light       the number given
//	any heap object      the object        its Kind
//
// So "is a number" is one pointer compare, "is nil" is a test for zero, and two
// values of one heap object are equal bit by bit. Strings, numbers and vectors
// need RawEqual. See RATIONALE.md, "Why a value is a pointer and a word".
type Value struct {
	p unsafe.Pointer
	w uint64
}

// The tags are variables outside the heap: only their addresses matter. They are
// distinct because each has a size. Those of the kinds whose word may be anything
// stand together, so that one comparison tells them from objects.
var (
	boolTag [16]byte
	tags    struct{ number, integer, light [16]byte }
)

// isPlain tells whether the word may be anything: a number, an integer or a light userdata.
func (v *Value) isPlain() bool {
	return uintptr(v.p)-uintptr(unsafe.Pointer(&tags)) < unsafe.Sizeof(tags)
}

// Kind is the type of a value.
type Kind uint8

// The kinds. KindClass and KindObject are reserved for user-defined classes; KindCell never reaches a script.
const (
	KindNil Kind = iota
	KindBoolean
	KindNumber
	KindInteger
	KindLight
	KindString
	KindVector
	KindTable
	KindClosure
	KindNative
	KindCoroutine
	KindBuffer
	KindUserdata
	KindClass
	KindObject
	KindCell
)

// Nil is the nil value; it equals the zero Value.
var Nil Value

// False and True are the booleans.
var (
	False = Value{unsafe.Pointer(&boolTag), uint64(KindBoolean)}
	True  = Value{unsafe.Pointer(&boolTag), uint64(KindBoolean) | 1<<8}
)

// Bool makes a boolean.
func Bool(b bool) Value {
	if b {
		return True
	}
	return False
}

// Number makes a number.
func Number(f float64) Value { return Value{unsafe.Pointer(&tags.number), math.Float64bits(f)} }

// Integer makes a value of the 64-bit integer type; it is not a number.
func Integer(i int64) Value { return Value{unsafe.Pointer(&tags.integer), uint64(i)} }

// Kind gives the type.
func (v Value) Kind() Kind {
	switch v.p {
	case nil:
		return KindNil
	case unsafe.Pointer(&tags.number):
		return KindNumber
	case unsafe.Pointer(&tags.integer):
		return KindInteger
	case unsafe.Pointer(&tags.light):
		return KindLight
	}
	return Kind(v.w)
}

// IsNil, IsNumber, IsString and IsTable test the type; Truthy is false for nil and false only.
func (v Value) IsNil() bool    { return v.p == nil }
func (v Value) IsNumber() bool { return v.p == unsafe.Pointer(&tags.number) }
func (v Value) Truthy() bool {
	return v.p != nil && (v.p != unsafe.Pointer(&boolTag) || v.w != uint64(KindBoolean))
}

// AsNumber gives the number; the value must be one.
func (v Value) AsNumber() float64 { return math.Float64frombits(v.w) }

// AsInteger gives the 64-bit integer; the value must be one.
func (v Value) AsInteger() int64 { return int64(v.w) }

// AsBool gives the boolean; the value must be one.
func (v Value) AsBool() bool { return v.w != uint64(KindBoolean) }

func (v Value) isObject() bool { return v.Kind() >= KindString }

// The conversions below assume the kind has been checked.
func (v Value) AsString() *String       { return (*String)(v.p) }
func (v Value) AsTable() *Table         { return (*Table)(v.p) }
func (v Value) AsClosure() *Closure     { return (*Closure)(v.p) }
func (v Value) AsNative() *Native       { return (*Native)(v.p) }
func (v Value) AsCoroutine() *Coroutine { return (*Coroutine)(v.p) }
func (v Value) AsBuffer() *Buffer       { return (*Buffer)(v.p) }
func (v Value) AsUserdata() *Userdata   { return (*Userdata)(v.p) }
func (v Value) AsVector() *Vector       { return (*Vector)(v.p) }
func (v Value) asCell() *cell           { return (*cell)(v.p) }

// The constructors of object values.
func (o *String) Value() Value    { return Value{unsafe.Pointer(o), uint64(KindString)} }
func (o *Table) Value() Value     { return Value{unsafe.Pointer(o), uint64(KindTable)} }
func (o *Closure) Value() Value   { return Value{unsafe.Pointer(o), uint64(KindClosure)} }
func (o *Native) Value() Value    { return Value{unsafe.Pointer(o), uint64(KindNative)} }
func (o *Coroutine) Value() Value { return Value{unsafe.Pointer(o), uint64(KindCoroutine)} }
func (o *Buffer) Value() Value    { return Value{unsafe.Pointer(o), uint64(KindBuffer)} }
func (o *Userdata) Value() Value  { return Value{unsafe.Pointer(o), uint64(KindUserdata)} }
func (o *Vector) Value() Value    { return Value{unsafe.Pointer(o), uint64(KindVector)} }
func (o *cell) Value() Value      { return Value{unsafe.Pointer(o), uint64(KindCell)} }
