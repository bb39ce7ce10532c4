//go:build !luau_checked

package vm

import (
	"unsafe"

	"github.com/template-worker/template-worker/luau/internal/bytecode"
)

// This file holds the machine's unchecked memory accesses; raw_checked.go is its
// twin with bounds checks, selected by the build tag luau_checked. Nothing else
// in the package but value.go steps outside Go's type system.

const checkedBuild = false

// window is the registers of the running function: R[0] is its first value. The
// caller has made sure that the stack reaches as far as the function's MaxStack.
type window struct{ p unsafe.Pointer }

func windowAt(stack []Value, base int32) window {
	return window{unsafe.Pointer(&stack[base])}
}

// at gives register i.
func (w window) at(i uint8) *Value { return (*Value)(unsafe.Add(w.p, uintptr(i)*sizeValue)) }

// constants is the constants of the running function.
type constants struct{ p unsafe.Pointer }

func constantsOf(k []Value) constants { return constants{unsafe.Pointer(unsafe.SliceData(k))} }

// at gives constant i, which the compiler has checked to exist.
func (k constants) at(i int32) *Value { return (*Value)(unsafe.Add(k.p, uintptr(i)*sizeValue)) }

// codeView is the instructions of the running function.
type codeView struct{ p unsafe.Pointer }

func codeOf(c []bytecode.Instr) codeView { return codeView{unsafe.Pointer(unsafe.SliceData(c))} }

// at gives instruction pc.
func (c codeView) at(pc int32) bytecode.Instr {
	return *(*bytecode.Instr)(unsafe.Add(c.p, uintptr(pc)*8))
}

// arrayPart is the array part of a table; the table knows its length.
type arrayPart struct{ p unsafe.Pointer }

func newArrayPart(n uint32) arrayPart {
	if n == 0 {
		return arrayPart{}
	}
	return arrayPart{unsafe.Pointer(unsafe.SliceData(make([]Value, n)))}
}

// arrayPartOf makes a part of slots that belong to the table's own allocation.
func arrayPartOf(s []Value) arrayPart { return arrayPart{unsafe.Pointer(unsafe.SliceData(s))} }

// at gives slot i, below the array size.
func (a arrayPart) at(i uint32) *Value { return (*Value)(unsafe.Add(a.p, uintptr(i)*sizeValue)) }

// slice gives the first n slots.
func (a arrayPart) slice(n uint32) []Value { return unsafe.Slice((*Value)(a.p), n) }

// nodePart is the hash part of a table; the table knows its length.
type nodePart struct{ p unsafe.Pointer }

func newNodePart(n uint32) nodePart {
	return nodePart{unsafe.Pointer(unsafe.SliceData(make([]node, n)))}
}

// nodePartOf makes a part of nodes that belong to the table's own allocation.
func nodePartOf(s []node) nodePart { return nodePart{unsafe.Pointer(unsafe.SliceData(s))} }

// at gives node i.
func (p nodePart) at(i uint32) *node { return (*node)(unsafe.Add(p.p, uintptr(i)*sizeNode)) }

// slice gives the first n nodes.
func (p nodePart) slice(n uint32) []node { return unsafe.Slice((*node)(p.p), n) }

// noNodes is the hash part of a table without one: a single empty node that is never written.
var noNodes = newNodePart(1)

func (p nodePart) none() bool { return p == noNodes }

// String is an immutable string. Its bytes follow the struct in the same
// allocation, which holds no pointers. header.id tells whether hash is set.
type String struct {
	header
	hash uint32
	n    uint32
}

// newString allocates a string of n bytes and gives them for filling in. Only the maker may write them, before
// anybody else sees the string.
func newString(n int) (*String, []byte) {
	b := make([]byte, max(sizeString+n, sizeString+1))
	s := (*String)(unsafe.Pointer(unsafe.SliceData(b)))
	s.n = uint32(n)
	return s, b[sizeString : sizeString+n]
}

// Str gives the content. It shares the string's memory.
func (s *String) Str() string {
	return unsafe.String((*byte)(unsafe.Add(unsafe.Pointer(s), sizeString)), s.n)
}

// Len gives the length in bytes.
func (s *String) Len() int { return int(s.n) }
