package vm

import "math/bits"

// rehash gives the table the sizes that its keys and one more, extra, call for.
func (t *Table) rehash(h *heap, extra Value) error {
	var c keyCount
	c.array(t)
	c.hash(t)
	h.owe(int64(t.asize)/8 + int64(t.nodeLen()))
	c.total++
	if extra.p == numberP {
		c.number(extra.AsNumber())
	}
	asize, inArray := c.arraySize()
	nodes := c.total - inArray

	grown := t.pastBorder(asize, extra)
	if more := grown - asize; more != 0 {
		// Those keys leave the hash part, where each took the room of two array slots.
		nodes -= more
		asize = t.pastBorder(grown+more, extra)
	}
	return t.resize(h, asize, nodes)
}

// keyCount counts a table's keys: all, those that could live in an array part, and these by size.
type keyCount struct {
	total    int
	integral int
	bySize   [27]int // bySize[b]: keys in (2^(b-1), 2^b]
}

func (c *keyCount) array(t *Table) {
	arr := t.arr.slice(t.asize)
	for lo, b := 0, 0; lo < len(arr); b++ {
		hi := min(1<<b, len(arr))
		n := 0
		for i := lo; i < hi; i++ {
			if !arr[i].IsNil() {
				n++
			}
		}
		c.bySize[b] += n
		c.total += n
		c.integral += n
		lo = hi
	}
}

func (c *keyCount) hash(t *Table) {
	nodes := t.nodes.slice(t.nodeLen())
	for i := range nodes {
		n := &nodes[i]
		if n.val.IsNil() {
			continue
		}
		c.total++
		if n.key.p == numberP {
			c.number(n.key.AsNumber())
		}
	}
}

func (c *keyCount) number(f float64) {
	if k := arrayIndex(f); k > 0 && k <= maxPart {
		c.bySize[bits.Len32(uint32(k-1))]++
		c.integral++
	}
}

// arraySize gives the largest power of two of which more than half is used, and how many keys that is.
func (c *keyCount) arraySize() (size, used int) {
	seen := 0
	for b, p := 0, 1; p/2 < c.integral && seen < c.integral; b, p = b+1, p*2 {
		seen += c.bySize[b]
		if c.bySize[b] > 0 && seen > p/2 {
			size, used = p, seen
		}
	}
	return size, used
}

// arrayIndex gives the integer that a number is, -1 if it is none of 32 bits.
func arrayIndex(f float64) int {
	if i := int32(f); float64(i) == f {
		return int(i)
	}
	return -1
}

// pastBorder moves an array size up until the key behind it is absent, counting extra as present.
func (t *Table) pastBorder(size int, extra Value) int {
	look := !t.nodes.none() || size < int(t.asize)
	x := -1
	if extra.p == numberP {
		x = arrayIndex(extra.AsNumber())
	}
	from := size
	for size+1 == x || look && !t.GetInt(size+1).IsNil() {
		size++
	}
	if look {
		t.owe(int64(size - from))
	}
	return size
}

// resize changes the sizes of both parts and moves what they hold. Nothing has changed if it fails.
func (t *Table) resize(h *heap, asize, hash int) error {
	if asize > maxPart || hash > maxPart {
		return errTableOverflow
	}
	nn := nodeCount(hash)
	moves := uint32(asize) != t.asize
	newArr := int64(0)
	if moves {
		newArr = arraySize(uint32(asize))
	}
	if err := h.chargeParts(0, newArr, nodesSize(nn, t.inline&alwaysOwned != 0)); err != nil {
		return err
	}
	// The charge may have run a census, which may have made the hash part smaller.
	old := *t
	oldNodes := t.nodes.slice(t.nodeLen())
	if moves {
		t.setArray(uint32(asize))
	}
	t.setNodes(h, nn)
	if t.asize < old.asize {
		t.moveTail(old.arr.slice(old.asize))
	}
	for i := len(oldNodes) - 1; i >= 0; i-- {
		n := &oldNodes[i]
		if n.val.IsNil() {
			continue
		}
		p := t.placeMoved(n.key, n.hash)
		if p == nil {
			panic("BUG: no room while a table is moved")
		}
		*p = n.val
	}
	if moves {
		old.dropArray(h)
	}
	old.dropNodes(h)
	return nil
}

// dropArray takes back the charge for an array part that is replaced. One that
// came with the table stays in memory, so it is emptied: it must not keep objects
// alive that nobody counts.
func (t *Table) dropArray(h *heap) {
	if t.inline&inlineArray != 0 {
		clear(t.arr.slice(t.asize))
		return
	}
	h.credit(t.arrayBytes())
}

// dropNodes is dropArray for the hash part.
func (t *Table) dropNodes(h *heap) {
	if t.inline&inlineNodes != 0 {
		clear(t.nodes.slice(t.nodeLen()))
		return
	}
	h.credit(t.nodeBytes())
}

// moveTail moves what no longer fits the array part to the hash part.
func (t *Table) moveTail(arr []Value) {
	for i := int(t.asize); i < len(arr); i++ {
		if arr[i].IsNil() {
			continue
		}
		f := float64(i + 1)
		p := t.place(Number(f), hashNumber(f))
		if p == nil {
			panic("BUG: no room for the tail of an array")
		}
		*p = arr[i]
	}
}

// placeMoved gives the place of an absent key in either part, which has room for it.
func (t *Table) placeMoved(k Value, hash uint32) *Value {
	if k.p == numberP {
		if i := arrayIndex(k.AsNumber()); i > 0 && uint32(i) <= t.asize {
			return t.arr.at(uint32(i - 1))
		}
	}
	return t.place(k, hash)
}

// GrowArray makes the array part at least n slots long, ahead of writing that many.
func (t *Table) GrowArray(vm *VM, n int) error {
	if n <= int(t.asize) {
		return nil
	}
	return t.resize(heapOf(vm), t.pastBorder(n, Nil), int(t.nodeLen()))
}
