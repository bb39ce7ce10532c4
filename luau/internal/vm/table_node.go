package vm

import (
	"math"
	"unsafe"
)

// The addresses that tell kinds apart, as pointers.
var (
	numberP = unsafe.Pointer(&tags.number)
	deadP   = unsafe.Pointer(&deadTag)
)

// deadTag marks a key whose object the census has let go: the node stays in its
// chain and a traversal that stands on it goes on from there. The low byte of its
// word is no Kind.
var deadTag [16]byte

// deadKey stands for an object that was a key of this hash.
func deadKey(k Value, hash uint32) Value {
	w := uint64(hash)<<8 | 0xff
	switch k.Kind() {
	case KindString:
		w |= 1<<62 | uint64(k.AsString().Len())<<40&(1<<62-1)
	case KindVector:
		w |= 1 << 63
	default:
		w = uint64(knownSerial(k))<<8 | 0xff
	}
	return Value{deadP, w}
}

// hashNumber spreads the bits of a number; the two zeros hash alike.
func hashNumber(f float64) uint32 {
	b := math.Float64bits(f)
	return mix64(uint32(b), uint32(b>>32)&(1<<31-1))
}

func hashInteger(i int64) uint32 { return mix64(uint32(i), uint32(uint64(i)>>32)) }

// mix64 is the finishing step of a 64-bit hash, of which the low word is kept.
func mix64(lo, hi uint32) uint32 {
	const m = 0x5bd1e995
	lo = (lo ^ hi>>18) * m
	hi = (hi ^ lo>>22) * m
	lo = (lo ^ hi>>17) * m
	return (hi ^ lo>>19) * m
}

// mix32 spreads a serial number.
func mix32(h uint32) uint32 {
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}

// hashKey gives the hash of a key that is to be stored. An object gets its serial number now if it has none.
func (h *heap) hashKey(k Value) uint32 {
	switch k.Kind() {
	case KindNumber:
		return hashNumber(k.AsNumber())
	case KindInteger:
		return hashInteger(k.AsInteger())
	case KindString:
		return k.AsString().Hash()
	case KindBoolean:
		return uint32(k.w >> 8)
	case KindLight:
		return mix32(uint32(k.w) ^ uint32(k.w>>32))
	case KindVector:
		return k.AsVector().hash()
	}
	return mix32(h.serialOf(k))
}

// findOther finds the node of a key that is neither a string nor a number, nil if it is absent.
func (t *Table) findOther(k Value) *node {
	var hash uint32
	switch k.Kind() {
	case KindBoolean:
		hash = uint32(k.w >> 8)
	case KindInteger, KindLight:
		hash = (*heap)(nil).hashKey(k)
	case KindVector:
		return t.findVector(k.AsVector())
	default:
		id := knownSerial(k)
		if id == 0 {
			return nil // never was a key anywhere
		}
		hash = mix32(id)
	}
	n := t.nodes.at(hash & t.mask)
	for steps := 0; ; steps++ {
		if n.key == k {
			t.walked(steps)
			return n
		}
		if n.next == 0 {
			t.walked(steps)
			return nil
		}
		n = t.nodes.at(uint32(n.next - 1))
	}
}

// findStrFrom finds the node of a string key, nil if it is absent. n is the node at its main position.
func (t *Table) findStrFrom(s *String, n *node) *node {
	for steps := 0; ; steps++ {
		if n.key.p == unsafe.Pointer(s) || n.hash == s.hash && t.sameString(n.key, s) {
			t.walked(steps)
			return n
		}
		if n.next == 0 {
			t.walked(steps)
			return nil
		}
		n = t.nodes.at(uint32(n.next - 1))
	}
}

// sameString compares a key with a string that is another object.
func (t *Table) sameString(k Value, s *String) bool {
	if k.Kind() != KindString {
		return false
	}
	o := k.AsString()
	if o.Len() != s.Len() {
		return false
	}
	if s.Len() > freeBytes {
		t.owe(int64(s.Len()) / freeBytes)
	}
	return o.Str() == s.Str()
}

// findNumber finds the node of a number key, nil if it is absent.
func (t *Table) findNumber(f float64) *node {
	n := t.nodes.at(hashNumber(f) & t.mask)
	for steps := 0; ; steps++ {
		if n.key.p == numberP && n.key.AsNumber() == f {
			t.walked(steps)
			return n
		}
		if n.next == 0 {
			t.walked(steps)
			return nil
		}
		n = t.nodes.at(uint32(n.next - 1))
	}
}

func (t *Table) findVector(v *Vector) *node {
	n := t.nodes.at(v.hash() & t.mask)
	for steps := 0; ; steps++ {
		if n.key.Kind() == KindVector && n.key.AsVector().equal(v) {
			t.walked(steps)
			return n
		}
		if n.next == 0 {
			t.walked(steps)
			return nil
		}
		n = t.nodes.at(uint32(n.next - 1))
	}
}

// walked charges the steps of a long chain to the table's owner.
func (t *Table) walked(steps int) {
	if steps > freeSteps {
		t.owe(int64(steps - freeSteps))
	}
}

// owe charges fuel to the VM that owns the table. Small tables and shared ones
// have no owner on record; there is nothing to charge there.
func (t *Table) owe(n int64) {
	if nn := t.nodeLen(); nodeSpace(nn, t.inline&alwaysOwned != 0) == nn {
		return
	}
	if h := (*heap)(t.nodes.at(t.mask + 1).key.p); h != nil {
		h.owe(n)
	}
}

// place makes room for an absent key and gives the place of its value; nil means
// that the table must be rehashed first.
func (t *Table) place(k Value, hash uint32) *Value {
	if k.p == numberP && k.AsNumber() == float64(t.asize+1) {
		return nil // the array part grows before its border leaves it
	}
	if t.nodes.none() {
		return nil
	}
	i := hash & t.mask
	n := t.nodes.at(i)
	if !n.val.IsNil() {
		f, ok := t.freeNode()
		if !ok {
			return nil
		}
		fn := t.nodes.at(f)
		if main := n.hash & t.mask; main != i {
			t.move(n, fn, main, i, f)
		} else {
			fn.next = n.next
			n.next = int32(f + 1)
			n = fn
		}
	}
	n.key, n.hash = k, hash
	return &n.val
}

// move puts node i, which stands outside its main position, to the free place f. Its next is cleared.
func (t *Table) move(n, fn *node, main, i, f uint32) {
	prev, steps := t.nodes.at(main), 0
	for ; prev.next != int32(i+1); steps++ {
		prev = t.nodes.at(uint32(prev.next - 1))
	}
	t.walked(steps)
	prev.next = int32(f + 1)
	*fn = *n
	n.next = 0
	n.val = Nil
}

// freeNode takes a node that never held a key, from the end.
func (t *Table) freeNode() (uint32, bool) {
	for t.lastFree > 0 {
		t.lastFree--
		if t.nodes.at(uint32(t.lastFree)).key.IsNil() {
			return uint32(t.lastFree), true
		}
	}
	return 0, false
}
