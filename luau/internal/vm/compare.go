package vm

import "github.com/template-worker/template-worker/luau/internal/bytecode"

// compare is the slow path of the compare-and-jump instructions, when the
// operands are not both numbers (and, for equality, not raw equal or of
// different kinds).
func (vm *VM) compare(i bytecode.Instr) action {
	co := vm.co
	f := co.cur()
	a := co.stack[f.base+int32(i.A())]
	var b Value
	op := i.Op()
	if op >= bytecode.OpJmpEqK {
		b = f.cl.proto.k[i.BC()]
	} else {
		b = co.stack[f.base+int32(i.B())]
	}
	switch op {
	case bytecode.OpJmpEq, bytecode.OpJmpNe:
		return vm.compareEqual(f, i, a, b)
	case bytecode.OpJmpLt, bytecode.OpJmpNLt:
		return vm.compareLess(f, i, a, b)
	case bytecode.OpJmpLe, bytecode.OpJmpNLe:
		return vm.compareLessEqual(f, i, a, b)
	case bytecode.OpJmpGtK, bytecode.OpJmpGeK, bytecode.OpJmpNGtK, bytecode.OpJmpNGeK:
		a, b = b, a
	}
	sign := "<"
	switch op {
	case bytecode.OpJmpLeK, bytecode.OpJmpGeK, bytecode.OpJmpNLeK, bytecode.OpJmpNGeK:
		sign = "<="
	}
	return vm.raise(vm.compareError(a, b, sign))
}

func (vm *VM) compareEqual(f *frame, i bytecode.Instr, a, b Value) action {
	if err := vm.burnCompare(a, b); err != nil {
		return vm.raise(err)
	}
	h, equal := vm.equalHandler(a, b)
	if h.p != nil {
		return vm.callMeta(h, finishCompare, 1, a, b)
	}
	f.jump(i, equal || same(a, b))
	return actReload
}

// same is equality without metamethods, in which a vector that holds a NaN differs from itself.
func same(a, b Value) bool {
	if a.Kind() == KindVector && b.Kind() == KindVector {
		return a.AsVector().equal(b.AsVector())
	}
	return RawEqual(a, b)
}

// equalHandler gives the __eq that two values share, which is asked even if they are one object, or whether their host type takes them for equal.
func (vm *VM) equalHandler(a, b Value) (Value, bool) {
	k := a.Kind()
	if k != b.Kind() || k != KindTable && k != KindUserdata {
		return Nil, false
	}
	if k == KindUserdata {
		if u, o := a.AsUserdata(), b.AsUserdata(); u.typ != nil {
			return Nil, u.typ == o.typ && u.typ.Eq != nil && u.typ.Eq(u, o)
		}
	}
	ma, mb := vm.Meta(a), vm.Meta(b)
	h := ma.field(metaEq)
	if h.p == nil || ma != mb && !RawEqual(h, mb.field(metaEq)) {
		return Nil, false
	}
	return h, false
}

func (vm *VM) compareLess(f *frame, i bytecode.Instr, a, b Value) action {
	if a.Kind() == KindString && b.Kind() == KindString {
		if err := vm.burnCompare(a, b); err != nil {
			return vm.raise(err)
		}
		f.jump(i, a.AsString().Str() < b.AsString().Str())
		return actReload
	}
	if less, ok, err := vm.hostLess(a, b); ok || err != nil {
		if err != nil {
			return vm.raise(err)
		}
		f.jump(i, less)
		return actReload
	}
	if h := vm.orderHandler(a, b, metaLt); h.p != nil {
		return vm.callMeta(h, finishCompare, 1, a, b)
	}
	return vm.raise(vm.compareError(a, b, "<"))
}

func (vm *VM) compareLessEqual(f *frame, i bytecode.Instr, a, b Value) action {
	if a.Kind() == KindString && b.Kind() == KindString {
		if err := vm.burnCompare(a, b); err != nil {
			return vm.raise(err)
		}
		f.jump(i, a.AsString().Str() <= b.AsString().Str())
		return actReload
	}
	if less, ok, err := vm.hostLess(b, a); ok || err != nil {
		if err != nil {
			return vm.raise(err)
		}
		f.jump(i, !less)
		return actReload
	}
	if h := vm.orderHandler(a, b, metaLe); h.p != nil {
		return vm.callMeta(h, finishCompare, 1, a, b)
	}
	if h := vm.orderHandler(a, b, metaLt); h.p != nil {
		return vm.callMeta(h, finishNotLe, 1, b, a)
	}
	return vm.raise(vm.compareError(a, b, "<="))
}

// orderHandler gives the __lt or __le that two values of one kind share.
func (vm *VM) orderHandler(a, b Value, e metaEvent) Value {
	if a.Kind() != b.Kind() {
		return Nil
	}
	h := vm.metaValue(a, e)
	if h.p == nil || !RawEqual(h, vm.metaValue(b, e)) {
		return Nil
	}
	return h
}

// hostLess compares two values of one host type.
func (vm *VM) hostLess(a, b Value) (less, ok bool, err error) {
	if a.Kind() != KindUserdata || b.Kind() != KindUserdata {
		return false, false, nil
	}
	u, o := a.AsUserdata(), b.AsUserdata()
	if u.typ == nil || u.typ != o.typ || u.typ.Less == nil {
		return false, false, nil
	}
	less, err = u.typ.Less(vm, u, o)
	return less, true, err
}

func (vm *VM) compareError(a, b Value, sign string) error {
	return vm.errorAt(1, "attempt to compare %s %s %s", vm.TypeName(a), sign, vm.TypeName(b))
}

// equalConst compares a string with a constant. It charges for a long one, which
// the next safepoint sees: code has to come to one before it can compare again
// and again.
func (vm *VM) equalConst(a, c *String) bool {
	if n := c.Len(); n > 64 && a.Len() == n {
		vm.owe(int64(n / 64))
	}
	return a.equal(c)
}

// burnCompare charges comparing long strings.
func (vm *VM) burnCompare(a, b Value) error {
	if a.Kind() != KindString || b.Kind() != KindString {
		return nil
	}
	n := min(a.AsString().Len(), b.AsString().Len())
	if n <= 64 {
		return nil
	}
	return vm.burn(int64(n / 64))
}

// TryEqual compares two values as == does, or gives the __eq that must be called with them.
func (c *Call) TryEqual(a, b Value) (equal bool, handler Value, err error) {
	if err := c.vm.burnCompare(a, b); err != nil {
		return false, Nil, err
	}
	h, eq := c.vm.equalHandler(a, b)
	return h.p == nil && (eq || same(a, b)), h, nil
}

// TryLess compares two values as < does, or gives the __lt that must be called with them.
func (c *Call) TryLess(a, b Value) (less bool, handler Value, err error) {
	if a.IsNumber() && b.IsNumber() {
		return a.AsNumber() < b.AsNumber(), Nil, nil
	}
	if a.Kind() == KindString && b.Kind() == KindString {
		if err := c.vm.burnCompare(a, b); err != nil {
			return false, Nil, err
		}
		return a.AsString().Str() < b.AsString().Str(), Nil, nil
	}
	if less, ok, err := c.vm.hostLess(a, b); ok || err != nil {
		return less, Nil, err
	}
	if h := c.vm.orderHandler(a, b, metaLt); h.p != nil {
		return false, h, nil
	}
	return false, Nil, c.vm.compareError(a, b, "<")
}

// Equal compares two values as == does. It runs __eq as [Call.Call] does: a slice waits for its end.
func (c *Call) Equal(a, b Value) (bool, error) {
	equal, h, err := c.TryEqual(a, b)
	if err != nil || h.p == nil {
		return equal, err
	}
	return c.callBool(h, a, b)
}

// LessThan compares two values as < does. It runs __lt as [Call.Call] does: a slice waits for its end.
func (c *Call) LessThan(a, b Value) (bool, error) {
	less, h, err := c.TryLess(a, b)
	if err != nil || h.p == nil {
		return less, err
	}
	return c.callBool(h, a, b)
}

func (c *Call) callBool(h, a, b Value) (bool, error) {
	r, err := c.Call(h, a, b)
	return err == nil && len(r) > 0 && r[0].Truthy(), err
}
