package vm

import (
	"math/bits"
	"unsafe"
)

// Table is an array part for the keys 1..asize and a hash part for all others.
//
// Sizes, places and therefore the order of traversal are those of the reference
// implementation: the array part is the largest n of which more than half is
// used, moved up until the border lies inside; the hash part is a power of two of
// nodes, chained, where a node that is not at its key's main position gives way
// to one that is. A rehash happens when the hash part is full or when the key
// asize+1 is added.
//
// Methods do not look at metatables, and those that write do not check readonly:
// that is the caller's business. Work that is out of proportion (long chains,
// moved slots) is charged as fuel to the VM the table belongs to.
type Table struct {
	header
	flags    uint8 // bit e: metamethod e is known to be absent from this (meta)table
	readonly bool
	safeEnv  bool   // globals: resolved imports may be used
	inline   uint8  // room for small parts that came with the table, see inlineRoom
	lastFree int32  // nodes from here on are taken; if negative, a hint: -border
	asize    uint32 // slots of arr
	mask     uint32 // nodes - 1; 0 also if there are none
	arr      arrayPart
	nodes    nodePart
	meta     *Table
}

// node is one slot of the hash part. A node whose value is nil is empty; its key
// stays, because the chain goes through it and a traversal may stand there.
type node struct {
	val, key Value
	next     int32  // number of the next node of the chain, plus one; 0 ends it
	hash     uint32 // of key; hash & mask is its main position
}

const (
	maxPart    = 1 << 26 // slots of each part
	ownedNodes = 16      // from this size on a spare node behind the last one points to the owner's heap
	freeSteps  = 8       // steps along a chain that cost nothing
	freeBytes  = 64      // bytes of a string key whose comparison costs nothing
)

// NewTable makes a table with room for arr array slots and hash other keys.
func (vm *VM) NewTable(arr, hash int) (*Table, error) {
	return newTable(&vm.heap, arr, hash)
}

func newTable(h *heap, arr, hash int) (*Table, error) {
	if arr > maxPart || hash > maxPart {
		return nil, errTableOverflow
	}
	return makeTable(h, uint32(max(arr, 0)), nodeCount(hash))
}

// nodeCount gives the nodes of a hash part that has room for n keys.
func nodeCount(n int) uint32 {
	if n <= 0 {
		return 0
	}
	return 1 << bits.Len32(uint32(n-1))
}

// nodeLen gives the number of nodes.
func (t *Table) nodeLen() uint32 {
	if t.nodes.none() {
		return 0
	}
	return t.mask + 1
}

// Meta gives the metatable, nil if there is none.
func (t *Table) Meta() *Table { return t.meta }

// SetMeta sets the metatable.
func (t *Table) SetMeta(m *Table) { t.meta = m }

// Readonly tells whether the table is frozen; Freeze makes it so.
func (t *Table) Readonly() bool { return t.readonly }

// Freeze makes the table read-only for scripts.
func (t *Table) Freeze() { t.readonly = true }

// Get gives the value of a key, nil if absent.
func (t *Table) Get(k Value) Value {
	switch k.Kind() {
	case KindString:
		return t.GetStr(k.AsString())
	case KindNumber:
		return t.getNumber(k.AsNumber())
	case KindNil:
		return Nil
	}
	if n := t.findOther(k); n != nil {
		return n.val
	}
	return Nil
}

// GetStr gives the value of a string key.
func (t *Table) GetStr(s *String) Value {
	n := t.nodes.at(s.Hash() & t.mask)
	if n.key.p == unsafe.Pointer(s) {
		return n.val
	}
	if n.next == 0 && n.hash != s.hash {
		return Nil
	}
	return t.getStrChain(s, n)
}

//go:noinline
func (t *Table) getStrChain(s *String, n *node) Value {
	if n = t.findStrFrom(s, n); n != nil {
		return n.val
	}
	return Nil
}

// fieldNode gives the node at the main position of a constant string. The loop
// looks there first: if key.p is the string, val is the answer. It may store a
// value there only over one that is not nil; otherwise SetStr must do it, which
// forgets what flags says of absent metamethods.
func (t *Table) fieldNode(s *String) *node { return t.nodes.at(s.hash & t.mask) }

// GetInt gives the value of an integral number key.
func (t *Table) GetInt(i int) Value {
	if uint(i-1) < uint(t.asize) {
		return *t.arr.at(uint32(i - 1))
	}
	return t.getIntHash(i)
}

//go:noinline
func (t *Table) getIntHash(i int) Value {
	if t.nodes.none() {
		return Nil
	}
	if n := t.findNumber(float64(i)); n != nil {
		return n.val
	}
	return Nil
}

func (t *Table) getNumber(f float64) Value {
	i := int32(f)
	if float64(i) == f && uint32(i-1) < t.asize {
		return *t.arr.at(uint32(i - 1))
	}
	if n := t.findNumber(f); n != nil {
		return n.val
	}
	return Nil
}

// Set stores a value under a key; nil removes it. A nil or NaN key is an error, and so is a lack of memory.
func (t *Table) Set(vm *VM, k, v Value) error {
	switch k.Kind() {
	case KindString:
		return t.SetStr(vm, k.AsString(), v)
	case KindNumber:
		return t.setNumber(vm, k.AsNumber(), v)
	case KindNil:
		return errIndexNil
	case KindVector:
		if k.AsVector().isNaN() {
			return errIndexHasNaN
		}
	}
	if n := t.findOther(k); n != nil {
		n.val = v
		return nil
	}
	h := heapOf(vm)
	return t.add(h, k, h.hashKey(k), v)
}

// SetStr stores a value under a string key.
func (t *Table) SetStr(vm *VM, s *String, v Value) error {
	t.flags = 0
	n := t.nodes.at(s.Hash() & t.mask)
	if n.key.p == unsafe.Pointer(s) {
		n.val = v
		return nil
	}
	if n = t.findStrFrom(s, n); n != nil {
		n.val = v
		return nil
	}
	h := heapOf(vm)
	if s.Len() > freeBytes && t.inline&alwaysOwned == 0 {
		if err := t.own(h); err != nil {
			return err
		}
	}
	return t.add(h, s.Value(), s.hash, v)
}

// SetInt stores a value under an integral number key.
func (t *Table) SetInt(vm *VM, i int, v Value) error {
	if uint(i-1) < uint(t.asize) {
		*t.arr.at(uint32(i - 1)) = v
		return nil
	}
	return t.setNumberHash(vm, float64(i), v)
}

func (t *Table) setNumber(vm *VM, f float64, v Value) error {
	i := int32(f)
	if float64(i) == f && uint32(i-1) < t.asize {
		*t.arr.at(uint32(i - 1)) = v
		return nil
	}
	if f != f {
		return errIndexNaN
	}
	return t.setNumberHash(vm, f, v)
}

func (t *Table) setNumberHash(vm *VM, f float64, v Value) error {
	if n := t.findNumber(f); n != nil {
		n.val = v
		return nil
	}
	return t.add(heapOf(vm), Number(f), hashNumber(f), v)
}

// add stores a value under a key that is absent.
func (t *Table) add(h *heap, k Value, hash uint32, v Value) error {
	p := t.place(k, hash)
	if p == nil {
		if err := t.rehash(h, k); err != nil {
			return err
		}
		if p = t.placeMoved(k, hash); p == nil {
			panic("BUG: no room after a rehash")
		}
	}
	*p = v
	return nil
}

// heapOf gives the heap to charge; nil for tables that are built outside any VM.
func heapOf(vm *VM) *heap {
	if vm == nil {
		return nil
	}
	return &vm.heap
}
