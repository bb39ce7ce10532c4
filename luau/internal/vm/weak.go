package vm

import "strings"

// weakness is what a metatable's __mode asks for.
type weakness struct {
	keys, values bool // "k", "v": entries go when the census finds their key or value nowhere else
	shrink       bool // "s": the hash part may become smaller then
}

func (t *Table) weakness() weakness {
	if t.meta == nil {
		return weakness{}
	}
	v := t.meta.GetStr(modeName)
	if v.Kind() != KindString {
		return weakness{}
	}
	s := v.AsString().Str()
	return weakness{
		keys:   strings.Contains(s, "k"),
		values: strings.Contains(s, "v"),
		shrink: strings.Contains(s, "s"),
	}
}

// clearWeak removes the entries of weak tables whose key or value was not found,
// and counts the strings and vectors of those that stay: they are values, not
// objects that could go. What only a removed entry kept alive stays counted until
// the next census. There are no ephemerons: a value that refers to its own weak
// key keeps it.
func (c *census) clearWeak() {
	for _, t := range c.weak {
		c.clearArray(t)
		live := c.clearNodes(t)
		c.objects += int64(t.asize + t.nodeLen())
		if n := t.nodeLen(); t.weakness().shrink && live < int(n)*3/8 {
			c.shrink(t, live)
		}
	}
}

func (c *census) clearArray(t *Table) {
	arr := t.arr.slice(t.asize)
	for i := range arr {
		if c.gone(arr[i]) {
			arr[i] = Nil
			continue
		}
		c.keep(arr[i])
	}
}

func (c *census) clearNodes(t *Table) (live int) {
	nodes := t.nodes.slice(t.nodeLen())
	for i := range nodes {
		n := &nodes[i]
		if n.val.IsNil() {
			continue
		}
		if c.gone(n.key) || c.gone(n.val) {
			n.val = Nil
			n.letKeyGo()
			continue
		}
		c.keep(n.key)
		c.keep(n.val)
		live++
	}
	return live
}

// keep counts a string or vector that a weak table holds. Other objects are marked already.
func (c *census) keep(v Value) {
	if k := v.Kind(); k == KindString || k == KindVector {
		c.mark(v)
	}
}

// gone tells whether an object was not found by the walk.
func (c *census) gone(v Value) bool {
	switch v.Kind() {
	case KindNil, KindBoolean, KindNumber, KindInteger, KindLight, KindString, KindVector:
		return false
	}
	return !isShared(v) && objectHeader(v).epoch != c.h.epoch
}

// shrink gives a weak table the hash part its live entries need.
func (c *census) shrink(t *Table, live int) {
	before := t.size()
	if err := t.resize(c.h, int(t.asize), live); err == nil {
		c.bytes += t.size() - before
	}
}
