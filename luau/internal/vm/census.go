package vm

// census is one walk over everything a VM can reach. It marks objects with its
// epoch when it first sees them, adds up their sizes, and keeps those with
// children on a list of work, so it needs no Go stack however deep they nest.
type census struct {
	h       *heap
	visit   func(Value)
	work    []Value
	weak    []*Table
	bytes   int64
	objects int64
}

// Names that decide how a table is counted.
var modeName = Const("__mode")

// census counts what the VM keeps alive, sets used to it, clears the entries of
// weak tables whose objects nothing else keeps, and plans the next census. It
// takes a unit of fuel for each object and for every eight slots of tables.
func (vm *VM) census() {
	h := &vm.heap
	if h.counting {
		return
	}
	h.bill()
	pending := h.used - h.billed
	h.counting = true
	h.nextEpoch()
	c := &census{h: h}
	c.visit = c.mark
	vm.roots(c.visit)
	for _, v := range h.refs {
		c.mark(v)
	}
	c.bytes += h.held + int64(len(h.refs))*sizeRef
	c.drain()
	c.clearWeak()
	h.counting = false
	h.used = c.bytes
	h.billed = h.used - pending
	h.censusAt = max(censusFloor, 2*h.used)
	h.owe(c.objects)
}

func (h *heap) nextEpoch() {
	if h.epoch++; h.epoch == sharedEpoch {
		h.epoch = 1
	}
}

// mark notes a value that is reachable.
func (c *census) mark(v Value) {
	k := v.Kind()
	if k < KindString {
		return
	}
	hd := objectHeader(v)
	if hd.epoch == c.h.epoch || hd.epoch == sharedEpoch {
		return
	}
	switch k {
	case KindString:
		c.bytes += v.AsString().size()
	case KindVector:
		c.bytes += sizeVector
	case KindBuffer:
		c.bytes += v.AsBuffer().size()
	case KindNative:
		if !v.AsNative().owned {
			return // shared by VMs: not ours to mark
		}
		c.work = append(c.work, v)
	default:
		c.work = append(c.work, v)
	}
	hd.epoch = c.h.epoch
	c.objects++
}

// drain looks into the marked objects until none is left.
func (c *census) drain() {
	for n := len(c.work); n > 0; n = len(c.work) {
		v := c.work[n-1]
		c.work = c.work[:n-1]
		switch v.Kind() {
		case KindTable:
			c.table(v.AsTable())
		case KindClosure:
			c.closure(v.AsClosure())
		case KindCell:
			c.bytes += sizeCell
			c.mark(v.asCell().v)
		case KindCoroutine:
			co := v.AsCoroutine()
			co.trace(c.visit)
			c.bytes += co.size()
		case KindUserdata:
			c.userdata(v.AsUserdata())
		case KindNative:
			n := v.AsNative()
			c.bytes += sizeNative + n.size
			c.inside(n.State)
		}
	}
}

func (c *census) closure(cl *Closure) {
	c.bytes += closureSize(len(cl.ups))
	if cl.env != nil {
		c.mark(cl.env.Value())
	}
	if w := cl.proto.weight; w != nil {
		c.mark(w.Value())
	}
	for _, v := range cl.ups {
		c.mark(v)
	}
}

func (c *census) userdata(u *Userdata) {
	c.bytes += u.size
	if u.meta != nil {
		c.mark(u.meta.Value())
	}
	c.inside(u.data)
}

// inside visits what a host's data says it holds.
func (c *census) inside(data any) {
	if t, ok := data.(Tracer); ok {
		t.Trace(c.visit)
	}
}

func (c *census) table(t *Table) {
	c.bytes += t.size()
	c.objects += int64(t.asize+t.nodeLen()) / freeSteps
	if t.meta != nil {
		c.mark(t.meta.Value())
	}
	mode := t.weakness()
	if mode.keys || mode.values {
		c.weak = append(c.weak, t)
	}
	if !mode.values {
		for _, v := range t.arr.slice(t.asize) {
			if v.p != nil && v.p != numberP {
				c.mark(v)
			}
		}
	}
	nodes := t.nodes.slice(t.nodeLen())
	for i := range nodes {
		n := &nodes[i]
		switch {
		case n.val.IsNil():
			n.letKeyGo()
		default:
			if !mode.keys {
				c.mark(n.key)
			}
			if !mode.values {
				c.mark(n.val)
			}
		}
	}
}

// letKeyGo replaces the key of an empty node by a sign that does not keep the object alive.
func (n *node) letKeyGo() {
	if n.key.isObject() && n.key.p != deadP && !isShared(n.key) {
		n.key = deadKey(n.key, n.hash)
	}
}

// isShared tells whether an object belongs to no VM.
func isShared(v Value) bool {
	if v.Kind() == KindNative {
		return !v.AsNative().owned
	}
	return objectHeader(v).epoch == sharedEpoch
}
