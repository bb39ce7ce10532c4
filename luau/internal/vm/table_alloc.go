package vm

import "unsafe"

// A table that is made with one small part, two fields or a pair, say, is one
// allocation with it. When the part grows out of it that room stays with the
// table, and stays charged.
type (
	table1n struct {
		Table
		n [1]node
	}
	table2n struct {
		Table
		n [2]node
	}
	table4n struct {
		Table
		n [4]node
	}
	table1a struct {
		Table
		a [1]Value
	}
	table2a struct {
		Table
		a [2]Value
	}
	table3a struct {
		Table
		a [3]Value
	}
	table4a struct {
		Table
		a [4]Value
	}
)

// Table.inline: how much room came with the table, and which part still uses it.
const (
	inlineUnit  = 8
	inlineRoom  = 1<<5 - 1 // in units of eight bytes
	alwaysOwned = 1 << 5   // not about room: the hash part records its owner whatever its size
	inlineArray = 1 << 6
	inlineNodes = 1 << 7
)

// inlineFor tells what would come with a table of these parts: 0 or a value for Table.inline.
func inlineFor(arr, nodes uint32) uint8 {
	switch {
	case arr == 0 && (nodes == 1 || nodes == 2 || nodes == 4):
		return inlineNodes | uint8(nodes*sizeNode/inlineUnit)
	case nodes == 0 && arr >= 1 && arr <= 4:
		return inlineArray | uint8(arr*sizeValue/inlineUnit)
	}
	return 0
}

// tableSize is the accounted size of the table itself with what came with it.
func tableSize(inline uint8) int64 {
	room := int(inline & inlineRoom)
	if room == 0 {
		return sizeTable
	}
	return bytesSize(sizeTable + room*inlineUnit)
}

// arrayBytes and nodeBytes are the accounted sizes of the parts that did not come with the table.
func (t *Table) arrayBytes() int64 {
	if t.inline&inlineArray != 0 {
		return 0
	}
	return arraySize(t.asize)
}

func (t *Table) nodeBytes() int64 {
	if t.inline&inlineNodes != 0 {
		return 0
	}
	return nodesSize(t.nodeLen(), t.inline&alwaysOwned != 0)
}

// size is the accounted size.
func (t *Table) size() int64 { return tableSize(t.inline) + t.arrayBytes() + t.nodeBytes() }

// makeTable charges and makes a table with empty parts. A nil heap charges nothing.
func makeTable(h *heap, arr, nodes uint32) (*Table, error) {
	inline := inlineFor(arr, nodes)
	if inline == 0 {
		return makeParts(h, arr, nodes, 0)
	}
	if h != nil {
		if err := h.charge(tableSize(inline)); err != nil {
			return nil, err
		}
	}
	t := inlineTable(arr, nodes)
	t.inline = inline
	return t, nil
}

// makeParts makes a table whose parts are allocations of their own; owned is 0 or alwaysOwned.
func makeParts(h *heap, arr, nodes uint32, owned uint8) (*Table, error) {
	if err := h.chargeParts(sizeTable, arraySize(arr), nodesSize(nodes, owned != 0)); err != nil {
		return nil, err
	}
	t := &Table{nodes: noNodes, inline: owned}
	if arr > 0 {
		t.arr, t.asize = newArrayPart(arr), arr
	}
	if nodes > 0 {
		t.setNodes(h, nodes)
	}
	return t, nil
}

// inlineTable makes a table together with its one small part.
func inlineTable(arr, nodes uint32) *Table {
	switch nodes {
	case 1:
		t := &table1n{}
		return t.withNodes(t.n[:])
	case 2:
		t := &table2n{}
		return t.withNodes(t.n[:])
	case 4:
		t := &table4n{}
		return t.withNodes(t.n[:])
	}
	switch arr {
	case 1:
		t := &table1a{}
		return t.withArray(t.a[:])
	case 2:
		t := &table2a{}
		return t.withArray(t.a[:])
	case 3:
		t := &table3a{}
		return t.withArray(t.a[:])
	}
	t := &table4a{}
	return t.withArray(t.a[:])
}

func (t *Table) withNodes(n []node) *Table {
	t.nodes = nodePartOf(n)
	t.mask, t.lastFree = uint32(len(n)-1), int32(len(n))
	return t
}

func (t *Table) withArray(a []Value) *Table {
	t.arr, t.asize, t.nodes = arrayPartOf(a), uint32(len(a)), noNodes
	return t
}

// setNodes gives the table a new, empty hash part of n nodes, already charged.
func (t *Table) setNodes(h *heap, n uint32) {
	t.lastFree = int32(n)
	t.inline &^= inlineNodes
	if n == 0 {
		t.nodes, t.mask = noNodes, 0
		return
	}
	t.mask = n - 1
	t.nodes = t.allocNodes(h, n)
}

// allocNodes allocates n nodes, with a spare one that names the owner if there has to be one.
func (t *Table) allocNodes(h *heap, n uint32) nodePart {
	space := nodeSpace(n, t.inline&alwaysOwned != 0)
	p := newNodePart(space)
	if space > n {
		p.at(n).key.p = unsafe.Pointer(h)
	}
	return p
}

// own makes the hash part record its owner, before the table gets its first long
// string as a key: comparing with it takes time that somebody must pay for.
func (t *Table) own(h *heap) error {
	if n := t.nodeLen(); n > 0 && n < ownedNodes {
		if err := h.chargeParts(0, 0, nodesSize(n, true)); err != nil {
			return err
		}
		old, now := *t, t.nodeLen() // a census during the charge may have made the part smaller
		h.credit(nodesSize(n, true) - nodesSize(now, true))
		t.inline = t.inline&^inlineNodes | alwaysOwned
		if now > 0 {
			t.nodes = t.allocNodes(h, now)
			copy(t.nodes.slice(now), old.nodes.slice(now))
			old.dropNodes(h)
		}
	}
	t.inline |= alwaysOwned
	return nil
}

// setArray gives the table a new array part of n slots, already charged, with what fits of the old one.
func (t *Table) setArray(n uint32) {
	a := newArrayPart(n)
	copy(a.slice(n), t.arr.slice(t.asize))
	t.inline &^= inlineArray
	t.arr, t.asize = a, n
}
