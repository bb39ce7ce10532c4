package vm

// Clone makes a shallow copy of t, not frozen, with the same metatable.
func (t *Table) Clone(vm *VM) (*Table, error) {
	nn := t.nodeLen()
	c, err := t.cloneParts(&vm.heap, nn)
	if err != nil {
		return nil, err
	}
	c.flags, c.meta = t.flags, t.meta
	if t.asize > 0 {
		copy(c.arr.slice(t.asize), t.arr.slice(t.asize))
	}
	if nn == 0 {
		c.setBorderHint(t.borderHint())
		return c, nil
	}
	copy(c.nodes.slice(nn), t.nodes.slice(nn))
	c.lastFree = t.lastFree
	return c, nil
}

// cloneParts makes an empty table with parts of t's sizes.
func (t *Table) cloneParts(h *heap, nn uint32) (*Table, error) {
	if owned := t.inline & alwaysOwned; owned != 0 {
		return makeParts(h, t.asize, nn, owned)
	}
	return makeTable(h, t.asize, nn)
}

// Clear removes all entries and keeps the room.
func (t *Table) Clear() {
	clear(t.arr.slice(t.asize))
	t.setBorderHint(0)
	if nn := t.nodeLen(); nn > 0 {
		clear(t.nodes.slice(nn))
		t.lastFree = int32(nn)
	}
	t.flags = 0
}

// SharedTable makes a table that belongs to no VM, for libraries: it is filled
// with a nil VM, frozen, and then never written again.
func SharedTable(arr, hash int) *Table {
	t, err := newTable(nil, arr, hash)
	if err != nil {
		panic("BUG: shared table too large")
	}
	t.header = sharedHeader()
	return t
}

// setShared stores into a shared table that is being built.
func (t *Table) setShared(k string, v Value) {
	if err := t.SetStr(nil, Const(k), v); err != nil {
		panic("BUG: shared table: " + err.Error())
	}
}

// template makes the shared table that constructors with these keys start from: all keys present, their values nil.
func template(keys []string) *Table {
	t := SharedTable(0, len(keys))
	for _, k := range keys {
		t.setShared(k, True)
	}
	nodes := t.nodes.slice(t.nodeLen())
	for i := range nodes {
		nodes[i].val = Nil
	}
	t.readonly = true
	return t
}

// freezeShared ends the building of a shared table.
func (t *Table) freezeShared() { t.readonly = true }
