package vm

// Len gives a border: n with t[n] present and t[n+1] absent, 0 if t[1] is
// absent. Which one it is when there are several follows the reference. It takes
// time logarithmic in the array size, mostly constant.
func (t *Table) Len() int {
	size := int(t.asize)
	if size == 0 {
		return 0
	}
	if b := t.borderHint(); b > 0 {
		if t.nodes.none() && !t.arr.at(uint32(size-1)).IsNil() {
			return size
		}
		if b < size && !t.arr.at(uint32(b-1)).IsNil() && t.arr.at(uint32(b)).IsNil() {
			return b
		}
		if n := t.borderNear(b); n > 0 {
			return n
		}
	}
	if !t.arr.at(uint32(size - 1)).IsNil() {
		return size
	}
	b := t.searchBorder()
	t.setBorderHint(b)
	return b
}

// borderHint gives where the border was last found; the array size if that is not on record.
func (t *Table) borderHint() int {
	if t.lastFree < 0 {
		return int(-t.lastFree)
	}
	return int(t.asize)
}

// setBorderHint records a border. The hint shares its place with the free
// pointer, so it is kept only while no node is free.
func (t *Table) setBorderHint(b int) {
	if t.lastFree <= 0 {
		t.lastFree = int32(-b)
	}
}

// borderNear finds a border one step from where it was, as appending or removing one element leaves it; 0 if there is none.
func (t *Table) borderNear(b int) int {
	size := int(t.asize)
	arr := t.arr.slice(t.asize)
	if b < size && arr[b-1].IsNil() {
		if b >= 2 && !arr[b-2].IsNil() {
			t.setBorderHint(b - 1)
			return b - 1
		}
		return 0
	}
	if b+1 < size && !arr[b].IsNil() && arr[b+1].IsNil() {
		t.setBorderHint(b + 1)
		return b + 1
	}
	return 0
}

// searchBorder halves the array until one slot is left, going up where the middle is present.
func (t *Table) searchBorder() int {
	lo, rest := 0, int(t.asize)
	arr := t.arr.slice(t.asize)
	for half := rest / 2; half > 0; half = rest / 2 {
		if !arr[lo+half].IsNil() {
			lo += half
		}
		rest -= half
	}
	if !arr[lo].IsNil() {
		lo++
	}
	return lo
}
