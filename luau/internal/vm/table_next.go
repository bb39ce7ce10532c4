package vm

import "unsafe"

// NextIndex gives the first entry at or behind position i, and the position
// behind it. Positions are numbers from 0: array slots, then nodes. The caller
// charges next-i, the slots looked at, when that is large.
func (t *Table) NextIndex(i uint32) (next uint32, k, v Value, ok bool) {
	for ; i < t.asize; i++ {
		if v := *t.arr.at(i); !v.IsNil() {
			return i + 1, Number(float64(i + 1)), v, true
		}
	}
	end := t.asize + t.nodeLen()
	for ; i < end; i++ {
		if n := t.nodes.at(i - t.asize); !n.val.IsNil() {
			return i + 1, n.key, n.val, true
		}
	}
	return end, Nil, Nil, false
}

// Next gives the entry after that of key k, the first one if k is nil. ok is
// false at the end. A key that is not in the table is an error.
func (t *Table) Next(k Value) (nk, nv Value, ok bool, err error) {
	i, err := t.Position(k)
	if err != nil {
		return Nil, Nil, false, err
	}
	next, nk, nv, ok := t.NextIndex(i)
	if skipped := next - i; skipped > freeSteps {
		t.owe(int64(skipped) / freeSteps)
	}
	return nk, nv, ok, nil
}

// Next is [Table.Next] with the slots it looks at charged to the VM.
func (vm *VM) Next(t *Table, k Value) (nk, nv Value, ok bool, err error) {
	i, err := t.Position(k)
	if err != nil {
		return Nil, Nil, false, err
	}
	next, nk, nv, ok := t.NextIndex(i)
	if skipped := next - i; skipped > freeSteps {
		vm.owe(int64(skipped) / freeSteps)
	}
	return nk, nv, ok, nil
}

// Position gives the position behind key k, where a traversal that has just visited k goes on; 0 for nil.
func (t *Table) Position(k Value) (uint32, error) {
	if k.IsNil() {
		return 0, nil
	}
	if k.p == numberP {
		if i := arrayIndex(k.AsNumber()); i > 0 && uint32(i) <= t.asize {
			return uint32(i), nil
		}
	}
	n := t.find(k)
	if n == nil {
		n = t.findDead(k)
	}
	if n == nil {
		return 0, errInvalidNext
	}
	return t.asize + t.nodeNumber(n) + 1, nil
}

// find finds the node of any key but nil.
func (t *Table) find(k Value) *node {
	switch k.Kind() {
	case KindNumber:
		return t.findNumber(k.AsNumber())
	case KindString:
		s := k.AsString()
		return t.findStrFrom(s, t.nodes.at(s.Hash()&t.mask))
	}
	return t.findOther(k)
}

// findDead finds the node of a key that was removed and then let go by a census.
func (t *Table) findDead(k Value) *node {
	if !k.isObject() || k.Kind() != KindString && k.Kind() != KindVector && knownSerial(k) == 0 {
		return nil
	}
	hash := (*heap)(nil).hashKey(k)
	dead := deadKey(k, hash)
	n := t.nodes.at(hash & t.mask)
	for steps := 0; n.key != dead; steps++ {
		if n.next == 0 {
			t.walked(steps)
			return nil
		}
		n = t.nodes.at(uint32(n.next - 1))
	}
	return n
}

// nodeNumber gives the number of a node of this table.
func (t *Table) nodeNumber(n *node) uint32 {
	return uint32((uintptr(unsafe.Pointer(n)) - uintptr(unsafe.Pointer(t.nodes.at(0)))) / sizeNode)
}
