package khronos

import "unsafe"

// A Value is 24 bytes because it keeps one pointer and one length instead of a
// string and an interface. The methods below turn them back; each may be called
// only on the kinds that it names.

// textValue makes a Text or TimeZone.
func textValue(kind Kind, s string) Value {
	return Value{kind: kind, num: uint64(len(s)), ref: unsafe.Pointer(unsafe.StringData(s))}
}

// lazyValue makes a LazyStringMap. A map is a pointer already, but only the
// compiler may know that: the value points to a variable that holds it.
func lazyValue(m map[string]string) Value {
	return Value{kind: KindLazyStringMap, ref: unsafe.Pointer(&m)}
}

// text is of a Text or TimeZone.
func (v Value) text() string { return unsafe.String((*byte)(v.ref), int(v.num)) }

// buffer is of a Buffer.
func (v Value) buffer() []byte { return unsafe.Slice((*byte)(v.ref), int(v.num)) }

// items is of a List.
func (v Value) items() []Value { return unsafe.Slice((*Value)(v.ref), int(v.num)) }

// pairs is of a Map.
func (v Value) pairs() []Pair { return unsafe.Slice((*Pair)(v.ref), int(v.num)) }

// lazy is of a LazyStringMap.
func (v Value) lazy() map[string]string { return *(*map[string]string)(v.ref) }
