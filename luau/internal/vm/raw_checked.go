//go:build luau_checked

package vm

import (
	"unsafe"

	"github.com/template-worker/template-worker/luau/internal/bytecode"
)

// The twin of raw_fast.go with every access checked.

const checkedBuild = true

type window struct{ s []Value }

func windowAt(stack []Value, base int32) window { return window{stack[base:]} }

func (w window) at(i uint8) *Value { return &w.s[i] }

type constants struct{ s []Value }

func constantsOf(k []Value) constants { return constants{k} }

func (k constants) at(i int32) *Value { return &k.s[i] }

type codeView struct{ s []bytecode.Instr }

func codeOf(c []bytecode.Instr) codeView { return codeView{c} }

func (c codeView) at(pc int32) bytecode.Instr { return c.s[pc] }

type arrayPart struct{ s []Value }

func newArrayPart(n uint32) arrayPart { return arrayPart{make([]Value, n)} }

func arrayPartOf(s []Value) arrayPart { return arrayPart{s} }

func (a arrayPart) at(i uint32) *Value { return &a.s[i] }

func (a arrayPart) slice(n uint32) []Value { return a.s[:n:n] }

type nodePart struct{ s []node }

func newNodePart(n uint32) nodePart { return nodePart{make([]node, n)} }

func nodePartOf(s []node) nodePart { return nodePart{s} }

func (p nodePart) at(i uint32) *node { return &p.s[i] }

func (p nodePart) slice(n uint32) []node { return p.s[:n:n] }

var noNodes = newNodePart(1)

func (p nodePart) none() bool { return &p.s[0] == &noNodes.s[0] }

// String is an immutable string. header.id tells whether hash is set.
type String struct {
	header
	hash uint32
	b    []byte
}

func newString(n int) (*String, []byte) {
	s := &String{b: make([]byte, n)}
	return s, s.b
}

// Str gives the content. It shares the string's memory.
func (s *String) Str() string { return unsafe.String(unsafe.SliceData(s.b), len(s.b)) }

// Len gives the length in bytes.
func (s *String) Len() int { return len(s.b) }
